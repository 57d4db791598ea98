"""The activations as modules, and one table of them: function, derivative, formula, reference, ways to run.

The functions stand in `impl.functions`, the ways to run them in `impl.ladder`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from impl import erf, functions, single
from impl.functions import (
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
from impl.ladder import Rule, composed, fused

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "SGELU",
    "Activation",
    "AdaSGELU",
    "LiSHT",
    "Mish",
    "ReLU",
    "SGELUYu",
    "Sigmoid",
    "Swish",
    "Tanh",
    "ada_sgelu",
    "ada_sgelu_derivative",
    "elu",
    "elu_derivative",
    "gelu",
    "gelu_derivative",
    "lisht",
    "lisht_derivative",
    "mish",
    "mish_derivative",
    "relu",
    "relu_derivative",
    "sgelu",
    "sgelu_derivative",
    "sgelu_yu",
    "sgelu_yu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "swish",
    "swish_derivative",
    "tanh",
    "tanh_derivative",
]


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


@dataclass(frozen=True)
class Activation:
    """One row of the table: what an activation is called, computes, and where it comes from.

    module: its class, an `Elementwise`, whose `rule` the rungs of `impl.ladder.LADDER` run.
    """

    label: str
    f: Callable[..., Tensor]
    derivative: Callable[..., Tensor]
    module: type[Elementwise]
    latex: str
    latex_derivative: str
    reference: str
    native: Callable[[Tensor], Tensor] | None = None  # torch's own kernel, where it has one


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(
        "sigmoid",
        sigmoid,
        sigmoid_derivative,
        Sigmoid,
        r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        r"\sigma'(x) = \sigma(x)\,(1 - \sigma(x))",
        "Verhulst 1845",
        torch.sigmoid,
    ),
    "tanh": Activation(
        "tanh",
        tanh,
        tanh_derivative,
        Tanh,
        r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        r"\tanh'(x) = 1 - \tanh^2(x)",
        "LeCun et al. 1998",
        torch.tanh,
    ),
    "relu": Activation(
        "ReLU",
        relu,
        relu_derivative,
        ReLU,
        r"\mathrm{ReLU}(x) = \max(0, x)",
        r"\mathrm{ReLU}'(x) = [x > 0]",
        "Nair & Hinton 2010",
        torch.relu,
    ),
    "gelu": Activation(
        "GELU",
        gelu,
        gelu_derivative,
        GELU,
        r"\mathrm{GELU}(x) = \frac{x}{2}\left(1 + \mathrm{erf}\frac{x}{\sqrt{2}}\right)",
        r"\mathrm{GELU}'(x) = \Phi(x) + x\,\varphi(x)",
        "Hendrycks & Gimpel 2016",
        nn.functional.gelu,
    ),
    "swish": Activation(
        "Swish",
        swish,
        swish_derivative,
        Swish,
        r"\mathrm{Swish}(x) = x\,\sigma(x)",
        r"\mathrm{Swish}'(x) = \sigma(x) + x\,\sigma(x)\,(1 - \sigma(x))",
        "Ramachandran, Zoph & Le 2017",
        nn.functional.silu,
    ),
    "sgelu": Activation(
        "SGELU",
        sgelu,
        sgelu_derivative,
        SGELU,
        r"\mathrm{SGELU}(x) = x\,\mathrm{erf}(x)",
        r"\mathrm{SGELU}'(x) = \mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}",
        "proposed by the assignment",
    ),
    "ada_sgelu": Activation(
        "AdaSGELU",
        ada_sgelu,
        ada_sgelu_derivative,
        AdaSGELU,
        r"\mathrm{AdaSGELU}(x) = \alpha\,x\,\mathrm{erf}(x)",
        r"\mathrm{AdaSGELU}'(x) = \alpha\left(\mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}\right)",
        "proposed by the assignment",
    ),
    "sgelu_yu": Activation(
        "SGELU, Yu & Su",
        sgelu_yu,
        sgelu_yu_derivative,
        SGELUYu,
        r"\mathrm{SGELU}_{\mathrm{Yu}}(x) = x\,\mathrm{erf}\frac{x}{\sqrt{2}}",
        r"\mathrm{SGELU}_{\mathrm{Yu}}'(x) = "
        r"\mathrm{erf}\frac{x}{\sqrt{2}} + \sqrt{\frac{2}{\pi}}\,x\,e^{-x^2/2}",
        "Yu & Su 2019",
    ),
    "lisht": Activation(
        "LiSHT",
        lisht,
        lisht_derivative,
        LiSHT,
        r"\mathrm{LiSHT}(x) = x\,\tanh(x)",
        r"\mathrm{LiSHT}'(x) = \tanh(x) + x\,\mathrm{sech}^2(x)",
        "Roy et al. 2019",
    ),
    "mish": Activation(
        "Mish",
        mish,
        mish_derivative,
        Mish,
        r"\mathrm{Mish}(x) = x\,\tanh(\ln(1 + e^{x}))",
        r"\mathrm{Mish}'(x) = \tanh(p) + x\,\mathrm{sech}^2(p)\,\sigma(x), \quad p = \ln(1 + e^{x})",
        "Misra 2019",
        nn.functional.mish,
    ),
    "elu": Activation(
        "ELU",
        elu,
        elu_derivative,
        ELU,
        r"\mathrm{ELU}(x) = \max(0, x) + \alpha\,(e^{\min(0, x)} - 1)",
        r"\mathrm{ELU}'(x) = [x > 0] + \alpha\,[x \le 0]\,e^{x}",
        "Clevert, Unterthiner & Hochreiter 2015",
        nn.functional.elu,
    ),
}
