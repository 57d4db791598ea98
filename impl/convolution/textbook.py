"""Textbook convolutions: naive loops, im2col as a matrix product, a strided einsum.

Each strategy takes an input (N, C, H, W), a weight (O, C/G, kh, kw) and a fitting Geometry, and returns
(N, O, Ho, Wo). G groups, K = (C/G)·kh·kw values under a kernel, L = Ho·Wo output positions.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impl.compilation.private_torch import inside_transform, is_batched_gradient
from impl.convolution.geometry import Geometry, pad, sliding, trailing


def loops(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve as the definition reads: one patch times one filter for each output value.

    For reading and small inputs; the backward pass is autograd's.
    """
    samples, (filters, channels, kh, kw) = len(input), weight.shape
    height, width = geometry.output_size(trailing(input), (kh, kw))
    (sh, sw), (dh, dw) = geometry.stride, geometry.dilation
    padded = pad(input, geometry.padding)
    values = []
    for n in range(samples):
        for o in range(filters):
            first = o // (filters // geometry.groups) * channels  # the group's first input channel
            for i in range(height):
                rows = slice(i * sh, i * sh + dh * (kh - 1) + 1, dh)
                for j in range(width):
                    columns = slice(j * sw, j * sw + dw * (kw - 1) + 1, dw)
                    patch = padded[n, first : first + channels, rows, columns]
                    values.append((patch * weight[o]).sum())
    flat = torch.stack(values) if values else input.sum() * weight.sum() * input.new_zeros(0)
    return flat.view(samples, filters, height, width)


def windows(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve by an einsum over a strided view of the padded input; the backward pass is autograd's."""
    views = sliding(
        pad(input, geometry.padding), trailing(weight), geometry.stride, geometry.dilation
    ).unflatten(1, (geometry.groups, -1))  # (N, G, C/G, Ho, Wo, kh, kw)
    filters = weight.unflatten(0, (geometry.groups, -1))  # (G, O/G, C/G, kh, kw)
    return torch.einsum("ngcijuv,gocuv->ngoij", views, filters).flatten(1, 2)


def differentiable_gradients(
    grad_output: Tensor, input: Tensor, weight: Tensor, geometry: Geometry
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients in input and weight as those of `windows`, for transforms and higher derivatives.

    They carry a graph where gradients are enabled, and are None for a tensor that requires none.
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        # Separate views: partial derivatives, even where the weight was computed from the input.
        variables = input.view_as(input), weight.view_as(weight)
        output = windows(*variables, geometry)
        required = [variable for variable in variables if variable.requires_grad]
        gradients = iter(torch.autograd.grad(output, required, grad_output, create_graph=create_graph))
    in_input, in_weight = (next(gradients) if v.requires_grad else None for v in variables)
    return in_input, in_weight


def is_transformed(grad_output: Tensor) -> bool:
    """Return whether a gradient is to be differentiated again, or a transform of torch is at work.

    A backward pass that writes to its own memory can serve neither.
    """
    return torch.is_grad_enabled() or inside_transform() or is_batched_gradient(grad_output)


def apply(
    function: type[torch.autograd.Function], input: Tensor, weight: Tensor, geometry: Geometry
) -> Tensor:
    """Convolve by a custom autograd Function; by `windows` inside vmap, grad or jvp, which cannot take it."""
    if inside_transform():
        return windows(input, weight, geometry)
    return function.apply(input, weight, geometry)


class _UnfoldConvolution(torch.autograd.Function):
    """Multiply y = w · unfold(x); ∂w = Σₙ ∂y · unfold(x)ᵀ and ∂x = fold(wᵀ · ∂y), fold the adjoint."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        ctx.geometry = geometry
        ctx.sliding = {
            "kernel_size": trailing(weight),
            "stride": geometry.stride,
            "padding": geometry.padding,
            "dilation": geometry.dilation,
        }
        columns = F.unfold(input, **ctx.sliding).unflatten(1, (geometry.groups, -1))  # (N, G, K, L)
        ctx.save_for_backward(input, weight, columns)
        filters = weight.reshape(geometry.groups, -1, columns.shape[2])  # (G, O/G, K)
        size = geometry.output_size(trailing(input), trailing(weight))
        output = input.new_empty(len(input), len(weight), *size)
        torch.matmul(filters, columns, out=output.flatten(2).unflatten(1, (geometry.groups, -1)))
        return output

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        input, weight, columns = ctx.saved_tensors
        if is_transformed(grad_output):  # the saved columns carry no graph back to the input
            return *differentiable_gradients(grad_output, input, weight, ctx.geometry), None
        grad = grad_output.flatten(2).unflatten(1, (ctx.geometry.groups, -1))  # (N, G, O/G, L)
        grad_input = grad_weight = None
        if ctx.needs_input_grad[0]:
            filters = weight.reshape(ctx.geometry.groups, -1, columns.shape[2])
            grad_input = F.fold((filters.mT @ grad).flatten(1, 2), trailing(input), **ctx.sliding)
        if ctx.needs_input_grad[1]:
            grad_weight = (grad @ columns.mT).sum(0).view_as(weight)
        return grad_input, grad_weight, None


def unfold(input: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    """Convolve by a matrix product with the columns of patches (im2col; Chellapilla, Puri & Simard 2006).

    The columns, kh·kw copies of each pixel, are kept for the backward pass through `F.fold`.
    """
    return apply(_UnfoldConvolution, input, weight, geometry)
