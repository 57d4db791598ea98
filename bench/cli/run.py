"""Moved.."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common as command
from bench.cli import plan as plan_commands
from bench.cli.options import (
    RESULTS,
    ActivationNames,
    DataRoot,
    DatasetName,
    Device,
    Epochs,
    Only,
    OptimizerNames,
    ProfileName,
    Results,
    Seeds,
    StrategyNames,
    asked,
    measured,
)
from bench.experiments.estimates import estimator
from bench.records import environment
from bench.runner import status
from bench.runner import training as runner
from bench.runner.benchmarks import run_benchmarks
from bench.runner.progress import console
from bench.runner.recorder import RunRecorder
from bench.store import database as store
from bench.store.database import Store, alone
from impl.data import datasets as data


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
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be measured and about how long; measure nothing."),
    ] = False,
) -> None:
    """Measure what the store does not hold of a profile yet; Ctrl-C stops, and the next run goes on."""
    wanted = asked(profile, only, seeds, epochs, activation, optimizer, strategy)
    environment.device_name(device)
    source = data.resolve(data_root, dataset)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    loaded = source.load()
    where = environment.current(loaded.name, loaded.sha256, device)
    if dry_run:
        found = plan_commands.parts(store.of(results, where, profile), wanted, loaded, device, results)
        plan_commands.tell(found, "would be made")
        return
    plans, others = wanted.configs(loaded)
    seconds = estimator(measured(results))
    try:
        with alone(results, lambda: _wait(results)), Store(results) as opened:
            recorder = RunRecorder(opened, opened.environment_id(where), profile)
            if wanted.profile.benchmark_seconds:
                log = results.parent / "benchmarks.log"
                run_benchmarks(recorder, device, wanted.profile.benchmark_seconds, log, wanted.own)
            runner.run_plans(
                recorder,
                plans,
                others,
                source.root,
                seconds,
                device=device,
                workers=workers,
                scheduler=scheduler,
            )
            snapshot = recorder.snapshot()
    except KeyboardInterrupt:
        console.print("Stopped. What was finished is in the store; the same command goes on from there.")
        raise typer.Exit(command.STOPPED) from None
    made = status.parts(snapshot, plans, others, status.timings(snapshot), lambda what: 0.0)
    console.print(status.table(made, left=False))
    failed = len(recorder.failed)
    kept = f"{failed} failed, all other runs are in the store" if failed else "all runs are in the store"
    console.print(
        f"{results}: profile {profile}, data set {loaded.name}, {kept}.", markup=False, soft_wrap=True
    )
    for failure in recorder.failed:
        console.print(f"failed: {failure}", style="bold red", markup=False, soft_wrap=True)
    if failed:
        console.print("The same command tries again what failed.")
        raise typer.Exit(command.DIFFERS)


def _wait(results: Path) -> None:
    console.print(
        f"{results}: another run writes it; this one waits for its end.", markup=False, soft_wrap=True
    )


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
