"""Principal component analysis by the eigenvectors of the covariance matrix, in scikit-learn's interface."""

import operator
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from impl.names import invalid
from impl.svd import Matrix, as_matrix, largest_positive

# Components come from the covariance matrix down to this share of the largest standard deviation, where the
# relative rounding error of a variance, about ε (σ₁/σ)², is 2e-12.
ACCURATE = 1e-2


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Project on the directions of largest variance (question 2).

        Q = XᵀX/(n - 1) = V diag(λ) Vᵀ

    for X centred by its column means. The components are the columns of V by descending λ, the scores X V.
    Signs as in scikit-learn: the entry of largest magnitude of each component is positive.

    Args:
        n_components: number of components; a fraction between 0 and 1 for the fewest that explain more than
            this share of the variance; None for all min(n, d).

    Attributes:
        components_: (k, d).
        explained_variance_: (k,), in the features' unit squared.
        explained_variance_ratio_: (k,), shares of the variance.
        singular_values_: (k,), of centred X.
        mean_: (d,).
        noise_variance_: mean variance along the other directions (Tipping & Bishop 1999).
        n_components_: k.
        n_samples_: n.
        n_features_in_: d.
        feature_names_in_: (d,), names of the columns, where `fit` received a DataFrame with names.

    Example:
        >>> X = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [6.0, 6.0]])
        >>> pca = PCA(n_components=1).fit(X)
        >>> pca.components_.round(4)
        array([[0.7071, 0.7071]])
        >>> pca.explained_variance_ratio_.round(4)
        array([1.])
        >>> pca.inverse_transform(pca.transform(X)).round(4)[-1]
        array([6., 6.])

    References:
        Pearson (1901), Hotelling (1933).
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
    feature_names_in_: NDArray[np.object_]

    def __init__(self, n_components: float | None = None) -> None:
        self.n_components = n_components

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit the components.

        Args:
            X: (n, d), n >= 2.
            y: ignored, as in scikit-learn.

        Raises:
            ValueError: fewer than two samples, `n_components` out of range, all samples equal, NaN or
                infinity, or another shape.
            TypeError: `n_components` has another type.
        """
        validate_data(self, X, skip_check_array=True)  # sets the number and the names of the features
        X = as_matrix(X, "X")
        n, d = X.shape
        if n < 2:
            raise ValueError(invalid("X", "one sample", "two or more"))
        if np.array_equiv(X[0], X):
            raise ValueError(invalid("X", f"{n} equal samples", "samples that differ"))
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
        self.mean_, self.n_components_, self.n_samples_ = mean, k, n
        return self

    def transform(self, X: ArrayLike) -> Matrix:
        """Return the scores (X - mean) V, as a DataFrame after `set_output(transform="pandas")`.

        Args:
            X: (n, d).

        Returns:
            (n, k).

        Raises:
            ValueError: called before `fit`, or X has other columns or the same in another order.
        """
        check_is_fitted(self, "components_")
        validate_data(self, X, reset=False, skip_check_array=True)
        return (as_matrix(X, "X") - self.mean_) @ self.components_.T

    def fit_transform(self, X: ArrayLike, y: object = None) -> Matrix:
        """Fit the components and return the scores; errors as in `fit`.

        Args:
            X: (n, d).
            y: ignored, as in scikit-learn.

        Returns:
            (n, k).
        """
        return self.fit(X).transform(X)

    def inverse_transform(self, X: ArrayLike) -> Matrix:
        """Return the points X Vᵀ + mean of scores.

        Args:
            X: scores (n, k).

        Returns:
            (n, d).

        Raises:
            ValueError: called before `fit`, or X has other columns.
        """
        check_is_fitted(self, "components_")
        X = as_matrix(X, "scores")
        if X.shape[1] != self.n_components_:
            raise ValueError(invalid("scores", f"shape {X.shape}", f"{self.n_components_} columns"))
        return X @ self.components_ + self.mean_

    @property
    def _n_features_out(self) -> int:
        """Return the number of columns of `transform`, for `get_feature_names_out`."""
        return self.n_components_

    def _check(self, n: int, d: int) -> None:
        """Raise ValueError or TypeError unless n_components suits n samples of d features."""
        k, most = self.n_components, min(n, d)
        if k is None or (isinstance(k, float) and 0 < k < 1):
            return
        expected = f"1 to {most} for {n} samples of {d} features, a fraction between 0 and 1, or None"
        try:
            whole = operator.index(k)  # type: ignore[arg-type]  # other types raise
        except TypeError:
            error = ValueError if isinstance(k, float) else TypeError
            raise error(invalid("n_components", repr(k), expected)) from None
        if not 1 <= whole <= most:
            raise ValueError(invalid("n_components", k, expected))

    def _count(self, squares: Matrix) -> int:
        """Return the number of components, given squared singular values in descending order."""
        if self.n_components is None:
            return len(squares)
        if isinstance(self.n_components, float):
            shares = np.cumsum(squares / squares.sum())
            return min(int(np.searchsorted(shares, self.n_components, side="right")) + 1, len(squares))
        return operator.index(self.n_components)


def _from_covariance(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Return singular values (d,) and right vectors (d, d) of X (n, d) by the eigenvectors of XᵀX."""
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.sqrt(np.maximum(values[::-1], 0)), vectors.T[::-1]


def _from_svd(centred: Matrix) -> tuple[Matrix, Matrix]:
    """Return singular values (r,) and right vectors (r, d) of X (n, d), r = min(n, d), without forming XᵀX.

    X and the triangle R of X = Q R have both in common. R is updated block of rows by block of rows (Demmel,
    Grigori, Hoemmen & Langou 2012), so that Q is never formed.
    """
    n, d = centred.shape
    R: Matrix = centred[:0]
    for block in np.array_split(centred, -(-n // (4 * d))):
        R = np.asarray(np.linalg.qr(np.concatenate([R, block]), mode="r"))
    _, S, Vt = np.linalg.svd(R, full_matrices=False)
    return S, Vt
