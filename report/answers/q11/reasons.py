"""Question 11: reasons for SGELU's results: signal and gradient by layer, the gain, and the course of α."""

from typing import Any

import pandas as pd

from bench.records.candidate_names import is_custom
from bench.statistics.training_runs import NETWORKS
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from impl.training.initialization import variance_gain
from report.document.formats import number
from report.document.labels import label, ordered
from report.evidence.activation_runs import HIGHLIGHTED
from report.evidence.claims import CLAIMS
from report.evidence.queries import networks
from report.evidence.verdicts import effect
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import signals

ALPHA = "ada_sgelu"
INITIAL = next(claim for claim in CLAIMS if claim.identifier == "q11-initial")
EFFECTS = {1: "better", -1: "worse", 0: "inconclusive"}
DRAWN = tuple(name for name in HIGHLIGHTED if name != ALPHA)  # which before training is SGELU


def layers(snapshot: Snapshot, runs: pd.DataFrame, series: str) -> pd.DataFrame:
    """Return a diagnostic by layer: activation, step, layer and its mean over the seeds."""
    m = snapshot.measurements
    m = m[m["run"].isin(runs["run"]) & m["metric"].str.fullmatch(rf"{series} \d+")]
    frame = m.assign(layer=m["metric"].str.extract(r"(\d+)$", expand=False).astype(int))
    return frame.groupby(["activation", "step", "layer"])["value"].mean().reset_index()


def signal_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and activation, RMS of first and last output, norm of first and last gradient."""
    rows = []
    for words, (task, batch_norm) in NETWORKS.items():
        runs = networks(snapshot, task, batch_norm)
        sizes, norms = (layers(snapshot, runs, series) for series in ("activation rms", "gradient norm"))
        if sizes.empty or norms.empty:
            continue
        for name in ordered(sizes["activation"].unique()):
            start = sizes[(sizes["activation"] == name) & (sizes["step"] == 0)].sort_values("layer")["value"]
            slopes = norms[(norms["activation"] == name) & (norms["step"] == 0)].sort_values("layer")["value"]
            ends = [start.iloc[0], start.iloc[-1], slopes.iloc[0], slopes.iloc[-1]]
            rows.append([f"{words}, {label(name)}", *(number(v, 2) for v in ends)])
    return rows


def signal_figure(snapshot: Snapshot) -> SvgFigure | None:
    """Return the figure of signal and gradients by layer before training; None where not recorded."""
    panels = []
    for initialization, words in (
        ("torch", "torch's initial weights"),
        ("variance", "weights scaled by the gain"),
    ):
        runs = networks(snapshot, "deep_classifier", None, initialization=initialization)
        for series, title in (
            ("activation rms", "RMS of activations"),
            ("gradient norm", "norm of gradients"),
        ):
            frame = layers(snapshot, runs, series)
            chosen = frame["activation"].isin(DRAWN) | frame["activation"].map(is_custom).astype(bool)
            frame = frame[(frame["step"] == 0) & chosen]
            panels.append(frame.assign(series=title, panel=words))
    frame = pd.concat(panels)
    if frame.empty:
        return None
    return svg_figure(
        signals(frame, {str(name): label(str(name)) for name in frame["activation"].unique()}),
        frame.drop(columns="step"),
        name=f"q11-signals-{snapshot.id}",
        title="Signal and gradient by layer before training",
        alt="RMS of activations and norm of gradients over the layers of the GELU paper's classifier, on "
        f"logarithmic axes. From first layer to last the RMS changes by the factors {_shrinkage(frame)}.",
    )


def _shrinkage(frame: pd.DataFrame) -> str:
    """Return the RMS of the last layer over that of the first, by activation and initial weights."""
    ratios = []
    for (panel, name), part in frame[frame["series"] == "RMS of activations"].groupby(
        ["panel", "activation"]
    ):
        values = part.sort_values("layer")["value"]
        ratios.append(f"{number(values.iloc[-1] / values.iloc[0], 2)} for {label(str(name))}, {panel}")
    return "; ".join(ratios)


def alpha_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and layer, α after each epoch, as mean over seeds; it starts at 1."""
    rows = []
    for words, (task, batch_norm) in NETWORKS.items():
        runs = networks(snapshot, task, batch_norm)
        frame = layers(snapshot, runs[runs["activation"] == ALPHA], "alpha")
        for layer, part in frame.groupby("layer"):
            path = part.sort_values("step")["value"]
            rows.append([f"{words}, layer {layer}", " → ".join(number(v, fixed=2) for v in path)])
    return rows


def gain_rows() -> list[list[str]]:
    """Return rows: activation, the gain that preserves a standard normal signal's variance."""
    return [[entry.label, number(variance_gain(entry.f))] for entry in ACTIVATIONS.values()]


def initial_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and activation, change by variance-preserving initial weights, and the verdict."""
    return [
        [f"{c.where}, {label(c.a)}", effect(c), EFFECTS[c.effect.direction]] for c in INITIAL.family(snapshot)
    ]


def reasons(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return all reasons; None without diagnostics."""
    rows = signal_rows(snapshot)
    if not rows:
        return None
    return {
        "signals": rows,
        "figure": signal_figure(snapshot),
        "alphas": alpha_rows(snapshot),
        "gains": gain_rows(),
        "initial": initial_rows(snapshot),
    }
