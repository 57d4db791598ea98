"""Three ways to run the same activation with its gradients, from the one that reads best to the fastest.

composed   torch's operations, one pass over memory each, and autograd's memory of what each of them needs
analytic   the derivative written out; backward keeps x alone and can itself be differentiated
fused      both compiled into one pass each (`impl.fused`); where that cannot work, the next best runs

All give the same values up to rounding, keep the memory format of x, and differentiate by parameters too.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from impl.compilation.inductor import fused as compile_kernel

Elementwise = Callable[..., Tensor]  # (x, *parameters) -> same shape as x


@dataclass(frozen=True, eq=False)  # its hash is that of the object: looked up at each call
class Rule:
    """f(x, *parameters), its derivative in x and, where there is a parameter (a scalar), the one in that.

    single: the same three in forms for float32 alone that compile to something cheaper.
    derivatives: both derivatives at once, where they share work; used in place of them.
    """

    f: Elementwise
    derivative: Elementwise
    derivative_in_parameter: Elementwise | None = None
    single: "Rule | None" = None
    derivatives: Callable[..., tuple[Tensor, Tensor]] | None = None


def composed(rule: Rule, x: Tensor, *parameters: Tensor) -> Tensor:
    """f(x) by torch's operations; x of any shape."""
    return rule.f(x, *parameters)


def _gradients(rule: Rule, g: Tensor, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
    """g ∂f/∂x, and for a parameter the sum of g ∂f/∂parameter."""
    if rule.derivative_in_parameter is None or not parameters:
        return (g * rule.derivative(x, *parameters),)
    if rule.derivatives:
        in_x, in_parameter = rule.derivatives(x, *parameters)
    else:
        in_x, in_parameter = (f(x, *parameters) for f in (rule.derivative, rule.derivative_in_parameter))
    return g * in_x, (g * in_parameter).sum()


class _Analytic(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(rule: Rule, x: Tensor, *parameters: Tensor) -> Tensor:
        return rule.f(x, *parameters)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.rule, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return None, *_gradients(ctx.rule, grads[0], *ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, _: None, tangent: Tensor | None, *tangents: Tensor | None) -> Tensor:
        x, *parameters = ctx.saved_tensors
        total = torch.zeros_like(x) if tangent is None else tangent * ctx.rule.derivative(x, *parameters)
        if tangents and tangents[0] is not None:
            total = total + tangents[0] * ctx.rule.derivative_in_parameter(x, *parameters)
        return total


def analytic(rule: Rule, x: Tensor, *parameters: Tensor) -> Tensor:
    """f(x) with the backward pass written out; x of any shape, parameters scalar tensors."""
    return _Analytic.apply(rule, x, *parameters)


Loops = tuple[Callable[..., Any], Callable[..., Any]]


@cache
def loops(rule: Rule, device: str, parameter: bool) -> Loops | None:
    """Compiled (x, *parameters) -> f and (g, x, *parameters) -> gradients; None where they cannot be had.

    parameter: whether the gradients hold that in the parameter.
    """
    form = rule.single or rule
    scalars = 0 if form.derivative_in_parameter is None else 1
    wanted = form if parameter else replace(form, derivative_in_parameter=None)

    def gradients(g: Tensor, x: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        return _gradients(wanted, g, x, *parameters)

    gradients.__qualname__ = f"gradients of {form.f.__qualname__}" + (
        " and its parameter" if parameter else ""
    )
    forward = compile_kernel(form.f, 1, scalars, device).run
    backward = compile_kernel(gradients, 2, scalars, device).run
    return (forward, backward) if forward and backward else None


def _dense(x: Tensor) -> bool:
    """Whether the elements of x fill one stretch of memory, in the order of rows or of channels_last."""
    return x.is_contiguous() or (x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last))


def _flat(x: Tensor) -> Tensor:
    return x.as_strided((x.numel(),), (1,))


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rule: Rule, compiled: Loops, x: Tensor, *parameters: Tensor) -> Tensor:
        ctx.rule, ctx.backward_loop = rule, compiled[1]
        ctx.save_for_backward(x, *parameters)
        output: Tensor = compiled[0](_flat(x), *parameters)
        return output.as_strided(x.shape, x.stride())

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (g,), (x, *parameters) = grads, ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants to differentiate this again
            return None, None, *_gradients(ctx.rule, g, x, *parameters)
        if g.stride() != x.stride():
            g = torch.empty_like(x).copy_(g)
        in_x, *rest = ctx.backward_loop(_flat(g), _flat(x), *parameters)
        return None, None, in_x.as_strided(x.shape, x.stride()), *(rest or (None,) * len(parameters))


def _loops(rule: Rule, x: Tensor, *parameters: Tensor) -> Loops | None:
    """The compiled loops, if they can run on x: plain dense float32, outside all of torch's transforms."""
    if (
        x.dtype == torch.float32
        and type(x) in (Tensor, torch.nn.Parameter)
        and x.numel() > 1
        and _dense(x)
        and all(p.dtype == torch.float32 and p.device == x.device for p in parameters)
        and torch._C._functorch.peek_interpreter_stack() is None
        and forward_ad._current_level < 0
    ):
        return loops(rule, x.device.type, any(p.requires_grad for p in parameters))
    return None


def fused(rule: Rule, x: Tensor, *parameters: Tensor) -> Tensor:
    """f(x) by compiled loops where they can run, else `analytic`; inside torch.compile it is fused anyway."""
    if torch.compiler.is_compiling():
        return composed(rule, x, *parameters)
    compiled = _loops(rule, x, *parameters)
    if compiled is None:
        return analytic(rule, x, *parameters)
    return _Fused.apply(rule, compiled, x, *parameters)


LADDER: dict[str, Callable[..., Tensor]] = {"composed": composed, "analytic": analytic, "fused": fused}
