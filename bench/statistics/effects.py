"""Differences between trained candidates, with intervals over seeds, test images and the choice of the rate.

For seed s and block b of test images, the difference of two candidates is modelled as crossed random effects,

    d(s, b) = effect + seed(s) + block(b) + residual(s, b),

at learning rates that other seeds chose. The variance of the mean of d adds those of seeds and of blocks,
subtracts that of the residual, which both contain, and adds that of the choice of rates (bootstrap).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.statistics.paired import CONFIDENCE

FEWEST_SEEDS = 4  # to choose the rate of a seed by other seeds
DRAWS = 20_000  # of the largest deviation in a family
EQUAL = 1e-12  # relative difference below which two validation scores are equal
NO_RATE = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Grid:
    """Runs of one candidate at one horizon: every learning rate by every seed.

    Attributes:
        rates: Learning rates in ascending order, (R,).
        seeds: Numbers of the seeds, (S,).
        validation: Score on held-out images that chooses the rate, larger is better, (R, S): accuracy if
            `test` is one, minus the logarithm of the loss if it is a loss. NaN where there is no run, -inf
            where it diverged.
        test: Result on each of B blocks of test images (share correct or mean loss of the block), (R, S, B).
            NaN where there is no run or it diverged.
    """

    rates: np.ndarray
    seeds: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        shape = len(self.rates), len(self.seeds)
        if (
            self.validation.shape != shape
            or self.test.shape[:2] != shape
            or self.test.ndim != 3
            or not self.test.shape[2]
        ):
            raise ValueError(
                f"Invalid grid: got validation {self.validation.shape} and test {self.test.shape}, "
                f"expected {shape} and {(*shape, 'blocks')} for {shape[0]} rates and {shape[1]} seeds."
            )
        if (np.diff(self.rates) <= 0).any():
            raise ValueError(f"Invalid rates: got {list(self.rates)}, expected ascending learning rates.")
        if len(set(self.seeds.tolist())) < len(self.seeds):
            raise ValueError(f"Invalid seeds: got {list(self.seeds)}, expected each number once.")


@dataclass(frozen=True)
class Effect:
    """Mean difference a - b over common seeds, or a/b - 1 if relative, with its interval.

    Attributes:
        estimate: Mean over seeds and blocks at the chosen rates; ratio of geometric means minus one if
            relative. NaN without a common seed or without an eligible rate.
        low: Lower limit; NaN with fewer than two pairs.
        high: Upper limit.
        pairs: Number of seeds that have a test result on both sides.
        margin: Margin that `direction` compares the limits with.
        relative: Whether the comparison is a ratio of losses.
        improvement: P(a better) over the pairs, ties half.
        sd: Standard deviation of the differences between seeds; of log ratios if relative.
        error: Standard error of the mean, of log ratios if relative.
        freedom: Degrees of freedom of its square.
        seed_error: Part of the error from seeds, which with that from images contains the residual.
        image_error: Part from test images.
        rate_error: Part from the choice of rates.
        cross_fitted: Whether other seeds chose each seed's rate; False with fewer than four seeds on a side,
            where all seeds choose together and the comparison is exploratory.
        omitted: Number of common seeds without a test result on a side at the chosen rate: diverged runs.
        reason: Why nothing is decided, whatever the interval; else "".
    """

    estimate: float
    low: float
    high: float
    pairs: int
    margin: float
    relative: bool
    improvement: float
    sd: float = math.nan
    error: float = math.nan
    freedom: float = math.nan
    seed_error: float = math.nan
    image_error: float = math.nan
    rate_error: float = math.nan
    cross_fitted: bool = False
    omitted: int = 0
    reason: str = ""

    @property
    def direction(self) -> int:
        """+1 if the whole interval lies above the margin, -1 if below, else 0; 0 with a `reason`."""
        return 0 if self.reason else int(self.low > self.margin) - int(self.high < self.margin)


def chosen(grid: Grid) -> Ints:
    """Return the index of each seed's learning rate, (S,), or -1 if no rate is eligible.

    Cross-fitting: seeds at even and odd positions form two halves. A seed takes the rate with the best mean
    validation score over the other half, among the rates that have a run for every seed and diverged for none
    of the other half; of equal rates the smaller. With fewer than four seeds, all choose together.
    """
    return _choices(grid, np.ones((1, len(grid.seeds))))[0]


def _choices(grid: Grid, weights: Floats, shift: Floats | float = 0.0) -> Ints:
    """Return the index of each seed's rate, (N, S), or -1 for none.

    Args:
        grid: Runs.
        weights: Weights of the seeds, (N, S).
        shift: Added to the mean scores of the rates, (N, R).
    """
    halves = _halves(len(grid.seeds))
    run = ~np.isnan(grid.validation).any(axis=1)
    diverged = np.isneginf(grid.validation)
    scores = np.where(np.isfinite(grid.validation), grid.validation, 0.0)
    result = np.full(weights.shape, NO_RATE)
    for half in np.unique(halves):
        judged = halves == half
        choosing = ~judged if judged.sum() < len(judged) else judged
        w = weights[:, choosing]
        total = w.sum(axis=1, keepdims=True)
        w = np.where(total > 0, w, 1.0)  # a half without weight chooses as it did
        eligible = run & (w @ diverged[:, choosing].T == 0)  # (N, R)
        mean = np.where(eligible, shift + w @ scores[:, choosing].T / w.sum(axis=1, keepdims=True), -np.inf)
        best = mean.max(axis=1, keepdims=True, initial=-np.inf)
        tolerance = EQUAL * np.maximum(1.0, np.abs(np.where(np.isfinite(best), best, 0.0)))
        index = (eligible & (mean >= best - tolerance)).argmax(axis=1) if len(run) else 0
        result[:, judged] = np.where(eligible.any(axis=1), index, NO_RATE)[:, None]
    return result


def _halves(seeds: int) -> Ints:
    """Return the half of each seed by its position, (S,): 0 or 1, or all 0 if there are fewer than four."""
    return np.arange(seeds) % (2 if seeds >= FEWEST_SEEDS else 1)


@dataclass(frozen=True, eq=False)
class _Side:
    """A candidate with its choices.

    Attributes:
        grid: Its runs.
        runs: Mean test result of each run, the logarithm if relative, (R, S); NaN where there is none.
        choice: Index of each seed's rate, (S,).
        choices: The same in each resample, (N, S).
    """

    grid: Grid
    runs: Floats
    choice: Ints
    choices: Ints

    def blocks(self, position: Ints, relative: bool) -> Floats:
        """Return results of some seeds at their rates, (P, B); in units of the run's mean if relative."""
        x = self.grid.test[self.choice[position], position]
        return x / x.mean(axis=1, keepdims=True) if relative else x


@dataclass(frozen=True, eq=False)
class _Parts:
    """Parts of the deviation of one comparison; their squares add up to its variance.

    Attributes:
        seed: Deviation by each seed of the family, (U,).
        image: Deviation by each block, (B,).
        rate: Deviation by the choice of rates in each resample, (N,).
        residual: Variance that seeds and images both contain.
        pairs: Number of pairs.
    """

    seed: Floats
    image: Floats
    rate: Floats
    residual: float
    pairs: int

    @property
    def variance(self) -> float:
        """Variance of the mean, with the residual counted once."""
        seed, image, rate = (float(part @ part) for part in (self.seed, self.image, self.rate))
        return max(seed + image - self.residual, seed, image) + rate

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the variance (Satterthwaite 1946)."""
        seed, image, rate = (float(part @ part) for part in (self.seed, self.image, self.rate))
        seeds, blocks = self.pairs - 1, max(len(self.image) - 1, 1)
        terms = (seed + rate) ** 2 / seeds + image**2 / blocks + self.residual**2 / (seeds * blocks)
        return max(seeds, self.variance**2 / terms)


def effects(
    pairs: Sequence[tuple[Grid, Grid]],
    *,
    relative: bool,
    margin: float = 0.0,
    images: bool = True,
    rate: bool = True,
    simultaneous: bool = True,
    larger_is_better: bool | None = None,
    held_out: float = 0.5,
    seed: int = 0,
    resamples: int = 1000,
    confidence: float = CONFIDENCE,
) -> list[Effect]:
    """Compare a with b in each pair (a, b) of a family.

    Args:
        pairs: Both sides of each comparison; a grid that several comparisons share is passed as one object.
        relative: Compare logarithms of the runs' mean losses and return ratios minus one.
        margin: Margin of `Effect.direction`.
        images: Include the choice of images in the interval; otherwise it is of these images.
        rate: Include the choice of learning rates; otherwise they are taken as known.
        simultaneous: Widen the intervals so that all of the family cover together.
        larger_is_better: Whether results are scores rather than losses; by default unless relative.
        held_out: Number of held-out images, which choose the rate, per test image.
        seed: Seed of the resamples.
        resamples: Number of resamples of seeds and held-out images for the choice of rates.
        confidence: Coverage of the intervals.

    Returns:
        One effect per pair. Without an eligible rate or a common seed the numbers are NaN, with a `reason`.

    Raises:
        ValueError: If the sides of a pair have different numbers of blocks, or a relative comparison meets a
            loss that is not positive.
    """
    larger = (not relative) if larger_is_better is None else larger_is_better
    numbers = np.unique(np.concatenate([[], *(g.seeds for pair in pairs for g in pair)]))
    resampling, drawing = np.random.default_rng(seed).spawn(2)
    weights = _weights(len(numbers), resamples if rate else 0, resampling)
    grids = {id(g): g for pair in pairs for g in pair}
    blocks = max((g.test.shape[2] for g in grids.values()), default=0)
    multipliers = resampling.standard_normal((len(weights), blocks if images else 0)) / math.sqrt(held_out)
    sides = {
        key: _side(g, weights[:, np.searchsorted(numbers, g.seeds)], multipliers, relative, larger)
        for key, g in grids.items()
    }
    blank = Effect(math.nan, math.nan, math.nan, 0, margin, relative, math.nan)
    compared = [
        _compared(sides[id(a)], sides[id(b)], numbers, weights, blank, images, larger) for a, b in pairs
    ]
    return _limited(
        [e for e, _ in compared], [part for _, part in compared], simultaneous, confidence, drawing
    )


def _weights(seeds: int, resamples: int, rng: np.random.Generator) -> Floats:
    """Return how often each seed is in each resample, (N, U); seeds are resampled within their half."""
    halves, weights = _halves(seeds), np.zeros((resamples, seeds))
    for half in np.unique(halves):
        n = int((halves == half).sum())
        weights[:, halves == half] = rng.multinomial(n, np.full(n, 1 / n), size=resamples)
    return weights


def _side(grid: Grid, weights: Floats, multipliers: Floats, relative: bool, larger: bool) -> _Side:
    """Return a candidate's runs and choices."""
    runs = grid.test.mean(axis=2, dtype=float)
    if relative and (runs <= 0).any():
        raise ValueError(f"Invalid loss: got {np.nanmin(runs)}, expected positive losses to compare ratios.")
    images = _by_held_out(grid.test, runs, larger)
    shift = multipliers[:, : images.shape[1]] @ images[:, : multipliers.shape[1]].T  # (N, R)
    runs = np.log(runs) if relative else runs
    runs = np.where(np.isfinite(runs), runs, np.nan)
    return _Side(grid, runs, chosen(grid), _choices(grid, weights, shift))


def _by_held_out(test: np.ndarray, runs: Floats, larger: bool) -> Floats:
    """Return the deviation of each rate's mean score by a block of images, (R, B).

    Args:
        test: Results by block, (R, S, B).
        runs: Means over blocks, (R, S).
        larger: Whether results are scores; otherwise the score is minus the logarithm of a loss.
    """
    blocks = test.shape[2]
    usable = np.isfinite(runs) if larger else np.isfinite(runs) & (runs > 0)
    unit = np.where(usable, 1.0 if larger else -runs, 1.0)[..., None]
    deviation = np.where(usable[..., None], test - np.where(usable, runs, 0.0)[..., None], 0.0) / unit
    mean = deviation.sum(axis=1) / np.maximum(usable.sum(axis=1), 1)[:, None]
    return mean / math.sqrt(max(blocks * (blocks - 1), 1))


def _compared(
    a: _Side,
    b: _Side,
    numbers: np.ndarray,
    weights: Floats,
    base: Effect,
    images: bool,
    larger: bool,
) -> tuple[Effect, _Parts | None]:
    """Return the effect without limits, and its parts unless the limits stay NaN."""
    blocks = a.grid.test.shape[2]
    if b.grid.test.shape[2] != blocks:
        raise ValueError(
            f"Invalid pair: got {blocks} and {b.grid.test.shape[2]} blocks, expected equal numbers."
        )
    base = replace(base, cross_fitted=min(len(a.grid.seeds), len(b.grid.seeds)) >= FEWEST_SEEDS)
    if without := [name for name, side in (("a", a), ("b", b)) if (side.choice == NO_RATE).any()]:
        return replace(base, reason=f"no eligible learning rate: {' and '.join(without)}"), None
    common, i, j = np.intersect1d(a.grid.seeds, b.grid.seeds, return_indices=True)
    at = np.searchsorted(numbers, common)
    d = a.runs[a.choice[i], i] - b.runs[b.choice[j], j]
    present = np.isfinite(d)
    n = int(present.sum())
    base = replace(base, pairs=n, omitted=len(d) - n)
    if not n:
        return replace(base, reason="all common seeds diverged" if len(d) else "no common seed"), None
    i, j, at, d = i[present], j[present], at[present], d[present]
    mean = float(d.mean())
    base = replace(
        base,
        estimate=math.expm1(mean) if base.relative else mean,
        improvement=float(np.mean((1 + np.sign(d if larger else -d)) / 2)),
    )
    if n < 2:
        return replace(base, reason="fewer than two pairs"), None
    base = replace(base, sd=float(d.std(ddof=1)))
    if images and blocks < 2:
        return replace(base, reason="fewer than two blocks of test images"), None
    from_rates = _by_rates(a, b, i, j, weights[:, at])
    from_seeds = np.zeros(len(numbers))
    from_seeds[at] = (d - mean) / math.sqrt(n * (n - 1))
    from_images, residual = np.zeros(0), 0.0
    if images:
        from_images, residual = _by_images(a.blocks(i, base.relative) - b.blocks(j, base.relative))
    seed, image, rate = (math.sqrt(v @ v) for v in (from_seeds, from_images, from_rates))
    return (
        replace(base, seed_error=seed, image_error=image, rate_error=rate),
        _Parts(from_seeds, from_images, from_rates, residual, n),
    )


def _by_images(d: Floats) -> tuple[Floats, float]:
    """Return the deviation of the mean of d (P, B) by each block, (B,), and the variance by the residual."""
    pairs, blocks = d.shape
    columns = d.mean(axis=0)
    rest = d - d.mean(axis=1, keepdims=True) - columns + columns.mean()
    residual = float((rest**2).sum() / ((pairs - 1) * (blocks - 1) * pairs * blocks))
    return (columns - columns.mean()) / math.sqrt(blocks * (blocks - 1)), residual


def _by_rates(a: _Side, b: _Side, i: Ints, j: Ints, weights: Floats) -> Floats:
    """Return the deviation of the mean by the choice of rates in each resample, (N,), over the root of N.

    The pairs are compared at the rates that a resample chose and at those that all seeds chose. The squared
    mean of these differences exceeds that of the rates' expected differences by the variance of the mean,
    which is estimated within halves and subtracted. The halves choose for one another: seeds that favour a
    rate in one half choose it for the other, so that their means are correlated. The covariance of the
    resampled means is added.

    Args:
        a: First side.
        b: Second side.
        i: Positions of the pairs in a, (P,).
        j: Positions in b.
        weights: Weights of the pairs' seeds in each resample, (N, P).
    """
    now = a.runs[a.choice[i], i] - b.runs[b.choice[j], j]  # (P,)
    resampled = a.runs[a.choices[:, i], i] - b.runs[b.choices[:, j], j]  # (N, P)
    resampled = np.where(np.isfinite(resampled), resampled, now)
    moved = resampled - now
    mean = moved.mean(axis=1)
    square = float(mean @ mean)
    if not square:
        return mean
    halves, weighted, noise, means = _halves(len(a.grid.seeds))[i], weights * resampled, 0.0, []
    for half in np.unique(halves):
        x = moved[:, halves == half]
        if x.shape[1] > 1:
            noise += x.shape[1] * x.var(axis=1, ddof=1).sum() / len(i) ** 2
        means.append(weighted[:, halves == half].sum(axis=1) / len(i))
    together = 2 * float(np.cov(*means)[0, 1]) * len(mean) if len(means) == 2 else 0.0
    return mean * math.sqrt(max(0.0, square - noise + together) / square / len(mean))


def _limited(
    results: Sequence[Effect],
    parts: Sequence[_Parts | None],
    simultaneous: bool,
    confidence: float,
    rng: np.random.Generator,
) -> list[Effect]:
    """Return the effects with their limits."""
    known = [part for part in parts if part is not None and part.variance > 0]
    z = float(stats.norm.ppf((1 + confidence) / 2))
    if simultaneous and len(known) > 1:
        z = max(z, _largest(_correlation(known), confidence, rng))
    limited = []
    for result, part in zip(results, parts, strict=True):
        if part is None:
            limited.append(result)
            continue
        error = math.sqrt(part.variance)
        freedom = part.freedom if error > 0 else math.inf
        half = float(stats.t.isf(stats.norm.sf(z), freedom)) * error
        middle = math.log1p(result.estimate) if result.relative else result.estimate
        low, high = (math.expm1(v) if result.relative else v for v in (middle - half, middle + half))
        limited.append(replace(result, low=low, high=high, error=error, freedom=freedom))
    return limited


def _correlation(parts: Sequence[_Parts]) -> Floats:
    """Return the correlation of the deviations of a family, (C, C).

    Comparisons share seeds, resamples and, if they have equally many, blocks. Few seeds, or one that is far
    from the others, make comparisons look more alike than they are; the covariance by n seeds is therefore
    shrunk towards independence by 2/n.
    """
    blocks = np.array([len(part.image) for part in parts])
    seed, rate = (np.array([getattr(part, name) for part in parts]) for name in ("seed", "rate"))
    covariance = seed @ seed.T
    covariance += min(1.0, 2 / min(part.pairs for part in parts)) * (
        np.diag(np.diag(covariance)) - covariance
    )
    covariance += rate @ rate.T
    for size in np.unique(blocks):
        rows = np.flatnonzero(blocks == size)
        image = np.array([part.image for part in parts if len(part.image) == size])
        covariance[np.ix_(rows, rows)] += image @ image.T
    sd = np.sqrt(np.diag(covariance))
    return covariance / np.outer(sd, sd)


def _largest(correlation: Floats, confidence: float, rng: np.random.Generator) -> float:
    """Return the quantile of the largest of correlated standard normal deviations, by simulation."""
    values, vectors = np.linalg.eigh(correlation)
    draws = rng.standard_normal((DRAWS, len(values))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return float(np.quantile(np.abs(draws).max(axis=1), confidence))
