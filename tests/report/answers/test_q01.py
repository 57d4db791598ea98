"""Question 1 against numpy's own decomposition and hand arithmetic."""

import numpy as np
import pytest

from report.answers.q01 import accuracy as q01_accuracy
from report.answers.q01 import answer as q01
from tests.said import said


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


def test_no_matrix_of_the_rank_is_nearer_than_the_derivation_says():
    """The inequality σᵢ₊ₖ(A) ≤ σᵢ(A - B) of the proof, with numpy's singular values."""
    rng = np.random.default_rng(0)
    for k in (1, 2, 3):
        A, B = rng.normal(size=(6, 5)), rng.normal(size=(6, k)) @ rng.normal(size=(k, 5))
        a, c = (np.linalg.svd(matrix, compute_uv=False) for matrix in (A, A - B))
        assert (a[k:] <= c[: 5 - k]).all()


def test_the_text_says_that_the_printed_percentage_is_right_in_its_own_terms(values):
    (energy,) = (e for e in q01.errata(values) if e.identifier == "q01-energy")
    assert energy.severity == "imprecise"
    assert "right in its own terms" in energy.why
    text = said("q01", values)
    assert "keeps 73.5 % of the energy, or 85.7 % of the norm, but saves no storage" in text
    assert "and saves storage" in said("q01", {**values, "kept": 5})


def test_the_text_says_where_the_smallest_value_is_lost(values):
    assert "loses the smallest singular value from = 1.7 × 10⁷ on" in said("q01", values)
    kept = {**values["accuracy"], "lost": None}
    assert "keeps the smallest singular value up to" in said("q01", {**values, "accuracy": kept})


def test_the_figure_names_the_storage_and_noise_of_each_rank():
    table = q01.compressed_photograph()["figure"].table
    assert list(table["rank"]) == list(q01.SHOWN)
    picture = q01.photograph()
    u, s, vt = np.linalg.svd(picture, full_matrices=False)
    for k, share, _, decibels in table.itertuples(index=False):
        error = picture - u[:, :k] * s[:k] @ vt[:k]
        assert decibels == pytest.approx(10 * np.log10(1 / np.mean(error**2)))
        assert share == pytest.approx(k * (214 + 320 + 1) / (214 * 320))


def test_the_curves_are_those_of_numpys_truncations():
    table = q01.compressed_photograph()["quality"].table.set_index("rank")
    picture = q01.photograph()
    u, s, vt = np.linalg.svd(picture)
    for rank in (1, 20, 80):
        copy = (u[:, :rank] * s[:rank]) @ vt[:rank]
        assert table.loc[rank, "energy"] == pytest.approx(100 * np.sum(copy**2) / np.sum(picture**2))
        assert table.loc[rank, "psnr"] == pytest.approx(-10 * np.log10(np.mean((picture - copy) ** 2)))
    assert 80 < table.index.max() < min(picture.shape)
    assert table["psnr"].max() <= q01.VISIBLE
