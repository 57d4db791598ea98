"""Eager, custom-autograd and compiled implementations of an activation.

===============  ========  ==========================================================================
backend          id        forward and backward
===============  ========  ==========================================================================
eager            composed  torch's operations, a pass over memory each; autograd keeps what they need
custom_autograd  analytic  derivative written out; backward keeps x alone and is differentiable
compiled         fused     a compiled pass each; falls back to custom_autograd
===============  ========  ==========================================================================

All give the same values up to rounding, keep the memory format of x and differentiate in parameters too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from impl.compilation import private_torch
from impl.compilation.inductor import compile_elementwise

ElementwiseFunction = Callable[..., Tensor]  # (x, *parameters) -> same shape as x


@dataclass(frozen=True, eq=False)  # its hash is that of the object: looked up at each call
class ElementwiseOp:
    """An elementwise function with its derivatives.

    Attributes:
        f: the function of x and, where it has one, of a scalar parameter.
        derivative: the derivative in x, of the same arguments.
        derivative_in_parameter: the derivative in the parameter, of the same arguments.
        float32: the same functions in forms for float32 alone that compile to cheaper kernels.
        derivatives: both derivatives at once, where they share work; used instead of the two.
    """

    f: ElementwiseFunction
    derivative: ElementwiseFunction
    derivative_in_parameter: ElementwiseFunction | None = None
    float32: "ElementwiseOp | None" = None
    derivatives: Callable[..., tuple[Tensor, Tensor]] | None = None


def eager(op: ElementwiseOp, x: Tensor, *parameters: Tensor) -> Tensor:
    """Return f(x) by torch's operations; x of any shape, parameters scalar tensors."""
    return op.f(x, *parameters)


def _gradients(op: ElementwiseOp, g: Tensor, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
    """Return g ∂f/∂x and, where there is a parameter, the sum of g ∂f/∂parameter."""
    if op.derivative_in_parameter is None or not parameters:
        return (g * op.derivative(x, *parameters),)
    if op.derivatives:
        in_x, in_parameter = op.derivatives(x, *parameters)
    else:
        in_x, in_parameter = (f(x, *parameters) for f in (op.derivative, op.derivative_in_parameter))
    return g * in_x, (g * in_parameter).sum()


class _CustomAutograd(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(op: ElementwiseOp, x: Tensor, *parameters: Tensor) -> Tensor:
        return op.f(x, *parameters)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.op, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_gradients(ctx.op, grads[0], *ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor | None, *tangents: Tensor | None) -> Tensor:
        x, *parameters = ctx.saved_tensors
        total = torch.zeros_like(x) if tangent is None else tangent * ctx.op.derivative(x, *parameters)
        if tangents and tangents[0] is not None:
            total = total + tangents[0] * ctx.op.derivative_in_parameter(x, *parameters)
        return total


def custom_autograd(op: ElementwiseOp, x: Tensor, *parameters: Tensor) -> Tensor:
    """Return f(x) with the backward pass written out; x of any shape, parameters scalar tensors."""
    return _CustomAutograd.apply(op, x, *parameters)


Kernels = tuple[Callable[..., Any], Callable[..., Any]]


@cache
def compiled_kernels(op: ElementwiseOp, device: str, parameter: bool) -> Kernels | None:
    """Compile (x, *parameters) -> f and (g, x, *parameters) -> gradients; None where compiling fails.

    Args:
        op: the function and its derivatives.
        device: "cpu" or "cuda".
        parameter: whether the gradients include the one in the parameter.
    """
    form = op.float32 or op
    scalars = 0 if form.derivative_in_parameter is None else 1
    differentiated = form if parameter else replace(form, derivative_in_parameter=None)

    def gradients(g: Tensor, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return _gradients(differentiated, g, x, *parameters)

    gradients.__qualname__ = f"gradients of {form.f.__qualname__}" + (
        " and its parameter" if parameter else ""
    )
    forward = compile_elementwise(form.f, 1, scalars, device).run
    backward = compile_elementwise(gradients, 2, scalars, device).run
    return (forward, backward) if forward and backward else None


def _dense(x: Tensor) -> bool:
    """Return whether x is contiguous or channels_last, without gaps."""
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))


def _flat(x: Tensor) -> Tensor:
    """View a dense x as a vector, in the order of memory."""
    return x.as_strided((x.numel(),), (1,))


class _Compiled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, op: ElementwiseOp, kernels: Kernels, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.op, ctx.backward_kernel = op, kernels[1]
        ctx.save_for_backward(x, *parameters)
        output: Tensor = kernels[0](_flat(x), *parameters)
        return output.as_strided(x.shape, x.stride())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,), (x, *parameters) = grads, ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated again
            return None, None, *_gradients(ctx.op, g, x, *parameters)
        if g.stride() != x.stride():
            g = torch.empty_like(x).copy_(g)
        in_x, *rest = ctx.backward_kernel(_flat(g), _flat(x), *parameters)
        return None, None, in_x.as_strided(x.shape, x.stride()), *(rest or (None,) * len(parameters))


def plain(x: Tensor) -> bool:
    """Return whether x is a float32 tensor or parameter outside torch's transforms and compiler."""
    return (
        x.dtype == torch.float32
        and type(x) in (Tensor, torch.nn.Parameter)
        and not torch.compiler.is_compiling()
        and not private_torch.inside_transform()
    )


def _kernels(op: ElementwiseOp, x: Tensor, *parameters: Tensor) -> Kernels | None:
    """Return the compiled kernels for a plain dense float32 x outside torch's transforms, else None."""
    if (
        plain(x)
        and x.numel() > 1
        and _dense(x)
        and all(p.dtype == torch.float32 and p.device == x.device for p in parameters)
    ):
        return compiled_kernels(op, x.device.type, any(p.requires_grad for p in parameters))
    return None


def compiled(op: ElementwiseOp, x: Tensor, *parameters: Tensor) -> Tensor:
    """Return f(x) by compiled kernels where they can run, else by `custom_autograd`.

    Inside torch.compile the operations are torch's own, which it fuses.
    """
    if torch.compiler.is_compiling():
        return eager(op, x, *parameters)
    kernels = _kernels(op, x, *parameters)
    if kernels is None:
        return custom_autograd(op, x, *parameters)
    return _Compiled.apply(op, kernels, x, *parameters)


# The ids are those of stored benchmarks.
BACKENDS: dict[str, Callable[..., Tensor]] = {
    "composed": eager,
    "analytic": custom_autograd,
    "fused": compiled,
}
