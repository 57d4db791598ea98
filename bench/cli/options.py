"""What a command line asks to be measured: its options, and the experiments and cells that they come to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common as command
from bench.experiments import catalog
from bench.experiments.catalog import ACTIVATIONS, PROFILES, STAGES, Plan, Profile, everything, narrowed
from bench.experiments.workloads.registry import resolve
from bench.experiments.workloads.user_code import custom_names
from bench.records.runs import RunConfig
from bench.runner.progress import console
from bench.store.database import Snapshot, StoreError, latest
from impl.data import datasets as data

RESULTS = Path("results/results.sqlite")
REFERENCE = Path("results/reference.sqlite")

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
Only = Annotated[str | None, typer.Option(help=f"Comma-separated parts, of: {', '.join(STAGES)}.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="How many seeds are scored.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="How many epochs networks train.")]
Results = Annotated[Path, typer.Option(help="The store.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


@dataclass(frozen=True)
class Asked:
    """How much is asked for, of which activations, and by kind a user's own of all candidates."""

    profile: Profile
    activations: list[str]
    own: dict[str, list[str]]

    def configs(self, dataset: data.Dataset) -> tuple[list[Plan], list[RunConfig]]:
        """The experiments on a data set, and the cells that need no rate chosen."""
        size = len(dataset.train_images)
        return everything(self.profile, dataset.name, size, self.activations, self.own)


def asked(
    profile: str,
    only: str | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    activation: str | None = None,
    optimizer: str | None = None,
    strategy: str | None = None,
) -> Asked:
    """What these options come to; all activations without any named. Raises an error of usage."""
    command.check("profile", [profile], PROFILES)
    whole = narrowed(PROFILES[profile], command.chosen("part", only, STAGES), seeds, epochs)
    given = {"activation": activation, "optimizer": optimizer, "strategy": strategy}
    named = {kind: _named(kind, names) for kind, names in given.items()}
    activations = [*catalog.BASELINES, *named["activation"]] if named["activation"] else ACTIVATIONS
    return Asked(whole, list(dict.fromkeys(activations)), custom_names(named))


def _named(kind: str, given: str | None) -> list[str]:
    """The candidates of a kind that are asked for; a user's own tried once, and identified by its text."""
    try:
        return [resolve(name, kind) for name in given.split(",")] if given else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def measured(results: Path) -> list[Snapshot]:
    """What estimates of time may rest on: the store itself, then the reference."""
    found = []
    for path in (results, REFERENCE):
        try:
            found.append(latest(path))
        except StoreError as error:
            console.print(f"Notice: {error}", style="yellow", markup=False, soft_wrap=True)
    return [snapshot for snapshot in found if snapshot]
