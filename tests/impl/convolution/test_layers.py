from dataclasses import replace

import pytest
import torch
from torch import nn

from impl.convolution import STRATEGIES
from impl.convolution.layers import AvgPool2d, Conv2d, ConvTranspose2d, Flatten, Linear, MaxPool2d

EXACT = {"rtol": 1e-10, "atol": 1e-10}
LAYERS = {
    "convolution": (Conv2d, nn.Conv2d, (4, 6, (3, 2), 2, (1, 0), 1, 2), (2, 4, 6, 5)),
    "convolution without bias": (Conv2d, nn.Conv2d, (4, 6, 3, 1, 1, 1, 1, False), (2, 4, 6, 5)),
    "convolution that keeps the size": (Conv2d, nn.Conv2d, (4, 6, 3, 1, "same"), (2, 4, 6, 5)),
    "convolution of its sizes alone": (Conv2d, nn.Conv2d, (4, 6, 3), (2, 4, 6, 5)),
    "transposed convolution": (ConvTranspose2d, nn.ConvTranspose2d, (4, 6, (3, 2), 2, 1, 1, 2), (2, 4, 6, 5)),
    "transposed convolution of its sizes alone": (
        ConvTranspose2d, nn.ConvTranspose2d, (3, 5, 1), (2, 3, 6, 5),
    ),
    "transposed convolution without bias, dilated": (
        ConvTranspose2d, nn.ConvTranspose2d, (4, 6, 3, 2, 1, 0, 1, False, 2), (2, 4, 6, 5),
    ),
    "linear": (Linear, nn.Linear, (5, 3), (2, 5)),
    "linear without bias": (Linear, nn.Linear, (5, 3, False), (2, 4, 5)),
    "pooling": (MaxPool2d, nn.MaxPool2d, (2,), (2, 3, 5, 4)),
    "pooling that overlaps": (MaxPool2d, nn.MaxPool2d, (3, 1), (2, 3, 5, 4)),
    "mean pooling": (AvgPool2d, nn.AvgPool2d, (3, 2, 1), (2, 3, 5, 4)),
    "mean pooling of its size alone": (AvgPool2d, nn.AvgPool2d, (2,), (2, 3, 5, 4)),
    "flatten": (Flatten, nn.Flatten, (), (2, 3, 5, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_torch_from_the_same_seed(name):
    ours, theirs, arguments, shape = LAYERS[name]
    layers = []
    for make in (ours, theirs):
        torch.manual_seed(7)
        layers.append(make(*arguments))
    states = [layer.state_dict() for layer in layers]
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    input = torch.randn(shape, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    ours, theirs = (layer.double()(input) for layer in layers)
    torch.testing.assert_close(ours, theirs, **EXACT)


def test_a_layer_convolves_by_the_strategy_that_it_names(monkeypatch):
    used = []

    def spy(*arguments):
        used.append(arguments)
        return STRATEGIES["unfold"].convolve(*arguments)

    monkeypatch.setitem(STRATEGIES, "tiled", replace(STRATEGIES["tiled"], convolve=spy))
    Conv2d(1, 1, 3, strategy="tiled")(torch.zeros(1, 1, 4, 4))
    assert len(used) == 1


def test_layer_errors():
    with pytest.raises(ValueError, match="Unknown strategy 'fft'; expected one of"):
        Conv2d(1, 1, 3, strategy="fft")
    with pytest.raises(ValueError, match=r"Invalid groups: got 2, expected .* 3 input channels"):
        Conv2d(3, 2, 3, groups=2)
    with pytest.raises(ValueError, match=r"Invalid groups: got 2, expected .* 3 output channels"):
        ConvTranspose2d(2, 3, 3, groups=2)
    for layer in (Conv2d, ConvTranspose2d):
        with pytest.raises(ValueError, match=r"^Invalid kernel_size: got 0, expected at least 1"):
            layer(2, 2, 0)
