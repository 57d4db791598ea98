"""The common problem: its minimum against scikit-learn's, its count of steps against a plain walk."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from bench import convergence


def test_least_loss_is_that_of_scikit_learn():
    objective, least = convergence.problem()
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
    objective, least = convergence.problem()
    path = convergence.walk("sgd", 0.3, convergence.MINI_BATCH, steps, seed=0)
    excess = [convergence.loss_at(objective, point) - least for point in path.points]
    assert excess[-1] <= convergence.TARGET * excess[0] < min(excess[:-1])


def test_no_arrival_is_none_and_for_all_rates_an_error():
    method = convergence.METHODS["batch"]
    assert convergence.steps_to_target(method, 1e-6, seed=0, limit=2) is None
    with pytest.raises(ValueError, match=r"no rate of .* arrives within 2 steps"):
        convergence.fastest(method, seed=0, limit=2)
