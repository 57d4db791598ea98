"""Commands that read the results database: `export`, `verify` and `ratios`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common
from bench.cli.options import RESULTS, AsJson, DataRoot, Results
from bench.records.environment import processor_name
from bench.runner.progress import console
from bench.runner.rerun import rerun
from bench.store import existing
from bench.suites import targets
from impl.data import datasets

FORMATS = ("csv", "parquet")


def export(
    folder: Annotated[
        Path | None, typer.Argument(help="Output folder; default: build/csv or build/parquet.")
    ] = None,
    results: Results = RESULTS,
    format: Annotated[str, typer.Option(help="csv, or parquet, which requires pyarrow.")] = "csv",
) -> None:
    """Export the latest results as tidy CSV or Parquet: environment, runs and measurements."""
    common.check("format", [format], FORMATS)
    snapshot = existing(results)
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
            raise ValueError("Parquet requires pyarrow: pip install '.[parquet]'") from error
    console.print(
        f"{folder}: {len(snapshot.runs)} runs, {len(snapshot.measurements)} measurements", markup=False
    )


def verify(
    count: Annotated[int, typer.Option(min=1, help="Number of runs.")] = 3,
    draw: Annotated[int, typer.Option(help="Seed of the random sample.")] = 0,
    data_root: DataRoot = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Re-run a random sample of stored runs and check that results reproduce exactly.

    On another type of processor they differ by rounding, which is no failure.
    """
    snapshot = existing(results)
    device = "cpu" if snapshot.environment["device"] == "cpu" else "cuda"
    source = datasets.resolve(data_root, str(snapshot.environment["dataset"]))
    here, rows = processor_name(), []
    for its in rerun(snapshot, count, draw, source.root, device):
        row = {"config_hash": its.config.config_hash, "run": str(its.config), "processor": its.processor}
        rows.append({**row, "numbers": its.numbers, "different": its.different})
        if not as_json:
            elsewhere = "" if its.processor == here else f", of a run on {its.processor}"
            line = f"{its.config.config_hash}  {its.config}: {its.different} of {its.numbers} numbers differ"
            typer.echo(line + elsewhere)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    if any(row["different"] for row in rows if row["processor"] == here):
        raise typer.Exit(common.DIFFERS)


def ratios(results: Results = RESULTS) -> None:
    """Print the project's speed targets and the measured ratios as Markdown."""
    typer.echo(targets.markdown(existing(results)), nl=False)


COMMANDS = {
    "export": (export, ("python -m bench export build/csv", "python -m bench export --format parquet")),
    "verify": (verify, ("python -m bench verify --count 10 --draw 1",)),
    "ratios": (ratios, ("python -m bench ratios --results results/reference.sqlite",)),
}
