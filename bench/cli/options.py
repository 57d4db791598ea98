"""Options that several commands share, and the runs that they select."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli import common
from bench.experiments import catalog
from bench.experiments.catalog import ACTIVATIONS, STAGES
from bench.experiments.profiles import PROFILES
from bench.experiments.request import Request, request
from bench.experiments.workloads.registry import KINDS
from bench.records.candidate_names import split
from bench.runner.device import DEVICES
from bench.runner.progress import console
from bench.store import REFERENCE, Snapshot, StoreError, latest
from impl.names import invalid

RESULTS = Path("results/results.sqlite")

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
    str | None,
    typer.Option(
        "--dataset", help="MNIST, digits, a folder in torchvision's layout, or an .npz file in Keras's."
    ),
]
Device = Annotated[str, typer.Option(help=f"Device, one of: {', '.join(DEVICES)}.")]
ActivationNames = Annotated[
    str | None,
    typer.Option(
        "--activation",
        help=f"Comma-separated activations, of: {', '.join(ACTIVATIONS)}; or custom, as module:Name or "
        f"file.py:Name(0.2, a=1). {', '.join(catalog.COMPARED)} are always trained, for comparison.",
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
NetworkName = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="Custom network as module:Name or file.py:Name; called as f(activation), where activation() or "
        "activation(width) makes one.",
    ),
]
Rates = Annotated[
    str | None,
    typer.Option(help="Comma-separated learning rates of the custom optimizers, such as 1e-4,3e-4."),
]
Only = Annotated[
    str | None, typer.Option(help=f"Comma-separated stages, of: {', '.join(STAGES)}; default: the profile's.")
]
Seeds = Annotated[
    int | None, typer.Option(min=1, help="Number of seeds of training runs, and of rounds of benchmarks.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Number of training epochs.")]
Results = Annotated[Path, typer.Option(help="Results database.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def select(
    profile: str,
    only: str | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
    activation: str | None = None,
    optimizer: str | None = None,
    strategy: str | None = None,
    network: str | None = None,
    rates: str | None = None,
) -> Request:
    """Return what these options ask for; raise a usage error for invalid ones."""
    common.check("profile", [profile], PROFILES)
    size = PROFILES[profile]
    given = {"activation": activation, "optimizer": optimizer, "strategy": strategy, "network": network}
    names = {kind: split(value, KINDS[kind].table) if value else [] for kind, value in given.items()}
    stages = common.chosen("stage", only, STAGES) if only else None
    names["activation"] = [*catalog.COMPARED, *names["activation"]] if activation else [*size.activations]
    try:
        return request(size, stages, names, seeds=seeds, epochs=epochs, rates=_numbers(rates))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _numbers(text: str | None) -> list[float]:
    try:
        return [float(number) for number in text.split(",")] if text else []
    except ValueError:
        raise ValueError(invalid("rates", text, "comma-separated numbers such as 1e-4,3e-4")) from None


def recorded(results: Path) -> tuple[Snapshot | None, Snapshot | None]:
    """Return the snapshots for runtime estimates: of the results database and of the reference."""
    snapshots = []
    for path in (results, REFERENCE):
        try:
            snapshots.append(latest(path))
        except StoreError as error:
            console.print(f"Notice: {error}", style="yellow", markup=False, soft_wrap=True)
            snapshots.append(None)
    return snapshots[0], snapshots[1]
