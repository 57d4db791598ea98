"""Question 11: what training does to AdaSGELU's α, and what other initial weights change."""

import pandas as pd

from bench.statistics.training_runs import NETWORKS
from bench.store import Snapshot
from report.document.labels import label
from report.evidence.claims import CLAIMS
from report.evidence.queries import networks
from report.evidence.verdicts import BETTER, effect
from report.figures.svg import SvgFigure, svg_figure
from report.figures.training import paths

ALPHA = "ada_sgelu"
INITIAL = next(claim for claim in CLAIMS if claim.identifier == "q11-initial")


def alphas(snapshot: Snapshot) -> pd.DataFrame:
    """Return α by network, layer and epoch, as mean over the seeds that were looked into."""
    m, found = snapshot.measurements, []
    for words, (task, batch_norm) in NETWORKS.items():
        runs = networks(snapshot, task, batch_norm)
        runs = runs[runs["activation"] == ALPHA]
        part = m[m["run"].isin(runs["run"]) & m["metric"].str.fullmatch(r"alpha \d+")]
        layer = part["metric"].str.extract(r"(\d+)$", expand=False).astype(int)
        means = part.assign(layer=layer).groupby(["layer", "step"])["value"].mean().reset_index()
        found.append(means.assign(network=words))
    return pd.concat(found)[["network", "layer", "step", "value"]]


def alpha_figure(snapshot: Snapshot) -> SvgFigure | None:
    """Return the figure of α by epoch; None where it was not recorded."""
    frame = alphas(snapshot)
    if frame.empty:
        return None
    return svg_figure(
        paths(frame),
        frame,
        name="q11-alpha",
        title="AdaSGELU's α while it is trained",
        alt="A panel for each network, a line for each layer: α by epoch, from 1 before training.",
    )


def initial_rows(snapshot: Snapshot) -> list[list[str]]:
    """Return rows: network and activation, change by variance-preserving initial weights, and the verdict."""
    return [
        [f"{c.where}, {label(c.a)}", effect(c), BETTER[c.effect.direction]] for c in INITIAL.family(snapshot)
    ]
