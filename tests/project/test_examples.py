"""The examples agree with independent references: sympy, numpy by hand, and torch's convolution."""

from pathlib import Path

import numpy as np
import pytest
import sympy
import torch
import torch.nn.functional as F
from torch import nn

from bench.experiments.workloads.registry import ADAPTIVE, KINDS, check, identify, made, rates_of
from impl.convolution import Geometry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = {
    "activation": "examples/snake.py:Snake",
    "optimizer": "examples/lion.py:Lion",
    "strategy": "examples/fft_convolution.py:fft",
}


@pytest.fixture(autouse=True)
def _here(monkeypatch):
    monkeypatch.chdir(ROOT)


def example(kind):
    return made(kind, EXAMPLES[kind])


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
    snake = example("activation")(a).double()
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
    lion = example("optimizer")([parameter, untouched], rate, weight_decay=decay)
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
