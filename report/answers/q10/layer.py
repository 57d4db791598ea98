"""Question 10: the convolution by unfold and fold in a few lines, as the answer shows it."""

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
        columns = F.unfold(x, weight.shape[2:], padding=padding)  # (N, C·k·k, L)
        ctx.save_for_backward(columns, weight)
        ctx.size, ctx.padding = x.shape[2:], padding
        height = x.shape[2] + 2 * padding - weight.shape[2] + 1
        y = weight.flatten(1) @ columns + bias[:, None]  # (N, O, L)
        return y.unflatten(2, (height, -1))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        columns, weight = ctx.saved_tensors
        grad = grad.flatten(2)  # (N, O, L)
        spread = weight.flatten(1).T @ grad  # (N, C·k·k, L)
        grad_x = F.fold(spread, ctx.size, weight.shape[2:], padding=ctx.padding)
        grad_weight = (grad @ columns.mT).sum(0).view_as(weight)
        return grad_x, grad_weight, grad.sum((0, 2)), None


def convolve(x: Tensor, weight: Tensor, bias: Tensor, padding: int) -> Tensor:
    """Convolve x (N, C, H, W) with weight (O, C, k, k) and bias (O,) at stride 1, with its gradients."""
    return _Convolution.apply(x, weight, bias, padding)


def listing() -> str:
    """Return the source of the layer as the answer shows it, without its type hints."""
    source = inspect.getsource(_Convolution)
    for hint in (": Tensor", ": Any", ": int", " -> tuple[Tensor, Tensor, Tensor, None]", " -> Tensor"):
        source = source.replace(hint, "")
    return source.replace("_Convolution(", "Convolution(").rstrip()
