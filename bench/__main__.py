"""Command line of the benchmarks: `python -m bench run` and `python -m bench ratios`."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from bench import environment, ratios, runner
from bench.cells import PROFILES, grid
from bench.progress import console
from bench.store import Store, latest
from impl import data
from impl.activations import ACTIVATIONS

RESULTS = Path("results/results.sqlite")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Measure speed and training, and store every sample."""


def known(what: str, given: Iterable[str], table: Iterable[str]) -> None:
    """Check that the table has every name given, else raise an error that lists what it has."""
    for name in given:
        if name not in (names := list(table)):
            raise typer.BadParameter(f"unknown {what} {name!r}; known: {', '.join(names)}")


@app.command()
def run(
    profile: Annotated[str, typer.Option(help=f"How much: {', '.join(PROFILES)}.")] = "quick",
    data_root: Annotated[
        Path | None, typer.Option(help="Folder that holds MNIST/raw; default: data/, a download, or digits.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes; default: one a core.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a running Dask scheduler to use instead.")
    ] = None,
    activation: Annotated[
        str | None, typer.Option(help=f"Comma-separated, of: {', '.join(ACTIVATIONS)}; default: all.")
    ] = None,
    results: Annotated[Path, typer.Option(help="The store to add to.")] = RESULTS,
) -> None:
    """Measure what the store does not hold of a profile yet; Ctrl-C stops, and the next run goes on."""
    known("profile", [profile], PROFILES)
    activations = activation.split(",") if activation else list(ACTIVATIONS)
    known("activation", activations, ACTIVATIONS)
    environment.device_name(device)
    source = data.resolve(data_root)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    dataset = source.load()
    where = environment.current(dataset.name, dataset.sha256, device)
    wanted = grid(PROFILES[profile], dataset.name, len(dataset.train_images), activations)
    with Store(results) as store:
        session = runner.Session(store, store.environment_id(where), profile)
        try:
            runner.run_benchmarks(session, device, results.parent / "benchmarks.log")
            runner.run_cells(
                session, wanted, source.root, device=device, workers=workers, scheduler=scheduler
            )
        except KeyboardInterrupt:
            console.print("Stopped. What was finished is in the store; the same command goes on from there.")
            raise typer.Exit(130) from None
    console.print(
        f"{results}: profile {profile}, data set {dataset.name}, all runs are in the store.",
        markup=False,
        soft_wrap=True,
    )
    for failure in session.failed:
        console.print(f"failed: {failure}", style="bold red", markup=False, soft_wrap=True)


@app.command("ratios")
def ratios_(
    results: Annotated[Path, typer.Option(help="The store to read.")] = RESULTS,
) -> None:
    """Print the ratios that this project sets itself, asked and reached, as Markdown."""
    snapshot = latest(results)
    if snapshot is None:
        raise ValueError(f"{results} holds no measurements; `make bench` makes them")
    typer.echo(ratios.markdown(snapshot), nl=False)


def cli() -> None:
    """Run the command line; what a user can mend is one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    cli()
