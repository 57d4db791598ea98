"""The examples agree with independent references: sympy, numpy, scikit-learn, and torch's functions."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from torch import nn

from bench.experiments.workloads.registry import ADAPTIVE, KINDS, check, identify, made, rates_of
from impl.convolution import Geometry
from impl.data.datasets import Dataset, load_npz
from impl.losses import cross_entropy
from impl.models import MnistClassifier
from impl.training.loop import evaluate, fit

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {
    "activation": "examples/snake.py:Snake",
    "optimizer": "examples/lion.py:Lion",
    "strategy": "examples/fft_convolution.py:fft",
    "network": "examples/residual_mlp.py:make",
}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.chdir(ROOT)


def example(kind, arguments=""):
    return made(kind, EXAMPLES[kind] + arguments)


def test_there_is_an_example_of_every_kind_and_it_is_taken():
    assert set(EXAMPLES) == set(KINDS)
    for kind, name in EXAMPLES.items():
        check(name, kind)
        assert identify(name, kind).startswith(f"{name}@")
        assert Path(name.partition(":")[0]).read_text().count(f"{kind.upper()}={name}") == 1


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_snake_and_its_derivatives_are_those_of_the_formula(a):
    x, s = sympy.symbols("x a", real=True)
    formula = x + sympy.sin(s * x) ** 2 / s
    grid = np.linspace(-5, 5, 41)
    points = torch.tensor(grid).requires_grad_()
    snake = example("activation", f"(a={a})")().double()
    y = snake(points)
    in_x = torch.autograd.grad(y.sum(), points, retain_graph=True)[0]
    (in_a,) = torch.autograd.grad(y.sum(), [snake.a])
    for found, wanted in ((y.detach(), formula), (in_x, sympy.diff(formula, x))):
        expected = [float(wanted.subs({x: p, s: a})) for p in grid]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    slope = sum(float(sympy.diff(formula, s).subs({x: p, s: a})) for p in grid)
    assert float(in_a) == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lions_first_steps_are_those_of_its_paper(decay):
    """Algorithm 2 of Chen et al. (2023), in numpy."""
    rate, beta1, beta2 = 0.25, 0.9, 0.99
    gradients = np.array([[1.0, -2.0, 0.0], [-0.05, 4.0, 3.0], [-9.0, -1.0, 0.5], [0.0, 0.0, -7.0]])
    theta, m, path = np.array([1.0, -1.0, 0.5]), np.zeros(3), []
    for g in gradients:
        update = np.sign(beta1 * m + (1 - beta1) * g)
        theta = theta - rate * (update + decay * theta)
        m = beta2 * m + (1 - beta2) * g
        path.append(theta)
    parameter = nn.Parameter(torch.tensor([1.0, -1.0, 0.5], dtype=torch.float64))
    untouched = nn.Parameter(torch.ones(2))
    lion = example("optimizer", f"(weight_decay={decay})")([parameter, untouched], rate)
    for g, expected in zip(gradients, path, strict=True):
        parameter.grad = torch.tensor(g)
        lion.step()
        np.testing.assert_allclose(parameter.detach(), expected, rtol=1e-13)
    assert untouched.tolist() == [1, 1]
    with pytest.raises(ValueError, match="Invalid closure"):
        lion.step(lambda: 1.0)


def test_lion_asks_for_rates_of_its_own_and_others_have_adams():
    assert rates_of(EXAMPLES["optimizer"]) == (3e-5, 1e-4, 3e-4, 1e-3, 3e-3)
    assert rates_of("torch.optim:RAdam") == ADAPTIVE


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (2, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 1)])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (1, 1)])
def test_convolution_by_spectra_is_torchs(stride, padding, dilation, groups, kernel):
    generator = torch.Generator().manual_seed(0)
    x, w, g = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 4, 9, 10), (6, 4 // groups, *kernel), (2, 6, 16, 16))
    )
    found = []
    for convolve in (
        lambda x, w: example("strategy")(x, w, Geometry(stride, padding, dilation, groups)),
        lambda x, w: F.conv2d(x, w, None, stride, padding, dilation, groups),
    ):
        leaves = [x.clone().requires_grad_(), w.clone().requires_grad_()]
        y = convolve(*leaves)
        upstream = g[..., : y.shape[2], : y.shape[3]]
        found.append((y.detach(), *torch.autograd.grad(y, leaves, upstream)))
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def tumours(tmp_path_factory):
    """The data set that the example writes."""
    path = tmp_path_factory.mktemp("build") / "new" / "breast_cancer.npz"
    subprocess.run([sys.executable, ROOT / "examples" / "breast_cancer.py", path], check=True, timeout=60)
    return load_npz(path)


def test_the_data_example_is_scikit_learns_data_standardised(tumours):
    bunch = load_breast_cancer()
    assert tumours.train_images.shape == (455, 30)
    assert tumours.test_images.shape == (114, 30)
    assert tumours.classes == 2
    mean, deviation = (
        tumours.train_images.double().mean(0),
        tumours.train_images.double().std(0, correction=0),
    )
    np.testing.assert_allclose(mean, 0, atol=1e-6)
    np.testing.assert_allclose(deviation, 1, atol=1e-6)
    x = torch.cat([tumours.train_images, tumours.test_images]).double().numpy()
    y = torch.cat([tumours.train_labels, tumours.test_labels]).numpy()
    slope = x.std(0) / bunch.data.std(0)  # the one affine map that gives back the table, row by row
    given_back = (x - x.mean(0)) / slope + bunch.data.mean(0)
    rows, expected = np.lexsort(given_back.T), np.lexsort(bunch.data.T)
    np.testing.assert_allclose(given_back[rows], bunch.data[expected], rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(y[rows], bunch.target[expected])
    shares = [labels.double().mean().item() for labels in (tumours.train_labels, tumours.test_labels)]
    assert shares == pytest.approx([bunch.target.mean()] * 2, abs=0.005)


def trained(model, data: Dataset):
    """Return the accuracy on the test samples after 20 epochs of Adam."""
    fit(
        model,
        (data.train_images, data.train_labels),
        observe=dict,
        loss=cross_entropy,
        optimizer=torch.optim.Adam(model.parameters(), 1e-2),
        batch_size=91,
        horizons=[20],
        generator=torch.Generator().manual_seed(0),
    )
    return evaluate(model, data.test_images, data.test_labels, cross_entropy)["accuracy"]


def residual(*arguments):
    torch.manual_seed(0)
    return runpy.run_path("examples/residual_mlp.py")["make"](*arguments)


def test_networks_learn_the_data_example_as_well_as_a_logistic_regression(tumours):
    oracle = LogisticRegression().fit(tumours.train_images, tumours.train_labels)
    expected = oracle.score(tumours.test_images, tumours.test_labels)
    assert expected > 0.9
    torch.manual_seed(0)
    for model in (MnistClassifier(nn.ReLU, inputs=(30,), outputs=2), residual(nn.ReLU, (30,), 2)):
        assert trained(model, tumours) > expected - 0.05


def test_the_residual_network_is_its_formula():
    x = torch.rand(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model = residual(nn.GELU)
    first, *blocks, norm, _, last = [*model][1:]
    h = F.linear(x.flatten(1), first.weight, first.bias)
    assert len(blocks) == 3
    for block in blocks:
        _, inner, _, outer = block.branch
        h = h + F.linear(
            F.gelu(F.linear(F.layer_norm(h, [64]), inner.weight, inner.bias)), outer.weight, outer.bias
        )
    expected = F.linear(F.gelu(F.layer_norm(h, norm.normalized_shape)), last.weight, last.bias)
    torch.testing.assert_close(model(x), expected)
    assert model(x).shape == (5, 10)


def test_examples_of_networks_and_data_show_their_command():
    for path, variable in (
        ("examples/residual_mlp.py", "NETWORK=examples/residual_mlp.py:make"),
        ("examples/breast_cancer.py", "DATASET=build/breast_cancer.npz"),
    ):
        assert Path(path).read_text().count(variable) == 1
