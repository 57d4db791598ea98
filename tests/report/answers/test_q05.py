"""Question 5: Adam's steps against torch and against closed forms."""

import math

import numpy as np
import pytest
import sympy
import torch

from report.algebra.identities import Identity, holds
from report.answers.q05 import algebra as q05_algebra
from report.answers.q05 import answer as q05
from report.answers.q05 import race as q05_race
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return q05.values()


def test_two_steps_are_those_of_torch(values):
    theta = torch.tensor([q05.START], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=q05.RATE)
    for quantities in values["two_steps"]["quantities"]:
        optimizer.zero_grad()
        (theta**2).sum().backward()
        optimizer.step()
        assert quantities[-1] == pytest.approx(theta.item(), abs=1e-12)
    assert values["two_steps"]["gap"] < 1e-12


def test_half_steps_at_epsilon_and_at_the_root_of_a_third_of_it(values):
    # |g|/(|g| + ε) = 1/2 and |g|/√(g² + ε) = 1/2, solved by hand
    assert values["epsilon"]["outside"] == pytest.approx(1e-8, rel=1e-6)
    assert values["epsilon"]["inside"] == pytest.approx(math.sqrt(1e-8 / 3), rel=1e-6)


def test_steps_along_a_constant_gradient(values):
    steps = values["constant"]["steps"]
    t = np.arange(1, 1001)
    assert steps["adagrad"] == pytest.approx(1 / np.sqrt(t), rel=1e-6)
    assert steps["momentum"] == pytest.approx((1 - 0.9**t) / 0.1, rel=1e-9)
    assert steps["rmsprop"] == pytest.approx(1 / np.sqrt(1 - 0.99**t), rel=1e-5)
    assert values["constant"]["scaled"]["adam"] == pytest.approx(1, rel=1e-6)
    assert values["constant"]["scaled"]["sgd"] == pytest.approx(q05.SCALE)


def test_the_step_on_a_steeper_slope_follows_the_two_averages(values):
    # after 1000 gradients of 1 and k of 10: m = 10 - 9·0.9ᵏ, whose bias is gone, and
    # v = 100 (1 - β₂ᵏ) + β₂ᵏ (1 - β₂¹⁰⁰⁰), still to be corrected for its own
    k = np.arange(1, 200)
    m, v = 10 - 9 * 0.9**k, (100 * (1 - 0.999**k) + 0.999**k * (1 - 0.999**1000)) / (1 - 0.999 ** (1000 + k))
    assert values["brakes"]["peak"] == pytest.approx((m / np.sqrt(v)).max(), rel=1e-6)
    assert values["brakes"]["alternating"] == pytest.approx(1 / 19, rel=1e-6)  # (1 - β₁)/(1 + β₁)


def test_race_quadratic_has_the_stated_curvatures():
    for degrees in (0.0, 45.0):
        objective = q05_race.quadratic(degrees)
        hessian = objective.inputs.T @ objective.inputs / 2
        assert torch.linalg.eigvalsh(hessian).tolist() == pytest.approx([1, q05_race.CONDITION])


def test_rotation_does_not_matter_to_descent_that_is_not_adaptive(values):
    axis, across = values["race"]["steps"].values()
    assert axis["sgd"] == across["sgd"]
    assert axis["momentum"] == across["momentum"]


def test_errata_follow_from_the_values(values):
    names = ["q05-eps", "q05-vanishing", "q05-rmsprop", "q05-boost", "q05-brakes"]
    assert [e.identifier for e in q05.errata(values)] == names
    squares = {"state": 0.0, "plain": 0.0, "squared": 1.0}  # as if it averaged the gradients
    brakes = {**values["brakes"], "peak": 0.5}  # as if it slowed down
    constant = {**values["constant"], "steps": {**values["constant"]["steps"], "adam": [1.0, 1.5]}}
    changed = {**values, "adagrad_law": 0.5, "squares": squares, "constant": constant, "brakes": brakes}
    assert [e.identifier for e in q05.errata(changed)] == ["q05-eps"]


def test_weights_of_the_average_sum_to_what_the_bias_correction_divides_by():
    weights = q05_algebra.weights()
    assert holds(weights)
    assert not holds(Identity("late by one", weights.left, [weights.right[0] * sympy.Symbol("beta")]))
    given = {symbol: 0.9 if symbol.name == "beta" else 7 for symbol in weights.left[0].free_symbols}
    assert float(weights.left[0].subs(given)) == pytest.approx(sum(0.1 * 0.9 ** (7 - s) for s in range(1, 8)))


def test_halves_are_derived_and_no_other_gradient_would_do():
    outside, inside = q05_algebra.halves()
    assert holds(outside)
    assert holds(inside)
    for half in (outside, inside):
        assert not holds(Identity(half.name, [half.left[0] * 1.001], half.right))
    assert float(outside.left[0]) == float(inside.left[0]) == 0.5


def test_the_text_says_whether_sympy_finds_the_same(values):
    text = said("q05", values)
    assert "as sympy finds too" in text
    assert "where sympy simplifies both to a half" in text
    failed = {**values["halves"], "failed": ["this place"]}
    text = said("q05", {**values, "weights_sum": False, "halves": failed})
    assert "though sympy finds another sum" in text
    assert "which sympy does not find for this place" in text
