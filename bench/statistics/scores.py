"""The score on held-out images that chooses learning rates, and which rates it can still choose."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

TINY = 1e-30  # in place of a loss of 0, which has no logarithm
STANDARD_ERRORS = 1.0  # by which a rate may be behind the best one and still win


def held_out_score(accuracy: ArrayLike, loss: ArrayLike) -> NDArray[np.float64]:
    """Return the accuracy, or minus the logarithm of the loss where there is none; larger is better.

    Args:
        accuracy: Accuracies on held-out images, NaN where targets are values.
        loss: Losses on held-out images.

    Example:
        >>> held_out_score([0.9, np.nan], [0.3, 1.0]).tolist()
        [0.9, -0.0]
    """
    accuracies, losses = np.asarray(accuracy, float), np.asarray(loss, float)
    return np.where(np.isnan(accuracies), -np.log(np.maximum(losses, TINY)), accuracies)


def survivors(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rates can still be the best at some horizon.

    At each horizon a rate can win if its mean score is at most STANDARD_ERRORS standard errors below the best
    mean; the error is that of a difference of two means, from the variance over seeds pooled over all rates
    without a diverged run. A rate with a diverged run cannot win.

    Args:
        scores: (R, S, H) of rates, seeds and horizons; larger is better, -inf where a run diverged.

    Returns:
        (R,), False for every rate if each has a diverged run.
    """
    sound: NDArray[np.bool_] = np.array([np.isfinite(rate).all() for rate in scores])
    if not sound.any():
        return sound
    finite = scores[sound]
    means, seeds = finite.mean(axis=1), scores.shape[1]  # (R, H)
    variance = finite.var(axis=1, ddof=1).mean(axis=0) if seeds > 1 else np.zeros(scores.shape[2])
    behind = means.max(axis=0) - means
    going = (behind <= STANDARD_ERRORS * np.sqrt(2 * variance / seeds)).any(axis=1)
    result = np.zeros(len(scores), dtype=bool)
    result[np.flatnonzero(sound)[going]] = True
    return result
