"""Question 8: signs of gradients, and the descent with positive and zero-centred inputs."""

import numpy as np
import pytest
import torch

from impl.descent import trajectories
from report.algebra.identities import Identity, holds
from report.answers.q08 import answer as q08
from report.answers.q08 import descent as q08_descent
from report.answers.q08 import evidence as q08_evidence
from tests import small_store as small
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
    assert "Computer algebra confirms this" in said("q08", values)
    assert "Computer algebra does not confirm this" in said("q08", {**values, "derived": False})


def test_the_text_says_whether_the_zigzag_itself_costs_steps(values):
    text = said("q08", values)
    assert (
        "The zigzag alone costs hardly a step, but positive inputs allow only a smaller learning rate" in text
    )
    assert "because the swings to either side cancel" in text
    assert "all samples have gradients of one sign" in text
    slow = {**values["descents"]["slow"], "steps_ratio": 2.0}
    text = said("q08", {**values, "descents": {**values["descents"], "slow": slow}, "per_sample": 0.5})
    assert "The zigzag costs steps, and positive inputs allow only" in text
    assert "It costs steps as well" in text
    assert "50 % of the samples have gradients of one sign" in text


def test_the_figure_ends_each_path_at_its_arrival(values):
    table = values["descents"]["figure"].table
    assert list(dict.fromkeys(table["rate"])) == list(q08_descent.DRAWN)
    for (_, _), path in table.groupby(["inputs", "rate"]):
        last = path[["w1", "w2"]].to_numpy()[-1]
        start, minimum = np.array([-2.0, 2.0]), np.array([2.0, -2.0])
        arrived = np.linalg.norm(last - minimum) <= 0.1 * np.linalg.norm(start - minimum)
        assert arrived or len(path) == q08_descent.HORIZON + 1


def trained(loss, activation, seed, task, batch_norm):
    """A run with a training loss at both horizons."""
    config, result = small.scored(
        0.5, seed=seed, task=task, activation=activation, batch_norm=batch_norm, epochs=3
    )
    rows = [m._replace(value=loss) if m.metric == "train_loss" else m for m in result.measurements]
    return config, type(result)(result.status, rows, arrays=result.arrays)


def sigmoid_against_tanh(shallow, deep):
    """Runs in which sigmoid's training loss is so many times tanh's."""
    return [
        trained(loss * (1 + 0.001 * seed), activation, seed, task, batch_norm)
        for task, batch_norm, ratio in (("classifier", False, shallow), ("deep_classifier", None, deep))
        for seed in range(6)
        for activation, loss in (("sigmoid", 0.1 * ratio), ("tanh", 0.1))
    ]


def test_the_sigmoid_may_be_slower_in_the_deep_network_alone(tmp_path, values):
    found = q08_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", sigmoid_against_tanh(0.5, 5.0)))
    assert found["slow"]["depends"]
    assert found["slow"]["ratio"] == pytest.approx(5)
    rows = {(row[0], row[1]): row[3] for row in found["slow"]["rows"]}
    assert rows["classifier without batch norm", "3"] == "refuted"
    assert rows["GELU paper's classifier", "3"] == "confirmed"
    text = said("q08", values, measured=found)
    assert "the training loss of the sigmoid is 5.0 times that of tanh, but not in the shallow one" in text
    assert "Signs of gradients in a network: not measured here" in text


def test_the_sigmoid_may_be_slower_in_both(tmp_path, values):
    found = q08_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", sigmoid_against_tanh(2.0, 5.0)))
    assert not found["slow"]["depends"]
    assert "but not in the shallow one" not in said("q08", values, measured=found)


def test_signs_and_zigzags_are_means_and_medians_over_seeds(tmp_path, values):
    runs = [
        small.phenomenon("gradient_signs", seed, {
            "one sign sigmoid": {1: 1.0, 128: share}, "one sign tanh": {1: 0.0, 128: 0.0}
        })
        for seed, share in enumerate((0.7, 0.9))
    ] + [
        small.phenomenon("zigzag", seed, {
            "steps positive": {0: n}, "steps zero-centred": {0: 3}, "detour positive": {0: 2.5},
            "detour zero-centred": {0: 1.5},
        })
        for seed, n in enumerate((7, 8, 90))
    ]  # fmt: skip
    found = q08_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", runs))
    assert found["signs"]["rows"][-1] == ["128", "80.0\u00a0%", "0.0\u00a0%"]
    assert (found["signs"]["share"], found["signs"]["seeds"]) == (pytest.approx(0.8), 2)
    assert (found["zigzags"]["steps"], found["zigzags"]["seeds"]) == ([8.0, 3.0], 3)
    text = said("q08", values, measured=found)
    assert "the share is 80.0 % in batches of 128" in text
    assert "a median of 8 steps at its best rate and the centred one 3" in text
    assert "Sigmoid against tanh: not measured here" in text


def test_nothing_measured_is_said(tmp_path, values):
    found = q08_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)]))
    assert found["signs"] is found["zigzags"] is None
    assert found["slow"] == {"rows": [], "depends": False, "ratio": None}
    assert "The zigzag over several seeds: not measured here" in said("q08", values, measured=found)
    assert "make bench would measure it" in said("q08", values)
