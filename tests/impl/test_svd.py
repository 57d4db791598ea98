"""The decomposition against numpy's and the worked example of question 1."""

import mpmath
import numpy as np
import pytest
from sklearn.datasets import load_sample_image

from impl.svd import (
    SVD,
    compression_ratio,
    energy,
    frobenius_norm,
    largest_positive,
    psnr,
    storage,
    svd,
    truncate,
)

EXAMPLE = [[3, 2], [2, 3], [2, -2]]


def random(m: int, n: int, rank: int | None = None) -> np.ndarray:
    rng = np.random.default_rng(0)
    if rank is None:
        return rng.normal(size=(m, n))
    return rng.normal(size=(m, rank)) @ rng.normal(size=(rank, n))


MATRICES = {
    "tall": random(30, 8),
    "wide": random(8, 30),
    "square": random(12, 12),
    "row": random(1, 5),
    "column": random(5, 1),
    "tall of rank 3": random(30, 8, 3),
    "wide of rank 3": random(8, 30, 3),
    "square of rank 3": random(8, 8, 3),
    "zero": np.zeros((4, 3)),
    "one number": np.array([[-2.0]]),
    "huge": 1e200 * random(4, 6),
    "tiny": 1e-200 * random(6, 4),
    "equal singular values": np.eye(5),
    "hilbert": 1 / (np.arange(9)[:, None] + np.arange(9) + 1),
}


@pytest.mark.parametrize("name", MATRICES)
def test_equals_numpy(name):
    """To √(r ε) of the largest singular value: what forming AᵀA leaves."""
    A = MATRICES[name]
    expected = np.linalg.svd(A, compute_uv=False)
    actual = svd(A)
    tolerance = expected[0] * np.sqrt(len(expected) * np.finfo(float).eps)
    np.testing.assert_allclose(actual.S, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(actual.matrix(), A, rtol=0, atol=tolerance)
    assert (np.diff(actual.S) <= 0).all()
    assert (actual.S >= 0).all()


@pytest.mark.parametrize("name", ["tall", "wide", "square", "huge", "tiny"])
def test_well_conditioned_matrices_are_exact(name):
    A = MATRICES[name]
    actual, largest = svd(A), np.linalg.svd(A, compute_uv=False)[0]
    np.testing.assert_allclose(actual.S, np.linalg.svd(A, compute_uv=False), rtol=1e-11)
    np.testing.assert_allclose(actual.matrix(), A, rtol=0, atol=1e-13 * largest)


@pytest.mark.parametrize("name", MATRICES)
def test_factors_are_orthonormal_and_thin(name):
    A = MATRICES[name]
    U, S, Vt = svd(A)
    r = min(A.shape)
    assert (U.shape, S.shape, Vt.shape) == ((A.shape[0], r), (r,), (r, A.shape[1]))
    np.testing.assert_allclose(U.T @ U, np.eye(r), rtol=0, atol=1e-13)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(r), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", MATRICES)
def test_signs_follow_the_convention(name):
    _, _, Vt = svd(MATRICES[name])
    largest = np.abs(Vt).argmax(axis=1)
    assert (Vt[np.arange(len(Vt)), largest] > 0).all()


def test_rounding_does_not_choose_the_sign():
    """Of entries equal but for a unit in the last place the first one counts."""
    rows = np.array([[-0.5, np.nextafter(0.5, 1)], [0.5, -np.nextafter(0.5, 1)], [0.1, -0.5]])
    assert largest_positive(rows).tolist() == [-1, 1, -1]


@pytest.mark.parametrize("name", ["tall of rank 3", "wide of rank 3", "square of rank 3"])
def test_rank_deficient_matrices_have_zeros(name):
    assert (svd(MATRICES[name]).S[3:] == 0).all()
    assert (svd(MATRICES[name]).S[:3] > 0).all()


def of_condition(exponent: int) -> np.ndarray:
    """A (9, 6) whose singular values fall evenly in the logarithm from 1 to 10^-exponent, up to rounding."""
    left, right = np.linalg.qr(random(9, 6))[0], np.linalg.qr(random(6, 6))[0]
    return left * 10 ** -np.linspace(0, exponent, 6) @ right


@pytest.mark.parametrize("exponent", range(13))
def test_forming_the_gram_matrix_costs_the_square_of_the_condition_number(exponent):
    """An eigenvalue off by c r ε σ₁² puts σ off by at most c r ε σ₁²/σ, where numpy's is off by c r ε σ₁.

    Exact values by mpmath with 50 digits. What is zero may be so only below σ₁ √(r ε), about.
    """
    A = of_condition(exponent)
    with mpmath.workdps(50):
        exact = np.array(sorted(map(float, mpmath.svd_r(mpmath.matrix(A.tolist()), compute_uv=False)))[::-1])
    ours, rounding = svd(A).S, 2 * 6 * np.finfo(float).eps * exact[0]
    assert (np.abs(ours - exact) <= rounding * exact[0] / exact).all()
    assert (np.abs(np.linalg.svd(A, compute_uv=False) - exact) <= rounding).all()
    floor = exact[0] * np.sqrt(6 * np.finfo(float).eps)
    assert (ours[exact > 1.5 * floor] > 0).all()
    assert (ours[exact < floor / 1.5] == 0).all()


def test_worked_example_of_question_1():
    """AᵀA = [[17, 8], [8, 17]]: eigenvalues 25 and 9, vectors (1, 1)/√2 and (1, -1)/√2; u = A v/σ."""
    root = np.sqrt(2)
    U, S, Vt = svd(EXAMPLE)
    np.testing.assert_allclose(S, [5, 3], atol=1e-14)
    np.testing.assert_allclose(Vt, np.array([[1, 1], [1, -1]]) / root, atol=1e-14)
    np.testing.assert_allclose(U, np.array([[3, 1], [3, -1], [0, 4]]) / (3 * root), atol=1e-14)


def test_rank_one_of_question_1_is_half_of_what_was_printed():
    """5 (1, 1, 0)/√2 (1, 1)/√2 = 5/2 [[1, 1], [1, 1], [0, 0]]; norm 5 of √34, energy 25 of 34."""
    approximation = truncate(svd(EXAMPLE), 1).matrix()
    np.testing.assert_allclose(approximation, [[2.5, 2.5], [2.5, 2.5], [0, 0]], atol=1e-14)
    assert energy(approximation) / energy(EXAMPLE) == pytest.approx(25 / 34)
    assert frobenius_norm(approximation) / frobenius_norm(EXAMPLE) == pytest.approx(5 / np.sqrt(34))


@pytest.mark.parametrize("rank", range(1, 9))
@pytest.mark.parametrize("name", ["tall", "wide"])
def test_truncation_leaves_the_energy_of_what_it_drops(name, rank):
    """Eckart & Young (1936): ‖A - Aₖ‖² is the sum of the squares of the singular values left out."""
    A = MATRICES[name]
    kept = truncate(svd(A), rank)
    dropped = np.square(np.linalg.svd(A, compute_uv=False)[rank:]).sum()
    assert isinstance(kept, SVD)
    assert np.linalg.matrix_rank(kept.matrix()) == rank
    assert energy(A - kept.matrix()) == pytest.approx(dropped, abs=1e-11)
    assert sum(factor.size for factor in kept) == storage(*A.shape, rank)


def candidates(A: np.ndarray, k: int):
    """Of rank k: projections on random directions, fits to random columns, and the best one shaken."""
    rng = np.random.default_rng(k)
    for _ in range(50):
        basis = np.linalg.qr(rng.normal(size=(A.shape[1], k)))[0]
        yield A @ basis @ basis.T
        columns = rng.normal(size=(len(A), k))
        yield columns @ np.linalg.lstsq(columns, A)[0]
        best = truncate(svd(A), k)
        yield (best.U + 1e-4 * rng.normal(size=best.U.shape)) * best.S @ best.Vt


@pytest.mark.parametrize("rank", [1, 3, 7])
@pytest.mark.parametrize("name", ["tall", "wide", "square"])
def test_no_matrix_of_that_rank_is_nearer(name, rank):
    """Eckart & Young (1936), and Mirsky (1960) for the spectral norm, in which the distance is σ_{k+1}."""
    A = MATRICES[name]
    best = truncate(svd(A), rank).matrix()
    sigma = np.linalg.svd(A, compute_uv=False)
    assert np.linalg.norm(A - best, 2) == pytest.approx(sigma[rank], rel=1e-6)
    for norm in ("fro", 2):
        distance = np.linalg.norm(A - best, norm)
        assert all(np.linalg.norm(A - other, norm) > distance for other in candidates(A, rank))


def test_compression_of_a_photograph_as_numpy_has_it():
    picture = load_sample_image("flower.jpg")[::4, ::4, 1] / 255
    u, s, vt = np.linalg.svd(picture, full_matrices=False)
    full = svd(picture)
    for rank in (1, 10, 50):
        error = u[:, :rank] * s[:rank] @ vt[:rank] - picture
        expected = 10 * np.log10(1 / np.mean(error**2))
        assert psnr(picture, truncate(full, rank).matrix()) == pytest.approx(expected, rel=1e-9)


def test_ratio_and_psnr_by_hand():
    """9 · 11 numbers against 2 (9 + 11 + 1); an error of 1/10 everywhere is 20 decibels."""
    assert compression_ratio(9, 11, 2) == pytest.approx(99 / 42)
    assert psnr(np.full((3, 4), 0.5), np.full((3, 4), 0.6)) == pytest.approx(20)
    assert psnr(EXAMPLE, EXAMPLE) == np.inf


def test_norm_equals_numpy():
    assert frobenius_norm(MATRICES["tall"]) == pytest.approx(np.linalg.norm(MATRICES["tall"]), rel=1e-14)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: svd([1, 2]), ValueError, r"shape \(2,\)"),
        (lambda: svd(np.zeros((2, 2, 2))), ValueError, r"shape \(2, 2, 2\)"),
        (lambda: svd(np.zeros((0, 3))), ValueError, r"shape \(0, 3\)"),
        (
            lambda: svd([[1, np.nan]]),
            ValueError,
            r"Invalid matrix: got nan at \(0, 1\), expected finite numbers",
        ),
        (lambda: svd([[1, np.inf]]), ValueError, r"got inf at \(0, 1\), expected finite numbers"),
        (lambda: svd([[1, 2], [3, -np.inf]]), ValueError, r"got -inf at \(1, 1\)"),
        (lambda: svd([[1, 2], [3]]), ValueError, "rows of unequal length"),
        (lambda: svd(7.0), ValueError, r"shape \(\)"),
        (lambda: svd([[1j]]), TypeError, "complex128"),
        (lambda: svd([["one"]]), TypeError, "got <U3, expected real numbers"),
        (lambda: svd([[None]]), TypeError, "got object, expected real numbers"),
        (
            lambda: psnr(EXAMPLE, [[1]]),
            ValueError,
            r"Invalid approximation: got shape \(1, 1\), expected the image's, \(3, 2\)",
        ),
        (lambda: psnr([1], EXAMPLE), ValueError, r"^Invalid image: got shape \(1,\)"),
        (lambda: psnr(EXAMPLE, [1]), ValueError, r"^Invalid approximation: got shape \(1,\)"),
        (lambda: frobenius_norm([1, 2]), ValueError, r"shape \(2,\)"),
        (
            lambda: truncate(svd(EXAMPLE), 0),
            ValueError,
            "Invalid rank: got 0, expected an integer from 1 to 2",
        ),
        (
            lambda: truncate(svd(EXAMPLE), 3),
            ValueError,
            "Invalid rank: got 3, expected an integer from 1 to 2",
        ),
        (
            lambda: truncate(svd(EXAMPLE), 1.5),
            TypeError,
            r"Invalid rank: got 1\.5, expected an integer from 1 to 2",
        ),
        (lambda: storage(3, 2, 3), ValueError, "Invalid rank: got 3, expected an integer from 1 to 2"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
