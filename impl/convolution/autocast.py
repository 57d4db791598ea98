"""Mixed precision (`torch.autocast`) of functions that are composed of several operations."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import torch
from torch import Tensor

P = ParamSpec("P")


def autocast(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Let a function of tensors run under `torch.autocast` as `F.conv2d` does.

    All floating tensors but float64 are cast to autocast's dtype, and autocast is off inside: the output has
    that dtype. Outside autocast nothing is cast.

    Args:
        function: a function of tensors on one device and of other arguments.
    """

    @wraps(function)
    def cast_first(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        device = next((a.device.type for a in (*args, *kwargs.values()) if isinstance(a, Tensor)), "cpu")
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return function(*args, **kwargs)
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return function(
                *(_cast(a, dtype) for a in args), **{k: _cast(a, dtype) for k, a in kwargs.items()}
            )

    return cast_first


def _cast(argument: Any, dtype: torch.dtype) -> Any:
    """Return a floating tensor but float64 as `dtype`, anything else as it is."""
    floating = isinstance(argument, Tensor) and argument.is_floating_point()
    return argument.to(dtype) if floating and argument.dtype != torch.float64 else argument
