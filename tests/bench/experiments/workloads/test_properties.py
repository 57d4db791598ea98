"""Descents on problems whose minimum is known, and the small experiments about them, at any seed."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.experiments.workloads import convergence
from bench.experiments.workloads import synthetic as synthetic
from tests.draws import normal, seeds

conditions = st.floats(1.01, 1000)


@given(condition=conditions)
@settings(max_examples=20)
def test_a_valley_has_its_condition_and_its_minimum(condition):
    found = convergence.valley(condition)
    X = found.objective.inputs.numpy()
    curvatures = np.linalg.eigvalsh(X.T @ X / len(X))
    assert (curvatures[0], curvatures[-1]) == pytest.approx((1, condition), rel=1e-9)
    slope = found.objective.gradient(found.minimiser, found.objective.inputs, found.objective.targets)
    torch.testing.assert_close(slope, torch.zeros(10, dtype=torch.float64), rtol=0, atol=1e-9)
    assert convergence.loss_at(found.objective, found.minimiser) == pytest.approx(0.1**2 / 2)
    assert max(found.learning_rates) == pytest.approx(2 / (condition + 1))


def powers(found, rate, steps):
    """Distances of batch descent from the minimum, (steps + 1, d): (I - ηH)^k (w₀ - w*)."""
    X = found.objective.inputs.numpy()
    shrink = np.eye(X.shape[1]) - rate * X.T @ X / len(X)
    away = (found.start - found.minimiser).numpy()
    return np.stack([np.linalg.matrix_power(shrink, k) @ away for k in range(steps + 1)])


@given(condition=conditions, k=st.integers(0, 3), steps=st.integers(0, 40), seed=seeds)
@settings(max_examples=8)
def test_the_way_down_of_a_batch_is_the_power_of_one_matrix(condition, k, steps, seed):
    found = convergence.valley(condition)
    rate = found.learning_rates[k]
    path = convergence.descend_on(found, "batch", rate, steps, seed).points
    away = (path - found.minimiser).numpy()
    np.testing.assert_allclose(away, powers(found, rate, steps), rtol=1e-9, atol=1e-9)
    # a first step on one sample goes down that sample's own gradient
    first = convergence.descend_on(found, "stochastic", rate, 1, seed).points[1]
    own = rate * found.objective.inputs * found.objective.targets[:, None]
    assert (own - first).norm(dim=1).min() < 1e-12


@given(condition=st.floats(1.01, 30), limit=st.integers(0, 40), seed=seeds)
@settings(max_examples=15)
def test_the_shortest_way_down_is_that_of_the_best_rate(condition, limit, seed):
    found, arrived = convergence.valley(condition), []
    for rate in found.learning_rates:
        away = np.linalg.norm(powers(found, rate, limit), axis=1)
        arrived += [(int(k), rate) for k in np.flatnonzero(away <= convergence.TARGET * away[0])[:1]]
    if not arrived:
        with pytest.raises(ValueError, match=f"converges within {limit} steps"):
            convergence.fastest_on(found, "batch", seed, limit)
        return
    rate, steps = convergence.fastest_on(found, "batch", seed, limit)
    assert (steps, rate) == min(arrived)


@given(
    name=st.sampled_from(["momentum", "Adam", "RMSprop"]),
    rates=st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=2, unique=True),
    seed=seeds,
    limit=st.integers(20, 80),
)
@settings(max_examples=8)
def test_arrival_is_at_the_first_point_below_the_target_and_the_fastest_rate_the_first(
    name, rates, seed, limit
):
    method = convergence.METHODS[name]
    method = convergence.Method(method.optimizer, method.batch_size, tuple(rates))
    objective, least = convergence.logistic_problem()
    arrived = []
    for rate in rates:
        steps = convergence.steps_to_target(method, rate, seed, limit)
        path = convergence.trajectory(method.optimizer, rate, method.batch_size, limit, seed).points
        excess = [convergence.loss_at(objective, point) - least for point in path]
        below = [k for k, value in enumerate(excess) if value <= convergence.TARGET * excess[0] + 1e-15]
        assert steps == (below[0] if below else None)
        assert steps == convergence.steps_to_target(method, rate, seed, limit + 9) or steps is None
        arrived += [(steps, rate)] if below else []
    if arrived:
        assert convergence.fastest(method, seed, limit) == min(arrived)[::-1]
    else:
        with pytest.raises(ValueError, match=f"converges within {limit} steps"):
            convergence.fastest(method, seed, limit)


@given(
    rate=st.floats(1e-3, 0.3), size=st.sampled_from([300, 900, 1797]), epochs=st.integers(0, 4), seed=seeds
)
@settings(max_examples=10)
def test_a_descent_is_told_from_the_origin_to_its_last_sample(rate, size, epochs, seed):
    history = convergence.descend_to_minimum("sgd", rate, size, epochs, seed)
    objective, least = convergence.logistic_problem()
    by = {}
    for m in history.measurements:
        by.setdefault(m.metric, {})[m.step] = m.value
    assert set(by) == {"excess_loss", "distance", "gradient_variance", "seconds"}
    assert {tuple(curve) for curve in by.values()} == {tuple(by["seconds"])}
    steps = list(by["excess_loss"])
    assert (steps[0], steps[-1]) == (0, epochs * convergence.SAMPLES)
    assert steps == sorted(steps)
    origin = torch.zeros(objective.inputs.shape[1], dtype=torch.float64)
    assert by["excess_loss"][0] == pytest.approx(convergence.loss_at(objective, origin) - least)
    assert min(by["excess_loss"].values()) >= 0
    if size == convergence.SAMPLES:
        assert list(by["excess_loss"].values()) == sorted(by["excess_loss"].values(), reverse=True)


@given(seed=seeds)
@settings(max_examples=4)
def test_of_two_wells_a_batch_stays_in_the_one_it_starts_in(seed):
    found = {(m.metric, m.step): m.value for m in synthetic.double_well(seed, None, None)}
    rates = range(len(synthetic.WELL_RATES))
    assert set(found) == {(f"escaped {name}", k) for name in ("batch", "stochastic") for k in rates}
    assert all(found["escaped batch", k] == 0 for k in rates)
    assert {found["escaped stochastic", k] for k in rates} <= {0.0, 1.0}


@given(seed=seeds, scale=st.floats(0.1, 10), shift=st.floats(-3, 3))
def test_superposition_knows_maps_that_are_affine_and_how_far_others_are_from_it(seed, scale, shift):
    a, b = normal(seed, 5, 4), normal(seed + 1, 5, 4)
    weight = normal(seed + 2, 4, 3)
    error = synthetic.superposition_error
    assert error(lambda x: x @ weight + shift, a, b) < 1e-10
    cross = (2 * a * b).abs().max() / (a + b).square().max()
    assert error(lambda x: scale * x.square(), a, b) == pytest.approx(float(cross))
    assert error(torch.relu, a, b) == pytest.approx(error(lambda x: scale * torch.relu(x), a, b))
    assert error(torch.relu, a, b) == pytest.approx(error(torch.relu, b, a))


@given(seed=seeds)
@settings(max_examples=5)
def test_a_network_is_affine_without_activations_and_not_with_them(seed):
    found = {m.metric: m.value for m in synthetic.affinity(seed, None, None)}
    assert found["superposition error none"] < 1e-9
    assert found["superposition error relu"] > 0.01


def drawn_images(seed, count):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, 1, 28, 28, generator=generator), torch.arange(count) % 10


@given(seed=seeds)
@settings(max_examples=5)
def test_behind_sigmoids_the_weights_of_a_neuron_move_together_for_one_sample(seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "BATCH_SIZES", (1, 4))
        patch.setattr(synthetic, "BATCHES", 3)
        found = {(m.metric, m.step): m.value for m in synthetic.gradient_signs(seed, *drawn_images(seed, 8))}
    assert set(found) == {(f"one sign {name}", size) for name in ("sigmoid", "tanh") for size in (1, 4)}
    assert found["one sign sigmoid", 1] == 1
    assert found["one sign tanh", 1] == 0  # of 128 signs that are drawn all would have to agree
    assert 0 <= found["one sign sigmoid", 4] <= 1


@given(seed=seeds, rates=st.sets(st.sampled_from([8.0, 16.0, 32.0]), min_size=1, max_size=2))
@settings(max_examples=4)
def test_a_detour_is_no_shorter_than_its_span_and_more_rates_arrive_no_later(seed, rates):
    with pytest.MonkeyPatch.context() as patch:
        found = []
        for tried in (tuple(sorted(rates)), (8.0, 16.0, 32.0)):
            patch.setattr(synthetic, "ZIGZAG_RATES", tried)
            found.append({m.metric: m.value for m in synthetic.zigzag(seed, None, None)})
    few, all_ = found
    for inputs in ("positive", "zero-centred"):
        assert 1 <= all_[f"steps {inputs}"] <= few[f"steps {inputs}"] <= synthetic.HORIZON
        assert few[f"detour {inputs}"] >= 1 - 1e-12


@given(seed=seeds)
@settings(max_examples=2)
def test_a_gradient_agrees_the_more_the_more_samples_it_is_of(seed):
    found = {(m.metric, m.step): m.value for m in synthetic.gradient_agreement(seed, None, None)}
    assert all(-1 <= value <= 1 for value in found.values())
    assert found["cosine sample", 0] < found["cosine mini-batch", 0]
    assert found["cosine mini-batch", 1] < found["cosine mini-batch", 0]  # near the minimum they disagree


@given(seed=seeds)
@settings(max_examples=3)
def test_confident_mistakes_move_the_cross_entropy_more(seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "IMAGES", 20)
        found = {m.metric: m.value for m in synthetic.confidently_wrong(seed, *drawn_images(seed, 30))}
    for loss in ("cross_entropy", "brier"):
        assert 0 < found[f"steps {loss}"] <= synthetic.RELEARNING_LIMIT
    assert found["gradient brier"] < found["gradient cross_entropy"] <= math.sqrt(2)
