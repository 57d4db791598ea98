"""Moved.."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

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
from impl.activations.modules import (
    ELU,
    GELU,
    SGELU,
    AdaSGELU,
    Elementwise,
    LiSHT,
    Mish,
    ReLU,
    SGELUYu,
    Sigmoid,
    Swish,
    Tanh,
)


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
