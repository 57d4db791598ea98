"""Losses, decompositions and descents of any shape: what autograd, numpy and the theorems say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import special

from impl import losses
from impl.descent import loop, objectives
from impl.optimizers import update_rules
from impl.pca import PCA
from impl.svd import compression_ratio, energy, frobenius_norm, largest_positive, psnr, storage, svd, truncate
from tests.draws import matrices, normal, numbers, seeds


@given(logits=matrices(least=2, elements=st.floats(-700, 700)), seed=seeds, shift=numbers)
@pytest.mark.parametrize("name", ["cross_entropy", "brier"])
def test_losses_of_classes(name, logits, seed, shift):
    z = torch.from_numpy(logits).requires_grad_()
    target = torch.randint(0, z.shape[1], (len(z),), generator=torch.Generator().manual_seed(seed))
    loss = getattr(losses, name)
    value = loss(z, target)
    (expected,) = torch.autograd.grad(value, z)
    p = special.softmax(logits, axis=1)
    q = np.eye(z.shape[1])[target]
    oracle = {
        "cross_entropy": -special.log_softmax(logits, axis=1)[np.arange(len(z)), target].mean(),
        "brier": np.square(p - q).sum(1).mean(),
    }[name]
    assert value.item() == pytest.approx(oracle, rel=1e-10, abs=1e-12)
    gradient = getattr(losses, f"{name}_gradient")(z.detach(), target)
    torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)
    both = getattr(losses, f"{name}_and_gradient")(z.detach(), target)
    torch.testing.assert_close(both, (value.detach(), gradient))
    assert loss(z + shift, target).item() == pytest.approx(value.item(), rel=1e-9, abs=1e-9)
    torch.testing.assert_close(gradient.sum(1), torch.zeros(len(z), dtype=torch.float64), atol=1e-12, rtol=0)


@given(output=matrices(), seed=seeds)
def test_mean_squared_error(output, seed):
    a = torch.from_numpy(output).requires_grad_()
    b = normal(seed, *output.shape)
    value = losses.mse(a, b)
    assert value.item() == pytest.approx(np.square(output - b.numpy()).mean())
    assert losses.mse(b, a).item() == value.item()
    (expected,) = torch.autograd.grad(value, a)
    torch.testing.assert_close(losses.mse_gradient(a.detach(), b), expected)
    torch.testing.assert_close(losses.mse_and_gradient(a.detach(), b), (value.detach(), expected))


@given(A=matrices())
def test_a_decomposition_is_orthonormal_descending_and_multiplies_out(A):
    found = svd(A)
    size = max(1.0, np.abs(A).max()) * len(A) * A.shape[1]
    np.testing.assert_allclose(found.matrix(), A, atol=1e-6 * size)
    for vectors in (found.U, found.Vt.T):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(vectors.shape[1]), atol=1e-9)
    assert (np.diff(found.S) <= 0).all()
    np.testing.assert_allclose(found.S, np.linalg.svd(A, compute_uv=False), atol=1e-6 * size)
    assert energy(A) == pytest.approx(float(np.square(found.S).sum()), rel=1e-6, abs=1e-9)
    assert frobenius_norm(A) ** 2 == pytest.approx(energy(A))
    assert (largest_positive(found.Vt) == 1).all()


@given(A=matrices(least=2), data=st.data())
def test_a_truncation_errs_by_the_singular_values_left_out(A, data):
    rank = data.draw(st.integers(1, min(A.shape)))
    left = np.linalg.svd(A, compute_uv=False)[rank:]
    error = frobenius_norm(A - truncate(svd(A), rank).matrix())
    size = max(1.0, np.abs(A).max()) * A.size
    assert error == pytest.approx(float(np.sqrt(np.square(left).sum())), abs=1e-6 * size)
    kept = storage(*A.shape, rank)
    assert kept == rank + rank * A.shape[0] + rank * A.shape[1]
    assert compression_ratio(*A.shape, rank) * kept == pytest.approx(A.size)


@given(A=matrices(elements=st.floats(0, 1)), error=st.floats(1e-3, 1))
def test_psnr_of_an_even_error(A, error):
    assert psnr(A, A + error) == pytest.approx(-20 * math.log10(error), rel=1e-6, abs=1e-6)
    assert psnr(A, A) == math.inf


@given(A=matrices(least=3, most=8), data=st.data())
def test_principal_components_are_those_of_the_covariance(A, data):
    k = data.draw(st.integers(1, min(len(A) - 1, A.shape[1])))
    assume(np.ptp(A, axis=0).max() > 1e-3)
    found = PCA(k).fit(A)
    expected = np.linalg.eigvalsh(np.atleast_2d(np.cov(A.T)))[::-1][:k]
    scale = max(1.0, expected.max())
    np.testing.assert_allclose(found.explained_variance_, expected, atol=1e-6 * scale)
    projected = found.transform(A)
    np.testing.assert_allclose(projected.mean(0), 0, atol=1e-9 * max(1.0, np.abs(A).max()))
    again = found.transform(found.inverse_transform(projected))
    np.testing.assert_allclose(again, projected, atol=1e-8 * max(1.0, np.abs(A).max()))


@given(A=matrices(least=2, most=8))
def test_scores_keep_all_products_and_are_uncorrelated(A):
    assume(np.ptp(A, axis=0).max() > 1e-3)
    scores, centred = PCA().fit_transform(A), A - A.mean(0)
    size = max(1.0, np.abs(A).max()) ** 2 * A.size
    np.testing.assert_allclose(scores @ scores.T, centred @ centred.T, atol=1e-8 * size)
    products = scores.T @ scores
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-8 * size)
    assert (np.diff(np.diag(products)) <= 1e-8 * size).all()


@given(A=matrices(least=3, most=8), share=st.floats(0.05, 0.95))
def test_a_share_of_the_variance_takes_the_fewest_components_that_explain_more(A, share):
    assume(np.ptp(A, axis=0).max() > 1e-3)
    variances = np.linalg.eigvalsh(np.atleast_2d(np.cov(A.T)))[::-1][: min(A.shape)]
    explained = np.cumsum(variances) / variances.sum()
    assume((np.abs(explained - share) > 1e-6).all())
    assert PCA(share).fit_transform(A).shape == (len(A), 1 + (explained < share).sum())


@given(rows=st.integers(1, 20), seed=seeds, data=st.data())
def test_an_epoch_has_every_row_once(rows, seed, data):
    size = data.draw(st.integers(1, rows))
    x = torch.arange(rows)
    batches = list(loop.minibatches(x, 10 * x, size, torch.Generator().manual_seed(seed)))
    assert all((10 * a == b).all() for a, b in batches)
    assert sorted(torch.cat([a for a, _ in batches]).tolist()) == list(range(rows))
    assert [len(a) for a, _ in batches[:-1]] == [size] * (len(batches) - 1)
    steps = torch.arange(2 * len(batches) + 1)
    expected = np.concatenate([[0], np.cumsum([len(a) for a, _ in 2 * batches])])
    assert loop.samples_seen(steps, rows, size).tolist() == expected.tolist()


OBJECTIVES = {
    "least squares": lambda X, y: objectives.least_squares(X, y),
    "logistic regression": lambda X, y: objectives.logistic_regression(X, (y > 0).double(), 0.1),
    "sigmoid neuron": lambda X, y: objectives.sigmoid_neuron(X, torch.sigmoid(y)),
}


@given(rows=st.integers(2, 12), d=st.integers(1, 4), seed=seeds, data=st.data())
@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_of_objectives_and_their_variance_over_batches(name, rows, d, seed, data):
    objective = OBJECTIVES[name](normal(seed, rows, d), normal(seed + 1, rows))
    w = normal(seed + 2, d).requires_grad_()
    X, y = objective.inputs, objective.targets
    (expected,) = torch.autograd.grad(objective.loss(w, X, y), w)
    torch.testing.assert_close(objective.gradient(w.detach(), X, y), expected, rtol=1e-9, atol=1e-12)
    each = torch.stack([objective.gradient(w.detach(), X[i : i + 1], y[i : i + 1]) for i in range(rows)])
    torch.testing.assert_close(each.mean(0), expected, rtol=1e-9, atol=1e-12)
    b = data.draw(st.integers(1, rows))
    found = loop.gradient_variance(objective, w.detach(), b)
    spread = float(each.var(0, correction=1).sum()) * (1 / b - 1 / rows)  # Cochran's, by the sample variance
    assert found == pytest.approx(spread, rel=1e-9, abs=1e-12)


@given(condition=st.floats(1, 50), d=st.integers(2, 4), noise=st.floats(0, 2), seed=seeds)
def test_batch_descent_on_a_quadratic_shrinks_the_distance_as_polyak_says(condition, d, noise, seed):
    minimiser = normal(seed, d)
    generator = torch.Generator().manual_seed(seed)
    objective = objectives.quadratic(condition, minimiser, samples=9, noise=noise, generator=generator)
    start = minimiser + 1
    found = objectives.minimum(objective, start)
    torch.testing.assert_close(found, minimiser, rtol=1e-6, atol=1e-6)
    path = loop.descend(
        objective,
        start,
        lambda p: torch.optim.SGD(p, lr=2 / (condition + 1)),
        batch_size=9,
        steps=8,
        generator=generator,
    )
    steps = list(range(9))
    seen = loop.trace(objective, path, minimiser, 9, steps)
    shrinks = (condition - 1) / (condition + 1)
    assert (seen.distance[1:] <= shrinks * seen.distance[:-1] + 1e-6).all()
    assert (seen.loss >= noise**2 / 2 - 1e-9).all()
    assert (seen.gradient_variance == 0).all()
    assert seen.samples_seen.tolist() == [9.0 * step for step in steps]


@given(tilt=st.floats(0.05, 0.38), noise=st.floats(0, 3), seed=seeds)
def test_both_wells_are_minima_of_the_mean(tilt, noise, seed):
    objective = objectives.double_well(
        7, tilt=tilt, noise=noise, generator=torch.Generator().manual_seed(seed)
    )
    assert objective.targets.mean().item() == pytest.approx(tilt)
    assert objective.targets.std(correction=0).item() == pytest.approx(noise, abs=1e-12)
    roots = np.sort(np.roots([1, 0, -1, tilt]).real)
    for start, root in ((-2.0, roots[0]), (2.0, roots[2])):
        w = objectives.minimum(objective, torch.tensor([start]))
        assert w.item() == pytest.approx(root, abs=1e-6)


@given(seed=seeds, n=st.integers(1, 9), lr=st.floats(1e-3, 1), mu=st.floats(0, 0.99))
def test_rules_are_those_of_their_papers_by_numpy(seed, n, lr, mu):
    theta, g, m = (normal(seed + k, n) for k in range(3))
    v = normal(seed + 3, n).square()
    work = torch.empty(n, dtype=torch.float64)
    t, G, M, V = (x.numpy().copy() for x in (theta, g, m, v))
    eps, keep, beta2 = 1e-3, 0.9, 0.97

    def ran(rule, state, *scalars, listed=False):
        state = [theta.clone(), g.clone(), *(s.clone() for s in state)]
        rule(*([[s] for s in state] if listed else [*state, work]), *scalars)
        return state[0].numpy()

    close = np.testing.assert_allclose
    close(ran(update_rules.sgd, [], lr, listed=True), t - lr * G)
    velocity = mu * M + G
    close(ran(update_rules.momentum, [m], lr, mu, listed=True), t - lr * velocity)
    close(ran(update_rules.nesterov, [m], lr, mu, listed=True), t - lr * (G + mu * velocity))
    for rule in (update_rules.momentum, update_rules.nesterov):
        (v_after,) = rule([theta.clone()], [g], [m], lr, mu)
        close(v_after, velocity)
    close(ran(update_rules.adagrad, [v], lr, eps), t - lr * G / (np.sqrt(V + G**2) + eps))
    close(ran(update_rules.rmsprop, [v], lr, mu, eps), t - lr * G / (np.sqrt(mu * V + (1 - mu) * G**2) + eps))
    M, V = mu * M + (1 - mu) * G, beta2 * V + (1 - beta2) * G**2
    close(ran(update_rules.adam, [m, v], lr, mu, beta2, eps), t - lr * M / (np.sqrt(V) + eps))
    close(ran(update_rules.adam_eps_inside, [m, v], lr, mu, beta2, eps), t - lr * M / np.sqrt(V + eps))
    close(ran(update_rules.adamw, [m, v], lr, mu, beta2, eps, keep), keep * t - lr * M / (np.sqrt(V) + eps))
