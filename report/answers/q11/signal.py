"""Question 11: signal and gradient by layer before training, measured on the networks themselves."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from impl.activations.autograd import ElementwiseFunction
from impl.activations.registry import ACTIVATIONS
from impl.data import datasets
from impl.models import ConvAutoencoder, DeepClassifier, FcAutoencoder, MakeActivation
from impl.training.diagnostics import diagnose
from impl.training.initialization import initialize, variance_gain
from report.document.formats import number
from report.document.labels import label
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import signals

COMPARED = ("relu", "gelu", "sgelu")  # before training AdaSGELU is SGELU
IMAGES, SEEDS = 128, 3
SERIES = {"activation rms": "RMS of activations", "gradient norm": "norm of gradients"}
# By words: the network, and whether its weights are scaled by the gain.
NETWORKS: dict[str, tuple[Callable[[MakeActivation], nn.Module], bool]] = {
    "fully connected\nautoencoder": (FcAutoencoder, False),
    "convolutional\nautoencoder": (ConvAutoencoder, False),
    "GELU paper's\nclassifier": (DeepClassifier, False),
    "the same, weights\nscaled by the gain": (DeepClassifier, True),
}
FC, CONV, DEEP, SCALED = NETWORKS


class Plain(nn.Module):
    """An activation as torch composes it, which needs no compiler."""

    def __init__(self, f: ElementwiseFunction) -> None:
        super().__init__()
        self.f = f

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        return self.f(x)


@lru_cache(maxsize=1)
def by_layer() -> pd.DataFrame:
    """Return the mean over seeds: series, panel, activation, layer (from 1) and value, on digits.

    Batch norms use the statistics of the batch, as in training.
    """
    digits = datasets.load("digits", None)
    images, labels = digits.train_images[:IMAGES], digits.train_labels[:IMAGES]
    rows = []
    for panel, (build, scaled) in NETWORKS.items():
        for name in COMPARED:
            f = ACTIVATIONS[name].f
            for seed in range(SEEDS):
                torch.manual_seed(seed)
                model = build(lambda f=f: Plain(f))
                if scaled:
                    initialize(model, variance_gain(f), torch.Generator().manual_seed(seed))
                autoencoder = panel in (FC, CONV)
                loss, targets = (F.mse_loss, images) if autoencoder else (F.cross_entropy, labels)
                for metric, value in diagnose(model, images, targets, loss, Plain):
                    series, _, layer = metric.rpartition(" ")
                    if series in SERIES:
                        rows.append((SERIES[series], panel, name, int(layer), value))
    frame = pd.DataFrame(rows, columns=["series", "panel", "activation", "layer", "value"])
    return frame.groupby(["series", "panel", "activation", "layer"], sort=False)["value"].mean().reset_index()


def shrinkage(frame: pd.DataFrame, panel: str, name: str) -> float:
    """Return the RMS of the last activation over that of the first."""
    part = frame[(frame["series"] == SERIES["activation rms"]) & (frame["panel"] == panel)]
    values = part[part["activation"] == name].sort_values("layer")["value"]
    return float(values.iloc[-1] / values.iloc[0])


def figure() -> SvgFigure:
    """Return the figure of signal and gradient by layer."""
    frame = by_layer()
    ends = "; ".join(
        f"{number(shrinkage(frame, panel, name), 2)} for {label(name)}, {panel}".replace("\n", " ")
        for panel in NETWORKS
        for name in COMPARED
    )
    return svg_figure(
        signals(frame, {name: label(name) for name in COMPARED}),
        frame.assign(panel=frame["panel"].str.replace("\n", " ")),
        name="q11-signals",
        title="Signal and gradient by layer before training",
        alt="RMS of activations and norm of gradients over the layers of each network, on logarithmic axes. "
        f"From the first to the last layer the RMS changes by the factors {ends}.",
    )


def facts() -> dict[str, Any]:
    """Return what the text says of the signal: its changes from first to last activation, and the gains."""
    frame = by_layer()
    return {
        "figure": figure(),
        "images": IMAGES,
        "seeds": SEEDS,
        "fc": shrinkage(frame, FC, "sgelu"),
        "deep": shrinkage(frame, DEEP, "sgelu"),
        "scaled": shrinkage(frame, SCALED, "sgelu"),
        "relu": shrinkage(frame, DEEP, "relu"),
        "gains": [[label(name), number(variance_gain(entry.f))] for name, entry in ACTIVATIONS.items()],
    }
