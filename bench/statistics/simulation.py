"""Calibration of `effects` on simulated training runs with known effects.

`python -m bench.statistics.simulation` writes results/verdict_calibration.json. Each cell is saved before the
next begins, so that an interrupted calibration resumes.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy import stats

from bench.statistics.effects import Floats, Grid, chosen, effects
from bench.statistics.paired import CONFIDENCE, adjusted

STORE = Path("results/verdict_calibration.json")
TUNING_SEEDS = 3  # of the paired t-test, whose rate other runs chose
FEWEST_FAMILIES = 1000


@dataclass(frozen=True)
class Components:
    """Standard deviations of a training result, in points of accuracy or in log loss.

    Attributes:
        seed: Seeds of one candidate.
        shared_seed: Seeds, common to all candidates: initial weights and order of the samples.
        seed_rate: Seeds at one learning rate of one candidate.
        shared_image: Blocks of test images, common to all candidates.
        image: Blocks of test images of one candidate.
        residual: Blocks of test images of one run.
        validation: Validation score of one run about its expected result.
        held_out: Validation score of one rate, common to all seeds: the same held-out images.
        rates: Expected loss by each learning rate, compared with the best one.
        tail: Share of seeds whose deviation is `tail_scale` times as large.
        tail_scale: Factor of these deviations.
    """

    seed: float
    shared_seed: float
    seed_rate: float
    shared_image: float
    image: float
    residual: float
    validation: float
    held_out: float
    rates: tuple[float, ...]
    tail: float = 0.0
    tail_scale: float = 1.0


@dataclass(frozen=True)
class Workload:
    """A kind of training result.

    Attributes:
        name: Name.
        components: Its standard deviations.
        relative: Whether results are losses, compared as ratios.
        effect: True difference of which the power is computed; a log ratio if relative.
        blocks: Number of blocks of test images.
    """

    name: str
    components: Components
    relative: bool
    effect: float
    blocks: int = 100


# A block of 100 images at 98 % has a binomial standard deviation of 1.4 points; candidates share most of it.
CLASSIFIER = Workload(
    "classifier",
    Components(
        seed=0.13,
        shared_seed=0.075,  # 0.15 with `seed`
        seed_rate=0.05,
        shared_image=1.2,
        image=0.4,
        residual=0.6,
        validation=0.1,
        held_out=0.04,
        rates=(0.1, 0.05, 0.0, 0.3, 1.0),
    ),
    relative=False,
    effect=0.3,
)
AUTOENCODER = Workload(
    "autoencoder",
    Components(
        seed=0.035,
        shared_seed=0.02,  # 0.04 with `seed`
        seed_rate=0.01,
        shared_image=0.05,
        image=0.01,
        residual=0.01,
        validation=0.01,
        held_out=0.005,
        rates=(0.02, 0.01, 0.0, 0.06, 0.2),
        tail=0.1,
        tail_scale=3.0,
    ),
    relative=True,
    effect=float(np.log(1.1)),
)
WORKLOADS = {workload.name: workload for workload in (CLASSIFIER, AUTOENCODER)}
SEEDS = (5, 10, 20)
COMPARISONS = (1, 4, 12)


@dataclass(frozen=True)
class Count:
    """Hits among cases, with Wilson's interval (1927)."""

    hits: int
    cases: int

    @property
    def share(self) -> float:
        """Hits per case."""
        return self.hits / self.cases

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        found = stats.binomtest(self.hits, self.cases).proportion_ci(CONFIDENCE, method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Rule:
    """How often a rule was right.

    Attributes:
        covered: Families of which all intervals contain the true effects.
        covered_singly: Comparisons whose interval, not widened for the family, contains the true effect.
        detected: Comparisons with a true effect and a verdict in its direction.
        false: Control comparisons, whose true effect is zero, with a verdict.
        false_families: Families with a verdict on a control comparison.
        width: Mean half width of the simultaneous intervals.
    """

    covered: Count
    covered_singly: Count
    detected: Count
    false: Count
    false_families: Count
    width: float


@dataclass(frozen=True)
class Cell:
    """Result of simulated families.

    Attributes:
        workload: Name of the workload.
        seeds: Number of seeds.
        comparisons: Number of comparisons in a family.
        families: Number of families.
        resamples: Number of resamples of `effects`.
        effects: The rule of `effects`.
        paired_t: Paired t-test over seeds at the rate that three other seeds chose: Holm's correction for
            verdicts, Bonferroni's for simultaneous intervals.
        lost: Mean expected loss by the chosen rate: of the candidates and of the baseline.
    """

    workload: str
    seeds: int
    comparisons: int
    families: int
    resamples: int
    effects: Rule
    paired_t: Rule
    lost: tuple[float, float]

    @property
    def key(self) -> tuple[str, int, int]:
        """What identifies the cell."""
        return self.workload, self.seeds, self.comparisons


def simulate(
    workload: Workload, seeds: int, true: Floats, rng: np.random.Generator
) -> tuple[list[Grid], Floats]:
    """Return simulated runs of candidates with true results.

    Args:
        workload: Kind of result.
        seeds: Number of seeds S.
        true: Expected result at the best rate, larger is better, (C,).
        rng: Generator.

    Returns:
        A grid for each candidate, and the expected loss by each of its rates, (C, R), in random order.
    """
    c, n, count, blocks = workload.components, seeds, len(true), workload.blocks
    rates = rng.permuted(np.tile(c.rates, (count, 1)), axis=1)
    tails = np.where(rng.random((count, 1, n)) < c.tail, c.tail_scale, 1.0)
    run = (
        true[:, None, None]
        - rates[:, :, None]
        + c.shared_seed * rng.standard_normal((1, 1, n))
        + c.seed * tails * rng.standard_normal((count, 1, n))
        + c.seed_rate * rng.standard_normal((count, rates.shape[1], n))
    )
    validation = (
        run
        + c.held_out * rng.standard_normal((*rates.shape, 1))
        + c.validation * rng.standard_normal(run.shape)
    )
    images = c.shared_image * rng.standard_normal(blocks) + c.image * rng.standard_normal(
        (count, 1, 1, blocks)
    )
    test = run[..., None] + images + c.residual * rng.standard_normal((*run.shape, blocks))
    if workload.relative:
        test = np.exp(-test)
    numbers, steps = np.arange(n), np.arange(1.0, rates.shape[1] + 1)
    return [Grid(steps, numbers, v, t) for v, t in zip(validation, test, strict=True)], rates


def calibrate(
    workload: Workload, seeds: int, comparisons: int, families: Iterable[int], *, resamples: int = 400
) -> Cell:
    """Return how often the rules are right in simulated families.

    A family compares candidates with one baseline. Every second candidate is a control without a true effect;
    with one comparison, every second family.

    Args:
        workload: Kind of result.
        seeds: Number of seeds.
        comparisons: Number of candidates.
        families: Numbers of the families, which seed their random numbers.
        resamples: Number of resamples of `effects`.
    """
    sign = -1 if workload.relative else 1  # of a loss
    outcomes: dict[str, list[tuple[Floats, Floats, Floats, Floats]]] = {"effects": [], "paired_t": []}
    truths, lost = [], []
    numbers = list(families)
    for number in numbers:
        rng = np.random.default_rng([list(WORKLOADS).index(workload.name), seeds, comparisons, number])
        true = np.where((np.arange(comparisons) + number) % 2, workload.effect, 0.0)
        grids, losses = simulate(workload, seeds + TUNING_SEEDS, np.append(true, 0.0), rng)
        tuning = [_seeds(grid, slice(seeds, None)) for grid in grids]
        grids = [_seeds(grid, slice(seeds)) for grid in grids]
        truths.append(sign * true)
        lost.append([loss[chosen(grid)].mean() for loss, grid in zip(losses, grids, strict=True)])
        outcomes["effects"].append(_by_effects(grids, workload, resamples, number))
        outcomes["paired_t"].append(_by_paired_t(grids, tuning, workload))
    rules = {name: _rule(np.array(truths), np.array(found)) for name, found in outcomes.items()}
    loss = np.array(lost)
    return Cell(
        workload.name, seeds, comparisons, len(numbers), resamples, **rules,
        lost=(float(loss[:, :-1].mean()), float(loss[:, -1].mean())),
    )  # fmt: skip


def _seeds(grid: Grid, part: slice) -> Grid:
    """Return some seeds of a grid."""
    return Grid(grid.rates, grid.seeds[part], grid.validation[:, part], grid.test[:, part])


def _by_effects(grids: Sequence[Grid], workload: Workload, resamples: int, seed: int) -> Floats:
    """Return middle, half width singly, half width simultaneously and verdict of each comparison, (4, C)."""
    pairs = [(grid, grids[-1]) for grid in grids[:-1]]
    limits = []
    for simultaneous in (False, True):
        found = effects(
            pairs, relative=workload.relative, simultaneous=simultaneous, seed=seed, resamples=resamples
        )
        limits.append([(e.low, e.high, e.direction) for e in found])
    single, all_of = np.array(limits).transpose(0, 2, 1)
    low, high = np.log1p(all_of[:2]) if workload.relative else all_of[:2]
    alone = np.log1p(single[:2]) if workload.relative else single[:2]
    return np.array([(low + high) / 2, (alone[1] - alone[0]) / 2, (high - low) / 2, all_of[2]])


def _by_paired_t(grids: Sequence[Grid], tuning: Sequence[Grid], workload: Workload) -> Floats:
    """Return the same of paired t-tests at the rates that `tuning` chose."""
    at_rate = [
        g.test[t.validation.mean(axis=1).argmax()].mean(axis=1) for g, t in zip(grids, tuning, strict=True)
    ]
    runs = np.log(at_rate) if workload.relative else np.array(at_rate)
    d = runs[:-1] - runs[-1]  # (C, S)
    n, middle = d.shape[1], d.mean(axis=1)
    error = d.std(axis=1, ddof=1) / np.sqrt(n)
    p = np.array(adjusted([float(v) for v in 2 * stats.t.sf(np.abs(middle / error), n - 1)]))
    alone, together = (stats.t.isf((1 - CONFIDENCE) / 2 / m, n - 1) * error for m in (1, len(d)))
    return np.array([middle, alone, together, np.sign(middle) * (p < 1 - CONFIDENCE)])


def _rule(truth: Floats, found: Floats) -> Rule:
    """Return how often a rule was right, for truths (F, C) and results (F, 4, C)."""
    middle, alone, together, verdict = found.transpose(1, 0, 2)
    error, control = np.abs(middle - truth), truth == 0
    right = verdict[~control] == np.sign(truth[~control])
    false = (verdict != 0) & control

    def count(hits: np.ndarray) -> Count:
        return Count(int(hits.sum()), hits.size)

    return Rule(
        covered=count((error <= together).all(axis=1)),
        covered_singly=count(error <= alone),
        detected=count(right),
        false=count(false[control]),
        false_families=count(false.any(axis=1)[control.any(axis=1)]),
        width=float(together.mean()),
    )
