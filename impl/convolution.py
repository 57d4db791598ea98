"""Two-dimensional convolution by several strategies, pooling, and the layers of a small CNN.

As everywhere in deep learning, "convolution" is the cross-correlation
    y[n, o, i, j] = b[o] + Σ_{c, u, v} w[o, c, u, v] x[n, c, i·stride + u·dilation, j·stride + v·dilation]
over the zero-padded input x (Dumoulin & Visin 2016). Shapes: N samples, C input channels, O output channels,
G groups, H x W pixels, kernel kh x kw, output Ho x Wo, L = Ho·Wo places.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """How a kernel slides over an input, each pair as (rows, columns)."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def output_size(self, size: Pair, kernel: Pair) -> Pair:
        """(Ho, Wo) = ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1; below 1 if none fits."""
        rows, columns = (
            (length + 2 * padding - dilation * (extent - 1) - 1) // stride + 1
            for length, extent, stride, padding, dilation in zip(
                size, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return rows, columns


Strategy = Callable[[Tensor, Tensor, Geometry], Tensor]


def _pad(input: Tensor, padding: Pair) -> Tensor:
    rows, columns = padding
    return F.pad(input, (columns, columns, rows, rows)) if rows or columns else input


def _windows(input: Tensor, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Tensor:
    """View (N, C, H, W) as its windows (N, C, Ho, Wo, kh, kw), copying nothing."""
    rows, columns = (d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    views = input.unfold(2, rows, stride[0]).unfold(3, columns, stride[1])
    return views[..., :: dilation[0], :: dilation[1]]


def loops(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolution as its definition reads: one patch times one filter for each output value.

    input: (N, C, H, W); weight: (O, C/G, kh, kw); returns (N, O, Ho, Wo). For reading and small inputs.
    """
    (samples, _, *size), (filters, channels, *kernel) = input.shape, weight.shape
    height, width = geometry.output_size((size[0], size[1]), (kernel[0], kernel[1]))
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    padded = _pad(input, geometry.padding)
    values = []
    for n in range(samples):
        for o in range(filters):
            first = o // (filters // geometry.groups) * channels  # the group's first input channel
            for i in range(height):
                rows = slice(i * sh, i * sh + dh * (kernel[0] - 1) + 1, dh)
                for j in range(width):
                    columns = slice(j * sw, j * sw + dw * (kernel[1] - 1) + 1, dw)
                    patch = padded[n, first : first + channels, rows, columns]
                    values.append((patch * weight[o]).sum())
    return torch.stack(values).view(samples, filters, height, width)


class _UnfoldConvolution(torch.autograd.Function):
    """y = w · unfold(x), so ∂w = Σₙ ∂y · unfold(x)ᵀ and ∂x = fold(wᵀ · ∂y), fold being unfold's adjoint."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        size, kernel = (input.shape[2], input.shape[3]), (weight.shape[2], weight.shape[3])
        ctx.size, ctx.geometry = size, geometry
        ctx.sliding = {
            "kernel_size": kernel,
            "stride": geometry.stride,
            "padding": geometry.padding,
            "dilation": geometry.dilation,
        }
        columns = F.unfold(input, **ctx.sliding).unflatten(1, (geometry.groups, -1))  # (N, G, K, L)
        ctx.save_for_backward(weight, columns)
        filters = weight.reshape(geometry.groups, -1, columns.shape[2])  # (G, O/G, K)
        return (filters @ columns).reshape(-1, weight.shape[0], *geometry.output_size(size, kernel))

    @staticmethod
    @once_differentiable  # the saved columns carry no graph back to the input
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        weight, columns = ctx.saved_tensors
        grad = grad_output.flatten(2).unflatten(1, (ctx.geometry.groups, -1))  # (N, G, O/G, L)
        grad_input = grad_weight = None
        if ctx.needs_input_grad[0]:
            filters = weight.reshape(ctx.geometry.groups, -1, columns.shape[2])
            grad_input = F.fold((filters.mT @ grad).flatten(1, 2), ctx.size, **ctx.sliding)
        if ctx.needs_input_grad[1]:
            grad_weight = (grad @ columns.mT).sum(0).view_as(weight)
        return grad_input, grad_weight, None


def unfold(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolution as a matrix product with the columns of patches (im2col; Chellapilla, Puri & Simard 2006).

    input: (N, C, H, W); weight: (O, C/G, kh, kw); returns (N, O, Ho, Wo). Its backward is written out through
    `F.fold` and runs once: a second derivative raises RuntimeError.
    """
    return _UnfoldConvolution.apply(input, weight, geometry)


def windows(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolution as a contraction with a strided view of the padded input; its backward is autograd's.

    input: (N, C, H, W); weight: (O, C/G, kh, kw); returns (N, O, Ho, Wo).
    """
    kernel = (weight.shape[2], weight.shape[3])
    views = _windows(_pad(input, geometry.padding), kernel, geometry.stride, geometry.dilation)
    views = views.unflatten(1, (geometry.groups, -1))  # (N, G, C/G, Ho, Wo, kh, kw)
    filters = weight.unflatten(0, (geometry.groups, -1))  # (G, O/G, C/G, kh, kw)
    return torch.einsum("ngcijuv,gocuv->ngoij", views, filters).flatten(1, 2)


STRATEGIES: dict[str, Strategy] = {"loops": loops, "unfold": unfold, "windows": windows}


def _pair(name: str, value: int | Pair, least: int) -> Pair:
    pair = (
        (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    )
    if len(pair) != 2 or not all(isinstance(number, int) for number in pair):
        raise TypeError(f"{name} must be an int or a pair of ints, not {value!r}")
    if min(pair) < least:
        raise ValueError(f"{name} must be at least {least}, not {value!r}")
    return pair


def _check(input: torch.Size, weight: torch.Size, geometry: Geometry) -> None:
    for name, shape, axes in (("input", input, "(N, C, H, W)"), ("weight", weight, "(O, C/groups, kh, kw)")):
        if len(shape) != 4:
            raise ValueError(f"{name} must have shape {axes}, not {tuple(shape)}")
    if 0 in weight:
        raise ValueError(f"weight must have no empty axis, but has shape {tuple(weight)}")
    groups = geometry.groups
    if groups < 1 or weight[0] % groups:
        raise ValueError(
            f"groups must be at least 1 and divide the {weight[0]} output channels, not {groups}"
        )
    if input[1] != weight[1] * groups:
        raise ValueError(
            f"weight {tuple(weight)} with groups={groups} expects {weight[1] * groups} input channels,"
            f" not {input[1]}"
        )
    if min(geometry.output_size((input[2], input[3]), (weight[2], weight[3]))) < 1:
        raise ValueError(
            f"kernel {tuple(weight[2:])} with dilation {geometry.dilation} is larger than"
            f" input {tuple(input[2:])} with padding {geometry.padding}"
        )


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
    *,
    strategy: str = "unfold",
) -> Tensor:
    """Convolve as `torch.nn.functional.conv2d` does, by the strategy of that name in `STRATEGIES`.

    input: (N, C, H, W); weight: (O, C/groups, kh, kw); bias: (O,) or None; returns (N, O, Ho, Wo), see
    `Geometry.output_size`. Raises ValueError for shapes that do not fit or an unknown strategy, TypeError for
    strides, paddings and dilations that are neither an int nor a pair.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy {strategy!r} is none of {', '.join(STRATEGIES)}")
    geometry = Geometry(
        _pair("stride", stride, 1), _pair("padding", padding, 0), _pair("dilation", dilation, 1), groups
    )
    _check(input.shape, weight.shape, geometry)
    output = STRATEGIES[strategy](input, weight, geometry)
    if bias is None:
        return output
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"bias must have shape {(weight.shape[0],)}, not {tuple(bias.shape)}")
    return output + bias[:, None, None]


def max_pool2d(input: Tensor, kernel_size: int | Pair, stride: int | Pair | None = None) -> Tensor:
    """Largest value of each window.

    input: (N, C, H, W); returns (N, C, Ho, Wo); stride: None for the kernel's own size. The gradient goes to
    the first of equal values, row by row, as in torch. Raises ValueError where no window fits.
    """
    kernel = _pair("kernel_size", kernel_size, 1)
    step = kernel if stride is None else _pair("stride", stride, 1)
    if input.dim() != 4 or min(Geometry(step).output_size((input.shape[2], input.shape[3]), kernel)) < 1:
        raise ValueError(
            f"input must have shape (N, C, H, W) and hold a window {kernel}, not {tuple(input.shape)}"
        )
    return _windows(input, kernel, step).flatten(-2).max(-1).values


def operations(input_shape: tuple[int, ...], weight_shape: tuple[int, ...], geometry: Geometry) -> int:
    """Return the multiply-adds of one forward pass, N·O·Ho·Wo·(C/G)·kh·kw, the same for every strategy.

    input_shape: (N, C, H, W); weight_shape: (O, C/G, kh, kw). Raises ValueError for shapes that do not fit.
    """
    _check(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    samples, _, height, width = input_shape
    _, _, *kernel = weight_shape
    return (
        samples
        * math.prod(weight_shape)
        * math.prod(geometry.output_size((height, width), (kernel[0], kernel[1])))
    )


def buffer_bytes(
    strategy: str,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    geometry: Geometry,
    *,
    itemsize: int = 4,
) -> int:
    """Return the bytes that one forward pass of `strategy` allocates beyond input and output.

    `unfold` makes the columns, N·C·kh·kw·L values, and keeps them for its backward; `windows` makes a padded
    copy of the input (none where the padding is 0) and then, inside the contraction, the same columns;
    `loops` the padded copy. itemsize: bytes a value. Raises ValueError for an unknown strategy or shapes that
    do not fit, and where a strategy of the table has no figure here.
    """
    _check(torch.Size(input_shape), torch.Size(weight_shape), geometry)
    samples, channels, height, width = input_shape
    kernel = (weight_shape[2], weight_shape[3])
    (ph, pw), places = geometry.padding, math.prod(geometry.output_size((height, width), kernel))
    columns = samples * channels * math.prod(kernel) * places
    padded = samples * channels * (height + 2 * ph) * (width + 2 * pw) if ph or pw else 0
    values = {"loops": padded, "unfold": columns, "windows": padded + columns}
    if strategy not in values:
        raise ValueError(f"strategy {strategy!r} is none of {', '.join(values)}")
    return values[strategy] * itemsize


def _initialise(weight: Tensor, bias: Tensor | None) -> None:
    """Draw both from U(-1/√fan_in, 1/√fan_in), in the order and by the functions of torch's own layers."""
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(weight[0].numel())
        nn.init.uniform_(bias, -bound, bound)


class Conv2d(nn.Module):
    """Layer of `conv2d`, (N, in_channels, H, W) to (N, out_channels, Ho, Wo), initialised as torch's."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        strategy: str = "unfold",
    ) -> None:
        super().__init__()
        if strategy not in STRATEGIES:
            raise ValueError(f"strategy {strategy!r} is none of {', '.join(STRATEGIES)}")
        if groups < 1 or in_channels % groups:
            raise ValueError(
                f"groups must be at least 1 and divide the {in_channels} input channels, not {groups}"
            )
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        self.strategy = strategy
        kernel = _pair("kernel_size", kernel_size, 1)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, *kernel))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve input (N, in_channels, H, W)."""
        return conv2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            strategy=self.strategy,
        )


class MaxPool2d(nn.Module):
    """Layer of `max_pool2d`: (N, C, H, W) to (N, C, Ho, Wo)."""

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride

    def forward(self, input: Tensor) -> Tensor:
        """Pool input (N, C, H, W)."""
        return max_pool2d(input, self.kernel_size, self.stride)


class Linear(nn.Module):
    """x Wᵀ + b: (…, in_features) to (…, out_features); initialised as torch's."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        _initialise(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        """Map input (…, in_features) to (…, out_features)."""
        product = input @ self.weight.T
        return product if self.bias is None else product + self.bias


class Flatten(nn.Module):
    """(N, …) to (N, product of the rest)."""

    def forward(self, input: Tensor) -> Tensor:
        """Flatten all axes of input but the first."""
        return input.flatten(1)
