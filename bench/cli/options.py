"""Options that several commands share, and the runs that they select."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common
from bench.experiments import catalog
from bench.experiments.catalog import ACTIVATIONS, PROFILES, STAGES, Plan, Profile, everything, narrowed
from bench.experiments.workloads.registry import KINDS, resolve
from bench.records.candidate_names import is_custom, split
from bench.records.runs import RunConfig
from bench.runner.device import DEVICES
from bench.runner.progress import console
from bench.store import Snapshot, StoreError, latest
from impl.data.datasets import Dataset

RESULTS = Path("results/results.sqlite")
REFERENCE = Path("results/reference.sqlite")

ProfileName = Annotated[
    str,
    typer.Option(
        "--profile", help=f"Profile, one of: {', '.join(PROFILES)}.", autocompletion=lambda: list(PROFILES)
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder that contains MNIST/raw; default: data/, then a download, then digits."),
]
DatasetName = Annotated[
    str | None, typer.Option("--dataset", help="MNIST, digits, or a folder in torchvision's layout.")
]
Device = Annotated[str, typer.Option(help=f"Device, one of: {', '.join(DEVICES)}.")]
ActivationNames = Annotated[
    str | None,
    typer.Option(
        "--activation",
        help=f"Comma-separated activations, of: {', '.join(ACTIVATIONS)}; or custom, as module:Name or "
        f"file.py:Name. {', '.join(catalog.COMPARED)} are always trained, for comparison.",
    ),
]
OptimizerNames = Annotated[
    str | None,
    typer.Option(
        "--optimizer",
        help="Custom optimizer as module:Name or file.py:Name; called as f(params, lr).",
    ),
]
StrategyNames = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        help="Custom convolution as module:Name or file.py:Name; called as f(input, weight, geometry).",
    ),
]
Only = Annotated[str | None, typer.Option(help=f"Comma-separated stages, of: {', '.join(STAGES)}.")]
Seeds = Annotated[int | None, typer.Option(min=1, help="Number of seeds of evaluation runs.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of training epochs.")]
Results = Annotated[Path, typer.Option(help="Results database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Selection:
    """Size of every stage, the activations to train, and the custom candidates by kind."""

    profile: Profile
    activations: list[str]
    custom: dict[str, list[str]]

    def runs(self, dataset: Dataset) -> tuple[list[Plan], list[RunConfig]]:
        """Return the plans of the experiments on a data set, and the runs without tuning."""
        size = len(dataset.train_images)
        return everything(self.profile, dataset.name, size, self.activations, self.custom)


def select(
    profile: str,
    only: str | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    activation: str | None = None,
    optimizer: str | None = None,
    strategy: str | None = None,
) -> Selection:
    """Return what these options select; raise a usage error for invalid ones."""
    common.check("profile", [profile], PROFILES)
    narrow = narrowed(PROFILES[profile], common.chosen("stage", only, STAGES), seeds, epochs)
    given = {"activation": activation, "optimizer": optimizer, "strategy": strategy}
    names = {kind: _resolved(kind, value) for kind, value in given.items()}
    activations = [*catalog.COMPARED, *names["activation"]] if names["activation"] else ACTIVATIONS
    custom = {kind: list(filter(is_custom, values)) for kind, values in names.items()}
    return Selection(narrow, list(dict.fromkeys(activations)), custom)


def _resolved(kind: str, given: str | None) -> list[str]:
    """Return the requested candidates of a kind, once each; custom ones are tried and get a hash."""
    try:
        names = [resolve(name, kind) for name in split(given, KINDS[kind].table)] if given else []
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return list(dict.fromkeys(names))


def recorded(results: Path) -> list[Snapshot]:
    """Return the snapshots for runtime estimates: of the results database, then of the reference."""
    snapshots = []
    for path in (results, REFERENCE):
        try:
            snapshots.append(latest(path))
        except StoreError as error:
            console.print(f"Notice: {error}", style="yellow", markup=False, soft_wrap=True)
    return [snapshot for snapshot in snapshots if snapshot]
