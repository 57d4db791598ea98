"""The comparisons of page 1: the proposed activations and the controls with the baselines, in four networks.

They are the comparisons that the claims of question 11 name, so that page 1 and the claims cannot disagree.
"""

from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from bench.statistics.standing import BETTER, EQUIVALENCE_MARGIN, EQUIVALENT_LOSSES, LEVEL, UNDECIDED, WORSE
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, horizons_of, network
from bench.store import Snapshot
from report.document.phrases import SHORTLY
from report.evidence.claims import EACH, controls
from report.evidence.comparisons import Comparison, Trained
from report.evidence.verdicts import better

PANELS = (
    "classifier with batch norm",
    "classifier without batch norm",
    "fully connected autoencoder",
    "convolutional autoencoder",
)


@dataclass(frozen=True, eq=False)
class Finding:
    """A proposed activation compared with a baseline in one network.

    Attributes:
        comparison: The comparison.
        control: Largest distance of a control from ReLU, in the unit of the effect; 0 without controls.
    """

    comparison: Comparison
    control: float = 0.0

    @property
    def word(self) -> str:
        """LEVEL where the interval lies within the margin, BETTER or WORSE, or UNDECIDED: as on a card."""
        its = self.comparison.effect
        margin = EQUIVALENT_LOSSES if its.relative else EQUIVALENCE_MARGIN
        if -margin < its.low and its.high < margin:
            return LEVEL
        return {1: BETTER, -1: WORSE, 0: UNDECIDED}[better(self.comparison)]

    @property
    def sure(self) -> bool:
        """Whether to believe the word: decided, and no difference that a control also shows."""
        if self.word in (LEVEL, UNDECIDED):
            return self.word == LEVEL
        return abs(self.comparison.effect.estimate) > self.control


@lru_cache(maxsize=32)
def findings(snapshot: Snapshot, words: str, horizon: int = LAST) -> tuple[Finding, ...]:
    """Return the comparisons of the proposed activations in a network; empty where it was not trained."""
    compared = Trained(network(*NETWORKS[words]), "activation", EACH, horizon)(snapshot)
    control = largest_control(snapshot, words, horizon)
    distance = abs(control.effect.estimate) if control else 0.0
    return tuple(Finding(comparison, distance) for comparison in compared)


def largest_control(snapshot: Snapshot, words: str, horizon: int) -> Comparison | None:
    """Return the comparison of ReLU under other seeds with ReLU that is furthest from none."""
    compared = [c for c in controls(snapshot, words, horizon) if c.effect.pairs > 1]
    return max(compared, key=lambda c: abs(c.effect.estimate), default=None)


COLUMNS = ["panel", "note", "relative", "a", "b", "shade", "value", "low", "high", "decided"]


def rows(snapshot: Snapshot) -> pd.DataFrame:
    """Return the rows of the figure of page 1.

    Returns:
        COLUMNS: effects of a against b early and at the end, in points of accuracy or as ratios of losses,
        and whether each is decided. The note has seeds and epochs.
    """
    found = []
    for words in PANELS:
        ends = horizons_of(snapshot, NETWORKS[words][0])
        for horizon, shade in SHORTLY.items():
            compared = [finding.comparison for finding in findings(snapshot, words, horizon)]
            if not compared:
                continue
            note = f"{compared[0].effect.pairs} seeds\n{ends[EARLY]:g} and {ends[LAST]:g} epochs"
            control = largest_control(snapshot, words, horizon)
            compared += [control] if control else []
            found += [(words, note, *_row(shade, c)) for c in compared]
    return pd.DataFrame(found, columns=COLUMNS)


def beside(reference: Snapshot, here: Snapshot) -> pd.DataFrame:
    """Return COLUMNS of the effects at the end of training that two stores share, a shade for each."""
    found = []
    for words in PANELS:
        sides = {"the reference": reference, "your run": here}
        named = {
            shade: {(f.comparison.a, f.comparison.b): f.comparison for f in findings(snapshot, words)}
            for shade, snapshot in sides.items()
        }
        shared = [pair for pair in named["the reference"] if pair in named["your run"]]
        if not shared:
            continue
        sizes = [
            f"{named[shade][shared[0]].effect.pairs} × {horizons_of(side, NETWORKS[words][0])[LAST]:g}"
            for shade, side in sides.items()
        ]
        for shade, pairs in named.items():
            for a, b in shared:
                found.append((words, f"{sizes[0]} and {sizes[1]}\nseeds × epochs", *_row(shade, pairs[a, b])))
    return pd.DataFrame(found, columns=COLUMNS)


def _row(shade: str, comparison: Comparison) -> tuple[object, ...]:
    its = comparison.effect
    values = [1 + v if its.relative else 100 * v for v in (its.estimate, its.low, its.high)]
    return (its.relative, comparison.a, comparison.b, shade, *values, its.direction != 0)
