"""The common problem: its minimum against scikit-learn's, its count of steps against a plain walk."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench.experiments.workloads import convergence

METRICS = ("excess_loss", "distance", "gradient_variance", "seconds")


def test_least_loss_is_that_of_scikit_learn():
    objective, least = convergence.logistic_problem()
    X, y = objective.inputs.numpy(), objective.targets.numpy()
    # its objective is C Σ loss + ‖w‖²/2, so C = 1 / (N l2); the constant column is our intercept
    model = LogisticRegression(
        C=1 / (len(X) * convergence.L2), fit_intercept=False, tol=1e-10, max_iter=10_000
    ).fit(X, y)
    w = model.coef_[0]
    z = X @ w
    loss = np.mean(np.logaddexp(0, z) - y * z) + convergence.L2 / 2 * w @ w
    np.testing.assert_allclose(least, loss, rtol=1e-9)


def test_steps_to_target_is_the_first_arrival():
    method = convergence.METHODS["mini-batch"]
    steps = convergence.steps_to_target(method, 0.3, seed=0)
    objective, least = convergence.logistic_problem()
    path = convergence.trajectory("sgd", 0.3, convergence.MINI_BATCH, steps, seed=0)
    excess = [convergence.loss_at(objective, point) - least for point in path.points]
    assert excess[-1] <= convergence.TARGET * excess[0] < min(excess[:-1])


def test_no_arrival_is_none_and_for_all_rates_an_error():
    method = convergence.METHODS["batch"]
    assert convergence.steps_to_target(method, 1e-6, seed=0, limit=2) is None
    with pytest.raises(ValueError, match=r"no learning rate of .* converges within 2 steps"):
        convergence.fastest(method, seed=0, limit=2)


def test_way_down_is_measured_against_the_minimum_of_scikit_learn():
    objective, minimiser = convergence.digits()
    history = convergence.descend_to_minimum("sgd", 0.3, convergence.MINI_BATCH, 1, seed=0)
    found = {metric: [m.value for m in history.measurements if m.metric == metric] for metric in METRICS}
    path = convergence.trajectory("sgd", 0.3, convergence.MINI_BATCH, 57, seed=0)
    assert found["distance"][0] == pytest.approx(minimiser.norm().item())
    assert found["distance"][-1] == pytest.approx((path.points[-1] - minimiser).norm().item())
    last, X = path.points[-1].numpy(), objective.inputs.numpy()
    each = (1 / (1 + np.exp(-X @ last)) - objective.targets.numpy())[:, None] * X
    expected = each.var(0, ddof=1).sum() * (1 / convergence.MINI_BATCH - 1 / len(X))
    assert found["gradient_variance"][-1] == pytest.approx(expected)
    assert found["seconds"] == sorted(found["seconds"])


@pytest.mark.parametrize("name", convergence.PROBLEMS)
@pytest.mark.parametrize("method", convergence.PLAIN)
def test_shortest_way_down_comes_near_at_its_last_step(name, method):
    problem = convergence.PROBLEMS[name]()
    assert problem.objective.gradient(
        problem.minimiser, problem.objective.inputs, problem.objective.targets
    ).norm() == pytest.approx(0, abs=1e-12)
    short = replace(problem, learning_rates=problem.learning_rates[1:2])
    rate, steps = convergence.fastest_on(short, method, seed=0, limit=1000)
    away = convergence.descend_on(problem, method, rate, steps, seed=0).points - problem.minimiser
    distances = away.norm(dim=1) / away[0].norm()
    assert distances[-1] <= convergence.TARGET < distances[:-1].min()


def test_no_way_near_is_an_error():
    problem = convergence.PROBLEMS["double well"]()
    with pytest.raises(ValueError, match=r"batch: no learning rate of .* converges within 2 steps"):
        convergence.fastest_on(problem, "batch", seed=0, limit=2)
