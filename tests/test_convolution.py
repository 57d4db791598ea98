import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from impl.convolution import (
    STRATEGIES,
    Conv2d,
    Flatten,
    Geometry,
    Linear,
    MaxPool2d,
    buffer_bytes,
    conv2d,
    max_pool2d,
    operations,
)

EXACT = {"rtol": 1e-10, "atol": 1e-10}
PAIRS = st.tuples(st.integers(1, 2), st.integers(1, 2))


def draw_tensors(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]


@st.composite
def convolutions(draw):
    groups, kernel = draw(st.integers(1, 2)), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    padding, dilation = draw(st.tuples(st.integers(0, 2), st.integers(0, 2))), draw(PAIRS)
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, p, d in zip(kernel, padding, dilation, strict=True)]
    height, width = (draw(st.integers(low, low + 3)) for low in least)
    channels, filters = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    input_shape = (draw(st.integers(1, 2)), groups * channels, height, width)
    weight_shape = (groups * filters, channels, *kernel)
    keywords = {"stride": draw(PAIRS), "padding": padding, "dilation": dilation, "groups": groups}
    return input_shape, weight_shape, keywords, draw(st.integers(0, 2**31))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("with_bias", [True, False])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(drawn=convolutions())
def test_values_and_gradients_equal_torch(strategy, with_bias, drawn):
    input_shape, weight_shape, keywords, seed = drawn
    input, weight, bias = draw_tensors(seed, input_shape, weight_shape, weight_shape[:1])
    arguments = [input, weight, bias] if with_bias else [input, weight]
    expected = F.conv2d(*arguments, **keywords)
    output = conv2d(*arguments, **keywords, strategy=strategy)
    torch.testing.assert_close(output, expected, **EXACT)
    (direction,) = draw_tensors(seed + 1, expected.shape)
    gradients = torch.autograd.grad(output, arguments, direction)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, arguments, direction), **EXACT)


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


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_float32_as_close_as_torch_asks(strategy):
    generator = torch.Generator().manual_seed(2)
    input, weight = torch.randn(2, 3, 6, 6, generator=generator), torch.randn(4, 3, 3, 3, generator=generator)
    output = conv2d(input, weight, padding=1, strategy=strategy)
    assert output.dtype == torch.float32
    torch.testing.assert_close(output, F.conv2d(input, weight, padding=1))


def test_only_the_gradients_asked_for():
    input, weight = draw_tensors(3, (1, 2, 4, 4), (3, 2, 3, 3))
    conv2d(input.detach(), weight).sum().backward()
    conv2d(input, weight.detach()).sum().backward()
    expected = torch.autograd.grad(F.conv2d(input, weight).sum(), (input, weight))
    torch.testing.assert_close((input.grad, weight.grad), expected, **EXACT)


def test_second_derivative_of_unfold_is_refused_not_wrong():
    input, weight = draw_tensors(4, (1, 1, 3, 3), (1, 1, 2, 2))
    output = conv2d(input, weight, strategy="unfold").square().sum()
    (gradient,) = torch.autograd.grad(output, input, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


IMAGE, FILTER = torch.zeros(1, 4, 5, 5), torch.zeros(6, 4, 3, 3)


@pytest.mark.parametrize(
    ("error", "message", "arguments", "keywords"),
    [
        (ValueError, r"input must have shape .* not \(4, 5, 5\)", (IMAGE[0], FILTER), {}),
        (ValueError, r"weight must have shape .* not \(4, 3, 3\)", (IMAGE, FILTER[0]), {}),
        (ValueError, "no empty axis", (IMAGE, FILTER[:0]), {}),
        (ValueError, "expects 4 input channels, not 3", (IMAGE[:, :3], FILTER), {}),
        (ValueError, "groups=2 expects 8 input channels, not 4", (IMAGE, FILTER), {"groups": 2}),
        (ValueError, "divide the 6 output channels, not 4", (IMAGE, FILTER[:, :1]), {"groups": 4}),
        (ValueError, "at least 1 .* not 0", (IMAGE, FILTER), {"groups": 0}),
        (ValueError, r"bias must have shape \(6,\), not \(4,\)", (IMAGE, FILTER, torch.zeros(4)), {}),
        (ValueError, "stride must be at least 1, not 0", (IMAGE, FILTER), {"stride": 0}),
        (ValueError, r"padding must be at least 0, not \(0, -1\)", (IMAGE, FILTER), {"padding": (0, -1)}),
        (ValueError, "dilation must be at least 1", (IMAGE, FILTER), {"dilation": 0}),
        (
            TypeError,
            r"stride must be an int or a pair of ints, not \(1, 1, 1\)",
            (IMAGE, FILTER),
            {"stride": (1, 1, 1)},
        ),
        (TypeError, "padding must be an int or a pair of ints, not 1.5", (IMAGE, FILTER), {"padding": 1.5}),
        (ValueError, "is larger than input", (IMAGE, FILTER), {"dilation": 3}),
        (ValueError, "'fft' is none of loops, unfold, windows", (IMAGE, FILTER), {"strategy": "fft"}),
    ],
)
def test_errors_say_what_came_and_what_was_expected(error, message, arguments, keywords):
    with pytest.raises(error, match=message):
        conv2d(*arguments, **keywords)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.none() | PAIRS,
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    seed=st.integers(0, 2**31),
)
def test_max_pooling_equals_torch(kernel, stride, size, seed):
    # Whole numbers from a small range, so that windows hold equal values and the choice among them shows.
    values = torch.randint(-1, 2, (2, 2, *size), generator=torch.Generator().manual_seed(seed))
    input = values.double().requires_grad_()
    output, expected = max_pool2d(input, kernel, stride), F.max_pool2d(input, kernel, stride)
    assert torch.equal(output, expected)
    (direction,) = draw_tensors(seed, expected.shape)
    (gradient,) = torch.autograd.grad(output, input, direction)
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected, input, direction), **EXACT)


def test_max_pooling_keeps_nan():
    input = torch.tensor([[[[1.0, float("nan")], [2.0, 3.0]]]])
    assert max_pool2d(input, 2).isnan().all()


@pytest.mark.parametrize("input", [torch.zeros(1, 1, 2, 2), torch.zeros(3, 3)])
def test_max_pooling_without_a_window(input):
    with pytest.raises(ValueError, match=r"hold a window \(3, 3\)"):
        max_pool2d(input, 3)


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
        STRATEGIES["loops"](input, weight, geometry)
    assert counted.total == operations(tuple(input.shape), tuple(weight.shape), geometry)


class Allocated(TorchDispatchMode):
    """Bytes of every new storage that an operation returns."""

    def __init__(self):
        super().__init__()
        self.storages = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            storage = result.untyped_storage()
            self.storages[storage.data_ptr()] = (
                storage.nbytes(),
                result,
            )  # kept, so that no address comes twice
        return result


@pytest.mark.parametrize("strategy", ["unfold", "windows"])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_buffer_bytes_is_what_is_allocated(strategy, padding, groups):
    geometry = Geometry(padding=padding, groups=groups)
    input, weight = (tensor.detach() for tensor in draw_tensors(6, (3, 4, 7, 6), (2, 4 // groups, 3, 3)))
    with Allocated() as allocated:
        output = STRATEGIES[strategy](input, weight, geometry)
    own = {tensor.untyped_storage().data_ptr() for tensor in (input, weight, output)}
    # The contraction may also lay weight or output out anew: small beside what holds kh·kw values a place.
    extra = [size for address, (size, _) in allocated.storages.items() if address not in own]
    small = max(weight.nbytes * len(input), output.nbytes)
    shapes = tuple(input.shape), tuple(weight.shape)
    assert sum(size for size in extra if size > small) == buffer_bytes(
        strategy, *shapes, geometry, itemsize=8
    )


def test_buffer_bytes_knows_every_strategy():
    shapes = (1, 2, 5, 5), (1, 2, 3, 3)
    assert [buffer_bytes(name, *shapes, Geometry()) for name in STRATEGIES] == [0, 4 * 18 * 9, 4 * 18 * 9]
    assert buffer_bytes("loops", *shapes, Geometry(padding=(1, 1))) == 4 * 2 * 49
    with pytest.raises(ValueError, match="'fft' is none of loops, unfold, windows"):
        buffer_bytes("fft", *shapes, Geometry())


LAYERS = {
    "convolution": (Conv2d, nn.Conv2d, (4, 6, (3, 2), 2, (1, 0), 1, 2), (2, 4, 6, 5)),
    "convolution without bias": (Conv2d, nn.Conv2d, (4, 6, 3, 1, 1, 1, 1, False), (2, 4, 6, 5)),
    "linear": (Linear, nn.Linear, (5, 3), (2, 5)),
    "linear without bias": (Linear, nn.Linear, (5, 3, False), (2, 4, 5)),
    "pooling": (MaxPool2d, nn.MaxPool2d, (2,), (2, 3, 5, 4)),
    "pooling that overlaps": (MaxPool2d, nn.MaxPool2d, (3, 1), (2, 3, 5, 4)),
    "flatten": (Flatten, nn.Flatten, (), (2, 3, 5, 4)),
}


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
    (input,) = draw_tensors(8, shape)
    ours, theirs = (layer.double()(input) for layer in layers)
    torch.testing.assert_close(ours, theirs, **EXACT)


def test_layer_errors():
    with pytest.raises(ValueError, match="'fft' is none of"):
        Conv2d(1, 1, 3, strategy="fft")
    with pytest.raises(ValueError, match="divide the 3 input channels, not 2"):
        Conv2d(3, 2, 3, groups=2)
