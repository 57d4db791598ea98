"""The activations as modules, and one table of them: function, derivative, formula, reference, ways to run.

The functions stand in `impl.functions`, the ways to run them in `impl.ladder`.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from impl.activations import erf
from impl.activations import float32 as single
from impl.activations import functional as functions
from impl.activations.autograd import Rule, composed, fused
from impl.activations.functional import (
    ada_sgelu,
    ada_sgelu_derivative,
    elu,
    elu_derivative,
    gelu,
    gelu_derivative,
    lisht,
    lisht_derivative,
    mish,
    mish_derivative,
    relu,
    relu_derivative,
    sgelu,
    sgelu_derivative,
    sgelu_yu,
    sgelu_yu_derivative,
    sigmoid,
    sigmoid_derivative,
    swish,
    swish_derivative,
    tanh,
    tanh_derivative,
)


class Elementwise(nn.Module):
    """An activation without parameters: applies its `rule` to x of any shape.

    run: the rung of `impl.ladder` that is fastest for it; a single kernel of torch with its own backward
    leaves nothing to fuse. device, dtype: of the parameters, as in torch; most activations have none.

    >>> SGELU()(torch.tensor([-1.0, 2.0], dtype=torch.float64)).round(decimals=4)
    tensor([0.8427, 1.9906], dtype=torch.float64)
    """

    rule: ClassVar[Rule]
    run: ClassVar[Callable[..., Tensor]] = staticmethod(fused)

    def __init__(self, *, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to x of any shape, floating; returns that shape, dtype and memory format."""
        return type(self).run(self.rule, x)


class Sigmoid(Elementwise):
    """Module of `sigmoid`."""

    rule = Rule(sigmoid, sigmoid_derivative)
    run = staticmethod(composed)


class Tanh(Elementwise):
    """Module of `tanh`."""

    rule = Rule(tanh, tanh_derivative)
    run = staticmethod(composed)


class ReLU(Elementwise):
    """Module of `relu`."""

    rule = Rule(relu, relu_derivative)
    run = staticmethod(composed)


class GELU(Elementwise):
    """Module of `gelu`."""

    rule = Rule(gelu, gelu_derivative, single=Rule(single.gelu, single.gelu_derivative))


class SGELU(Elementwise):
    """Module of `sgelu`."""

    rule = Rule(sgelu, sgelu_derivative, single=Rule(erf.x_erf_x, erf.x_erf_x_slope))


class SGELUYu(Elementwise):
    """Module of `sgelu_yu`."""

    rule = Rule(sgelu_yu, sgelu_yu_derivative, single=Rule(single.sgelu_yu, single.sgelu_yu_derivative))


class LiSHT(Elementwise):
    """Module of `lisht`."""

    rule = Rule(lisht, lisht_derivative)


class Mish(Elementwise):
    """Module of `mish`."""

    rule = Rule(mish, mish_derivative, single=Rule(single.mish, single.mish_derivative))


class WithParameter(Elementwise):
    """An activation with one scalar parameter, a number or trained with the rest of the network.

    value: where it starts; trainable: whether it is an `nn.Parameter`, on `device` and of `dtype`.
    """

    parameter: ClassVar[str]

    def __init__(
        self, value: float, trainable: bool, *, device: Any = None, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        start = torch.tensor(float(value), device=device, dtype=dtype or torch.get_default_dtype())
        if trainable:
            self.register_parameter(self.parameter, nn.Parameter(start))
        else:
            self.register_buffer(self.parameter, start)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to x of any shape, floating; returns that shape, dtype and memory format."""
        return type(self).run(self.rule, x, getattr(self, self.parameter))

    def extra_repr(self) -> str:
        """Name of the parameter, its value and whether it is trained."""
        value = getattr(self, self.parameter)
        return f"{self.parameter}={value.item():g}, trainable={isinstance(value, nn.Parameter)}"


class Swish(WithParameter):
    """Module of `swish` with β = `beta`, fixed or trained.

    >>> Swish(beta=2)
    Swish(beta=2, trainable=False)
    """

    parameter = "beta"
    rule = Rule(
        swish,
        swish_derivative,
        functions.swish_derivative_in_beta,
        Rule(single.swish, single.swish_derivative, single.swish_derivative_in_beta),
    )

    def __init__(
        self,
        beta: float = 1.0,
        trainable: bool = False,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(beta, trainable, device=device, dtype=dtype)


class AdaSGELU(WithParameter):
    """Module of `ada_sgelu` with α = `alpha` at the start, trained unless told otherwise.

    >>> AdaSGELU()
    AdaSGELU(alpha=1, trainable=True)
    """

    parameter = "alpha"
    rule = Rule(
        ada_sgelu,
        ada_sgelu_derivative,
        functions.ada_sgelu_derivative_in_alpha,
        Rule(
            single.ada_sgelu,
            single.ada_sgelu_derivative,
            functions.ada_sgelu_derivative_in_alpha,
            derivatives=single.ada_sgelu_derivatives,
        ),
    )

    def __init__(
        self,
        alpha: float = 1.0,
        trainable: bool = True,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(alpha, trainable, device=device, dtype=dtype)


class ELU(WithParameter):
    """Module of `elu` with α = `alpha`, fixed or trained.

    >>> ELU()
    ELU(alpha=1, trainable=False)
    """

    parameter = "alpha"
    rule = Rule(elu, elu_derivative, functions.elu_derivative_in_alpha)

    def __init__(
        self,
        alpha: float = 1.0,
        trainable: bool = False,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(alpha, trainable, device=device, dtype=dtype)
