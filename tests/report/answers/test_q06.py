"""Question 6: the readings of the printed vectors and the gradients, against closed forms and scipy."""

import math

import numpy as np
import pytest
import sympy
import torch
from scipy.special import expit, softmax

from report.algebra.identities import Identity, holds
from report.answers.q06 import algebra as q06_algebra
from report.answers.q06 import answer as q06
from report.answers.q06 import checks as q06_checks
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return q06.values()


@pytest.mark.parametrize("name", q06.VECTORS)
def test_both_readings_of_a_vector(values, name):
    found, vector = values["vectors"][name], np.array(q06.VECTORS[name])
    assert found["sum"] == pytest.approx(vector.sum())
    assert found["as_probabilities"] == pytest.approx(-math.log(vector[2]))
    assert found["as_logits"] == pytest.approx(-math.log(softmax(vector)[2]))


def test_the_second_vector_is_no_distribution(values):
    assert values["vectors"]["first"]["sum"] == pytest.approx(1)
    assert values["vectors"]["second"]["sum"] == pytest.approx(0.9)


def test_gradients_agree_with_automatic_differentiation(values):
    assert max(values["gaps"].values()) < 1e-12


def test_recovery_is_that_of_a_plain_loop(values):
    def steps(slope):
        z, n = q06_checks.WRONG_START, 0
        while z <= 0:
            z, n = z + slope(expit(z)), n + 1
        return n

    recovery = values["recovery"]
    assert recovery["cross_entropy"] == steps(lambda p: 1 - p)
    assert recovery["squared"] == steps(lambda p: 2 * p * (1 - p) ** 2)
    # 2 p (1 - p)² is largest at p = 1/3
    assert recovery["steepest"] == pytest.approx(8 / 27, rel=1e-6)
    assert recovery["scaled"] == steps(lambda p: 27 / 4 * p * (1 - p) ** 2)


def test_accuracy_is_flat_and_cross_entropy_is_not(values):
    assert values["accuracy"]["accuracy"] == 0
    # the largest entry of (p - t)/N is below 1/N for N = 50
    assert 0.01 < values["accuracy"]["cross_entropy"] < 1 / 50


def test_shares_of_the_pull(values):
    p = q06_checks.SMALL[-1]
    assert values["outliers"]["share"] == pytest.approx((1 - p) / (1 - p + 99 * 0.01))
    squared = 2 * p * (1 - p) ** 2
    assert values["outliers"]["squared_share"] == pytest.approx(squared / (squared + 99 * 2 * 0.99 * 1e-4))


def test_errata_follow_from_the_values(values):
    names = ["q06-logits", "q06-index", "q06-accuracy", "q06-factor"]
    assert [e.identifier for e in q06.errata(values)] == names
    first, second = values["vectors"]["first"], values["vectors"]["second"]
    vectors = {"first": {**first, "free_index": [1.0, 1.0, 1.0]}, "second": {**second, "sum": 1.0}}
    accuracy = {**values["accuracy"], "accuracy": 0.1}
    changed = {**values, "vectors": vectors, "linear_factor": values["sigmoid_factor"], "accuracy": accuracy}
    assert q06.errata(changed) == []


EQUATIONS = q06_algebra.identities()


@pytest.mark.parametrize("equation", EQUATIONS, ids=["softmax", "gradient", "second", "brier", "sigmoid"])
def test_gradients_are_derived_and_a_wrong_one_is_not(equation):
    assert holds(equation)
    *rest, last = equation.right
    assert not holds(Identity(equation.name, equation.left, [*rest, -last]))
    assert not holds(Identity(equation.name, equation.left, [*rest, last + q06_algebra.z[0] / 1000]))


def test_a_target_that_does_not_sum_to_one_leaves_more_than_p_minus_t():
    t, p, z = sympy.symbols("t1:4"), q06_algebra.p, q06_algebra.z
    loss = -sum(a * sympy.log(b) for a, b in zip(t, p, strict=True))
    left, right = [sympy.diff(loss, v) for v in z], [b - a for a, b in zip(t, p, strict=True)]
    assert not holds(Identity("any t", left, right))


def test_derived_formulas_have_the_values_of_autograd():
    logits = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64)
    target = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    given = dict(zip((*q06_algebra.z, *q06_algebra.t[:2]), (*logits.tolist(), 0.2, 0.5), strict=True))

    def cross_entropy(z):
        return -(target * torch.log_softmax(z, 0)).sum()

    def brier(z):
        return (torch.softmax(z, 0) - target).square().sum()

    upper = torch.ones(3, 3).triu().bool()
    oracles = [
        torch.autograd.functional.jacobian(lambda z: torch.softmax(z, 0), logits).flatten(),
        torch.autograd.functional.jacobian(cross_entropy, logits),
        torch.autograd.functional.hessian(cross_entropy, logits)[upper],
        torch.autograd.functional.jacobian(brier, logits),
    ]
    for equation, expected in zip(EQUATIONS, oracles, strict=False):
        found = [float(e.subs(given)) for e in equation.right]
        assert found == pytest.approx(expected.tolist(), abs=1e-14)


def test_the_text_says_whether_the_gradients_were_derived(values):
    text = said("q06", values)
    assert "identically zero for all 5 equations" in text
    assert "in which the target does not occur" in text
    text = said("q06", {**values, "algebra": {**values["algebra"], "failed": ["one", "another"]}})
    assert "not zero for one, another." in text
    assert "in which the target does not occur" not in text
