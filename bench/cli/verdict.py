"""The command `verdict`: what one candidate is worth, in minutes."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common
from bench.cli.options import (
    DataRoot,
    DatasetName,
    OptimizerNames,
    Results,
    select,
)
from bench.experiments.catalog import conformance_checks
from bench.experiments.estimates import estimator
from bench.experiments.profiles import PROFILES
from bench.experiments.workloads.registry import KINDS
from bench.records import environment
from bench.records.candidate_names import split
from bench.records.names import PASSES
from bench.runner import benchmarks, training
from bench.runner.progress import console
from bench.runner.recorder import RunRecorder
from bench.runner.verdict import decide, times
from bench.statistics.standing import ARENAS, CLASSIFIER, OPTIMIZERS, Arena
from bench.store import REFERENCE, Snapshot, Store, latest, locked
from impl.data import datasets
from impl.names import invalid

RESULTS = Path("results/verdict.sqlite")
DIGITS = Path("results/digits.sqlite")  # the reference of who has no MNIST
ROOT = Path(__file__).resolve().parents[2]  # of the repository, or where the package is installed
MORE = ("fully connected autoencoder", "convolutional autoencoder", "GELU paper's classifier")
NETWORKS = {arena.experiment: arena for arena in reversed(ARENAS.values()) if arena.by == "activation"}


def verdict(
    activation: Annotated[
        str | None,
        typer.Option(
            help="Activation: a built-in name, or custom, as module:Name or file.py:Name(0.2, a=1)."
        ),
    ] = None,
    optimizer: OptimizerNames = None,
    network: Annotated[
        str, typer.Option(help=f"Network to train, one of: {', '.join(NETWORKS)}.")
    ] = "classifier",
    more: Annotated[
        bool,
        typer.Option("--more", help="Also compare an activation in the autoencoders and the deep network."),
    ] = False,
    data_root: DataRoot = None,
    dataset: DatasetName = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of worker processes; default: one per core.")
    ] = None,
    results: Results = RESULTS,
    output: Annotated[Path, typer.Option(help="Output folder.")] = Path("build"),
) -> None:
    """Decide whether a candidate is better than the common ones, and write a card of two pages.

    Trains the candidate at the reference's seeds, rates and horizons until the verdict is clear, and times it
    beside the baselines. Writes verdict.html, verdict.pdf, verdict.md and verdict.json.
    """
    common.check("network", [network], NETWORKS)
    kind, arenas = _asked(activation, optimizer, network, more)
    _one(str(activation or optimizer), kind, arenas[0].baselines)
    stages = [arena.experiment for arena in arenas]
    names = ",".join([*arenas[0].baselines, activation]) if activation else None
    asked = select("reference", ",".join(stages), activation=names, optimizer=optimizer)
    (name,) = asked.custom["optimizer"] if kind == "optimizer" else asked.activations[-1:]
    source = datasets.resolve(data_root, dataset)
    if source.notice:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    loaded = source.load()
    reference = _reference(loaded.name)
    plans = {plan.name: plan for plan in asked.runs(loaded)[0]}
    checks = conformance_checks(asked.custom, loaded.name)
    seconds = estimator(reference)
    timed = times(
        PROFILES["reference"],
        [name, *arenas[0].baselines],
        PASSES if kind == "activation" else ["optimizer_step"],
    )
    try:
        with locked(results, lambda: None), Store(results) as store:
            here = environment.current(loaded.name, loaded.sha256, "cpu")
            recorder = RunRecorder(store, store.environment_id(here), "reference")
            log = results.parent / "benchmarks.log"
            benchmarks.run_benchmarks(recorder, "cpu", timed, log, asked.custom, seconds)
            with training.on_dask(source.root, "cpu", seconds, workers) as executor:
                for arena in arenas:
                    plan = plans[arena.experiment]
                    decide(recorder, reference, arena, plan, name, seconds, executor, others=checks)
    except KeyboardInterrupt:
        console.print("Interrupted. Completed runs are saved; rerun the same command to resume.")
        raise typer.Exit(common.STOPPED) from None
    raise typer.Exit(_show(name, results, _path(loaded.name), output))


def _show(name: str, results: Path, reference: Path, output: Path) -> int:
    """Write and print the card in a process of its own; return its exit status."""
    stores = ["--results", str(results), "--reference", str(reference)]
    line = [sys.executable, "-m", "report", "card", name, *stores, "--output", str(output)]
    return subprocess.run(line, check=False).returncode


def _asked(
    activation: str | None, optimizer: str | None, network: str, more: bool
) -> tuple[str, list[Arena]]:
    """Return the kind of the candidate and what it is compared in."""
    if (activation is None) == (optimizer is None):
        given = "both" if activation else "neither"
        raise typer.BadParameter(invalid("candidate", given, "one of --activation and --optimizer"))
    if optimizer:
        return "optimizer", [ARENAS[OPTIMIZERS]]
    chosen = ARENAS[CLASSIFIER] if network == "classifier" else NETWORKS[network]
    others = [ARENAS[words] for words in MORE] if more else []
    return "activation", list(dict.fromkeys([chosen, *others]))


def _one(given: str, kind: str, baselines: Sequence[str]) -> None:
    """Raise a usage error unless exactly one candidate is given, and no baseline."""
    names = split(given, KINDS[kind].table)
    if len(names) != 1:
        raise typer.BadParameter(invalid("candidate", " and ".join(names), "one"))
    if given in baselines:
        raise typer.BadParameter(invalid("candidate", given, f"another than {', '.join(baselines)}"))


def _path(dataset: str) -> Path:
    """Return the reference of a data set: the one at hand, else the one that came with the program."""
    path = DIGITS if dataset == "digits" else REFERENCE
    return path if path.exists() else ROOT / path


def _reference(dataset: str) -> Snapshot | None:
    """Return the reference's runs on a data set, if there are any."""
    snapshot = latest(_path(dataset))
    if snapshot and snapshot.environment["dataset"] == dataset:
        return snapshot
    console.print(
        f"Notice: no reference of {dataset} at {_path(dataset)}, so the baselines are trained here as well; "
        "the repository holds one of MNIST and one of the digits.",
        style="yellow",
        markup=False,
        soft_wrap=True,
    )
    return None


COMMANDS = {
    "verdict": (
        verdict,
        (
            "python -m bench verdict --activation mine.py:Snake",
            "python -m bench verdict --activation mine.py:Snake --more",
            "python -m bench verdict --optimizer mine.py:Lion",
        ),
    )
}
