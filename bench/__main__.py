"""Command line of the benchmarks: `python -m bench run`, `list`, `status`, `export`, `verify`, the gate."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench import environment, experiments, gate_commands, ratios, runner, status, store
from bench.cells import Cell
from bench.contenders import identify
from bench.estimates import BENCHMARK, estimator
from bench.experiments import ACTIVATIONS, PARTS, PROFILES, Plan, Profile, narrowed
from bench.progress import console
from bench.store import Snapshot, Store, StoreError, alone, latest
from bench.timing import Timing
from bench.verify import rerun as again
from impl import command, data

RESULTS = Path("results/results.sqlite")
REFERENCE = Path("results/reference.sqlite")

app = typer.Typer(
    no_args_is_help=True,
    # A shell completes a command by its name, such as .venv/bin/bench, and none called "python -m bench".
    add_completion=not sys.argv[0].endswith(("__main__.py", "-m")),
    pretty_exceptions_enable=False,
    epilog=command.examples(
        "python -m bench run --only classifier --seeds 5", "python -m bench status --profile reference"
    ),
)
app.command(epilog=gate_commands.COMPARE)(gate_commands.compare)
app.command(epilog=gate_commands.CALIBRATE)(gate_commands.calibrate)

ProfileName = Annotated[
    str,
    typer.Option(
        "--profile", help=f"How much: {', '.join(PROFILES)}.", autocompletion=lambda: list(PROFILES)
    ),
]
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
Only = Annotated[str | None, typer.Option(help=f"Comma-separated parts, of: {', '.join(PARTS)}.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="How many seeds are scored.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="How many epochs networks train.")]
Results = Annotated[Path, typer.Option(help="The store.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


@app.callback()
def main() -> None:
    """Measure speed and training, and store every sample."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # where a user's own activation is looked for


def _activations(given: str | None) -> list[str]:
    """The activations asked for and what they are compared with; a user's own identified by its text."""
    if not given:
        return list(ACTIVATIONS)
    try:
        names = [identify(name) for name in given.split(",")]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return list(dict.fromkeys([*experiments.BASELINES, *names]))


def _profile(name: str, only: str | None, seeds: int | None, epochs: int | None) -> Profile:
    command.check("profile", [name], PROFILES)
    return narrowed(PROFILES[name], command.chosen("part", only, PARTS), seeds, epochs)


def _cells(profile: Profile, dataset: data.Dataset, activations: list[str]) -> tuple[list[Plan], list[Cell]]:
    """The experiments of a profile, and the cells that need no rate chosen."""
    size = len(dataset.train_images)
    others = [
        *experiments.descents(profile.convergence),
        *experiments.phenomena(profile.phenomena_seeds, dataset.name, size),
    ]
    return experiments.plans(profile, dataset.name, size, activations), others


def _measured(results: Path) -> list[Snapshot]:
    """What estimates of time may rest on: the store itself, then the reference."""
    found = []
    for path in (results, REFERENCE):
        try:
            found.append(latest(path))
        except StoreError as error:
            console.print(f"Notice: {error}", style="yellow", markup=False, soft_wrap=True)
    return [snapshot for snapshot in found if snapshot]


def _parts(
    snapshot: Snapshot | None,
    wanted: Profile,
    plans: list[Plan],
    others: list[Cell],
    device: str,
    results: Path,
) -> list[status.Part]:
    """How far a profile is: what a run would make, and about how long it would take."""
    cell_seconds = estimator(_measured(results))

    def seconds(what: Cell | Timing) -> float:
        return cell_seconds(what) if isinstance(what, Cell) else BENCHMARK * wanted.benchmark_seconds

    timings = status.benchmarks(device) if wanted.benchmark_seconds else ()
    return status.parts(snapshot, plans, others, timings, seconds)


def _wait(results: Path) -> None:
    console.print(
        f"{results}: another run writes it; this one waits for its end.", markup=False, soft_wrap=True
    )


@app.command(
    epilog=command.examples(
        "python -m bench run",
        "python -m bench run --profile reference --data-root ~/data --workers 8",
        "python -m bench run --only classifier --activation sgelu,mine.act:Bump --dry-run",
    )
)
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
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be measured and about how long; measure nothing."),
    ] = False,
) -> None:
    """Measure what the store does not hold of a profile yet; Ctrl-C stops, and the next run goes on."""
    wanted, activations = _profile(profile, only, seeds, epochs), _activations(activation)
    environment.device_name(device)
    source = data.resolve(data_root, dataset)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    loaded = source.load()
    where = environment.current(loaded.name, loaded.sha256, device)
    plans, others = _cells(wanted, loaded, activations)
    if dry_run:
        found = _parts(store.of(results, where, profile), wanted, plans, others, device, results)
        _tell(found, "would be made")
        return
    seconds = estimator(_measured(results))
    try:
        with alone(results, lambda: _wait(results)), Store(results) as opened:
            session = runner.Session(opened, opened.environment_id(where), profile)
            if wanted.benchmark_seconds:
                log = results.parent / "benchmarks.log"
                runner.run_benchmarks(session, device, wanted.benchmark_seconds, log)
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
            snapshot = session.snapshot()
    except KeyboardInterrupt:
        console.print("Stopped. What was finished is in the store; the same command goes on from there.")
        raise typer.Exit(command.STOPPED) from None
    made = status.parts(snapshot, plans, others, status.timings(snapshot), lambda what: 0.0)
    console.print(status.table(made, left=False))
    failed = len(session.failed)
    kept = f"{failed} failed, all other runs are in the store" if failed else "all runs are in the store"
    console.print(
        f"{results}: profile {profile}, data set {loaded.name}, {kept}.", markup=False, soft_wrap=True
    )
    for failure in session.failed:
        console.print(f"failed: {failure}", style="bold red", markup=False, soft_wrap=True)
    if failed:
        console.print("The same command tries again what failed.")
        raise typer.Exit(command.DIFFERS)


@app.command(
    "list", epilog=command.examples("python -m bench list --only losses", "python -m bench list --json")
)
def list_(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    activation: ActivationNames = None,
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show the cells of a profile, and about how long each takes on one core; nothing is run."""
    wanted, activations = _profile(profile, only, seeds, epochs), _activations(activation)
    plans, others = _cells(wanted, data.resolve(data_root, dataset).load(), activations)
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
    if as_json:
        cells_ = [
            {"part": name, "key": cell.key if cell.learning_rate != 0 else None, "seconds": seconds(cell)}
            | asdict(cell)
            | ({} if cell.learning_rate != 0 else {"learning_rate": None})  # not chosen yet
            for name, cells in groups.items()
            for cell in cells
        ]
        typer.echo(json.dumps({"profile": profile, "cells": cells_}, indent=1))
        return
    table = Table("part", "cells", "about", box=None)
    for name, cells in groups.items():
        typer.echo(f"# {name}")
        for cell in cells:
            typer.echo(f"{cell.key if cell.learning_rate != 0 else '-' * 16}  {seconds(cell):8.2f} s  {cell}")
        table.add_row(name, str(len(cells)), f"{sum(map(seconds, cells)) / 60:.1f} min")
    total = {cell.key: cell for cells in groups.values() for cell in cells}.values()  # parts share cells
    table.add_row("all, on one core", str(len(total)), f"{sum(map(seconds, total)) / 60:.1f} min")
    console.print(table)


@app.command(
    "status",
    epilog=command.examples("python -m bench status", "python -m bench status --profile reference --json"),
)
def status_(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    device: Device = "cpu",
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show what is in the store, what a profile lacks, and about how long that would take."""
    wanted, last = _profile(profile, None, None, None), latest(results)
    loaded = data.resolve(data_root, dataset).load()
    here = environment.current(loaded.name, loaded.sha256, device)
    plans, others = _cells(wanted, loaded, list(ACTIVATIONS))
    found = _parts(store.of(results, here, profile), wanted, plans, others, device, results)
    others_ = [] if last is None else status.differing(last, here, profile)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "store": str(results),
                    "measured": None if last is None else dict(status.measured(last)),
                    "differs_in": others_,
                    "profile": profile,
                    "dataset": loaded.name,
                    "parts": [asdict(part) for part in found],
                },
                indent=1,
            )
        )
        return
    typer.echo(f"{results}: {'nothing measured yet' if last is None else 'measured last'}")
    for name, value in [] if last is None else status.measured(last):
        typer.echo(f"  {name:9}  {value}")
    if others_:
        typer.echo(f"  Here and now is another {', '.join(others_)}: none of these runs counts below.")
    typer.echo(f"\nProfile {profile} on {loaded.name}, here and now:")
    _tell(found, f"are missing; make bench PROFILE={profile} makes them")


def _tell(found: list[status.Part], what: str) -> None:
    """Print how far a profile is, and what is said of the runs that are left."""
    Console(width=None if sys.stdout.isatty() else gate_commands.WIDTH).print(status.table(found))
    total = found[-1]
    if not total.left:
        typer.echo("Nothing is missing.")
        return
    cores = environment.usable_cores()
    spread = f", {status.about(status.seconds_on(cores, found))} on all {cores}" if cores > 1 else ""
    typer.echo(f"{total.left:,} runs {what}: about {status.about(total.to_take)} on one core{spread}.")


@app.command(epilog=command.examples("python -m bench export build/csv"))
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


@app.command(epilog=command.examples("python -m bench verify --count 10 --draw 1"))
def verify(
    count: Annotated[int, typer.Option(min=1, help="How many cells.")] = 3,
    draw: Annotated[int, typer.Option(help="Which: seed of the draw.")] = 0,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Run cells drawn from the store again and compare every number but times; exit 1 if any differs."""
    snapshot = _latest(results)
    device = "cpu" if snapshot.environment["device"] == "cpu" else "cuda"
    source = data.resolve(data_root, str(snapshot.environment["dataset"]))
    found = []
    for cell, numbers, different in again(snapshot, count, draw, source.root, device):
        found.append({"key": cell.key, "cell": str(cell), "numbers": numbers, "different": different})
        if not as_json:
            typer.echo(f"{cell.key}  {cell}: {different} of {numbers} numbers differ")
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    if any(run["different"] for run in found):
        raise typer.Exit(command.DIFFERS)


@app.command("ratios", epilog=command.examples("python -m bench ratios --results results/reference.sqlite"))
def ratios_(results: Results = RESULTS) -> None:
    """Print the ratios that this project sets itself, asked and reached, as Markdown."""
    typer.echo(ratios.markdown(_latest(results)), nl=False)


def cli() -> None:
    """Run the command line; what a user can mend is one line, not a traceback."""
    command.run(app)


if __name__ == "__main__":
    cli()
