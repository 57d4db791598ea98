"""Question 1 against numpy's own decomposition and hand arithmetic."""

import numpy as np
import pytest

from report.answers.q01 import accuracy as q01_accuracy
from report.answers.q01 import answer as q01


@pytest.fixture(scope="module")
def values():
    return q01.values()


def test_the_example_by_hand(values):
    # A^T A = [[17, 8], [8, 17]] has the eigenvalues 25 and 9; the first vector is (1, 1)/sqrt 2 on both sides
    np.testing.assert_allclose(values["eigenvalues"], [25, 9])
    np.testing.assert_allclose(values["rank_one"], [[2.5, 2.5], [2.5, 2.5], [0, 0]], atol=1e-12)
    assert values["energy_ratio"] == pytest.approx(25 / 34)
    assert values["norm_ratio"] == pytest.approx(5 / 34**0.5)
    assert values["error"] == pytest.approx(3)
    assert (values["kept"], values["size"]) == (6, 6)


def test_the_photograph_is_truncated_as_numpy_does():
    picture = q01.photograph()
    u, s, vt = np.linalg.svd(picture, full_matrices=False)
    found = q01.compressed_photograph()
    height, width = picture.shape
    for k, row in zip(q01.RANKS, found["rows"], strict=True):
        error = picture - u[:, :k] * s[:k] @ vt[:k]
        share = k * (height + width + 1) / (height * width)
        numbers = [float(cell.split()[0]) for cell in row]
        assert numbers[0] == k
        assert numbers[1] == pytest.approx(100 * share, abs=0.051)
        assert numbers[2] == pytest.approx(1 / share, rel=0.01)
        assert numbers[3] == pytest.approx(100 * np.square(s[:k]).sum() / np.square(s).sum(), abs=0.005)
        assert numbers[4] == pytest.approx(10 * np.log10(1 / np.mean(error**2)), abs=0.05)
    assert found["theory_gap"] < 1e-12
    assert found["nearest"] > 1


@pytest.mark.parametrize("exponent", [0, 20, 40])
def test_the_matrices_of_the_study_are_exact(exponent):
    A, S = q01_accuracy.known(exponent, np.random.default_rng(0))
    scaled = A * 2.0 ** (exponent + 4)  # whole numbers, if the smallest 2^-exponent / 16 is held in full
    assert (scaled == np.round(scaled)).all()
    assert S[0] / S[-1] == 2.0**exponent
    gram = [[sum(int(x) * int(y) for x, y in zip(a, b, strict=True)) for b in scaled] for a in scaled]
    trace = sum(gram[i][i] for i in range(len(gram)))
    assert trace == sum(int(s * 2.0 ** (exponent + 4)) ** 2 for s in S)
    np.testing.assert_allclose(np.linalg.svd(A, compute_uv=False), S, rtol=0, atol=1e-14)


def test_the_study_loses_what_lies_below_the_root_of_rounding(values):
    found = values["accuracy"]
    assert found["within"]
    assert found["lost"] == 2.0**24  # below √(16 · 2⁻⁵²) = 2⁻²⁴ of the largest
    assert [row[1] == "lost" for row in found["rows"]] == [e >= 24 for e in q01_accuracy.EXPONENTS]
    assert found["numpy_worst"] < 1e-3
    assert found["residual_worst"] < 1e-7


def test_both_errata_are_found(values):
    assert [e.identifier for e in q01.errata(values)] == ["q01-rank-one", "q01-energy"]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"printed": np.array([[2.5, 2.5], [2.5, 2.5], [0, 0]])}, ["q01-energy"]),
        ({"energy_ratio": 0.8575}, ["q01-rank-one"]),
    ],
    ids=["matrix right", "energy right"],
)
def test_an_erratum_is_withdrawn_where_the_print_is_right(values, change, left):
    assert [e.identifier for e in q01.errata({**values, **change})] == left
