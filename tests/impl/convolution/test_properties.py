"""Convolutions of any geometry: adjoints, counts and memory by definitions that share no code with them."""

import dataclasses
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from impl.convolution import (
    STRATEGIES,
    buffer_bytes,
    conv2d,
    conv_transpose2d,
    geometry,
    layers,
    operations,
    shifted,
    tiled,
)
from impl.convolution.geometry import Geometry
from tests.draws import draw_tensors, normal, seeds

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def pairs(least, most):
    return st.tuples(*(st.integers(least, most),) * 2)


@st.composite
def convolutions(draw, groups=2):
    """Shapes of an input and a weight that fit, and how the one slides over the other."""
    kernel, slide = draw(pairs(1, 3)), Geometry(draw(pairs(1, 3)), draw(pairs(0, 2)), draw(pairs(1, 2)))
    slide = dataclasses.replace(slide, groups=draw(st.integers(1, groups)))
    size = (
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 4))
        for k, d, p in zip(kernel, slide.dilation, slide.padding, strict=True)
    )
    channels, filters = draw(pairs(1, 3))
    input = (draw(st.integers(1, 4)), slide.groups * channels, *size)
    return input, (slide.groups * filters, channels, *kernel), slide


def keywords(slide):
    return dataclasses.asdict(slide)


def left_over(input, weight, slide):
    """The last rows and columns of a padded input that no window reaches."""
    along = zip(input[2:], weight[2:], slide.stride, slide.padding, slide.dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in along)


def inner(a, b):
    return pytest.approx((a * b).sum().item(), rel=1e-9, abs=1e-9)


@given(drawn=convolutions(), seed=seeds)
@settings(max_examples=30)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_transposed_convolution_is_the_adjoint(strategy, drawn, seed):
    input, weight, slide = drawn
    x, w = draw_tensors(seed, input, weight)
    y = conv2d(x, w, **keywords(slide), strategy=strategy)
    direction = normal(seed + 2, *y.shape)
    back = conv_transpose2d(direction, w, output_padding=left_over(input, weight, slide), **keywords(slide))
    assert (y * direction).sum().item() == inner(x, back)
    dx, dw = torch.autograd.grad(y, (x, w), direction)
    torch.testing.assert_close(dx, back.detach(), **EXACT)
    assert (y * direction).sum().item() == inner(w, dw)


@given(drawn=convolutions(), seed=seeds)
@settings(max_examples=10)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_second_derivatives_are_torchs(strategy, drawn, seed):
    input, weight, slide = drawn
    x, w = draw_tensors(seed, input, weight)
    found = []
    for y in (conv2d(x, w, **keywords(slide), strategy=strategy), F.conv2d(x, w, **keywords(slide))):
        direction = normal(seed + 2, *y.shape).requires_grad_()
        first = torch.autograd.grad(y, (x, w), direction, create_graph=True)
        loss = sum((g * g).sum() for g in first)
        found.append(torch.autograd.grad(loss, (x, w, direction)))
    torch.testing.assert_close(*found, **EXACT)


TILE_BYTES = st.sampled_from([1, 2**10, 2**20])


@given(drawn=convolutions(), tile_bytes=TILE_BYTES, seed=seeds)
def test_a_tile_is_torchs_unfold_and_folding_it_the_adjoint(drawn, tile_bytes, seed):
    input, weight, slide = drawn
    x, w = normal(seed, *input), normal(seed + 1, *weight)
    window = {k: v for k, v in keywords(slide).items() if k != "groups"}
    columns = F.unfold(x, weight[2:], **window)
    rows, wide = slide.output_size(input[2:], weight[2:])
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "TILE_BYTES", tile_bytes)
        for tile, samples in tiled.tiles(x, w, slide):
            part = range(len(x))[samples]
            seen += part
            cells = tile.cells[..., :wide]
            assert torch.equal(cells.reshape(len(part), -1, rows * wide), columns[samples])
            filled = tile.cells.clone()
            tile.cells.copy_(normal(seed + 2, *tile.cells.shape))
            drawn_cells = tile.cells.clone()
            tiled.fold(tile)
            assert (filled * drawn_cells).sum().item() == inner(x[samples], tile.image)
            tile.cells.zero_()
            cells.copy_(drawn_cells[..., :wide])
            tiled.fold(tile)
            folded = F.fold(
                drawn_cells[..., :wide].reshape(len(part), -1, rows * wide), input[2:], weight[2:], **window
            )
            torch.testing.assert_close(tile.image, folded, **EXACT)
    assert seen == list(range(len(x)))


@given(kernel=pairs(1, 6), dilation=pairs(1, 4), size=pairs(1, 9))
def test_padding_by_name_keeps_the_size_or_adds_nothing(kernel, dilation, size):
    padding, after = geometry.named_padding("same", kernel, (1, 1), dilation)
    whole = (size[0] + after[0], size[1] + after[1])
    assert Geometry(padding=padding, dilation=dilation).output_size(whole, kernel) == size
    assert set(after) <= {0, 1}
    assert geometry.named_padding("valid", kernel, (3, 2), dilation) == ((0, 0), (0, 0))


@given(name=st.sampled_from(["same", "valid"]) | st.text("aeilmsv", max_size=6), stride=pairs(1, 2))
def test_other_names_of_padding_and_same_with_a_stride_are_refused(name, stride):
    if name == "valid" or (name == "same" and stride == (1, 1)):
        geometry.named_padding(name, (3, 3), stride, (1, 1))
    else:
        with pytest.raises(
            ValueError, match=r"expected 1 with padding='same'|'same', 'valid', an int or a pair of ints"
        ):
            geometry.named_padding(name, (3, 3), stride, (1, 1))


@given(drawn=convolutions())
def test_operations_are_as_many_as_a_convolution_of_ones_adds_up(drawn):
    input, weight, slide = drawn
    rows, columns = slide.padding
    ones = F.pad(torch.ones(input, dtype=torch.float64), (columns, columns, rows, rows), value=1)
    output = F.conv2d(
        ones, torch.ones(weight, dtype=torch.float64), None, slide.stride, 0, slide.dilation, slide.groups
    )
    assert operations(input, weight, slide) == output.sum().item()
    assert slide.output_size(input[2:], weight[2:]) == output.shape[2:]


@given(
    input=st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    weight=st.tuples(*(st.integers(1, 4),) * 4),
    slide=st.builds(Geometry, pairs(1, 2), pairs(0, 1), pairs(1, 2), st.integers(1, 3)),
)
@settings(max_examples=150)
def test_shapes_are_refused_where_torch_refuses_them(input, weight, slide):
    try:
        F.conv2d(torch.zeros(input), torch.zeros(weight), **keywords(slide))
    except RuntimeError:
        with pytest.raises(ValueError, match=r"Invalid (groups|input|weight): got "):
            geometry.check_shapes(torch.Size(input), torch.Size(weight), slide)
    else:
        geometry.check_shapes(torch.Size(input), torch.Size(weight), slide)


@given(samples=st.integers(0, 200), most=st.integers(-1, 50))
def test_tiles_are_as_few_and_as_even_as_can_be(samples, most):
    each = geometry.tile_size(samples, most)
    tiles = math.ceil(samples / each)
    assert 1 <= each <= max(1, most)
    assert tiles == math.ceil(samples / max(1, most))
    assert each == max(1, math.ceil(samples / max(1, tiles)))


@given(drawn=convolutions(), dtype=st.sampled_from([torch.float32, torch.float64]))
def test_buffers_hold_what_their_strategy_says(drawn, dtype):
    input, weight, slide = drawn
    rows, columns = slide.padding
    x = torch.zeros(input, dtype=dtype)
    padded = F.pad(x, (columns, columns, rows, rows)).nbytes if rows or columns else 0
    window = {k: v for k, v in keywords(slide).items() if k != "groups"}
    places = F.unfold(x, weight[2:], **window).nbytes
    output = F.conv2d(x, x.new_zeros(weight), **keywords(slide)).nbytes
    found = {name: buffer_bytes(name, input, weight, slide, dtype=dtype) for name in STRATEGIES}
    assert found["loops"] == padded + output
    assert found["unfold"] == places
    assert found["windows"] == padded + places
    assert found["tiled"] >= places + x.nbytes
    assert found["shifted"] >= x.nbytes + output + x.new_zeros(weight).nbytes


@given(drawn=convolutions(), strategy=st.sampled_from(["shifted", "tiled"]))
def test_buffers_of_tiles_do_not_grow_with_the_batch(drawn, strategy):
    (_, *image), weight, slide = drawn
    with pytest.MonkeyPatch.context() as patch:
        for module in (shifted, tiled):
            patch.setattr(module, "TILE_BYTES", 2**10)  # of at most 256 values, and so of 256 samples
        few, many = (buffer_bytes(strategy, (n, *image), weight, slide) for n in (300, 9999))
    assert many < 4 * few  # a whole and a shorter tile beside one that may be half as large


def twins(name, seed, *arguments, **keywords):
    """Our layer of that name and torch's, made from the same seed, in double precision."""
    for module in (layers, nn):
        torch.manual_seed(seed)
        yield getattr(module, name)(*arguments, **keywords).double()


@given(drawn=convolutions(), bias=st.booleans(), seed=seeds, strategy=st.sampled_from(sorted(STRATEGIES)))
def test_convolutional_layers_are_torchs_forth_and_back(drawn, bias, seed, strategy):
    input, weight, slide = drawn
    x = normal(seed, *input)
    ours, theirs = twins("Conv2d", seed, input[1], weight[0], weight[2:], **keywords(slide), bias=bias)
    ours.strategy = strategy
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0)
    y = theirs(x).detach()
    torch.testing.assert_close(ours(x).detach(), y, **EXACT)
    more = left_over(input, weight, slide)
    ours, theirs = twins(
        "ConvTranspose2d",
        seed,
        weight[0],
        input[1],
        weight[2:],
        output_padding=more,
        **keywords(slide),
        bias=bias,
    )
    torch.testing.assert_close(dict(ours.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0)
    assert ours(y).shape == x.shape
    torch.testing.assert_close(ours(y), theirs(y), **EXACT)


@given(kernel=pairs(1, 3), stride=st.none() | pairs(1, 3), more=pairs(0, 4), data=st.data(), seed=seeds)
@pytest.mark.parametrize("name", ["AvgPool2d", "MaxPool2d"])
def test_pooling_layers_are_torchs(name, kernel, stride, more, data, seed):
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    x = normal(seed, 2, 3, *(k + n for k, n in zip(kernel, more, strict=True))).requires_grad_()
    found, expected = (layer(x) for layer in twins(name, seed, kernel, stride, padding))
    torch.testing.assert_close(found, expected, **EXACT)
    direction = normal(seed + 1, *expected.shape)
    gradients = (torch.autograd.grad(y, x, direction) for y in (found, expected))
    torch.testing.assert_close(*gradients, **EXACT)
