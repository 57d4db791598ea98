"""Principal components by the eigenvectors of the covariance matrix, with scikit-learn's interface."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from impl.svd import Matrix, as_matrix, checked_rank, largest_positive


class PCA:
    """Projection on the `n_components` directions of largest variance, as question 2 finds them.

    With X centred by its column means, Q = XᵀX/(n - 1) = V diag(λ) Vᵀ: the components are the columns of V
    by descending λ, the scores X V (Pearson 1901, Hotelling 1933). Signs as in scikit-learn: the entry of
    largest magnitude of each component is positive.

    After `fit`: components_ (k, d), explained_variance_ (k,) in the features' unit squared,
    explained_variance_ratio_ (k,), mean_ (d,), n_components_.
    """

    components_: Matrix
    explained_variance_: Matrix
    explained_variance_ratio_: Matrix
    mean_: Matrix
    n_components_: int

    def __init__(self, n_components: int) -> None:
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the components of X (n, d); `y` is ignored, as in scikit-learn.

        Raises ValueError for fewer than two samples, n_components outside 1..min(n, d), all samples equal,
        NaN or infinity, or another shape.
        """
        X = as_matrix(X, "X")
        n, d = X.shape
        if n < 2:
            raise ValueError(f"X {X.shape} holds one sample; a variance needs two or more")
        if not (X - X[0]).any():
            raise ValueError(f"all {n} samples of X are equal; without variance there are no components")
        k = checked_rank(self.n_components, min(n, d), "n_components")
        mean = X.mean(axis=0)
        centred = X - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / (n - 1))
        variances, components = np.maximum(values[::-1], 0), vectors.T[::-1]
        self.mean_, self.n_components_ = mean, k
        self.components_ = components[:k] * largest_positive(components[:k])[:, None]
        self.explained_variance_ = variances[:k]
        self.explained_variance_ratio_ = variances[:k] / variances.sum()
        return self

    def transform(self, X: ArrayLike) -> Matrix:
        """Scores (X - mean) V of X (n, d), shape (n, k). Raises ValueError before `fit` or for another d."""
        return (self._columns(X, "X", -1) - self.mean_) @ self.components_.T

    def fit_transform(self, X: ArrayLike, y: object = None) -> Matrix:
        """`fit` on X (n, d), then its scores (n, k); errors as there."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: ArrayLike) -> Matrix:
        """Points X Vᵀ + mean (n, d) of scores X (n, k). Raises ValueError before `fit` or for another k."""
        return self._columns(X, "scores", 0) @ self.components_ + self.mean_

    def _columns(self, X: ArrayLike, name: str, axis: int) -> Matrix:
        """`X` as a matrix with as many columns as `components_` has entries along `axis`."""
        if not hasattr(self, "components_"):
            raise ValueError("this PCA is not fitted; call fit first")
        X = as_matrix(X, name)
        if X.shape[1] != self.components_.shape[axis]:
            raise ValueError(f"{name} {X.shape} has not {self.components_.shape[axis]} columns")
        return X
