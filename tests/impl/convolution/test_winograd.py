"""Convolution by F(4x4, 3x3): matrices in rational numbers; values, gradients and rounding against torch."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from impl.compilation import aot
from impl.compilation.inductor import compiler
from impl.convolution import STRATEGIES, Geometry, buffer_bytes, conv2d, winograd_transforms
from impl.convolution.winograd_transforms import ADJOINT, AT, BT, PIXELS, PRODUCTS, TRANSFORMS, G
from tests.draws import draw_tensors, normal, seeds

winograd = STRATEGIES["winograd"].convolve
EXACT = {"rtol": 1e-10, "atol": 1e-10}
LAYERS = {"16→32 at 14×14": (16, 32, 14), "32→64 at 7×7": (32, 64, 7)}


def rational(matrix):
    return [[Fraction(entry).limit_denominator(100) for entry in row] for row in matrix]


def times(matrix, vector):
    return [sum(entry * value for entry, value in zip(row, vector, strict=True)) for row in matrix]


def test_the_matrices_give_the_correlation_of_every_pair_of_unit_vectors_exactly():
    bt, g, at = rational(BT), rational(G), rational(AT)
    for tap in range(3):
        for place in range(6):
            filtered = times(g, [int(k == tap) for k in range(3)])
            data = times(bt, [int(k == place) for k in range(6)])
            found = times(at, [a * b for a, b in zip(filtered, data, strict=True)])
            assert found == [int(place == i + tap) for i in range(4)]  # y_i = Σ_u g_u d_{i+u}


@pytest.fixture
def no_other_strategy(monkeypatch):
    """Fail where `winograd` leaves a convolution to `tiled`."""
    monkeypatch.setattr("impl.convolution.winograd.tiled", lambda *_: pytest.fail("left to tiled"))


@st.composite
def convolutions(draw):
    """Shapes that `winograd` takes, and a padding."""
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = (draw(st.integers(5, 14)) + 2 - 2 * p for p in padding)
    channels, filters = draw(st.integers(8, 10)), draw(st.integers(8, 10))
    return (draw(st.integers(0, 4)), channels, *size), (filters, channels, 3, 3), padding


@pytest.mark.usefixtures("no_other_strategy")
@given(drawn=convolutions(), tile_bytes=st.sampled_from([1, 2**17, 2**22]), seed=seeds)
@settings(max_examples=25)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_values_and_gradients_are_torchs(dtype, drawn, tile_bytes, seed):
    input_shape, weight_shape, padding = drawn
    tensors = [t.detach().to(dtype).requires_grad_() for t in draw_tensors(seed, input_shape, weight_shape)]
    expected = F.conv2d(*tensors, padding=padding)
    direction = normal(seed + 1, *expected.shape).to(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("impl.convolution.winograd.TILE_BYTES", tile_bytes)
        output = winograd(*tensors, Geometry(padding=padding))
        gradients = torch.autograd.grad(output, tensors, direction)
    wanted = torch.autograd.grad(expected, tensors, direction)
    for found, right in zip((output, *gradients), (expected, *wanted), strict=True):
        assert found.shape == right.shape
        assert found.is_contiguous()
        scale = max(1.0, right.abs().max().item()) if right.numel() else 1.0
        tolerance = 1e-12 if dtype == torch.float64 else 3e-5
        torch.testing.assert_close(found, right, rtol=0, atol=tolerance * scale)


@pytest.mark.usefixtures("no_other_strategy")
def test_values_are_those_of_scipy():
    input, weight = (t.detach() for t in draw_tensors(1, (1, 8, 9, 11), (8, 8, 3, 3)))
    expected = [
        sum(
            signal.correlate2d(image, kernel, "valid")
            for image, kernel in zip(input[0], filters, strict=True)
        )
        for filters in weight.numpy()
    ]
    found = winograd(input, weight, Geometry())[0]
    torch.testing.assert_close(found, torch.tensor(np.array(expected)), **EXACT)


@pytest.mark.usefixtures("no_other_strategy")
def test_gradcheck_and_gradgradcheck():
    tensors = draw_tensors(2, (1, 8, 5, 7), (8, 8, 3, 3))
    assert torch.autograd.gradcheck(
        lambda *t: winograd(*t, Geometry(padding=(1, 0)))[:, :, ::2], tensors, fast_mode=True
    )
    assert torch.autograd.gradgradcheck(
        lambda *t: winograd(*t, Geometry(padding=(1, 1)))[:, ::4, :2, :2], tensors, fast_mode=True
    )


@pytest.mark.usefixtures("no_other_strategy")
def test_inside_transforms_it_is_torchs_convolution():
    input, weight = (t.detach() for t in draw_tensors(3, (2, 8, 6, 6), (8, 8, 3, 3)))

    def each(convolve):
        return torch.func.vmap(
            torch.func.grad(lambda w, x: convolve(x[None], w, padding=1).sin().sum()), (None, 0)
        )(weight, input)

    found = each(lambda *t, **k: conv2d(*t, **k, strategy="winograd"))
    torch.testing.assert_close(found, each(F.conv2d), **EXACT)


@pytest.mark.usefixtures("no_other_strategy")
@pytest.mark.parametrize("asked", [0, 1], ids=["input", "weight"])
def test_only_the_gradient_asked_for(asked):
    tensors = [t.detach() for t in draw_tensors(4, (2, 8, 7, 8), (9, 8, 3, 3))]
    tensors[asked].requires_grad_()
    gradients = (
        torch.autograd.grad(f(*tensors).square().sum(), tensors[asked])
        for f in (lambda *t: winograd(*t, Geometry()), F.conv2d)
    )
    torch.testing.assert_close(*gradients, **EXACT)


@pytest.mark.usefixtures("no_other_strategy")
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.float64, 2e-14)], ids=str)
def test_rounding_on_the_layers_of_the_networks_is_bounded(layer, dtype, bound):
    """Relative to the largest value; float64 against sums in extended precision is not needed at 2e-14."""
    channels, filters, side = LAYERS[layer]
    exact = [t.detach() for t in draw_tensors(5, (64, channels, side, side), (filters, channels, 3, 3))]
    found = winograd(*(t.to(dtype) for t in exact), Geometry(padding=(1, 1))).double()
    right = F.conv2d(*exact, padding=1)
    assert (found - right).abs().max() <= bound * right.abs().max()


TAKEN = {"input": (2, 8, 7, 7), "weight": (8, 8, 3, 3), "geometry": Geometry(), "dtype": torch.float64}


@pytest.mark.parametrize(
    "change",
    [
        {"weight": (8, 8, 2, 3)},
        {"weight": (8, 8, 5, 5)},
        {"geometry": Geometry(stride=(1, 2))},
        {"geometry": Geometry(dilation=(2, 1))},
        {"geometry": Geometry(groups=2), "weight": (8, 4, 3, 3)},
        {"geometry": Geometry(padding=(0, 3))},
        {"input": (2, 7, 7, 7), "weight": (8, 7, 3, 3)},
        {"weight": (7, 8, 3, 3)},
        {"input": (2, 8, 7, 6)},
        {"dtype": torch.bfloat16},
    ],
    ids=str,
)
def test_other_convolutions_are_left_to_tiled(change, monkeypatch):
    called = []
    monkeypatch.setattr("impl.convolution.winograd.tiled", lambda *a: called.append(a))
    for case in (TAKEN, TAKEN | change):
        tensors = (torch.zeros(case[name], dtype=case["dtype"]) for name in ("input", "weight"))
        winograd(*tensors, case["geometry"])
    assert len(called) == 1
    bytes_of = (
        buffer_bytes(name, case["input"], case["weight"], case["geometry"]) for name in ("winograd", "tiled")
    )
    if "dtype" not in change:
        assert len({*bytes_of}) == 1


def test_values_that_are_not_finite_reach_their_own_tile_only():
    input, weight = (t.detach() for t in draw_tensors(6, (1, 8, 12, 12), (8, 8, 3, 3)))
    input[0, 0, 0, 0] = float("inf")
    output = winograd(input, weight, Geometry())
    assert not output[..., 0, 0].isfinite().any()
    assert output[..., 4:].isfinite().all()
    assert output[..., 4:, :].isfinite().all()


@pytest.mark.parametrize("index", [PIXELS, PRODUCTS, ADJOINT])
def test_compiled_transforms_equal_eager_ones_at_other_sizes(index):
    if compiler("cpu") is None:
        pytest.skip("no compiler")
    shape = {PIXELS: (3, 4 * 2 + 2, 17), PRODUCTS: (6, 2, 5, 3), ADJOINT: (1, 1, 4, 8)}[index]
    x = normal(7, *shape).float()
    found = winograd_transforms.transform(index, x)
    torch.testing.assert_close(found, TRANSFORMS[index].eager(x))
    torch.testing.assert_close(found, TRANSFORMS[index].fused(x))


def test_without_a_compiler_the_values_are_the_same(monkeypatch):
    input, weight = (t.detach().float() for t in draw_tensors(8, (2, 8, 9, 9), (8, 8, 3, 3)))
    compiled = winograd(input, weight, Geometry())
    monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
    aot.compile_transform.cache_clear()
    try:
        eager = winograd(input, weight, Geometry())
    finally:
        aot.compile_transform.cache_clear()
    torch.testing.assert_close(eager, compiled, rtol=0, atol=2e-5 * compiled.abs().max().item())
