"""The gain that keeps a signal's size, and weights drawn with it."""

import math

import pytest
import torch
from scipy import integrate, stats
from torch import nn

from impl.activations.registry import ACTIVATIONS
from impl.training.initialization import initialize, second_moment, variance_gain


def test_gain_of_relu_is_he():
    assert variance_gain(torch.relu) == pytest.approx(math.sqrt(2), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_moment_is_that_of_adaptive_quadrature(name):
    f = ACTIVATIONS[name].f

    def integrand(z):
        return float(f(torch.tensor(z, dtype=torch.float64))) ** 2 * stats.norm.pdf(z)

    expected = sum(integrate.quad(integrand, *ends, epsabs=1e-12)[0] for ends in ((-12, 0), (0, 12)))
    assert second_moment(f) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["relu", "gelu", "sgelu"])
def test_twenty_layers_keep_their_size_with_it_and_lose_it_without(name):
    entry = ACTIVATIONS[name]
    layers = [layer for _ in range(20) for layer in (nn.Linear(256, 256), entry.module())]
    model = nn.Sequential(*layers, nn.Linear(256, 256))
    x = torch.randn(512, 256, generator=torch.Generator().manual_seed(0))
    initialize(model, variance_gain(entry.f), torch.Generator().manual_seed(1))
    with torch.no_grad():
        kept = model(x).square().mean().item()
        initialize(model, 0.8 * variance_gain(entry.f), torch.Generator().manual_seed(1))
        lost = model(x).square().mean().item()
    assert 1 / 4 < kept < 4
    assert lost < 0.01


def test_same_generator_same_draws_up_to_the_gain():
    models = [nn.Sequential(nn.Linear(3, 4), nn.Conv2d(2, 3, 3), nn.ConvTranspose2d(2, 3, 3)) for _ in "ab"]
    for model, gain in zip(models, (1.0, 2.5), strict=True):
        initialize(model, gain, torch.Generator().manual_seed(0))
    one, other = models
    torch.testing.assert_close(one[0].weight, other[0].weight)
    for k in (1, 2):
        torch.testing.assert_close(2.5 * one[k].weight, other[k].weight)
        assert not one[k].bias.any()


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [(nn.Linear(50, 4000), 50), (nn.Conv2d(8, 3000, 3), 72), (nn.ConvTranspose2d(20, 3000, 1), 20)],
)
def test_variance_is_gain_squared_over_fan_in(layer, fan_in):
    initialize(nn.Sequential(nn.Linear(1, 1), layer), 3.0, torch.Generator().manual_seed(0))
    assert layer.weight.var().item() == pytest.approx(9 / fan_in, rel=0.03)


def test_weights_do_not_depend_on_the_default_dtype():
    layers = [nn.Linear(40, 30, dtype=torch.float32) for _ in range(2)]
    initialize(layers[0], 1.0, torch.Generator().manual_seed(2))
    torch.set_default_dtype(torch.float64)
    try:
        initialize(layers[1], 1.0, torch.Generator().manual_seed(2))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(layers[0].weight, layers[1].weight)
