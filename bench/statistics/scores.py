"""The score on held-out images that chooses learning rates."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

TINY = 1e-30  # in place of a loss of 0, which has no logarithm


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
