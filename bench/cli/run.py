"""The command `run`: measure what is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common
from bench.cli.options import (
    RESULTS,
    ActivationNames,
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
from bench.cli.status import estimated_runs, show
from bench.experiments.estimates import estimator
from bench.records import environment
from bench.runner import benchmarks, status, training
from bench.runner.device import device_name
from bench.runner.progress import console
from bench.runner.recorder import RunRecorder
from bench.store import Store, find, locked
from impl.data import datasets


def run(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    device: Device = "cpu",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of worker processes; default: one per core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Address of a running Dask scheduler (tcp:// or tls://), used instead of workers."),
    ] = None,
    activation: ActivationNames = None,
    optimizer: OptimizerNames = None,
    strategy: StrategyNames = None,
    network: NetworkName = None,
    rates: Rates = None,
    only: Only = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    results: Results = RESULTS,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show missing runs and their estimated time; run nothing.")
    ] = False,
) -> None:
    """Run the missing benchmarks and experiments of a profile. Safe to interrupt; rerun to resume."""
    selection = select(profile, only, seeds, epochs, activation, optimizer, strategy, network, rates)
    name = device_name(device)
    source = datasets.resolve(data_root, dataset)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    loaded = source.load()
    for notice in selection.left_out(loaded):
        console.print(f"Notice: {notice}", style="yellow", markup=False, soft_wrap=True)
    here = environment.current(loaded.name, loaded.sha256, name)
    if dry_run:
        snapshot = find(results, here, profile)
        runs, seconds, start = estimated_runs(snapshot, selection, loaded, device, results)
        show(status.stages(snapshot, runs, seconds), start, "are missing")
        return
    plans, others = selection.runs(loaded, device)
    seconds = estimator(*recorded(results))
    try:
        with locked(results, lambda: _waiting(results)), Store(results) as store:
            recorder = RunRecorder(store, store.environment_id(here), profile)
            if selection.profile.benchmark_rounds:
                log = results.parent / "benchmarks.log"
                benchmarks.run_benchmarks(recorder, device, selection.profile, log, selection.custom, seconds)
            executor = training.on_dask(source.root, device, seconds, workers, scheduler)
            training.run_plans(recorder, plans, others, seconds, executor)
            snapshot = recorder.snapshot()
    except KeyboardInterrupt:
        console.print("Interrupted. Completed runs are saved; rerun the same command to resume.")
        raise typer.Exit(common.STOPPED) from None
    runs = status.runs_of(snapshot, plans, others, status.cases(snapshot))
    console.print(status.table(status.stages(snapshot, runs, lambda what: 0.0), left=False))
    head = f"{results}: profile {profile}, data set {loaded.name}"
    _summarize(head, recorder.failed, list(map(str, status.not_reached(snapshot, runs))))


def _summarize(head: str, failed: Sequence[str], not_reached: Sequence[str]) -> None:
    """Print how many runs lack a result, and each with its reason; exit with status 1 if there are any."""
    lacking = {"failed": failed, "not reached": not_reached}
    counts = [f"{len(runs)} {what}" for what, runs in lacking.items() if runs]
    saved = ", ".join([*counts, "all other runs are saved" if counts else "all runs are saved"])
    console.print(f"{head}, {saved}.", markup=False, soft_wrap=True)
    for what, runs in lacking.items():
        for run in runs:
            console.print(f"{what}: {run}", style="bold red", markup=False, soft_wrap=True)
    if counts:
        console.print("Rerun the same command to repeat them.")
        raise typer.Exit(common.DIFFERS)


def _waiting(results: Path) -> None:
    console.print(f"{results}: locked by another process; waiting.", markup=False, soft_wrap=True)


COMMANDS = {
    "run": (
        run,
        (
            "python -m bench run",
            "python -m bench run --profile reference --data-root ~/data --workers 8",
            "python -m bench run --only classifier --activation sgelu,mine.act:Bump --dry-run",
        ),
    )
}
