"""Question 8: signs of gradients, and the descent with positive and zero-centred inputs."""

import numpy as np
import pytest
import torch

from impl.descent import trajectories
from report.algebra.identities import Identity, holds
from report.answers.q08 import answer as q08
from report.answers.q08 import descent as q08_descent
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return q08.values()


def test_the_sample_by_hand(values):
    # σ(0) = 1/2; δ = 2 (0.5 - 0.8) · 0.5 · 0.5 = -0.15
    assert values["hand"]["delta"] == pytest.approx(-0.15)
    assert values["hand"]["gradient"] == pytest.approx([-0.03, -0.135])
    assert values["hand"]["gap"] < 1e-15


def test_positive_inputs_bind_samples_but_not_batches(values):
    assert values["per_sample"] == 1
    shares = values["agreement"]["positive"]
    assert shares[0] == 1
    assert shares[-1] < 0.1
    assert shares == sorted(shares, reverse=True)
    assert values["agreement"]["zero-centred"][0] < 1


def test_share_of_one_sign_counts_quadrants():
    generator = torch.Generator().manual_seed(0)
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    # independent draws of the four quadrants: half of them have one sign
    assert q08.one_sign(corners, 1, generator) == pytest.approx(0.5, abs=0.03)


def test_both_problems_have_the_same_minimum():
    for objective in q08_descent.objectives().values():
        X, y = objective.inputs, objective.targets
        assert objective.loss(q08_descent.MINIMUM, X, y) < 1e-25
    positive, centred = (o.inputs for o in q08_descent.objectives().values())
    assert ((positive > 0) & (positive < 1)).all()
    assert centred.mean(0).abs().max() < 1e-12


def test_condition_number_is_that_of_the_weighted_inputs():
    # at an exact minimum the Hessian is 2 Xᵀ diag((a (1 - a))²) X / N
    objective = q08_descent.objectives()["positive"]
    X, a = objective.inputs.numpy(), objective.targets.numpy()
    H = 2 * X.T @ (X * ((a * (1 - a)) ** 2)[:, None]) / len(X)
    assert q08_descent.hessian(objective)[1] == pytest.approx(np.linalg.cond(H))


def test_detour_and_arrival_of_drawn_paths():
    corner = torch.tensor([[0.0, 0], [3, 0], [3, 4]])
    assert trajectories.detour(corner) == pytest.approx(7 / 5)
    there = q08_descent.MINIMUM
    away = there + torch.tensor([10.0, 0])
    assert q08_descent.arrival(torch.stack([away, there, away, there])) == 3
    assert q08_descent.arrival(torch.stack([away, there, away])) is None


def test_every_single_step_with_positive_inputs_has_one_sign():
    steps = q08_descent.run_descent("positive", 1, 8.0, 0).points.diff(dim=0)
    assert (steps.prod(1) >= 0).all()
    assert (q08_descent.run_descent("zero-centred", 1, 8.0, 0).points.diff(dim=0).prod(1) < 0).any()


def test_errata_follow_from_the_values(values):
    assert [e.identifier for e in q08.errata(values)] == ["q08-always", "q08-slow"]
    slow = {**values["descents"]["slow"], "steps_ratio": 2.0}  # as if the zigzag itself cost steps
    changed = {**values, "per_sample": 0.5, "descents": {**values["descents"], "slow": slow}}
    assert q08.errata(changed) == []


def test_the_gradient_of_a_neuron_is_derived():
    found = q08.gradient()
    assert holds(found)
    assert not holds(Identity("without the factor two", found.left, [part / 2 for part in found.right]))
    given = {"w0": 0.5, "w1": -1.0, "w2": 0.25, "x0": 0.2, "x1": 0.9, "x2": -0.4, "y": 0.8}
    w = torch.tensor([0.5, -1.0, 0.25], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.2, 0.9, -0.4], dtype=torch.float64)
    (expected,) = torch.autograd.grad((torch.sigmoid(w @ x) - 0.8) ** 2, w)
    assert [float(part.subs(given)) for part in found.right] == pytest.approx(expected.tolist(), rel=1e-12)


def test_the_text_says_whether_the_gradient_was_derived(values):
    assert "its result is the formula" in said("q08", values)
    assert "its result is not the formula" in said("q08", {**values, "derived": False})
