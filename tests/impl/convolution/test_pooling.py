import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.convolution.pooling import avg_pool2d, max_pool2d

EXACT = {"rtol": 1e-10, "atol": 1e-10}
PAIRS = st.tuples(st.integers(1, 2), st.integers(1, 2))
POOLINGS = {"max": (max_pool2d, F.max_pool2d), "average": (avg_pool2d, F.avg_pool2d)}


@pytest.mark.parametrize("name", POOLINGS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.none() | PAIRS,
    pads=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    size=st.tuples(st.integers(3, 7), st.integers(3, 7)),
    seed=st.integers(0, 2**31),
)
def test_pooling_equals_torch(name, kernel, stride, size, seed, pads):
    ours, theirs = POOLINGS[name]
    padding = tuple(k // 2 * p for k, p in zip(kernel, pads, strict=True))
    # Whole numbers from a small range, so that windows hold equal values and the choice among them shows.
    values = torch.randint(-1, 2, (2, 2, *size), generator=torch.Generator().manual_seed(seed))
    input = values.double().requires_grad_()
    output, expected = ours(input, kernel, stride, padding), theirs(input, kernel, stride, padding)
    torch.testing.assert_close(output, expected, **EXACT)
    direction = torch.randn(
        expected.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    (gradient,) = torch.autograd.grad(output, input, direction)
    torch.testing.assert_close(gradient, *torch.autograd.grad(expected, input, direction), **EXACT)


def test_max_pooling_keeps_nan():
    input = torch.tensor([[[[1.0, float("nan")], [2.0, 3.0]]]])
    assert max_pool2d(input, 2).isnan().all()


@pytest.mark.parametrize("input", [torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2), torch.zeros(3, 3)])
def test_max_pooling_without_a_window(input):
    with pytest.raises(ValueError, match=r"Invalid input: got shape .* room for a window \(3, 3\)"):
        max_pool2d(input, 3)


@pytest.mark.parametrize("pooling", [max_pool2d, avg_pool2d])
def test_more_padding_than_window_is_refused(pooling):
    with pytest.raises(
        ValueError, match=r"Invalid padding: got \(2, 2\), expected at most half the kernel \(3, 3\)"
    ):
        pooling(torch.zeros(1, 1, 4, 4), 3, padding=2)


@pytest.mark.parametrize("pooling", [max_pool2d, avg_pool2d])
@pytest.mark.parametrize("name", ["kernel_size", "stride", "padding"])
def test_what_is_no_size_is_named(pooling, name):
    with pytest.raises(TypeError, match=f"^Invalid {name}: got 1.5, expected an int or a pair of ints"):
        pooling(torch.zeros(1, 1, 4, 4), **{"kernel_size": 2} | {name: 1.5})


@pytest.mark.parametrize("name", POOLINGS)
def test_one_image_without_a_batch(name):
    ours, theirs = POOLINGS[name]
    input = torch.arange(32.0).view(2, 4, 4)
    assert torch.equal(ours(input, 2), theirs(input, 2))
