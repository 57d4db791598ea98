"""Command line of the benchmarks: `python -m bench run`, `list`, `export`, `verify`, `ratios`, the gate."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench import environment, experiments, gate_commands, ratios, runner
from bench.cells import Cell
from bench.contenders import brought
from bench.estimates import estimator
from bench.experiments import ACTIVATIONS, PARTS, PROFILES, Plan, Profile, narrowed
from bench.own import is_own
from bench.progress import console
from bench.store import Snapshot, Store, StoreError, alone, latest
from bench.verify import rerun as again
from impl import data

RESULTS = Path("results/results.sqlite")
REFERENCE = Path("results/reference.sqlite")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (gate_commands.compare, gate_commands.calibrate):
    app.command()(command)

ProfileName = Annotated[str, typer.Option("--profile", help=f"How much: {', '.join(PROFILES)}.")]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder that holds MNIST/raw; default: data/, a download, or digits.")
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="MNIST, digits, or a folder in torchvision's layout.")
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
ActivationNames = Annotated[
    str | None,
    typer.Option(
        "--activation",
        help=f"Comma-separated, of: {', '.join(ACTIVATIONS)}; or yours, package.module:Name or "
        "path/to/file.py:Name. What it is compared with is trained in any case.",
    ),
]
OptimizerNames = Annotated[
    str | None,
    typer.Option(
        "--optimizer", help="Yours, named likewise, made of (parameters, rate): compared beside the others."
    ),
]
StrategyNames = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        help="Your convolution, named likewise, of (input, weight, Geometry): timed and checked.",
    ),
]
Only = Annotated[str | None, typer.Option(help=f"Comma-separated parts, of: {', '.join(PARTS)}.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="How many seeds are scored.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="How many epochs networks train.")]
Results = Annotated[Path, typer.Option(help="The store.")]


@app.callback()
def main() -> None:
    """Measure speed and training, and store every sample."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # where a user's own activation is looked for


def known(what: str, given: Iterable[str], table: Iterable[str]) -> None:
    """Check that the table has every name given, else raise an error that lists what it has."""
    for name in given:
        if name not in (names := list(table)):
            raise typer.BadParameter(f"unknown {what} {name!r}; known: {', '.join(names)}")


def _asked(kind: str, given: str | None) -> list[str]:
    """The contenders of a kind that are asked for; a user's own tried once, and identified by its text."""
    try:
        names = [brought(name, kind) for name in given.split(",")] if given else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return list(dict.fromkeys(names))


def _own(activation: str | None, optimizer: str | None, strategy: str | None) -> dict[str, list[str]]:
    """By kind, a user's own of the contenders that are asked for."""
    given = {"activation": activation, "optimizer": optimizer, "strategy": strategy}
    return {kind: list(filter(is_own, _asked(kind, names))) for kind, names in given.items()}


def _activations(given: str | None) -> list[str]:
    """The activations asked for and what they are compared with; all without any."""
    asked = _asked("activation", given)
    return list(dict.fromkeys([*experiments.BASELINES, *asked])) if asked else list(ACTIVATIONS)


def _profile(name: str, only: str | None, seeds: int | None, epochs: int | None) -> Profile:
    known("profile", [name], PROFILES)
    parts = only.split(",") if only else list(PARTS)
    known("part", parts, PARTS)
    return narrowed(PROFILES[name], parts, seeds, epochs)


def _cells(
    profile: Profile, dataset: data.Dataset, activations: list[str], own: dict[str, list[str]]
) -> tuple[list[Plan], list[Cell]]:
    """The experiments of a profile, and the cells that need no rate chosen."""
    size = len(dataset.train_images)
    others = [
        *experiments.trials(own, dataset.name),
        *experiments.descents(profile.convergence),
        *experiments.phenomena(profile.phenomena_seeds, dataset.name, size),
    ]
    return experiments.plans(profile, dataset.name, size, activations, own["optimizer"]), others


def _measured(results: Path) -> list[Snapshot]:
    """What estimates of time may rest on: the store itself, then the reference."""
    found = []
    for path in (results, REFERENCE):
        try:
            found.append(latest(path))
        except StoreError as error:
            console.print(f"Notice: {error}", style="yellow", markup=False, soft_wrap=True)
    return [snapshot for snapshot in found if snapshot]


def _wait(results: Path) -> None:
    console.print(
        f"{results}: another run writes it; this one waits for its end.", markup=False, soft_wrap=True
    )


@app.command()
def run(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    device: Device = "cpu",
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: one a core.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler, tcp:// or tls://, to use instead."),
    ] = None,
    activation: ActivationNames = None,
    optimizer: OptimizerNames = None,
    strategy: StrategyNames = None,
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
) -> None:
    """Measure what the store does not hold of a profile yet; Ctrl-C stops, and the next run goes on."""
    wanted, activations = _profile(profile, only, seeds, epochs), _activations(activation)
    own = _own(activation, optimizer, strategy)
    environment.device_name(device)
    source = data.resolve(data_root, dataset)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    loaded = source.load()
    where = environment.current(loaded.name, loaded.sha256, device)
    plans, others = _cells(wanted, loaded, activations, own)
    seconds = estimator(_measured(results))
    try:
        with alone(results, lambda: _wait(results)), Store(results) as store:
            session = runner.Session(store, store.environment_id(where), profile)
            if wanted.benchmark_seconds:
                log = results.parent / "benchmarks.log"
                runner.run_benchmarks(session, device, wanted.benchmark_seconds, log, own)
            runner.run_plans(
                session,
                plans,
                others,
                source.root,
                seconds,
                device=device,
                workers=workers,
                scheduler=scheduler,
            )
    except KeyboardInterrupt:
        console.print("Stopped. What was finished is in the store; the same command goes on from there.")
        raise typer.Exit(130) from None
    console.print(
        f"{results}: profile {profile}, data set {loaded.name}, all runs are in the store.",
        markup=False,
        soft_wrap=True,
    )
    for failure in session.failed:
        console.print(f"failed: {failure}", style="bold red", markup=False, soft_wrap=True)


@app.command("list")
def list_(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    activation: ActivationNames = None,
    optimizer: OptimizerNames = None,
    strategy: StrategyNames = None,
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
) -> None:
    """Show the cells of a profile, and about how long each takes on one core; nothing is run."""
    wanted, activations = _profile(profile, only, seeds, epochs), _activations(activation)
    own = _own(activation, optimizer, strategy)
    plans, others = _cells(wanted, data.resolve(data_root, dataset).load(), activations, own)
    seconds = estimator(_measured(results))
    unknown = {plan.name: plan.final(dict.fromkeys(range(len(plan.contenders)), 0.0)) for plan in plans}
    groups = {
        "convergence and phenomena": others,
        **{f"{plan.name}: tuning": [cell for _, cell in plan.tuning()] for plan in plans},
        **{
            f"{plan.name}: scored, rate chosen by tuning where none is named": unknown[plan.name]
            for plan in plans
        },
    }
    table = Table("part", "cells", "about", box=None)
    for name, cells in groups.items():
        typer.echo(f"# {name}")
        for cell in cells:
            typer.echo(f"{cell.key if cell.learning_rate != 0 else '-' * 16}  {seconds(cell):8.2f} s  {cell}")
        table.add_row(name, str(len(cells)), f"{sum(map(seconds, cells)) / 60:.1f} min")
    total = {cell.key: cell for cells in groups.values() for cell in cells}.values()  # parts share cells
    table.add_row("all, on one core", str(len(total)), f"{sum(map(seconds, total)) / 60:.1f} min")
    console.print(table)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")] = Path("build/csv"),
    results: Results = RESULTS,
) -> None:
    """Write what was measured last as tidy CSV: environment, runs, and measurements by run."""
    snapshot = _latest(results)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in snapshot.tables().items():
        table.to_csv(folder / f"{name}.csv", index=False)
    console.print(
        f"{folder}: {len(snapshot.runs)} runs, {len(snapshot.measurements)} measurements", markup=False
    )


def _latest(results: Path) -> Snapshot:
    snapshot = latest(results)
    if snapshot is None:
        raise ValueError(f"{results} holds no measurements; `make bench` makes them")
    return snapshot


@app.command()
def verify(
    count: Annotated[int, typer.Option(min=1, help="How many cells.")] = 3,
    draw: Annotated[int, typer.Option(help="Which: seed of the draw.")] = 0,
    data_root: DataRoot = None,
    results: Results = RESULTS,
) -> None:
    """Run cells drawn from the store again and compare every number but times; exit 1 if any differs."""
    snapshot = _latest(results)
    device = "cpu" if snapshot.environment["device"] == "cpu" else "cuda"
    source = data.resolve(data_root, str(snapshot.environment["dataset"]))
    changed = 0
    for cell, numbers, different in again(snapshot, count, draw, source.root, device):
        changed += different
        typer.echo(f"{cell.key}  {cell}: {different} of {numbers} numbers differ")
    if changed:
        raise typer.Exit(1)


@app.command("ratios")
def ratios_(results: Results = RESULTS) -> None:
    """Print the ratios that this project sets itself, asked and reached, as Markdown."""
    typer.echo(ratios.markdown(_latest(results)), nl=False)


def cli() -> None:
    """Run the command line; what a user can mend is one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    cli()
