"""Question 1 against numpy's own decomposition and hand arithmetic."""

import numpy as np
import pytest

from report.answers import q01


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
    k = q01.RANKS[1]
    error = picture - u[:, :k] * s[:k] @ vt[:k]
    row = q01.compressed_photograph()["rows"][1]
    assert row[0] == str(k)
    assert float(row[3]) == pytest.approx(10 * np.log10(1 / np.mean(error**2)), abs=0.05)
    height, width = picture.shape
    share = 100 * k * (height + width + 1) / (height * width)
    assert float(row[1].split()[0]) == pytest.approx(share, abs=0.05)


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
