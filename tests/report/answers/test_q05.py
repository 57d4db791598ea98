"""Question 5: Adam's steps against torch and against closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

from bench.statistics.training_runs import OPTIMIZED
from bench.store import Snapshot
from report.algebra.identities import Identity, holds
from report.answers.q05 import algebra as q05_algebra
from report.answers.q05 import answer as q05
from report.answers.q05 import race as q05_race
from report.answers.q05.evidence import accuracies, method_label
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


def test_the_text_says_only_if_sympy_disagrees(values):
    assert "sympy" not in said("q05", values).lower()
    failed = {**values["halves"], "failed": ["this place"]}
    text = said("q05", {**values, "weights_sum": False, "halves": failed})
    assert "(sympy finds another sum)" in text
    assert "Sympy does not confirm this place." in text


def test_adamw_is_pulled_back_by_a_hundredth_of_the_weight(values):
    theta = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([theta], lr=1.0)
    before, steps = 0.0, []
    for _ in range(100):
        theta.grad = torch.ones_like(theta)
        optimizer.step()
        steps.append(before - theta.item())
        before = theta.item()
    assert values["constant"]["steps"]["adamw"][:100] == pytest.approx(steps, rel=1e-9)
    assert steps == pytest.approx(0.99 ** np.arange(100), abs=2e-8)
    assert values["constant"]["decay_gap"] < 2e-8


def test_turning_the_valley_divides_the_optimizers_by_their_steps(values):
    axis = {
        "sgd": (5, 1.0),
        "momentum": (None, 1.0),
        "adagrad": (7, 1.0),
        "rmsprop": (9, 1.0),
        "adam": (9, 1.0),
    }
    across = {**axis, "momentum": (8, 1.0), "adagrad": (None, 1.0), "rmsprop": (10, 1.0)}
    turned = q05_race.turned(axis, across)
    assert turned == {
        "slower": ["Adagrad", "RMSprop"],
        "same": ["SGD", "Adam"],
        "faster": ["SGD with momentum"],
    }
    text = said("q05", {**values, "race": {**values["race"], "turned": turned}})
    assert "slows down Adagrad and RMSprop. SGD and Adam need the same number of steps." in text
    assert "SGD with momentum needs fewer steps." in text


def optimized(accuracies):
    """Runs of the classifier with the test accuracies given, by optimizer and seed."""
    fields = {"kind": "training", "status": "finished", "dataset": "digits", "samples": 100, "epochs": 2,
              "batch_size": 10, "learning_rate": 0.1, "error": ""} | OPTIMIZED  # fmt: skip
    runs = [
        {**fields, "run": 10 * k + seed, "optimizer": name, "seed": seed}
        for k, (name, values) in enumerate(accuracies.items())
        for seed in range(len(values))
    ]
    flat = [value for values in accuracies.values() for value in values]
    measurements = [
        {"run": run["run"], "metric": metric, "step": 2.0, "value": value, "unit": "1", **run}
        for run, value in zip(runs, flat, strict=True)
        for metric in ("test_accuracy", "validation_accuracy", "test_loss", "validation_loss")
    ]
    return Snapshot({}, "quick", pd.DataFrame(runs), pd.DataFrame(measurements), {})


def test_accuracies_are_means_over_the_seeds_that_every_optimizer_has():
    found = accuracies(optimized({"adam": [0.9, 0.8, 0.1], "sgd": [0.7, 0.9]}))
    assert found["first"] == "Adam"  # of two seeds
    assert found["seeds"] == 2
    assert found["spread"] == pytest.approx(5)
    # Student's 95 % interval of two values is their mean ± 12.706 half their distance
    assert found["rows"] == [["Adam", "0.1", "85.00 ± 63.53"], ["SGD", "0.1", "80.00 ± 127.06"]]
    assert accuracies(optimized({"adam": [0.9, 0.8]})) is None


def test_the_text_names_the_most_accurate_optimizer(values):
    measured = {"ends": [], "epsilon_gap": 0.0012, "target": [], "step": [], "confidence": 0.95, "seeds": 3}
    found = accuracies(optimized({"adam": [0.7, 0.8], "sgd": [0.9, 0.9]}))
    text = said("q05", values, {**measured, "accuracy": found})
    assert "SGD has the highest mean; the means lie within 15 points." in text
    assert "changes the final excess loss by at most 0.12 %" in text
    assert "Test accuracy by optimizer: not measured here" in said(
        "q05", values, {**measured, "accuracy": None}
    )


def test_mini_batch_descent_is_called_sgd():
    assert [method_label(m) for m in ("mini-batch", "momentum", "Adam")] == [
        "SGD",
        "SGD with momentum",
        "Adam",
    ]
