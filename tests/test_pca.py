"""Principal components against scikit-learn and the worked example of question 2."""

import numpy as np
import pytest
from sklearn import decomposition
from sklearn.datasets import load_digits

from impl.pca import PCA

# centred, as question 2 prints them
POINTS = np.array([[-4, 2.5], [0, -4.5], [5, -3.5], [-1, 5.5]])


def random(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, d)) * np.arange(1, d + 1) + 10


# the digits' last components are of pixels that never vary, whose directions nothing decides
CASES = {
    "points": (POINTS, 2),
    "tall": (random(40, 6), 6),
    "some of tall": (random(40, 6), 2),
    "wide": (random(5, 9), 4),
    "digits": (load_digits().data, 60),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_scikit_learn(name):
    X, k = CASES[name]
    expected, actual = decomposition.PCA(k, svd_solver="full").fit(X), PCA(k).fit(X)
    for attribute in ("components_", "explained_variance_ratio_", "mean_"):
        np.testing.assert_allclose(
            getattr(actual, attribute), getattr(expected, attribute), rtol=0, atol=1e-10
        )
    np.testing.assert_allclose(actual.explained_variance_, expected.explained_variance_, rtol=1e-10)
    np.testing.assert_allclose(actual.transform(X), expected.transform(X), rtol=0, atol=1e-10)
    scores = PCA(k).fit_transform(X)
    np.testing.assert_allclose(scores, expected.fit_transform(X), rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        actual.inverse_transform(scores), expected.inverse_transform(scores), rtol=0, atol=1e-10
    )
    assert actual.n_components_ == expected.n_components_ == k


def test_worked_example_of_question_2():
    """Q = [[14, -11], [-11, 23]]: λ = (37 ± √565)/2, and (Q - λ) v = 0 gives v ∝ (-11, λ - 14).

    The parts of v differ in sign, where the assignment prints both positive.
    """
    eigenvalue = (37 + np.sqrt(565)) / 2
    v = np.array([-11, eigenvalue - 14]) / np.hypot(11, eigenvalue - 14)
    pca = PCA(1).fit(POINTS)
    assert pca.explained_variance_ == pytest.approx([eigenvalue])
    assert pca.explained_variance_ratio_ == pytest.approx([eigenvalue / 37])
    np.testing.assert_allclose(pca.components_, [v], atol=1e-14)
    np.testing.assert_allclose(pca.transform(POINTS), POINTS @ v[:, None], atol=1e-13)


def test_scores_have_the_explained_variance_and_no_correlation():
    X, _ = CASES["tall"]
    pca = PCA(6)
    covariance = np.cov(pca.fit_transform(X), rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(pca.explained_variance_), atol=1e-12)


def test_all_components_lose_nothing():
    X, k = CASES["tall"]
    pca = PCA(k)
    np.testing.assert_allclose(pca.inverse_transform(pca.fit_transform(X)), X, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: PCA(3).fit(POINTS), ValueError, "n_components 3 is not between 1 and 2"),
        (lambda: PCA(0).fit(POINTS), ValueError, "n_components 0"),
        (lambda: PCA(0.5).fit(POINTS), TypeError, "float"),
        (lambda: PCA(3).fit(random(2, 9)), ValueError, "n_components 3 is not between 1 and 2"),
        (lambda: PCA(1).fit(POINTS[:1]), ValueError, "one sample"),
        (lambda: PCA(1).fit(np.full((7, 3), 0.1)), ValueError, "all 7 samples of X are equal"),
        (lambda: PCA(1).fit([1, 2]), ValueError, r"X of shape \(2,\)"),
        (lambda: PCA(1).fit([[1, np.nan], [0, 1]]), ValueError, "NaN"),
        (lambda: PCA(1).transform(POINTS), ValueError, "call fit first"),
        (lambda: PCA(1).fit(POINTS).transform(random(3, 3)), ValueError, r"X \(3, 3\) has not 2 columns"),
        (
            lambda: PCA(1).fit(POINTS).inverse_transform(POINTS),
            ValueError,
            r"scores \(4, 2\) has not 1 columns",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
