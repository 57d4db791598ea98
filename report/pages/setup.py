"""The section on how everything was measured: networks, data, seeds, rates and horizons."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from torch import nn

from bench.records.names import CONTROLS
from bench.records.runs import held_out
from bench.statistics.training_runs import NETWORKS, horizons_of, trained
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from impl.models import ConvAutoencoder, DeepClassifier, FcAutoencoder, MnistClassifier
from report.document.answer import Source
from report.document.formats import count, number
from report.document.labels import label
from report.document.page import Section
from report.document.phrases import listed, sentence
from report.evidence.sources import dataset_name
from report.figures.networks import networks
from report.figures.svg import SvgFigure, svg_figure

MNIST_TRAIN = 60_000
MODELS: dict[str, nn.Module] = {
    "classifier with batch norm": MnistClassifier(nn.Identity),
    "fully connected autoencoder": FcAutoencoder(nn.Identity),
    "convolutional autoencoder": ConvAutoencoder(nn.Identity),
    "GELU paper's classifier": DeepClassifier(nn.Identity),
}


def layer(module: nn.Module) -> tuple[str, str] | None:
    """Return the kind and the label of a layer in a drawing; None for one that changes nothing."""
    match module:
        case nn.Identity():
            return "activation", "f"
        case nn.Linear():
            return "weights", f"{module.in_features} → {module.out_features}"
        case nn.ConvTranspose2d():
            return "weights", f"transposed 3×3\n{module.in_channels} → {module.out_channels}"
        case nn.Conv2d():
            return "weights", f"3×3\n{module.in_channels} → {module.out_channels}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return "batch norm", "batch norm"
        case nn.Dropout():
            return "dropout", f"dropout {number(module.p)}"
        case nn.MaxPool2d():
            return "shape", "max-pool 2×2"
        case nn.Upsample():
            return "shape", "upsample ×2"
        case nn.Sigmoid():
            return "activation", "sigmoid"
    return None


def _layers(model: nn.Module) -> Iterator[tuple[str, str]]:
    for module in model.modules():
        if not list(module.children()) and (drawn := layer(module)):
            yield drawn


def drawing() -> SvgFigure:
    """Draw the networks, layer by layer as the modules have them."""
    rows = {sentence(name): list(_layers(model)) for name, model in MODELS.items()}
    frame = pd.DataFrame(
        [
            (name, k, kind, text.replace("\n", " "))
            for name, layers in rows.items()
            for k, (kind, text) in enumerate(layers)
        ],
        columns=["network", "position", "kind", "layer"],
    )
    return svg_figure(
        networks(rows),
        frame,
        name="networks",
        title="The networks, layer by layer",
        alt="The layers of the four networks in order, from input to output.",
    )


def size_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network, training images, batch size, horizons in epochs, seeds, controls."""
    runs = trained(snapshot)
    rows = []
    for words, (task, batch_norm) in NETWORKS.items():
        part = runs[(runs["task"] == task) & (runs["optimizer"] == "adam")]
        part = part if batch_norm is None else part[part["batch_norm"] == batch_norm]
        if part.empty:
            continue
        seeds = part.groupby("activation")["seed"].nunique()
        few = seeds[~seeds.index.isin(CONTROLS)]
        span = {int(few.min()), int(few.max())}
        rows.append(
            [
                sentence(words),
                count(int(part["samples"].iloc[0])),
                count(int(part["batch_size"].iloc[0])),
                listed(f"{epochs:g}" for epochs in horizons_of(snapshot, task)),
                " to ".join(count(n) for n in sorted(span)),
                count(int(seeds.index.isin(CONTROLS).sum())),
            ]
        )
    return rows


def shared_rates(snapshot: Snapshot) -> list[float]:
    """Return the learning rates at which every activation was tried with Adam, in every network."""
    runs = trained(snapshot)
    runs = runs[(runs["optimizer"] == "adam") & runs["activation"].isin(ACTIVATIONS)]
    tried = [set(part["learning_rate"]) for _, part in runs.groupby(["task", "activation"])]
    tried = [rates for rates in tried if len(rates) > 1]  # a network without a grid has one rate
    return sorted(set.intersection(*tried)) if tried else []


def section(source: Source | None) -> Section:
    """Return the section, with the sizes of what a source holds."""
    values: dict[str, Any] = {
        "drawing": drawing(),
        "rates": [f"{rate:g}" for rate in shared_rates(source.snapshot)] if source else [],
        "held_out": held_out(MNIST_TRAIN),
        "baseline": label("relu"),
        "dataset": dataset_name(source.snapshot) if source else "",
        "sizes": size_rows(source.snapshot) if source else [],
    }
    return Section(0, "setup", "How it was measured", "", "setup.html.j2", values)
