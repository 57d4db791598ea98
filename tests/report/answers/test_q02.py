"""Question 2's values against hand derivations, and its errata against what the assignment prints."""

import numpy as np
import pytest

from report.answers.q02.answer import ANSWER, PRINTED_SCORES, X, angle
from tests.said import said

ROOT = np.sqrt(565)  # of the discriminant 37² - 4 · 201 of Q = [[14, -11], [-11, 23]]


@pytest.fixture(scope="module")
def values():
    return dict(ANSWER.values())


def test_covariance_and_eigenvalues_are_the_hand_derived_ones(values):
    np.testing.assert_allclose(values["q"], [[14, -11], [-11, 23]], atol=1e-13)
    np.testing.assert_allclose(values["eigenvalues"], [(37 + ROOT) / 2, (37 - ROOT) / 2])
    assert values["discriminant"] == pytest.approx(565)


def test_first_component_solves_the_first_line_of_the_eigenvalue_equation(values):
    v = np.array([-11, (37 + ROOT) / 2 - 14])
    v /= np.linalg.norm(v)
    np.testing.assert_allclose(values["components"][0], v)
    np.testing.assert_allclose(values["scores"][:, 0], X @ v, atol=1e-13)


def test_printed_vector_is_no_eigenvector(values):
    """Q (0.55, 0.82) = (14·0.55 - 11·0.82, -11·0.55 + 23·0.82) = (-1.32, 12.81), by hand."""
    np.testing.assert_allclose(values["printed_product"], [-1.32, 12.81])
    assert values["printed_share"] < values["shares"][0] / 2
    assert values["printed_angle"] > 45
    assert values["scores_follow"]  # the print multiplies rightly, by the wrong vector


def test_angle_is_between_lines():
    a = np.array([1.0, 1.0])
    assert angle(a, -a) == pytest.approx(0, abs=1e-5)
    assert angle(a, np.array([1.0, -1.0])) == pytest.approx(90)


def test_errata_are_the_three(values):
    assert [e.identifier for e in ANSWER.errata(values)] == ["q02-sign", "q02-projection", "q02-rounding"]


def test_the_right_vector_and_digits_would_raise_no_erratum(values):
    first = values["components"][0]
    right = {
        **values,
        "printed_vector": np.round(np.abs(first), 2),
        "printed_angle": angle(np.round(first, 2), first),
        "printed_eigenvalues": np.round(values["eigenvalues"], 2),
        "printed_scores": np.round(values["scores"][:, 0], 2),
    }
    assert ANSWER.errata(right) == []
    assert PRINTED_SCORES.shape == (4,)


def test_the_text_says_how_far_off_the_printed_vector_is_only_if_it_is(values):
    context = {**values, "mnist": None}
    text = said("q02", context)
    assert "it points 67.7° away from the first component and keeps only 27.1 %." in text
    right = said("q02", {**context, "printed_angle": values["rounding_angle"]})
    assert "spans the same line within its rounding" in right
    assert "wrong sign" not in right


def test_the_rounding_erratum_has_one_rounding_of_the_eigenvalues(values):
    """(37 ± √565) / 2 = 30.384864… and 6.615136…, by hand."""
    (rounding,) = (e for e in ANSWER.errata(values) if e.identifier == "q02-rounding")
    assert "30.3849 and 6.6151" in rounding.right
    assert "0.5574 and 0.8303" in rounding.right
    assert rounding.severity == "imprecise"
