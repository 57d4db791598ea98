"""Principal components by the eigenvectors of the covariance matrix, with scikit-learn's interface."""

import operator
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from impl.svd import Matrix, as_matrix, largest_positive

# A component is taken from the covariance matrix down to this share of the first one's standard deviation:
# rounding leaves about ε (σ₁/σ)² of its variance wrong, here 2e-12.
ACCURATE = 1e-2


class PCA(TransformerMixin, BaseEstimator):
    """Projection on the directions of largest variance, as question 2 finds them.

    With X centred by its column means, Q = XᵀX/(n - 1) = V diag(λ) Vᵀ: the components are the columns of V
    by descending λ, the scores X V (Pearson 1901, Hotelling 1933). Signs as in scikit-learn: the entry of
    largest magnitude of each component is positive.

    n_components: how many; a fraction between 0 and 1 for the fewest that explain more than this share of the
    variance; None for all min(n, d).

    After `fit`: components_ (k, d), explained_variance_ (k,) in the features' unit squared,
    explained_variance_ratio_ (k,), singular_values_ (k,) of centred X, mean_ (d,), n_components_, n_samples_,
    n_features_in_, and noise_variance_, the mean variance along the directions left out (Tipping & Bishop
    1999).

    >>> X = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [6.0, 6.0]])
    >>> pca = PCA(n_components=1).fit(X)
    >>> pca.components_.round(4)
    array([[0.7071, 0.7071]])
    >>> pca.explained_variance_ratio_.round(4)
    array([1.])
    >>> pca.inverse_transform(pca.transform(X)).round(4)[-1]
    array([6., 6.])
    """

    components_: Matrix
    explained_variance_: Matrix
    explained_variance_ratio_: Matrix
    singular_values_: Matrix
    mean_: Matrix
    noise_variance_: float
    n_components_: int
    n_samples_: int
    n_features_in_: int

    def __init__(self, n_components: float | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the components of X (n, d); `y` is ignored, as in scikit-learn.

        Raises ValueError for fewer than two samples, n_components outside 1..min(n, d) or (0, 1), all samples
        equal, NaN or infinity, or another shape; TypeError for n_components of another type.
        """
        X = as_matrix(X, "X")
        n, d = X.shape
        if n < 2:
            raise ValueError(f"X {X.shape} holds one sample; a variance needs two or more")
        if np.array_equiv(X[0], X):
            raise ValueError(f"all {n} samples of X are equal; without variance there are no components")
        mean = X.mean(axis=0)
        centred = X - mean
        self._check(n, d)
        S, Vt = _from_covariance(centred) if n >= d else _from_svd(centred)
        k = self._count(S**2)
        if n >= d and S[k - 1] < ACCURATE * S[0]:
            S, Vt = _from_svd(centred)
        variances = S**2 / (n - 1)
        self.components_ = Vt[:k] * largest_positive(Vt[:k])[:, None]
        self.singular_values_, self.explained_variance_ = S[:k], variances[:k]
        self.explained_variance_ratio_ = variances[:k] / variances.sum()
        self.noise_variance_ = float(variances[k:].mean()) if k < len(variances) else 0.0
        self.mean_, self.n_components_, self.n_samples_, self.n_features_in_ = mean, k, n, d
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

    def _check(self, n: int, d: int) -> None:
        """Raise ValueError or TypeError unless n_components suits n samples of d features."""
        k, most = self.n_components, min(n, d)
        if k is None or (isinstance(k, float) and 0 < k < 1):
            return
        expected = f"1 to {most} for {n} samples of {d} features, a fraction between 0 and 1, or None"
        try:
            whole = operator.index(k)  # type: ignore[arg-type]  # what is no integer raises
        except TypeError:
            error = ValueError if isinstance(k, float) else TypeError
            raise error(f"n_components {k!r} is none of: {expected}") from None
        if not 1 <= whole <= most:
            raise ValueError(f"n_components {k} is none of: {expected}")

    def _count(self, squares: Matrix) -> int:
        """How many components n_components asks for, of squared singular values in descending order."""
        if self.n_components is None:
            return len(squares)
        if isinstance(self.n_components, float):
            shares = np.cumsum(squares / squares.sum())
            return min(int(np.searchsorted(shares, self.n_components, side="right")) + 1, len(squares))
        return operator.index(self.n_components)

    def _columns(self, X: ArrayLike, name: str, axis: int) -> Matrix:
        """`X` as a matrix with as many columns as `components_` has entries along `axis`."""
        check_is_fitted(self, "components_")
        X = as_matrix(X, name)
        if X.shape[1] != self.components_.shape[axis]:
            raise ValueError(f"{name} {X.shape} has not {self.components_.shape[axis]} columns")
        return X


def _from_covariance(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Singular values (d,) and right vectors (d, d) of X (n, d) by the eigenvectors of XᵀX."""
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.sqrt(np.maximum(values[::-1], 0)), vectors.T[::-1]


def _from_svd(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Singular values (r,) and right vectors (r, d) of X (n, d), r = min(n, d), without forming XᵀX.

    X and the triangle R of X = Q R have both in common; R is gathered from a block of rows after another
    (Demmel, Grigori, Hoemmen & Langou 2012), so that Q is never formed.
    """
    n, d = centred.shape
    R: Matrix = centred[:0]
    for block in np.array_split(centred, -(-n // (4 * d))):
        R = np.asarray(np.linalg.qr(np.concatenate([R, block]), mode="r"))
    _, S, Vt = np.linalg.svd(R, full_matrices=False)
    return S, Vt
