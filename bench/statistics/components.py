"""Standard deviations of training results by seeds, images and rates, estimated from runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from bench.statistics.effects import Floats, Grid


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
        rate_image: Blocks of images at one learning rate of one candidate, of held-out images too.
        validation: Validation score of one run about its expected result.
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
    rate_image: float
    validation: float
    rates: tuple[float, ...]
    tail: float = 0.0
    tail_scale: float = 1.0


def components_of(grids: Sequence[Grid], *, relative: bool) -> Components:
    """Estimate components from candidates with the same seeds and blocks, by analysis of variance.

    Negative estimates become zero. With one grid, what candidates share counts as its own. Heavy tails are
    not estimated.

    Args:
        grids: Candidates; rates at which a run is missing or diverged are left out.
        relative: Whether results are losses, of which the logarithm is taken.

    Raises:
        ValueError: If a candidate has fewer than two complete rates, seeds or blocks, or they differ.
    """
    shapes = {grid.test.shape[1:] for grid in grids}
    if len(shapes) != 1:
        raise ValueError(f"Invalid grids: got shapes {sorted(shapes)}, expected the same seeds and blocks.")
    found = [_anova(grid, relative) for grid in grids]
    mean = {name: float(np.mean([f[name] for f in found])) for name in _ESTIMATED}
    shared = {name: _shared(np.array([f[name] for f in found])) for name in ("by_seed", "by_image")}
    rates = zip_longest(*(f["rates"] for f in found), fillvalue=np.nan)

    def root(square: float) -> float:
        return float(np.sqrt(max(square, 0.0)))

    return Components(
        seed=root(mean["seed"] - shared["by_seed"]),
        shared_seed=root(shared["by_seed"]),
        seed_rate=root(mean["seed_rate"]),
        shared_image=root(shared["by_image"]),
        image=root(mean["image"] - shared["by_image"]),
        residual=root(mean["residual"]),
        rate_image=root(mean["rate_image"]),
        validation=root(mean["validation"]),
        rates=tuple(float(np.nanmean(losses)) for losses in rates),
    )


def _anova(grid: Grid, relative: bool) -> dict[str, Any]:
    """Return variances of one candidate, its means by seed (S,) and block (B,), and sorted losses by rate."""
    complete = np.isfinite(grid.validation).all(axis=1) & np.isfinite(grid.test).all(axis=(1, 2))
    x, score = grid.test[complete], grid.validation[complete]
    rates, seeds, blocks = x.shape
    if min(x.shape) < 2:
        raise ValueError(
            f"Invalid grid: got {rates} complete rates, {seeds} seeds, {blocks} blocks, expected two."
        )
    if relative:
        x = -np.log(x)
    runs, by_rate_block = x.mean(axis=2), x.mean(axis=1)  # (R, S), (R, B)

    def interaction(y: Floats) -> Floats:
        """Return y without the means by its last two axes."""
        return (
            y
            - y.mean(axis=-1, keepdims=True)
            - y.mean(axis=-2, keepdims=True)
            + y.mean(axis=(-2, -1), keepdims=True)
        )

    def square(y: Floats, freedom: int) -> float:
        return float((y**2).sum() / freedom)

    residual = square(interaction(x), rates * (seeds - 1) * (blocks - 1))
    of_runs = square(interaction(runs), (rates - 1) * (seeds - 1))  # seed_rate + residual / B
    of_blocks = square(interaction(by_rate_block), (rates - 1) * (blocks - 1))  # rate_image + residual / S
    by_seed, by_image = runs.mean(axis=0), by_rate_block.mean(axis=0)
    difference = square(interaction(score - runs), (rates - 1) * (seeds - 1))
    means = runs.mean(axis=1)
    return {
        "residual": residual,
        "seed_rate": of_runs - residual / blocks,
        "rate_image": of_blocks - residual / seeds,
        "seed": by_seed.var(ddof=1) - of_runs / rates,
        "image": by_image.var(ddof=1) - of_blocks / rates,
        "validation": difference - residual / blocks,
        "by_seed": by_seed,
        "by_image": by_image,
        "rates": np.sort(means.max() - means),
    }


_ESTIMATED = ("residual", "seed_rate", "rate_image", "seed", "image", "validation")


def _shared(deviations: Floats) -> float:
    """Return the mean covariance of candidates, (C, n); 0 for one."""
    if len(deviations) < 2:
        return 0.0
    covariance = np.cov(deviations)
    return max(float(covariance[np.triu_indices(len(covariance), 1)].mean()), 0.0)
