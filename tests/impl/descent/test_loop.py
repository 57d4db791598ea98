"""Descent paths and objectives against plain numpy, autograd, closed forms and enumeration of all batches."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from impl.descent.loop import CHECK_EVERY, descend, gradient_variance, minibatches, trace
from impl.descent.objectives import (
    Objective,
    double_well,
    least_squares,
    logistic_regression,
    minimum,
    quadratic,
    sigmoid_neuron,
)
from impl.optimizers.optimizers import SGD
from impl.optimizers.registry import OPTIMIZERS


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def data(count: int = 12, features: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = seeded()
    X = torch.randn(count, features, generator=generator, dtype=torch.float64)
    return X, X.sum(1) + torch.randn(count, generator=generator, dtype=torch.float64)


X, Y = data()
TRUTH = torch.tensor([1.0, -0.5, 0.25], dtype=torch.float64)
OBJECTIVES = {
    "least_squares": lambda: least_squares(X, Y),
    "logistic_regression": lambda: logistic_regression(X, (Y > 0).double(), l2=0.1),
    "double_well": lambda: double_well(12, generator=seeded()),
    "quadratic": lambda: quadratic(30.0, TRUTH, samples=12, noise=0.5, generator=seeded()),
    "sigmoid_neuron": lambda: sigmoid_neuron(X, torch.sigmoid(Y)),
}


def start(objective: Objective) -> torch.Tensor:
    return torch.linspace(0.4, 0.9, objective.inputs.shape[1], dtype=torch.float64)


def sgd(lr: float):
    return lambda parameters: SGD(parameters, lr)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_equals_autograd(name):
    objective = OBJECTIVES[name]()
    w = start(objective).requires_grad_()
    (expected,) = torch.autograd.grad(objective.loss(w, objective.inputs, objective.targets), w)
    actual = objective.gradient(w.detach(), objective.inputs, objective.targets)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_loss_and_gradient_are_means_over_samples(name):
    objective = OBJECTIVES[name]()
    w, X, y = start(objective), objective.inputs, objective.targets
    for function in (objective.loss, objective.gradient):
        each = torch.stack([function(w, X[i : i + 1], y[i : i + 1]) for i in range(len(X))])
        torch.testing.assert_close(function(w, X, y), each.mean(0))


def test_losses_by_their_formulas():
    """On one sample x = (1, 2), w = (3, -1): z = 1."""
    x, w = torch.tensor([[1.0, 2.0]]), torch.tensor([3.0, -1.0], dtype=torch.float64)
    s = 1 / (1 + np.exp(-1))
    for make, target, expected in [
        (least_squares, 4.0, 4.5),
        (lambda x, y: logistic_regression(x, y, l2=0.2), 1.0, -np.log(s) + 0.1 * 10),
        (logistic_regression, 0.0, -np.log(1 - s)),
        (sigmoid_neuron, 0.25, (s - 0.25) ** 2),
    ]:
        objective = make(x, torch.tensor([target]))
        assert objective.loss(w, objective.inputs, objective.targets).item() == pytest.approx(expected)


def test_a_drawn_objective_is_decided_by_its_generator():
    for make in (OBJECTIVES["quadratic"], OBJECTIVES["double_well"]):
        torch.manual_seed(1)
        one = make()
        torch.manual_seed(2)
        again = make()
        assert torch.equal(one.inputs, again.inputs)
        assert torch.equal(one.targets, again.targets)
    other = quadratic(30.0, TRUTH, samples=12, noise=0.5, generator=seeded(1))
    assert not torch.equal(other.inputs, OBJECTIVES["quadratic"]().inputs)


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_path_equals_a_plain_numpy_loop(batch_size):
    objective, rate, epochs = least_squares(X, Y), 0.1, 3
    generator, w = seeded(7), np.zeros(3)
    expected, seen = [w.copy()], [0]
    for _ in range(epochs):
        order = torch.randperm(12, generator=generator).numpy()
        for first in range(0, 12, batch_size):
            batch = order[first : first + batch_size]
            A, b = X.numpy()[batch], Y.numpy()[batch]
            w = w - rate * A.T @ (A @ w - b) / len(batch)
            expected.append(w)
            seen.append(seen[-1] + len(batch))
    path = descend(
        objective, torch.zeros(3), sgd(rate), batch_size=batch_size, steps=len(seen) - 1, generator=seeded(7)
    )
    np.testing.assert_allclose(path.points.numpy(), expected, rtol=0, atol=1e-13)
    assert path.samples_seen.tolist() == seen
    assert not path.diverged


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [1, 4, 12])
def test_every_rule_and_batch_size_comes_near_the_minimum(name, batch_size):
    """Without noise in the targets every sample agrees on the minimum, so all batch sizes reach it."""
    objective = least_squares(X, X @ TRUTH)
    lr = 0.5 if name == "adagrad" else 0.02
    path = descend(
        objective,
        torch.zeros(3),
        lambda parameters: OPTIMIZERS[name].make(parameters, lr),
        batch_size=batch_size,
        steps=300 * 12 // batch_size,
        generator=seeded(),
    )
    # RMSprop's step does not shrink with the gradient: it stays within a few learning rates
    assert (path.points[-1] - TRUTH).norm() < 0.05


@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_an_epoch_is_every_sample_once(batch_size):
    rows = torch.arange(12)
    batches = list(minibatches(rows[:, None], rows, batch_size, seeded()))
    targets = torch.cat([y for _, y in batches])
    assert sorted(targets.tolist()) == rows.tolist()
    assert (targets.tolist() == rows.tolist()) == (batch_size == 12)  # the mean of all has no order
    assert torch.equal(torch.cat([x for x, _ in batches])[:, 0], targets)
    assert [len(x) for x, _ in batches[:-1]] == [batch_size] * (len(batches) - 1)


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_quadratic_has_the_curvatures_and_the_minimum_it_says(condition):
    objective = quadratic(condition, TRUTH, samples=20, noise=0.7, generator=seeded())
    A, b = objective.inputs.numpy(), objective.targets.numpy()
    np.testing.assert_allclose(np.linalg.lstsq(A, b)[0], TRUTH, rtol=0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.eigvalsh(A.T @ A / 20), np.geomspace(1, condition, 3), rtol=1e-10)
    assert condition == 1 or np.abs(A.T @ A).min() > 1  # along no axis of the weights
    assert objective.loss(TRUTH, objective.inputs, objective.targets).item() == pytest.approx(0.7**2 / 2)
    # the gradients of single samples stay at odds at the minimum
    assert gradient_variance(objective, TRUTH, 1) == pytest.approx(
        np.square((A @ TRUTH.numpy() - b)[:, None] * A).sum(1).mean()
    )


@pytest.mark.parametrize("condition", [1.5, 10.0, 300.0])
@pytest.mark.parametrize("weights", [2, 5])
def test_batch_descent_contracts_at_the_rate_of_the_condition_number(condition, weights):
    """At 2/(κ + 1) both ends of the spectrum shrink by (κ - 1)/(κ + 1) a step, all between by more."""
    truth, best = torch.arange(1.0, weights + 1), (condition - 1) / (condition + 1)
    objective = quadratic(condition, truth, samples=9, noise=0.3, generator=seeded())
    rate = sgd(2 / (condition + 1))
    path = descend(objective, torch.zeros(weights), rate, batch_size=9, steps=6, generator=seeded())
    away = (path.points - truth).norm(dim=1)
    ratios = (away[1:] / away[:-1]).numpy()
    assert (ratios <= best * (1 + 1e-9)).all()
    assert (np.diff(ratios) >= -1e-9).all()  # the ends are what is left
    if weights == 2:
        np.testing.assert_allclose(ratios, best, rtol=1e-9)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("batch_size", [1, 5, 12])
def test_trace_measures_the_points_it_is_asked_for(name, batch_size):
    objective = OBJECTIVES[name]()
    X, y, w = objective.inputs, objective.targets, start(objective)
    lowest = minimum(objective, w)
    path = descend(objective, w, sgd(0.01), batch_size=batch_size, steps=20, generator=seeded())
    steps = [0, 3, 20]
    found = trace(objective, path, lowest, batch_size, steps)
    per_epoch = -(-12 // batch_size)
    seen = [k // per_epoch * 12 + k % per_epoch * batch_size for k in steps]
    assert found.samples_seen.tolist() == seen
    assert found.seconds.tolist() == path.seconds[steps].tolist()
    points = path.points[steps]
    np.testing.assert_allclose(found.distance, np.linalg.norm(points.numpy() - lowest.numpy(), axis=1))
    for k, point in enumerate(points):
        assert found.loss[k] == objective.loss(point, X, y)
        each = torch.stack([objective.gradient(point, X[i : i + 1], y[i : i + 1]) for i in range(12)])
        expected = each.var(0).sum() * (1 / batch_size - 1 / 12)  # of a mean of b out of 12 (Cochran 1977)
        assert found.gradient_variance[k].item() == pytest.approx(expected.item(), rel=1e-12, abs=1e-14)


def test_the_clock_runs_on_with_the_path():
    path = descend(least_squares(X, Y), torch.zeros(3), sgd(0.1), batch_size=5, steps=9, generator=seeded())
    assert path.seconds.shape == path.samples_seen.shape == (10,)
    assert path.seconds[0] == 0
    assert (path.seconds.diff() >= 0).all()


def test_same_generator_same_path():
    paths = [
        descend(least_squares(X, Y), torch.zeros(3), sgd(0.1), batch_size=1, steps=24, generator=seeded(seed))
        for seed in (3, 3, 4)
    ]
    assert torch.equal(paths[0].points, paths[1].points)
    assert not torch.equal(paths[0].points, paths[2].points)


def test_divergence_is_said_and_cut_off():
    calls = []

    def gradient(w, X, y):
        calls.append(len(X))
        return objective.gradient(w, X, y)

    objective = least_squares(X, Y)
    counted = replace(objective, gradient=gradient)
    path = descend(counted, torch.zeros(3), sgd(1e6), batch_size=4, steps=999, generator=seeded())
    assert path.diverged
    assert path.points.isfinite().all()
    assert path.points[-1].abs().max() > 1e200
    assert len(path.points) == len(path.samples_seen)
    # the first step away from the finite numbers is made, and few after it
    assert len(path.points) <= len(calls) <= len(path.points) + CHECK_EVERY


def test_stochastic_descent_leaves_the_shallow_well_and_batch_descent_does_not():
    objective = double_well(50, tilt=0.3, noise=1.0, generator=seeded())
    roots = np.sort(np.roots([1, 0, -1, 0.3]).real)
    ends = {
        batch_size: descend(
            objective, torch.ones(1), sgd(0.1), batch_size=batch_size, steps=2000, generator=seeded()
        ).points
        for batch_size in (1, 50)
    }
    assert ends[50][-1].item() == pytest.approx(roots[2], abs=1e-10)
    assert ends[1][-500:].mean().item() == pytest.approx(roots[0], abs=0.2)


def test_double_well_has_the_tilt_and_noise_it_says():
    objective = double_well(30, tilt=0.2, noise=0.7, generator=seeded())
    w = torch.tensor([0.5], dtype=torch.float64)
    each = torch.stack(
        [
            objective.gradient(w, x[None], y[None])
            for x, y in zip(objective.inputs, objective.targets, strict=True)
        ]
    )
    assert each.mean().item() == pytest.approx(0.5**3 - 0.5 + 0.2)
    assert each.std(correction=0).item() == pytest.approx(0.7)


def test_positive_inputs_give_both_weights_one_sign():
    """Question 8: the two parts of one sample's gradient are δ x₁ and δ x₂."""
    objective = sigmoid_neuron(X[:, :2].abs(), torch.sigmoid(Y))
    w = torch.tensor([0.3, -0.2], dtype=torch.float64)
    for x, y in zip(objective.inputs, objective.targets, strict=True):
        first, second = objective.gradient(w, x[None], y[None])
        assert first * second > 0


def test_minimum_of_least_squares_is_the_normal_equations():
    expected = np.linalg.lstsq(X.numpy(), Y.numpy(), rcond=None)[0]
    actual = minimum(least_squares(X, Y), torch.zeros(3))
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradient_vanishes_at_the_minimum(name):
    objective = OBJECTIVES[name]()
    w = minimum(objective, start(objective))
    gradient = objective.gradient(w, objective.inputs, objective.targets)
    assert gradient.norm() < 1e-13
    here = objective.loss(w, objective.inputs, objective.targets)
    for direction in torch.eye(len(w), dtype=torch.float64):
        for sign in (1, -1):
            assert objective.loss(w + sign * 1e-3 * direction, objective.inputs, objective.targets) > here


@pytest.mark.parametrize(("where", "root"), [(1.0, 2), (0.35, 2), (-0.2, 0), (-3.0, 0)])
def test_minimum_stays_in_the_well_of_its_start(where, root):
    """w³ - w + tilt = 0 by numpy's roots; the hill between the wells is the middle one, near 0.34."""
    objective = double_well(10, tilt=0.3, noise=1.0, generator=seeded())
    expected = np.sort(np.roots([1, 0, -1, 0.3]).real)[root]
    assert minimum(objective, torch.tensor([where])).item() == pytest.approx(expected, abs=1e-12)


def test_newton_steps_that_overshoot_are_shortened():
    """σ(w) = 2/3 at w = log 2; a whole step from 10, where σ is flat, would land beyond -7000."""
    objective = logistic_regression(torch.ones(3, 1), torch.tensor([1, 0, 1]))
    assert minimum(objective, torch.tensor([10.0])).item() == pytest.approx(np.log(2), abs=1e-12)


def test_separable_logistic_regression_has_no_minimum():
    objective = logistic_regression(torch.tensor([[-1.0], [1.0]]), torch.tensor([0.0, 1.0]))
    with pytest.raises(ValueError, match="no minimum within 20 Newton steps"):
        minimum(objective, torch.zeros(1), steps=20)


def test_top_of_a_hill_is_no_minimum():
    hill = Objective("hill", X[:, :1], Y, lambda w, X, y: -(w @ w), lambda w, X, y: -2 * w)
    with pytest.raises(ValueError, match=r"hill: \[0.0\] is a saddle point or maximum"):
        minimum(hill, torch.zeros(1))


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("batch_size", [1, 2, 3, 11, 12])
def test_variance_equals_that_over_all_batches(name, batch_size):
    objective = OBJECTIVES[name]()
    w = start(objective)
    batches = [list(rows) for rows in combinations(range(12), batch_size)]
    each = torch.stack([objective.gradient(w, objective.inputs[b], objective.targets[b]) for b in batches])
    expected = (each - each.mean(0)).square().sum(1).mean().item()
    assert gradient_variance(objective, w, batch_size) == pytest.approx(expected, rel=1e-12, abs=1e-14)


PATH = descend(least_squares(X, Y), TRUTH, sgd(0.1), batch_size=12, steps=2, generator=seeded())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: least_squares(torch.zeros(3), torch.zeros(3)), r"inputs \(3,\)"),
        (lambda: least_squares(torch.zeros(3, 1), torch.zeros(3, 1)), r"targets \(3, 1\)"),
        (lambda: sigmoid_neuron(torch.full((3, 1), torch.nan), torch.zeros(3)), "NaN"),
        (lambda: logistic_regression(torch.zeros(2, 1), torch.tensor([1, 2])), r"\[1.0, 2.0\]"),
        (
            lambda: logistic_regression(torch.zeros(2, 1), torch.tensor([0, 1]), l2=-1),
            "Invalid l2: got -1, expected a number >= 0",
        ),
        (lambda: double_well(9, tilt=0.5, generator=seeded()), "tilt 0.5"),
        (lambda: double_well(1, generator=seeded()), "samples 1"),
        (lambda: quadratic(0.5, TRUTH, samples=9, noise=0, generator=seeded()), "condition 0.5"),
        (lambda: quadratic(2, TRUTH, samples=3, noise=0, generator=seeded()), "3 weights, 3 samples"),
        (lambda: quadratic(2, TRUTH[:1], samples=3, noise=0, generator=seeded()), "1 weights"),
        (
            lambda: trace(least_squares(X, Y), PATH, TRUTH[:2], 1, [0]),
            r"Invalid minimiser: got shape \(2,\), expected shape \(3,\)",
        ),
        (
            lambda: trace(least_squares(X, Y), PATH, TRUTH, 1, [0, 3]),
            r"Invalid steps: got \[3\], expected 0 to 2",
        ),
        (
            lambda: gradient_variance(least_squares(X, Y), torch.zeros(3).double(), 13),
            "Invalid batch_size: got 13, expected an integer from 1 to 12",
        ),
        (
            lambda: descend(
                least_squares(X, Y), torch.zeros(2), sgd(1), batch_size=1, steps=1, generator=seeded()
            ),
            r"Invalid start: got shape \(2,\)",
        ),
        (
            lambda: descend(
                least_squares(X, Y), torch.zeros(3), sgd(1), batch_size=0, steps=1, generator=seeded()
            ),
            "Invalid batch_size: got 0",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
