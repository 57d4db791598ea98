"""Commands that read what was measured: `export`, `verify` and `ratios`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common as command
from bench.cli.options import RESULTS, AsJson, DataRoot, Results
from bench.runner.progress import console
from bench.runner.rerun import rerun as again
from bench.store.database import Snapshot, latest
from bench.suites import targets as ratios
from impl.data import datasets as data


def export(
    folder: Annotated[
        Path | None, typer.Argument(help="Where the files are written; default: build/csv or build/parquet.")
    ] = None,
    results: Results = RESULTS,
    format: Annotated[str, typer.Option(help="csv, or parquet, after pip install '.[parquet]'.")] = "csv",
) -> None:
    """Write what was measured last as tidy CSV or Parquet: environment, runs, and measurements by run."""
    command.check("format", [format], ["csv", "parquet"])
    snapshot = _latest(results)
    folder = folder or Path("build", format)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in snapshot.tables().items():
        path = folder / f"{name}.{format}"
        if format == "csv":
            table.to_csv(path, index=False)
            continue
        try:
            table.to_parquet(path, index=False)
        except ImportError as error:
            raise ValueError("Parquet needs pyarrow: pip install '.[parquet]'") from error
    console.print(
        f"{folder}: {len(snapshot.runs)} runs, {len(snapshot.measurements)} measurements", markup=False
    )


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
    for config, numbers, different in again(snapshot, count, draw, source.root, device):
        found.append(
            {"key": config.config_hash, "cell": str(config), "numbers": numbers, "different": different}
        )
        if not as_json:
            typer.echo(f"{config.config_hash}  {config}: {different} of {numbers} numbers differ")
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    if any(run["different"] for run in found):
        raise typer.Exit(command.DIFFERS)


def ratios_(results: Results = RESULTS) -> None:
    """Print the ratios that this project sets itself, asked and reached, as Markdown."""
    typer.echo(ratios.markdown(_latest(results)), nl=False)


def _latest(results: Path) -> Snapshot:
    snapshot = latest(results)
    if snapshot is None:
        raise ValueError(f"{results} holds no measurements; `make bench` makes them")
    return snapshot


COMMANDS = {
    "export": (export, ("python -m bench export build/csv", "python -m bench export --format parquet")),
    "verify": (verify, ("python -m bench verify --count 10 --draw 1",)),
    "ratios": (ratios_, ("python -m bench ratios --results results/reference.sqlite",)),
}
