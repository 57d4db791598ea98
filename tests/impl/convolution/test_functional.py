import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from impl.convolution import (
    STRATEGIES,
    Geometry,
    buffer_bytes,
    conv2d,
    conv_transpose2d,
    operations,
)
from tests.draws import draw_tensors

EXACT = {"rtol": 1e-10, "atol": 1e-10}
PAIRS = st.tuples(st.integers(1, 2), st.integers(1, 2))


@st.composite
def convolutions(draw):
    groups, kernel = draw(st.integers(1, 2)), draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    ints = st.integers(0, 2)
    padding, dilation = draw(st.tuples(ints, ints) | ints | st.sampled_from(["same", "valid"])), draw(PAIRS)
    zeros = {"same": (9, 9), "valid": (0, 0)}.get(padding, padding)
    zeros = (zeros, zeros) if isinstance(zeros, int) else zeros
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, zeros, dilation, strict=True)]
    height, width = (draw(st.integers(low, low + 3)) for low in least)
    channels, filters = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    input_shape = (draw(st.integers(0, 2)), groups * channels, height, width)
    weight_shape = (groups * filters, channels, *kernel)
    stride = (1, 1) if padding == "same" else draw(PAIRS)
    keywords = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return input_shape, weight_shape, keywords, draw(st.integers(0, 2**31))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")  # torch's own
@settings(max_examples=30, deadline=None, derandomize=True)
@given(drawn=convolutions())
def test_values_and_gradients_equal_torch(strategy, with_bias, dtype, drawn):
    input_shape, weight_shape, keywords, seed = drawn
    close = EXACT if dtype == torch.float64 else {}  # what torch asks of float32
    drawn_tensors = draw_tensors(seed, input_shape, weight_shape, weight_shape[:1])
    input, weight, bias = (tensor.detach().to(dtype).requires_grad_() for tensor in drawn_tensors)
    arguments = [input, weight, bias] if with_bias else [input, weight]
    expected = F.conv2d(*arguments, **keywords)
    output = conv2d(*arguments, **keywords, strategy=strategy)
    torch.testing.assert_close(output, expected, **close)
    direction = draw_tensors(seed + 1, expected.shape)[0].detach().to(dtype)
    gradients = torch.autograd.grad(output, arguments, direction)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, arguments, direction), **close)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_half_precision_is_rounded_a_few_times(strategy, dtype):
    tensors = [
        tensor.detach().to(dtype).requires_grad_() for tensor in draw_tensors(5, (2, 3, 6, 5), (4, 3, 3, 2))
    ]
    exact = [tensor.detach().double().requires_grad_() for tensor in tensors]
    output, expected = conv2d(*tensors, padding=1, strategy=strategy), F.conv2d(*exact, padding=1)
    assert output.dtype == dtype
    gradients = torch.autograd.grad(output.square().sum(), tensors)
    wanted = torch.autograd.grad(expected.square().sum(), exact)
    for found, right in zip((output, *gradients), (expected, *wanted), strict=True):
        assert (found.double() - right).abs().max() <= 4 * torch.finfo(dtype).eps * right.abs().max()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradcheck(strategy):
    input, weight, bias = draw_tensors(0, (1, 4, 4, 4), (2, 2, 3, 2), (2,))
    assert torch.autograd.gradcheck(
        lambda *tensors: conv2d(*tensors, (2, 1), (1, 2), 1, 2, strategy=strategy), (input, weight, bias)
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layout", ["transposed", "channels_last"])
def test_any_memory_layout(strategy, layout):
    input, weight = (tensor.detach() for tensor in draw_tensors(1, (2, 3, 5, 4), (2, 3, 3, 2)))
    if layout == "transposed":
        input, weight = input.mT.contiguous().mT, weight.mT.contiguous().mT
    else:
        input, weight = (tensor.to(memory_format=torch.channels_last) for tensor in (input, weight))
    assert not input.is_contiguous()
    output = conv2d(input, weight, padding=1, strategy=strategy)
    torch.testing.assert_close(output, F.conv2d(input, weight, padding=1), **EXACT)


def test_only_the_gradients_asked_for():
    input, weight = draw_tensors(3, (1, 2, 4, 4), (3, 2, 3, 3))
    conv2d(input.detach(), weight).sum().backward()
    conv2d(input, weight.detach()).sum().backward()
    expected = torch.autograd.grad(F.conv2d(input, weight).sum(), (input, weight))
    torch.testing.assert_close((input.grad, weight.grad), expected, **EXACT)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_second_derivatives(strategy):
    input, weight = draw_tensors(4, (1, 2, 4, 3), (2, 1, 2, 2))
    assert torch.autograd.gradgradcheck(
        lambda *tensors: conv2d(*tensors, None, (2, 1), (1, 0), 1, 2, strategy=strategy), (input, weight)
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_image_without_a_batch(strategy):
    tensors = draw_tensors(9, (4, 7, 6), (6, 2, 3, 2), (6,))
    arguments = (2, (1, 0), (1, 2), 2)
    torch.testing.assert_close(
        conv2d(*tensors, *arguments, strategy=strategy), F.conv2d(*tensors, *arguments), **EXACT
    )


@pytest.mark.parametrize(
    ("strategy", "channels", "tile_bytes"),
    # tiled: with fewer and with more values under a kernel than filters
    [("shifted", 6, 2**15), ("tiled", 1, 2**14), ("tiled", 6, 2**17), ("winograd", 8, 2**17)],
)
def test_several_tiles_and_a_shorter_last_one(strategy, channels, tile_bytes, monkeypatch):
    module = sys.modules[STRATEGIES[strategy].convolve.__module__]
    monkeypatch.setattr(module, "TILE_BYTES", tile_bytes)
    input, weight = draw_tensors(10, (7, channels, 9, 8), (12, channels, 3, 3))
    samples = module.tile_samples(input, weight, Geometry(padding=(1, 1)))
    assert 1 < samples < 7
    assert 7 % samples
    output, expected = (
        f(input, weight, padding=1) for f in (lambda *a, **k: conv2d(*a, **k, strategy=strategy), F.conv2d)
    )
    torch.testing.assert_close(output, expected, **EXACT)
    gradients = (torch.autograd.grad(y.square().sum(), (input, weight)) for y in (output, expected))
    torch.testing.assert_close(*gradients, **EXACT)


IMAGE, FILTER = torch.zeros(1, 4, 5, 5), torch.zeros(6, 4, 3, 3)


@pytest.mark.parametrize(
    ("error", "message", "arguments", "keywords"),
    [
        (
            ValueError,
            r"Invalid input: got shape \(5, 5\), expected shape \(N, C, H, W\)",
            (IMAGE[0, 0], FILTER),
            {},
        ),
        (ValueError, r"Invalid weight: got shape \(4, 3, 3\), expected shape", (IMAGE, FILTER[0]), {}),
        (ValueError, "Invalid weight: .* expected no empty axis", (IMAGE, FILTER[:0]), {}),
        (ValueError, "Invalid input: got 3 channels, expected 4 for weight", (IMAGE[:, :3], FILTER), {}),
        (
            ValueError,
            "Invalid input: got 4 channels, expected 8 for weight .* groups=2",
            (IMAGE, FILTER),
            {"groups": 2},
        ),
        (
            ValueError,
            "Invalid groups: got 4, expected .* divisor of 6 output channels",
            (IMAGE, FILTER[:, :1]),
            {"groups": 4},
        ),
        (ValueError, "Invalid groups: got 0, expected at least 1", (IMAGE, FILTER), {"groups": 0}),
        (
            ValueError,
            r"Invalid bias: got shape \(4,\), expected shape \(6,\)",
            (IMAGE, FILTER, torch.zeros(4)),
            {},
        ),
        (ValueError, "Invalid stride: got 0, expected at least 1", (IMAGE, FILTER), {"stride": 0}),
        (
            ValueError,
            r"Invalid padding: got \(0, -1\), expected at least 0",
            (IMAGE, FILTER),
            {"padding": (0, -1)},
        ),
        (ValueError, "Invalid dilation: got 0, expected at least 1", (IMAGE, FILTER), {"dilation": 0}),
        (
            TypeError,
            r"Invalid stride: got \(1, 1, 1\), expected an int or a pair of ints",
            (IMAGE, FILTER),
            {"stride": (1, 1, 1)},
        ),
        (
            TypeError,
            "Invalid padding: got 1.5, expected an int or a pair of ints",
            (IMAGE, FILTER),
            {"padding": 1.5},
        ),
        (
            ValueError,
            r"Invalid weight: got kernel \(3, 3\) with dilation .* fits input \(5, 5\)",
            (IMAGE, FILTER),
            {"dilation": 3},
        ),
        (
            ValueError,
            "Invalid padding: got 'full', expected 'same', 'valid', an int or",
            (IMAGE, FILTER),
            {"padding": "full"},
        ),
        (
            ValueError,
            r"Invalid stride: got \(2, 2\), expected 1 with padding='same'",
            (IMAGE, FILTER),
            {"padding": "same", "stride": 2},
        ),
        (
            TypeError,
            "Invalid dtype of weight: got torch.float64, expected that of the input, torch.float32",
            (IMAGE, FILTER.double()),
            {},
        ),
        (TypeError, "Invalid dtype of bias: got torch.float64", (IMAGE, FILTER, torch.zeros(6).double()), {}),
        (
            ValueError,
            "Invalid device of weight: got meta, expected that of the input, cpu",
            (IMAGE, FILTER.to("meta")),
            {},
        ),
        (
            ValueError,
            "Unknown strategy 'fft'; expected one of: loops, unfold, windows, shifted, tiled, winograd",
            (IMAGE, FILTER),
            {"strategy": "fft"},
        ),
    ],
)
def test_errors_say_what_came_and_what_was_expected(error, message, arguments, keywords):
    with pytest.raises(error, match=message):
        conv2d(*arguments, **keywords)


def test_operations_by_hand():
    # LeCun et al. 1998, layer C1: 6 filters of 5x5 on 32x32 give 6·28·28 outputs of 25 products each.
    assert operations((1, 1, 32, 32), (6, 1, 5, 5), Geometry()) == 6 * 28 * 28 * 25


def test_operations_counts_the_loops():
    class CountProducts(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            self.total += result.numel() if func is torch.ops.aten.mul.Tensor else 0
            return result

    geometry = Geometry((2, 1), (1, 0), (1, 2), 2)
    input, weight = (tensor.detach() for tensor in draw_tensors(5, (2, 4, 5, 6), (6, 2, 3, 2)))
    with CountProducts() as counted:
        STRATEGIES["loops"].convolve(input, weight, geometry)
    assert counted.total == operations(tuple(input.shape), tuple(weight.shape), geometry)


def peak_bytes(call):
    """Largest sum of what torch allocates and has not yet freed while `call` runs, and its result's bytes."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        result = call()
    events = [e for e in profiled.profiler.kineto_results.events() if e.name() == "[memory]"]
    sizes = torch.tensor([e.nbytes() for e in sorted(events, key=lambda e: e.start_ns())])
    return int(sizes.cumsum(0).max()), result.nbytes


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("layer", [(1, 16, 28), (16, 32, 14), (32, 64, 7)], ids=str)
def test_buffer_bytes_is_the_peak_that_is_measured(strategy, layer, dtype):
    channels, filters, side = layer
    if strategy == "loops":
        channels, filters, side = 2, 3, 4
    shapes, geometry = ((64, channels, side, side), (filters, channels, 3, 3)), Geometry(padding=(1, 1))
    input, weight = (tensor.detach().to(dtype) for tensor in draw_tensors(6, *shapes))
    peak, result = peak_bytes(lambda: STRATEGIES[strategy].convolve(input, weight, geometry))
    assert peak - result == buffer_bytes(strategy, *shapes, geometry, dtype=dtype)


def test_buffer_bytes_by_hand():
    shapes = (1, 2, 5, 5), (1, 2, 3, 3)
    expected = {"loops": 4 * 9, "unfold": 4 * 18 * 9, "windows": 4 * 18 * 9}
    assert {name: buffer_bytes(name, *shapes, Geometry()) for name in expected} == expected
    assert buffer_bytes("windows", *shapes, Geometry(padding=(1, 1))) == 4 * (2 * 49 + 18 * 25)
    with pytest.raises(ValueError, match="Unknown strategy 'fft'; expected one of: loops, unfold, windows"):
        buffer_bytes("fft", *shapes, Geometry())


@pytest.mark.parametrize("strategy", ["shifted", "tiled", "winograd"])
def test_tiles_do_not_grow_with_the_batch(strategy):
    few, many = (
        buffer_bytes(strategy, (samples, 16, 14, 14), (32, 16, 3, 3), Geometry(padding=(1, 1)))
        for samples in (64, 6400)
    )
    assert many < 2 * few


TRANSPOSED = ("stride", "padding", "output_padding", "dilation")


@st.composite
def transposed(draw):
    groups, kernel, stride = draw(st.integers(1, 2)), draw(PAIRS), draw(PAIRS)
    dilation = draw(PAIRS)
    padding = tuple(draw(st.integers(0, d * (k - 1))) for d, k in zip(dilation, kernel, strict=True))
    extra = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    channels, filters = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    size = draw(st.tuples(st.integers(2, 4), st.integers(2, 4)))
    shapes = (draw(st.integers(1, 2)), channels, *size), (channels, filters, *kernel), (groups * filters,)
    return shapes, (stride, padding, extra, groups, dilation), draw(st.integers(0, 2**31))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(drawn=transposed())
def test_transposed_convolution_equals_torch(drawn):
    shapes, arguments, seed = drawn
    tensors = draw_tensors(seed, *shapes)
    output, expected = conv_transpose2d(*tensors, *arguments), F.conv_transpose2d(*tensors, *arguments)
    torch.testing.assert_close(output, expected, **EXACT)
    (direction,) = draw_tensors(seed + 1, expected.shape)
    gradients = (torch.autograd.grad(y, tensors, direction) for y in (output, expected))
    torch.testing.assert_close(*gradients, **EXACT)


def test_transposed_convolution_of_one_image():
    tensors = draw_tensors(11, (4, 3, 5), (4, 3, 2, 2), (6,))
    arguments = (2, 1, 1, 2, 3)
    torch.testing.assert_close(
        conv_transpose2d(*tensors, *arguments), F.conv_transpose2d(*tensors, *arguments), **EXACT
    )


def test_output_padding_may_be_all_that_padding_leaves():
    input, weight = draw_tensors(12, (1, 1, 1, 1), (1, 1, 2, 2))
    torch.testing.assert_close(
        conv_transpose2d(input, weight, None, 2, 1, 1),
        F.conv_transpose2d(input, weight, None, 2, 1, 1),
        **EXACT,
    )


@pytest.mark.parametrize(
    ("message", "arguments", "keywords"),
    [
        ("Invalid input: got 4 channels, expected 6 for weight", (IMAGE, FILTER), {}),
        (
            "Invalid groups: got 3, expected .* divisor of 4 input channels",
            (IMAGE, FILTER[:4]),
            {"groups": 3},
        ),
        (
            r"Invalid output_padding: got \(1, 1\), expected less than stride",
            (IMAGE, FILTER[:4]),
            {"output_padding": 1},
        ),
        (r"Invalid padding: got an output of \(-1, -1\) pixels", (IMAGE, FILTER[:4]), {"padding": 4}),
        (r"Invalid bias: got shape \(3,\), expected shape \(4,\)", (IMAGE, FILTER[:4], torch.zeros(3)), {}),
        (
            r"Invalid weight: got shape \(4, 3\), expected shape \(C, O/groups, kh, kw\)",
            (IMAGE, FILTER[:4, :3, 0, 0]),
            {},
        ),
        (
            r"Invalid input: got shape \(1, 0, 5, 5\), expected shape \(N, C, H, W\)",
            (IMAGE[:, :0], FILTER[:4]),
            {},
        ),
        *(
            (f"^Invalid {name}: got -1, expected at least", (IMAGE, FILTER[:4]), {name: -1})
            for name in TRANSPOSED
        ),
    ],
)
def test_transposed_errors(message, arguments, keywords):
    with pytest.raises(ValueError, match=message):
        conv_transpose2d(*arguments, **keywords)


@pytest.mark.parametrize("name", TRANSPOSED)
def test_what_is_no_pair_of_numbers_is_named(name):
    with pytest.raises(TypeError, match=f"^Invalid {name}: got 1.5, expected an int or a pair of ints"):
        conv_transpose2d(IMAGE, FILTER[:4], **{name: 1.5})


@pytest.mark.parametrize("wide", ["weight", "bias"])
def test_transposed_tensors_are_of_one_type(wide):
    tensors = {"weight": FILTER[:4], "bias": torch.zeros(FILTER.shape[1])}
    with pytest.raises(TypeError, match=wide):
        conv_transpose2d(IMAGE, **tensors | {wide: tensors[wide].double()})


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_is_documented(name):
    assert f"\n    {name} " in conv2d.__doc__, f"add {name} to the table in conv2d's documentation"
