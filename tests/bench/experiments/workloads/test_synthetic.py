"""The small experiments against plain loops, automatic differentiation and what is known of them."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from bench.experiments.workloads import synthetic as synthetic
from bench.experiments.workloads.convergence import digits
from impl.data import load
from impl.descent.objectives import double_well, sigmoid_neuron

TORCH_LOSSES = {
    "cross_entropy": nn.functional.cross_entropy,
    "brier": lambda z, y: (z.softmax(1) - nn.functional.one_hot(y, 10)).square().sum(1).mean(),
}


@pytest.fixture(autouse=True)
def one_thread():
    """As the experiments run; two that wait for each other are many times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def images_and_labels():
    """In float64, so that a second way to compute the same does not drift away."""
    found = load("digits", None)
    return found.train_images.double(), found.train_labels


def values(name, seed, images_and_labels):
    found = synthetic.SYNTHETIC[name](seed, *images_and_labels)
    assert all(m.unit == "1" and math.isfinite(m.value) for m in found)
    return {(m.metric, m.step): m.value for m in found}


@pytest.mark.parametrize("name", synthetic.SYNTHETIC)
def test_the_seed_alone_decides(name, images_and_labels):
    images, labels = images_and_labels[0].float(), images_and_labels[1]
    with torch.random.fork_rng():
        before = torch.get_rng_state()
        first = synthetic.SYNTHETIC[name](0, images, labels)
        assert torch.equal(torch.get_rng_state(), before)
        torch.manual_seed(12345)
        assert synthetic.SYNTHETIC[name](0, images, labels) == first
    assert len({(m.metric, m.step) for m in first}) == len(first)


@pytest.mark.parametrize(
    "name", [n for n in synthetic.SYNTHETIC if n != "double_well"]
)  # 0 or 1, often equal
def test_another_seed_gives_other_numbers(name, images_and_labels):
    assert values(name, 0, images_and_labels) != values(name, 1, images_and_labels)


def orders(generator, steps):
    """Sample after sample, in a fresh order every epoch."""
    n = synthetic.SAMPLES
    return torch.cat([torch.randperm(n, generator=generator) for _ in range(-(-steps // n))])[:steps].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_double_well_escapes_as_a_plain_loop_does(seed, images_and_labels):
    found = values("double_well", seed, images_and_labels)
    barrier = next(r for r in np.roots([1, 0, -1, 0.3]).real if abs(r) < 0.5)
    assert barrier**3 - barrier + 0.3 == pytest.approx(0, abs=1e-12)
    ends = []
    for k, rate in enumerate((0.03, 0.1, 0.2)):
        generator = torch.Generator().manual_seed(seed)
        tilts = double_well(64, generator=generator).targets.tolist()
        w = max(np.roots([1, 0, -1, 0.3]).real)
        for i in orders(generator, 150):
            w -= rate * (w**3 - w + tilts[i])
        ends.append(float(w < barrier))
        assert found["escaped stochastic", k] == ends[-1]
        assert found["escaped batch", k] == 0  # it starts where the whole gradient vanishes
    assert len(found) == 6


def test_double_well_knows_both_ends(images_and_labels):
    ends = [values("double_well", seed, images_and_labels) for seed in range(4)]
    assert {e["escaped stochastic", k] for e in ends for k in range(3)} == {0.0, 1.0}


def excess(w):
    """Loss of logistic regression (λ = 1e-3) above that at the minimum, in NumPy."""
    objective, minimiser = digits()
    X, y = objective.inputs.numpy(), objective.targets.numpy()

    def loss(v):
        return np.mean(np.logaddexp(0, X @ v) - y * (X @ v)) + 0.5e-3 * v @ v

    return loss(w.numpy()) - loss(minimiser.numpy())


def test_near_minimum_has_a_hundredth_of_the_excess_loss():
    minimiser = digits()[1]
    assert excess(synthetic.near_minimum()) == pytest.approx(0.01 * excess(0 * minimiser), rel=1e-8)


@pytest.mark.parametrize("step", [0, 1])
def test_gradient_agreement_estimates_the_cosines(step, images_and_labels):
    found = values("gradient_agreement", 0, images_and_labels)
    objective, minimiser = digits()
    X, y = objective.inputs.numpy(), objective.targets.numpy()
    w = (synthetic.near_minimum() if step else torch.zeros_like(minimiser)).numpy()
    each = (1 / (1 + np.exp(-X @ w)) - y)[:, None] * X + 1e-3 * w
    full = each.mean(0)

    def cosines(g):
        return g @ full / np.linalg.norm(g, axis=1) / np.linalg.norm(full)

    rng = np.random.default_rng(1)
    batches = np.stack([each[rng.choice(len(X), 32, replace=False)].mean(0) for _ in range(4000)])
    for name, expected in (("sample", cosines(each)), ("mini-batch", cosines(batches))):
        error = expected.std() * (1 / 512 + 1 / len(expected)) ** 0.5
        assert found[f"cosine {name}", step] == pytest.approx(expected.mean(), abs=4 * error)


def rows(images_and_labels, seed, count=512):
    images, labels = images_and_labels
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))[:count]
    return images[chosen].flatten(1), labels[chosen]


def confident(x, y):
    """Weights (785, 10) as `confidently_wrong` comes by them, checked to be confidently wrong."""
    X = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    weight = synthetic._convinced(X, (y + 1) % 10)
    p = (X @ weight).softmax(1)
    assert 0.95 <= p[range(len(y)), (y + 1) % 10].mean() < 0.96
    return weight


def unlearning(weight, x, y, loss, rate):
    """Steps of `nn.Linear` and `torch.optim.SGD` from `weight` to half of the rows right, or 400."""
    model = nn.Linear(784, 10).double()
    with torch.no_grad():
        model.weight.copy_(weight[:-1].T)
        model.bias.copy_(weight[-1])
    optimizer = torch.optim.SGD(model.parameters(), rate)
    for step in range(400):
        logits = model(x)
        if 2 * (logits.argmax(1) == y).sum() >= len(y):
            return step
        optimizer.zero_grad()
        TORCH_LOSSES[loss](logits, y).backward()
        optimizer.step()
    return 400


@pytest.mark.parametrize("loss", TORCH_LOSSES)
def test_confidently_wrong_counts_the_steps_of_torch(loss, images_and_labels):
    images, labels = images_and_labels
    centred = images - images.mean(0), labels  # raw pixels make large steps chaotic, and two counts differ
    x, y = rows(centred, seed=1)
    weight = confident(x, y)
    with torch.random.fork_rng():
        steps = [unlearning(weight, x, y, loss, rate) for rate in synthetic.RELEARNING_RATES]
    found = values("confidently_wrong", 1, centred)
    assert found[f"steps {loss}", 0] == min(steps)
    assert 0 < min(steps) < 400

    logits = (torch.cat([x, torch.ones(len(x), 1)], dim=1) @ weight).requires_grad_()
    (gradient,) = torch.autograd.grad(TORCH_LOSSES[loss](logits, y) * len(y), logits)
    assert found[f"gradient {loss}", 0] == pytest.approx(gradient.norm(dim=1).mean().item())


def test_confidently_wrong_gradients_are_near_those_of_certainty(images_and_labels):
    found = values("confidently_wrong", 0, images_and_labels)
    assert found["gradient cross_entropy", 0] == pytest.approx(
        2**0.5, rel=0.05
    )  # p one-hot, at the wrong class
    assert found["gradient brier", 0] < 0.1  # where the softmax is sure its slope is 0
    assert found["steps brier", 0] > 5 * found["steps cross_entropy", 0]


def test_confidently_wrong_reports_the_limit_and_refuses_the_unconvinced(images_and_labels, monkeypatch):
    monkeypatch.setattr(synthetic, "RELEARNING_RATES", (1e-6, 1e-5))
    found = values("confidently_wrong", 0, images_and_labels)
    assert found["steps brier", 0] == found["steps cross_entropy", 0] == 400
    monkeypatch.setattr(synthetic, "WRONG_LIMIT", 3)
    with pytest.raises(ValueError, match=r"no mean probability of 0\.95 after 3 steps"):
        values("confidently_wrong", 0, images_and_labels)


def test_too_few_images_are_an_error(images_and_labels):
    images, labels = images_and_labels
    with pytest.raises(ValueError, match="got 100 images, expected at least 512"):
        synthetic.confidently_wrong(0, images[:100], labels[:100])


def test_layers_are_drawn_as_torch_draws_them():
    layers = synthetic._layers(torch.Generator().manual_seed(0), torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        linears = [nn.Linear(i, o) for i, o in pairwise((784, 128, 128, 10))]
    for (weight, bias), linear in zip(layers, linears, strict=True):
        assert (weight.shape, bias.shape) == (linear.weight.shape, linear.bias.shape)
        for ours, theirs in ((weight, linear.weight), (bias, linear.bias)):
            bound = linear.in_features**-0.5
            assert ours.abs().max() <= bound
            assert theirs.abs().max() <= bound
        # a uniform draw's variance is bound²/3
        assert weight.var().item() == pytest.approx(bound**2 / 3, rel=0.1)


@pytest.mark.parametrize(("name", "module"), [("sigmoid", nn.Sigmoid), ("tanh", nn.Tanh)])
def test_gradient_signs_are_those_of_a_module(name, module, images_and_labels):
    found = values("gradient_signs", 0, images_and_labels)
    generator = torch.Generator().manual_seed(0)
    linears = []
    for weight, bias in synthetic._layers(generator, torch.float64):
        linears.append(nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], dtype=torch.float64))
        linears[-1].weight.data, linears[-1].bias.data = weight, bias
    model = nn.Sequential(linears[0], module(), linears[1], module(), linears[2])
    images, labels = images_and_labels
    for size in (1, 2, 8, 32, 128):
        neurons = 0
        for _ in range(20):
            chosen = torch.randperm(len(images), generator=generator)[:size]
            model.zero_grad()
            nn.functional.cross_entropy(model(images[chosen].flatten(1)), labels[chosen]).backward()
            positive = (linears[1].weight.grad > 0).sum(1)
            neurons += int(((positive == 0) | (positive == 128)).sum())
        assert found[f"one sign {name}", size] == pytest.approx(neurons / (20 * 128), abs=1e-12)


def test_gradient_signs_of_one_sample_behind_positive_inputs_agree(images_and_labels):
    found = values("gradient_signs", 3, images_and_labels)
    assert found["one sign sigmoid", 1] == 1.0
    assert all(found["one sign tanh", size] == 0 for size in synthetic.BATCH_SIZES)


@pytest.mark.parametrize("seed", [0, 1])
def test_zigzag_is_that_of_a_plain_loop(seed, images_and_labels):
    found = values("zigzag", seed, images_and_labels)
    generator = torch.Generator().manual_seed(seed)
    x = torch.sigmoid(2 * torch.randn(64, 2, generator=generator, dtype=torch.float64))
    order = orders(generator, 180)
    for name, X in (("positive", x.numpy()), ("zero-centred", (x - x.mean(0)).numpy())):
        best = (math.inf, math.inf)
        for rate in (2, 4, 8, 16, 32, 64, 128):
            w, points = np.array([-2.0, 2.0]), [np.array([-2.0, 2.0])]
            for i in order:
                a, y = (1 / (1 + np.exp(-X[i] @ v)) for v in (w, np.array([2.0, -2.0])))
                w = w - rate * 2 * (a - y) * a * (1 - a) * X[i]
                points.append(w)
            near = [math.dist(p, (2, -2)) <= 0.1 * math.dist((-2, 2), (2, -2)) for p in points]
            steps = next((k for k in range(181) if all(near[k:])), math.inf)
            if steps < best[0]:
                length = sum(math.dist(p, q) for p, q in pairwise(points[: steps + 1]))
                best = steps, length / math.dist(points[steps], points[0])
        assert found[f"steps {name}", 0] == best[0]
        assert found[f"detour {name}", 0] == pytest.approx(best[1], rel=1e-6)


def test_zigzag_costs_positive_inputs_steps(images_and_labels):
    found = [values("zigzag", seed, images_and_labels) for seed in range(9)]
    for metric in ("steps", "detour"):
        median = [
            np.median([f[f"{metric} {kind}", 0] for f in found]) for kind in ("positive", "zero-centred")
        ]
        assert median[0] > median[1] >= 1


def test_zigzag_without_arrival_is_the_horizon(images_and_labels, monkeypatch):
    monkeypatch.setattr(synthetic, "ZIGZAG_RATES", (1e-4, 1e-3))
    found = values("zigzag", 0, images_and_labels)
    assert found["steps positive", 0] == found["steps zero-centred", 0] == 180
    assert found["detour positive", 0] > 1


def test_zigzag_moves_both_weights_the_same_way():
    x = torch.rand(16, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.01
    objective = sigmoid_neuron(x, torch.sigmoid(x @ synthetic.MINIMUM))
    points = synthetic._descend(objective, synthetic.START, 2.0, 1, 50, torch.Generator().manual_seed(0))
    assert (points.diff(dim=0).prod(dim=1) > 0).all()


def test_superposition_error_of_a_square_and_of_an_affine_map():
    a, b = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [-1.0]])
    # |a² + b² - (a + b)²| = 2 |ab|, at most 6; (a + b)², at most 16
    assert synthetic.superposition_error(torch.square, a, b) == 6 / 16
    assert synthetic.superposition_error(lambda x: 2 * x + 1, a, b) == 0


def test_affinity_is_lost_by_relu_alone(images_and_labels):
    found = values("affinity", 0, images_and_labels)
    assert found["superposition error none", 0] < 1e-13
    generator = torch.Generator().manual_seed(0)
    (W, c), (V, d), (U, e) = ((w.numpy(), v.numpy()) for w, v in synthetic._layers(generator, torch.float64))
    a, b = torch.randn(2, 64, 784, generator=generator, dtype=torch.float64).numpy()

    def f(x):
        return np.maximum(np.maximum(x @ W.T + c, 0) @ V.T + d, 0) @ U.T + e

    error = np.abs(f(a) + f(b) - f(a + b) - f(0 * a)).max() / np.abs(f(a + b)).max()
    assert found["superposition error relu", 0] == pytest.approx(error)
    assert error > 0.1
