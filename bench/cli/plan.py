"""Commands that say what a profile comes to, and run nothing of it: `list` and `status`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import typer
from dask.system import CPU_COUNT
from rich.console import Console
from rich.table import Table

from bench.cli import gate as gate_commands
from bench.cli.options import (
    RESULTS,
    ActivationNames,
    AsJson,
    Asked,
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
from bench.experiments.estimates import BENCHMARK, estimator
from bench.records import environment
from bench.records.runs import BenchmarkCase, RunConfig
from bench.runner import status
from bench.runner.progress import console
from bench.store import database as store
from bench.store.database import Snapshot, latest
from impl.data import datasets as data


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
    as_json: AsJson = False,
) -> None:
    """Show the cells of a profile, and about how long each takes on one core; nothing is run."""
    wanted = asked(profile, only, seeds, epochs, activation, optimizer, strategy)
    plans, others = wanted.configs(data.resolve(data_root, dataset).load())
    seconds = estimator(measured(results))
    unknown = {plan.name: plan.final(dict.fromkeys(range(len(plan.candidates)), 0.0)) for plan in plans}
    groups = {
        "convergence and synthetic": others,
        **{f"{plan.name}: tuning": [config for _, config in plan.tuning()] for plan in plans},
        **{
            f"{plan.name}: scored, rate chosen by tuning where none is named": unknown[plan.name]
            for plan in plans
        },
    }
    if as_json:
        cells_ = [
            {
                "part": name,
                "key": config.config_hash if config.learning_rate != 0 else None,
                "seconds": seconds(config),
            }
            | asdict(config)
            | ({} if config.learning_rate != 0 else {"learning_rate": None})  # not chosen yet
            for name, configs in groups.items()
            for config in configs
        ]
        typer.echo(json.dumps({"profile": profile, "cells": cells_}, indent=1))
        return
    table = Table("part", "cells", "about", box=None)
    for name, configs in groups.items():
        typer.echo(f"# {name}")
        for config in configs:
            typer.echo(
                f"{config.config_hash if config.learning_rate != 0 else '-' * 16}  {seconds(config):8.2f} s  {config}"
            )
        table.add_row(name, str(len(configs)), f"{sum(map(seconds, configs)) / 60:.1f} min")
    total = {
        config.config_hash: config for configs in groups.values() for config in configs
    }.values()  # parts share cells
    table.add_row("all, on one core", str(len(total)), f"{sum(map(seconds, total)) / 60:.1f} min")
    console.print(table)


def status_(
    profile: ProfileName = "quick",
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    device: Device = "cpu",
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Show what is in the store, what a profile lacks, and about how long that would take."""
    wanted, last = asked(profile), latest(results)
    loaded = data.resolve(data_root, dataset).load()
    here = environment.current(loaded.name, loaded.sha256, device)
    found = parts(store.of(results, here, profile), wanted, loaded, device, results)
    others = [] if last is None else status.differing(last, here, profile)
    if as_json:
        said = {
            "store": str(results),
            "measured": None if last is None else dict(status.measured(last)),
            "differs_in": others,
            "profile": profile,
            "dataset": loaded.name,
            "parts": [asdict(part) for part in found],
        }
        typer.echo(json.dumps(said, indent=1))
        return
    typer.echo(f"{results}: {'nothing measured yet' if last is None else 'measured last'}")
    for name, value in [] if last is None else status.measured(last):
        typer.echo(f"  {name:9}  {value}")
    if others:
        typer.echo(f"  Here and now is another {', '.join(others)}: none of these runs counts below.")
    typer.echo(f"\nProfile {profile} on {loaded.name}, here and now:")
    tell(found, f"are missing; make bench PROFILE={profile} makes them")


def parts(
    snapshot: Snapshot | None, wanted: Asked, dataset: data.Dataset, device: str, results: Path
) -> list[status.Part]:
    """How far a profile is: what a run would make, and about how long it would take."""
    cell_seconds = estimator(measured(results))

    def seconds(what: RunConfig | BenchmarkCase) -> float:
        if isinstance(what, RunConfig):
            return cell_seconds(what)
        return BENCHMARK * wanted.profile.benchmark_seconds

    timings = status.benchmarks(device, wanted.own) if wanted.profile.benchmark_seconds else ()
    return status.parts(snapshot, *wanted.configs(dataset), timings, seconds)


def tell(found: Sequence[status.Part], what: str) -> None:
    """Print how far a profile is, and what is said of the runs that are left."""
    Console(width=None if sys.stdout.isatty() else gate_commands.WIDTH).print(status.table(found))
    total = found[-1]
    if not total.left:
        typer.echo("Nothing is missing.")
        return
    cores = CPU_COUNT
    spread = f", {status.about(status.seconds_on(cores, found))} on all {cores}" if cores > 1 else ""
    typer.echo(f"{total.left:,} runs {what}: about {status.about(total.to_take)} on one core{spread}.")


COMMANDS = {
    "list": (list_, ("python -m bench list --only losses", "python -m bench list --json")),
    "status": (status_, ("python -m bench status", "python -m bench status --profile reference --json")),
}
