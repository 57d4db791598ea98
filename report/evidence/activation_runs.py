"""Families, metrics and averaged curves of the activations, as several pages show them."""

import pandas as pd

from bench.records.names import BASELINES, CONTROLS, PROPOSED
from bench.statistics import mean_interval
from bench.store import Snapshot
from report.evidence.queries import curves, networks

HIGHLIGHTED = (*BASELINES, *PROPOSED)
VARIANTS = {True: "with batch norm", False: "without batch norm"}
FAMILIES = {True: "classifier with batch norm", False: "classifier without batch norm"}
AUTOENCODERS = {
    "fc_autoencoder": "fully connected autoencoder",
    "conv_autoencoder": "convolutional autoencoder",
}
METRICS = {
    "validation_loss": "held-out loss (cross-entropy, nats)",
    "validation_accuracy": "held-out accuracy (%)",
}
QUANTITIES = {"test_accuracy": (100, "test accuracy (%)"), "test_loss": (1000, "test loss (thousandths)")}


def averaged(snapshot: Snapshot) -> pd.DataFrame:
    """Return the classifier's mean curves: metric, variant, activation, step (from 1), mean, low, high."""
    rows = []
    for metric, title in METRICS.items():
        scale = 100 if metric == "validation_accuracy" else 1
        for batch_norm, variant in VARIANTS.items():
            frame = curves(snapshot, networks(snapshot, "classifier", batch_norm), metric)
            frame = frame[(frame["step"] > 0) & ~frame["activation"].isin(CONTROLS)]
            for (name, step), part in frame.groupby(["activation", "step"]):
                d = mean_interval(part["value"] * scale)
                rows.append((title, variant, name, step, d.mean, d.low, d.high))
    return pd.DataFrame(rows, columns=["metric", "variant", "activation", "step", "mean", "low", "high"])
