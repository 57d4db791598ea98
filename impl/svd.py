"""Singular value decomposition by the eigenvectors of AᵀA, its truncation and its measures."""

import math
import operator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from impl.names import invalid

Matrix = NDArray[np.float64]


class SVD(NamedTuple):
    """Factors of A ≈ U diag(S) Vt.

    Attributes:
        U: (m, r), orthonormal columns.
        S: (r,), descending, >= 0.
        Vt: (r, n), orthonormal rows.
    """

    U: Matrix
    S: Matrix
    Vt: Matrix

    def matrix(self) -> Matrix:
        """Return U diag(S) Vt (m, n), the sum of the rank-one matrices σᵢ uᵢ vᵢᵀ."""
        return (self.U * self.S) @ self.Vt


def as_matrix(a: ArrayLike, name: str = "matrix") -> Matrix:
    """Return `a` as float64 (m, n).

    Args:
        a: real numbers, (m, n).
        name: name of the argument, for errors.

    Raises:
        TypeError: other than real numbers.
        ValueError: rows of unequal length, another number of dimensions, no entry, NaN or infinity.

    Example:
        >>> as_matrix([[1, 2], [3, 4]]).dtype
        dtype('float64')
    """
    try:
        array = np.asarray(a)
    except ValueError as error:
        raise ValueError(invalid(name, "rows of unequal length", "shape (m, n)")) from error
    if array.ndim != 2 or not array.size:
        raise ValueError(invalid(name, f"shape {array.shape}", "(m, n) with m, n >= 1"))
    if array.dtype.kind not in "biuf":
        raise TypeError(invalid(name, array.dtype, "real numbers"))
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(invalid(name, f"{array[index]} at {index}", "finite numbers"))
    return array


def checked_rank(rank: int, largest: int, name: str = "rank") -> int:
    """Return `rank` if it is an integer from 1 to `largest`; raise TypeError or ValueError otherwise."""
    try:
        whole = operator.index(rank)
    except TypeError:
        raise TypeError(invalid(name, repr(rank), f"an integer from 1 to {largest}")) from None
    if not 1 <= whole <= largest:
        raise ValueError(invalid(name, rank, f"an integer from 1 to {largest}"))
    return whole


def largest_positive(rows: Matrix) -> Matrix:
    """Return signs ±1 (r,) that make the entry of largest magnitude of each row (r, n) positive.

    Of entries that are equal to within rounding the first counts, so that rounding does not choose the sign.
    """
    size = np.abs(rows)
    first = (size >= (1 - 1e-9) * size.max(axis=1, keepdims=True)).argmax(axis=1)
    return np.where(rows[np.arange(len(rows)), first] < 0, -1.0, 1.0)


def svd(matrix: ArrayLike) -> SVD:
    """Compute the thin singular value decomposition A = U diag(S) Vt (question 1).

        AᵀA = V diag(σ²) Vᵀ,  uᵢ = A vᵢ / σᵢ

    Where m < n, the same is done to Aᵀ. The entry of largest magnitude of each row of Vt is positive, the
    first of equal ones. Forming AᵀA squares the condition number: an eigenvalue has an error of about r ε
    σ₁², so that a singular value below σ₁ √(r ε), ε = 2⁻⁵², is returned as 0, its vectors completed to an
    orthonormal set.

    Args:
        matrix: (m, n), real.

    Returns:
        `SVD` with U (m, r), S (r,) and Vt (r, n), r = min(m, n).

    Raises:
        TypeError: other than real numbers.
        ValueError: another shape, NaN or infinity.

    Example:
        >>> A = np.array([[3.0, 0.0], [0.0, -2.0], [0.0, 0.0]])
        >>> U, S, Vt = svd(A)
        >>> S.round(4)
        array([3., 2.])
        >>> np.allclose((U * S) @ Vt, A)
        True

    References:
        Golub & Van Loan (2013), section 8.6.
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
    """Compute `svd` for m >= n, without fixing signs."""
    scale = np.abs(A).max() or 1.0  # squares of 1e200 or 1e-200 would leave the range
    A = A / scale
    values, V = np.linalg.eigh(A.T @ A)
    values, V = np.maximum(values[::-1], 0), V[:, ::-1]
    values[values <= len(values) * np.finfo(float).eps * values[0]] = 0
    S = np.sqrt(values)
    U = np.divide(A @ V, S, out=np.zeros_like(A), where=S > 0)
    # Q's columns are U's up to sign where σ > 0, without the rounding that A v / σ enlarges by σ₁/σ, and
    # complete them where σ = 0
    Q, R = np.linalg.qr(U)
    return SVD(Q * np.where(np.diag(R) < 0, -1.0, 1.0), scale * S, V.T)


def truncate(decomposition: SVD, rank: int) -> SVD:
    """Return the `rank` largest singular values and their vectors.

    Of all matrices of this rank their product is nearest to A.

    Args:
        decomposition: U (m, r), S (r,), Vt (r, n).
        rank: k, from 1 to r.

    Returns:
        `SVD` with U (m, k), S (k,) and Vt (k, n).

    Raises:
        TypeError: the rank is no integer.
        ValueError: the rank is out of range.

    Example:
        >>> truncate(svd([[3.0, 0.0], [0.0, 2.0]]), rank=1).S.round(4)
        array([3.])

    References:
        Eckart & Young (1936).
    """
    k = checked_rank(rank, len(decomposition.S))
    return SVD(decomposition.U[:, :k], decomposition.S[:k], decomposition.Vt[:k])


def storage(m: int, n: int, rank: int) -> int:
    """Return the numbers that a truncated decomposition keeps, rank (m + n + 1); the matrix itself has m n.

    Args:
        m: rows of the matrix.
        n: columns of the matrix.
        rank: from 1 to min(m, n).

    Raises:
        ValueError: the rank is out of range.

    Example:
        >>> storage(100, 50, rank=10)
        1510
    """
    return checked_rank(rank, min(m, n)) * (m + n + 1)


def compression_ratio(m: int, n: int, rank: int) -> float:
    """Return m n over `storage`; below 1 the decomposition keeps more numbers than the matrix.

    Args:
        m: rows of the matrix.
        n: columns of the matrix.
        rank: from 1 to min(m, n).

    Raises:
        ValueError: the rank is out of range.

    Example:
        >>> round(compression_ratio(100, 50, rank=10), 2)
        3.31
    """
    return m * n / storage(m, n, rank)


def energy(a: ArrayLike) -> float:
    """Return Σ Aᵢⱼ² = Σ σᵢ², in the entries' unit squared.

    Args:
        a: (m, n), real.

    Raises:
        TypeError: other than real numbers.
        ValueError: another shape, NaN or infinity.

    Example:
        >>> energy([[3.0, 0.0], [0.0, 4.0]])
        25.0
    """
    return float(np.square(as_matrix(a)).sum())


def frobenius_norm(a: ArrayLike) -> float:
    """Return √(Σ Aᵢⱼ²), in the entries' unit; errors as in `energy`.

    Args:
        a: (m, n), real.

    Example:
        >>> frobenius_norm([[3.0, 0.0], [0.0, 4.0]])
        5.0
    """
    return float(np.sqrt(energy(a)))


def psnr(image: ArrayLike, approximation: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio 10 log₁₀(1 / mean (image - approximation)²) in decibels.

    Args:
        image: (m, n), 1 is white.
        approximation: (m, n).

    Returns:
        Decibels; ∞ for equal arrays.

    Raises:
        ValueError: shapes differ, or as in `energy`.

    Example:
        >>> round(psnr([[1.0, 0.0]], [[0.9, 0.1]]), 4)
        20.0
    """
    a, b = as_matrix(image, "image"), as_matrix(approximation, "approximation")
    if a.shape != b.shape:
        raise ValueError(invalid("approximation", f"shape {b.shape}", f"the image's, {a.shape}"))
    error = energy(a - b) / a.size
    return -10 * math.log10(error) if error else math.inf
