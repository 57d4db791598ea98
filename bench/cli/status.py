"""The command `status`: stored and missing runs of a profile."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from dask.system import CPU_COUNT
from rich.console import Console

from bench.cli.options import (
    RESULTS,
    ActivationNames,
    AsJson,
    DataRoot,
    DatasetName,
    Device,
    Epochs,
    NetworkName,
    Only,
    OptimizerNames,
    ProfileName,
    Rates,
    Results,
    Seeds,
    StrategyNames,
    recorded,
    select,
)
from bench.experiments.estimates import Seconds, estimator, slowdown, start_up
from bench.experiments.request import Request
from bench.records import environment
from bench.runner import status
from bench.runner.benchmarks import rounds_of
from bench.runner.device import device_name
from bench.store import Snapshot, find, latest
from impl.data import datasets
from impl.data.datasets import Dataset

WIDTH = 140  # columns of output that is not a terminal


def status_(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    device: Device = "cpu",
    activation: ActivationNames = None,
    optimizer: OptimizerNames = None,
    strategy: StrategyNames = None,
    network: NetworkName = None,
    rates: Rates = None,
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show stored and missing runs of a profile, and the estimated time remaining; --json lists all runs."""
    selection, last = (
        select(profile, only, seeds, epochs, activation, optimizer, strategy, network, rates),
        latest(results),
    )
    loaded = datasets.resolve(data_root, dataset).load()
    here = environment.current(loaded.name, loaded.sha256, device_name(device))
    snapshot = find(results, here, profile)
    runs, seconds, start = estimated_runs(snapshot, selection, loaded, device, results)
    stages = status.stages(snapshot, runs, seconds)
    differences = [] if last is None else status.differing(last, here, profile)
    if as_json:
        report = {
            "store": str(results),
            "measured": None if last is None else dict(status.measured(last)),
            "differs_in": differences,
            "profile": profile,
            "dataset": loaded.name,
            "stages": [asdict(stage) for stage in stages],
            "runs": status.rows(snapshot, runs, seconds),
        }
        typer.echo(json.dumps(report, indent=1))
        return
    typer.echo(f"{results}: {'nothing measured yet' if last is None else 'measured last'}")
    for name, value in [] if last is None else status.measured(last):
        typer.echo(f"  {name:9}  {value}")
    if differences:
        names = ", ".join(differences)
        typer.echo(f"  The current environment differs in {names}; these results are ignored.")
    typer.echo(f"\nProfile {profile} on {loaded.name} in the current environment:")
    show(stages, start, f"are missing; run make bench PROFILE={profile}")


def estimated_runs(
    snapshot: Snapshot | None, selection: Request, dataset: Dataset, device: str, results: Path
) -> tuple[dict[str, status.Runs], Seconds, float]:
    """Return the selected runs by stage, a function that estimates their seconds, and seconds of start-up.

    If any run is missing, training steps are run for a second or two to measure the speed of this machine.
    """
    cases = rounds_of(selection.profile, device, selection.custom)
    runs = status.runs_of(snapshot, *selection.runs(dataset, device), cases)
    measured, reference = recorded(results)
    if not (missing := status.missing(snapshot, runs)):
        return runs, estimator(), 0.0
    slow = slowdown(reference)
    start = slow * start_up(missing)
    return runs, estimator(measured, reference, slow), start


def show(stages: Sequence[status.Stage], start: float, what: str) -> None:
    """Print the stages and the runs left, of which `what` is said; `start` are the seconds of start-up."""
    Console(width=None if sys.stdout.isatty() else WIDTH).print(status.table(stages))
    total = stages[-1]
    if not total.left:
        typer.echo("No runs are missing.")
        return
    cores = CPU_COUNT
    spread = f", {status.about(start + status.seconds_on(cores, stages))} on all {cores}" if cores > 1 else ""
    typer.echo(
        f"{total.left:,} runs {what}: about {status.about(start + total.to_take)} on one core{spread}."
    )


COMMANDS = {
    "status": (status_, ("python -m bench status", "python -m bench status --profile reference --json")),
}
