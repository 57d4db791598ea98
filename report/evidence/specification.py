"""How far a claim's word depends on choices that could have been made otherwise.

Every claim on trained networks is decided anew under each combination of horizon, learning rate, images,
parts of the interval and correction. The share of these forks that give the same word says how robust it is.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import stats

from bench.statistics import CONFIDENCE, Effect, Grid, effects
from bench.statistics.training_runs import grids, horizons_of, select, trained
from bench.store import Snapshot
from report.document.phrases import epochs
from report.evidence.claims import CONFIRMED, REFUTED, ClaimVerdict, combine
from report.evidence.comparisons import Pairs, Trained

ROBUST = 0.95  # share of the forks that must agree
RESAMPLES = 200  # of the choice of rates, fewer than for a verdict
CHOSEN = "the chosen rate"
TEST, HELD_OUT = "test images", "held-out images"
SEEDS, IMAGES, RATES = "seeds", "seeds and images", "seeds, images and rates"
OPPOSITE = {CONFIRMED: REFUTED, REFUTED: CONFIRMED}
ALONE, CLAIM, ALL = "no correction", "corrected for the claim", "corrected for all comparisons"


@dataclass(frozen=True)
class Fork:
    """One way to decide a claim."""

    horizon: float
    rate: str
    images: str
    interval: str
    correction: str

    def words(self) -> dict[str, str]:
        """Return each choice in words."""
        return {
            "horizon": f"after {epochs(self.horizon)}",
            "rate": f"at {self.rate}",
            "images": f"on {self.images}",
            "interval": f"with an interval of {self.interval}",
            "correction": self.correction,
        }


@dataclass(frozen=True)
class Specification:
    """Agreement of all forks with the word of a claim.

    Attributes:
        word: The word of the claim.
        forks: Number of forks.
        agreement: Share of the forks with the same word.
        turns: The one choice whose change turns the word most often, in words; empty if none does.
        words: Number of forks by word.
    """

    word: str
    forks: int
    agreement: float
    turns: str
    words: dict[str, int]

    @property
    def robust(self) -> bool:
        """Whether at least ROBUST of the forks agree."""
        return self.agreement >= ROBUST

    @property
    def reversed(self) -> bool:
        """Whether a fork refutes what the claim's word confirms, or the other way round."""
        return OPPOSITE.get(self.word) in self.words


def specification(snapshot: Snapshot, verdict: ClaimVerdict) -> Specification | None:
    """Return how far a claim's word depends on choices; None for claims that are not on trained networks."""
    family = verdict.claim.family
    if not isinstance(family, Trained) or family.metric or not verdict.comparisons:
        return None
    words = {}
    for fork, found in _decided(
        snapshot, tuple(sorted(family.fields.items(), key=str)), family.by, tuple(family.pairs)
    ):
        signs = [verdict.claim.sign * replace(e, margin=family.margin).direction for e in found]
        words[fork] = combine([*signs, *[0] * max(0, verdict.claim.named - len(found))])
    counts = Counter(words.values())
    word = verdict.verdict
    return Specification(word, len(words), counts[word] / len(words), _turning(words, word), dict(counts))


def _turning(words: dict[Fork, str], word: str) -> str:
    """Return the choice under which the largest share of the forks differs from the word."""
    differing: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for fork, other in words.items():
        for choice in fork.words().values():
            total[choice] += 1
            differing[choice] += other != word
    shares = {choice: differing[choice] / n for choice, n in total.items()}
    worst = max(shares, key=lambda choice: shares[choice], default="")
    return worst if worst and shares[worst] else ""


@lru_cache(maxsize=64)
def _decided(
    snapshot: Snapshot, fields: tuple[tuple[str, object], ...], by: str, pairs: tuple[tuple[str, str], ...]
) -> list[tuple[Fork, list[Effect]]]:
    """Return the effects of the pairs under every fork; claims on the same pairs share them."""
    return list(_forks(snapshot, dict(fields), by, pairs))


def _forks(
    snapshot: Snapshot, fields: dict[str, object], by: str, pairs: Pairs
) -> Iterator[tuple[Fork, list[Effect]]]:
    task = str(fields["task"])
    for index, horizon in enumerate(horizons_of(snapshot, task)):
        all_run, losses = grids(snapshot, fields, by, _names(snapshot, fields, by), index)
        named = [pair for pair in pairs if set(pair) <= all_run.keys()]
        if not named:  # not scored at this horizon
            continue
        of_claim = {name: all_run[name] for pair in named for name in pair}
        for rate, at_rate in _rates(of_claim).items():
            for images in (TEST, HELD_OUT):
                sides = {n: g if images == TEST else _held_out(g, losses) for n, g in at_rate.items()}
                blocks = all(side.test.shape[2] > 1 for side in sides.values())
                for interval in _intervals(rate) if blocks else [SEEDS]:
                    found = effects(
                        [(sides[a], sides[b]) for a, b in named],
                        relative=losses,
                        images=interval != SEEDS,
                        rate=interval == RATES,
                        simultaneous=False,
                        resamples=RESAMPLES,
                    )
                    everything = 2 * (len(all_run) - 1)
                    for correction, count in ((ALONE, 1), (CLAIM, len(named)), (ALL, everything)):
                        yield (
                            Fork(horizon, rate, images, interval, correction),
                            [_widened(effect, max(1, count)) for effect in found],
                        )


def _names(snapshot: Snapshot, fields: dict[str, object], by: str) -> list[str]:
    """Return every candidate that was trained with these fields."""
    return list(map(str, select(trained(snapshot), **fields)[by].unique()))


def _rates(grids: dict[str, Grid]) -> dict[str, dict[str, Grid]]:
    """Return the grids as they are, and at each single rate that all candidates were run at."""
    common = set.intersection(*(set(g.rates) for g in grids.values())) if grids else set()
    return {CHOSEN: grids} | {
        f"{rate:g}": {name: _single(g, rate) for name, g in grids.items()} for rate in sorted(common)
    }


def _single(g: Grid, rate: float) -> Grid:
    """Return the runs of one rate, under the seeds that it was run with."""
    row = int(np.searchsorted(g.rates, rate))
    run = ~np.isnan(g.validation[row])
    return Grid(
        g.rates[row : row + 1], g.seeds[run], g.validation[row : row + 1, run], g.test[row : row + 1, run]
    )


def _held_out(g: Grid, losses: bool) -> Grid:
    """Return the grid with the scores on held-out images in place of those on test images."""
    scores = np.exp(-g.validation) if losses else g.validation
    return replace(g, test=np.where(np.isfinite(scores), scores, np.nan)[..., None])


def _intervals(rate: str) -> Sequence[str]:
    """Return the parts of an interval that can be left out."""
    return [SEEDS, IMAGES, *([RATES] if rate == CHOSEN else [])]


def _widened(effect: Effect, comparisons: int) -> Effect:
    """Widen an interval for a number of comparisons (Bonferroni, Student's t over pairs)."""
    if math.isnan(effect.low) or comparisons == 1:
        return effect
    tail = (1 - CONFIDENCE) / 2
    factor = stats.t.isf(tail / comparisons, effect.pairs - 1) / stats.t.isf(tail, effect.pairs - 1)
    limits = (effect.estimate, effect.low, effect.high)
    middle, low, high = (math.log1p(v) for v in limits) if effect.relative else limits
    ends = (middle + factor * (low - middle), middle + factor * (high - middle))
    low, high = (math.expm1(v) for v in ends) if effect.relative else ends
    return replace(effect, low=low, high=high)
