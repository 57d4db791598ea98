"""Principal components against scikit-learn and the worked example of question 2."""

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline

from impl import pca
from impl.data.datasets import DEFAULT_ROOT, load
from impl.data.idx import raw_folder
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
    "some of wide": (random(5, 9), 2),
    "as many features as samples": (random(7, 7), 3),
    "digits": (load_digits().data, 60),
    "fraction": (load_digits().data, 0.95),
    "small fraction": (POINTS, 0.01),
    "all": (random(40, 6), None),
    # of the smallest variances the covariance matrix would leave half of the digits
    "ill-conditioned": (random(40, 6) * 10.0 ** -np.arange(6) @ np.linalg.qr(random(6, 6))[0], 6),
}
ATTRIBUTES = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "singular_values_",
    "mean_",
    "noise_variance_",
    "n_components_",
    "n_samples_",
    "n_features_in_",
)


def agrees(X, k):
    expected, actual = decomposition.PCA(k, svd_solver="full").fit(X), PCA(k).fit(X)
    for attribute in ATTRIBUTES:
        ours, theirs = getattr(actual, attribute), getattr(expected, attribute)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10, err_msg=attribute)
    np.testing.assert_allclose(actual.explained_variance_, expected.explained_variance_, rtol=1e-10)
    scores = PCA(k).fit_transform(X)
    np.testing.assert_allclose(scores, expected.transform(X), rtol=0, atol=1e-10)
    np.testing.assert_allclose(actual.transform(X[:9]), expected.transform(X[:9]), rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        actual.inverse_transform(scores), expected.inverse_transform(scores), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("name", CASES)
def test_equals_scikit_learn(name):
    agrees(*CASES[name])


def test_equals_scikit_learn_on_mnist():
    root = Path(os.environ.get("DATA_ROOT") or DEFAULT_ROOT)
    if not any(raw_folder(root).glob("train-images*")):  # a failed download leaves the folder
        pytest.skip(f"no MNIST in {root}; DATA_ROOT names the folder that holds MNIST/raw")
    agrees(load("mnist", root).test_images.flatten(1).double().numpy(), 0.9)


def test_both_routes_find_the_same():
    """The covariance matrix and the triangle of XᵀX = RᵀR, gathered over several blocks of rows."""
    centred = CASES["digits"][0] - CASES["digits"][0].mean(0)
    (S, Vt), (T, Wt) = pca._from_covariance(centred), pca._from_svd(centred)
    np.testing.assert_allclose(S[:60], T[:60], rtol=1e-10)
    np.testing.assert_allclose(np.abs(np.diag(Vt @ Wt.T))[:60], 1, rtol=1e-10)


def test_scikit_learn_takes_it_for_one_of_its_own():
    X, y = load_digits(return_X_y=True)
    ours, theirs = (
        make_pipeline(method(10), NearestCentroid()).fit(X, y) for method in (PCA, decomposition.PCA)
    )
    assert (ours.predict(X) == theirs.predict(X)).all()
    copy = clone(PCA(0.5))
    assert copy.get_params() == {"n_components": 0.5}
    assert not hasattr(copy, "components_")


def test_worked_example_of_question_2():
    """Q = [[14, -11], [-11, 23]]: λ = (37 ± √565)/2, and (Q - λ) v = 0 gives v ∝ (-11, λ - 14).

    The parts of v differ in sign, where the assignment prints both positive.
    """
    eigenvalue = (37 + np.sqrt(565)) / 2
    v = np.array([-11, eigenvalue - 14]) / np.hypot(11, eigenvalue - 14)
    found = PCA(1).fit(POINTS)
    assert found.explained_variance_ == pytest.approx([eigenvalue])
    assert found.explained_variance_ratio_ == pytest.approx([eigenvalue / 37])
    np.testing.assert_allclose(found.components_, [v], atol=1e-14)
    np.testing.assert_allclose(found.transform(POINTS), POINTS @ v[:, None], atol=1e-13)


def test_scores_have_the_explained_variance_and_no_correlation():
    X, _ = CASES["tall"]
    found = PCA(6)
    covariance = np.cov(found.fit_transform(X), rowvar=False)
    np.testing.assert_allclose(covariance, np.diag(found.explained_variance_), atol=1e-12)


def test_all_components_lose_nothing():
    X, k = CASES["tall"]
    found = PCA(k)
    np.testing.assert_allclose(found.inverse_transform(found.fit_transform(X)), X, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: PCA(3).fit(POINTS),
            ValueError,
            "Invalid n_components: got 3, .* 1 to 2 for 4 samples of 2 features",
        ),
        (lambda: PCA(0).fit(POINTS), ValueError, "Invalid n_components: got 0"),
        (
            lambda: PCA(1.0).fit(POINTS),
            ValueError,
            r"Invalid n_components: got 1.0, .* a fraction between 0 and 1, or None",
        ),
        (lambda: PCA("mle").fit(POINTS), TypeError, "Invalid n_components: got 'mle'"),
        (
            lambda: PCA(3).fit(random(2, 9)),
            ValueError,
            "Invalid n_components: got 3, .* 1 to 2 for 2 samples of 9 features",
        ),
        (lambda: PCA(1).fit(POINTS[:1]), ValueError, "Invalid X: got one sample, expected two or more"),
        (lambda: PCA(1).fit(np.full((7, 3), 0.1)), ValueError, "Invalid X: got 7 equal samples"),
        (lambda: PCA(1).fit([1, 2]), ValueError, r"Invalid X: got shape \(2,\)"),
        (
            lambda: PCA(1).fit([[1, np.nan], [0, 1]]),
            ValueError,
            r"Invalid X: got nan at \(0, 1\), expected finite",
        ),
        (lambda: PCA(1).transform(POINTS), ValueError, "not fitted"),
        (
            lambda: PCA(1).fit(POINTS).transform(random(3, 3)),
            ValueError,
            "X has 3 features, but PCA is expecting 2 features as input",  # scikit-learn's
        ),
        (lambda: PCA(1).fit(POINTS).transform([1, 2]), ValueError, "X does not contain any features"),
        (
            lambda: PCA(1).fit(POINTS).inverse_transform(POINTS),
            ValueError,
            r"Invalid scores: got shape \(4, 2\), expected 1 columns",
        ),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


FRAME = pd.DataFrame(random(9, 3), columns=["a", "b", "c"], index=range(100, 109))
NUMBERED = FRAME.set_axis(range(3), axis=1)
FRAMES = {
    "the same": FRAME,
    "another order": FRAME[["b", "a", "c"]],
    "another name": FRAME.rename(columns={"c": "d"}),
    "another name and order": FRAME.rename(columns={"a": "d"})[["c", "d", "b"]],
    "a column less": FRAME[["a", "b"]],
    "a column more": FRAME.assign(d=1.0),
    "no names": FRAME.to_numpy(),
    "numbers for names": NUMBERED,
    "names of two types": FRAME.set_axis(["a", "b", 3], axis=1),
    "a list": FRAME.to_numpy().tolist(),
    "no names and a column less": FRAME.to_numpy()[:, :2],
}


def reaction(method, fitted, given, output):
    """Types and texts of the error and the warnings of a transform, the names, and the result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator, error, scores = method(2).set_output(transform=output), None, None
        try:
            scores = estimator.fit(fitted).transform(given)
        except (ValueError, TypeError) as raised:
            error = type(raised), str(raised)
    names = getattr(estimator, "feature_names_in_", None)
    told = [(warning.category, str(warning.message)) for warning in caught]
    return error, told, None if names is None else list(names), scores


@pytest.mark.parametrize("output", ["default", "pandas"])
@pytest.mark.parametrize("given", FRAMES)
@pytest.mark.parametrize("fitted", ["the same", "no names", "numbers for names", "names of two types"])
def test_names_of_columns_are_checked_as_by_scikit_learn(fitted, given, output):
    ours, theirs = (
        reaction(method, FRAMES[fitted], FRAMES[given], output) for method in (PCA, decomposition.PCA)
    )
    assert ours[:-1] == theirs[:-1]
    assert type(ours[-1]) is type(theirs[-1])
    if isinstance(ours[-1], pd.DataFrame):
        pd.testing.assert_frame_equal(ours[-1], theirs[-1], rtol=1e-10, atol=1e-10)
    elif ours[-1] is not None:
        np.testing.assert_allclose(ours[-1], theirs[-1], rtol=0, atol=1e-10)


@pytest.mark.parametrize("k", [0.5, 2, None])
def test_a_data_frame_of_scores(k):
    ours, theirs = (method(k).set_output(transform="pandas") for method in (PCA, decomposition.PCA))
    scores, expected = ours.fit_transform(FRAME), theirs.fit_transform(FRAME)
    pd.testing.assert_frame_equal(scores, expected, rtol=1e-10, atol=1e-10)
    assert list(ours.get_feature_names_out()) == list(theirs.get_feature_names_out()) == list(scores)
    np.testing.assert_allclose(
        ours.inverse_transform(scores),
        FRAME if k is None else theirs.inverse_transform(expected),
        rtol=0,
        atol=1e-10,
    )
    assert type(ours.set_output(transform="default").fit_transform(FRAME)) is np.ndarray


def test_names_of_features_are_forgotten_by_a_fit_without_names():
    fitted = PCA(2).fit(FRAME)
    assert list(fitted.feature_names_in_) == ["a", "b", "c"]
    assert not hasattr(fitted.fit(FRAME.to_numpy()), "feature_names_in_")
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        PCA(2).fit(FRAME).get_feature_names_out(["x", "y", "z"])
    with pytest.raises(ValueError, match="not fitted"):
        PCA(2).get_feature_names_out()
