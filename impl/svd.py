"""Singular value decomposition by the eigenvectors of AᵀA, its truncation, and what that keeps and costs."""

import math
import operator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


class SVD(NamedTuple):
    """Factors of A ≈ U diag(S) Vt: U (m, r) and Vt (r, n) orthonormal, S (r,) descending and >= 0."""

    U: Matrix
    S: Matrix
    Vt: Matrix

    def matrix(self) -> Matrix:
        """Multiply out: U diag(S) Vt, the sum of the rank-one matrices σᵢ uᵢ vᵢᵀ; (m, n)."""
        return (self.U * self.S) @ self.Vt


def as_matrix(a: ArrayLike, name: str = "matrix") -> Matrix:
    """`a` as float64, (m, n).

    Raises TypeError unless it holds real numbers; ValueError for rows of unequal length, another number of
    dimensions, an empty matrix, NaN or infinity.

    >>> as_matrix([[1, 2], [3, 4]]).dtype
    dtype('float64')
    """
    try:
        array = np.asarray(a)
    except ValueError as error:
        raise ValueError(f"{name} has rows of unequal length; (m, n) numbers are expected") from error
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name} of shape {array.shape} is not (m, n) with m, n >= 1")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is {array.dtype}; real numbers are expected")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} holds NaN or infinity, first at {where}; finite numbers are expected")
    return array


def checked_rank(rank: int, largest: int, name: str = "rank") -> int:
    """`rank` if it is a whole number from 1 to `largest`; else TypeError or ValueError."""
    try:
        whole = operator.index(rank)
    except TypeError:
        kind = type(rank).__name__
        raise TypeError(
            f"{name} {rank!r} is {kind}; a whole number from 1 to {largest} is expected"
        ) from None
    if not 1 <= whole <= largest:
        raise ValueError(f"{name} {rank} is not between 1 and {largest}")
    return whole


def largest_positive(rows: Matrix) -> Matrix:
    """Signs ±1 (r,) that make the entry of largest magnitude of each row (r, n) positive.

    The first of several that are equal to within rounding, so that rounding does not choose the sign.
    """
    size = np.abs(rows)
    first = (size >= (1 - 1e-9) * size.max(axis=1, keepdims=True)).argmax(axis=1)
    return np.where(rows[np.arange(len(rows)), first] < 0, -1.0, 1.0)


def svd(matrix: ArrayLike) -> SVD:
    """Thin singular value decomposition A = U diag(S) Vt, r = min(m, n), by the route of question 1.

    AᵀA = V diag(σ²) Vᵀ gives V and σ, and uᵢ = A vᵢ / σᵢ; where m < n, the same is done to Aᵀ. Signs: the
    entry of largest magnitude of each row of Vt is positive, the first of equal ones.

    Forming AᵀA squares the condition number: an eigenvalue is known to about r ε σ₁², so that a singular
    value below σ₁ √(r ε), ε = 2⁻⁵², cannot be told from zero here and is returned as 0, its vectors completed
    to an orthonormal set (Golub & Van Loan 2013, section 8.6). matrix: (m, n) real; errors as in `as_matrix`.

    >>> A = np.array([[3.0, 0.0], [0.0, -2.0], [0.0, 0.0]])
    >>> U, S, Vt = svd(A)
    >>> S.round(4)
    array([3., 2.])
    >>> np.allclose((U * S) @ Vt, A)
    True
    """
    A = as_matrix(matrix)
    if A.shape[0] < A.shape[1]:
        V, S, Ut = _tall(A.T)
        U, Vt = Ut.T, V.T
    else:
        U, S, Vt = _tall(A)
    signs = largest_positive(Vt)
    return SVD(U * signs, S, Vt * signs[:, None])


def _tall(A: Matrix) -> SVD:
    """`svd` for m >= n, signs left as they come."""
    scale = np.abs(A).max() or 1.0  # squares of 1e200 or 1e-200 would leave the range
    A = A / scale
    values, V = np.linalg.eigh(A.T @ A)
    values, V = np.maximum(values[::-1], 0), V[:, ::-1]
    values[values <= len(values) * np.finfo(float).eps * values[0]] = 0
    S = np.sqrt(values)
    U = np.divide(A @ V, S, out=np.zeros_like(A), where=S > 0)
    # Q's columns are U's up to sign where σ > 0, freed of rounding, which A v / σ enlarges by σ₁/σ, and
    # complete them where σ = 0
    Q, R = np.linalg.qr(U)
    return SVD(Q * np.where(np.diag(R) < 0, -1.0, 1.0), scale * S, V.T)


def truncate(decomposition: SVD, rank: int) -> SVD:
    """The `rank` largest singular values and their vectors: U (m, k), S (k,), Vt (k, n).

    Of all matrices of that rank their product is nearest to A (Eckart & Young 1936). Raises ValueError for a
    rank outside 1..r, TypeError for one that is no whole number.

    >>> truncate(svd([[3.0, 0.0], [0.0, 2.0]]), rank=1).S.round(4)
    array([3.])
    """
    k = checked_rank(rank, len(decomposition.S))
    return SVD(decomposition.U[:, :k], decomposition.S[:k], decomposition.Vt[:k])


def storage(m: int, n: int, rank: int) -> int:
    """Numbers kept by a truncated decomposition of an (m, n) matrix: rank (m + n + 1); in full, m n.

    Raises ValueError for a rank outside 1..min(m, n).

    >>> storage(100, 50, rank=10)
    1510
    """
    return checked_rank(rank, min(m, n)) * (m + n + 1)


def compression_ratio(m: int, n: int, rank: int) -> float:
    """How many times fewer numbers than m n `storage` keeps; below 1 it keeps more. Errors as there.

    >>> round(compression_ratio(100, 50, rank=10), 2)
    3.31
    """
    return m * n / storage(m, n, rank)


def energy(a: ArrayLike) -> float:
    """Σ Aᵢⱼ², which is Σ σᵢ²: the square of the norm, in the entries' unit squared; errors as in `svd`.

    >>> energy([[3.0, 0.0], [0.0, 4.0]])
    25.0
    """
    return float(np.square(as_matrix(a)).sum())


def frobenius_norm(a: ArrayLike) -> float:
    """√(Σ Aᵢⱼ²), in the entries' unit; errors as in `svd`.

    >>> frobenius_norm([[3.0, 0.0], [0.0, 4.0]])
    5.0
    """
    return float(np.sqrt(energy(a)))


def psnr(picture: ArrayLike, copy: ArrayLike) -> float:
    """Peak signal-to-noise ratio 10 log₁₀(1 / mean (picture - copy)²) in decibels; ∞ for equal ones.

    picture, copy: (m, n), 1 being white. Raises ValueError for shapes that differ; others as in `svd`.

    >>> round(psnr([[1.0, 0.0]], [[0.9, 0.1]]), 4)
    20.0
    """
    a, b = as_matrix(picture, "picture"), as_matrix(copy, "copy")
    if a.shape != b.shape:
        raise ValueError(f"copy {b.shape} is not of the picture's shape {a.shape}")
    error = energy(a - b) / a.size
    return -10 * math.log10(error) if error else math.inf
