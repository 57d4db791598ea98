"""The registry of activations: one row adds one, with its module, benchmarks, training runs and figures."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from impl.activations import erf, float32
from impl.activations.autograd import ElementwiseFunction, ElementwiseOp, eager
from impl.activations.functional import (
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
    tanh,
    tanh_derivative,
)
from impl.activations.modules import ELU, AdaSGELU, Elementwise, Swish, elementwise


@dataclass(frozen=True)
class Activation:
    """One row of `ACTIVATIONS`.

    Attributes:
        label: name in text, tables and figures.
        module: module class, made by `impl.activations.modules.elementwise` where it has no parameter.
        latex: definition in LaTeX.
        latex_derivative: derivative in LaTeX.
        reference: author and year.
        native: torch's own kernel, where it has one.
    """

    label: str
    module: type[Elementwise]
    latex: str
    latex_derivative: str
    reference: str
    native: Callable[[Tensor], Tensor] | None = None

    @property
    def f(self) -> ElementwiseFunction:
        """The function, elementwise."""
        return self.module.op.f

    @property
    def derivative(self) -> ElementwiseFunction:
        """The derivative in x, elementwise."""
        return self.module.op.derivative


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(
        "sigmoid",
        elementwise("Sigmoid", sigmoid, sigmoid_derivative, backend=eager),
        r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        r"\sigma'(x) = \sigma(x)\,(1 - \sigma(x))",
        "Verhulst 1845",
        torch.sigmoid,
    ),
    "tanh": Activation(
        "tanh",
        elementwise("Tanh", tanh, tanh_derivative, backend=eager),
        r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        r"\tanh'(x) = 1 - \tanh^2(x)",
        "LeCun et al. 1998",
        torch.tanh,
    ),
    "relu": Activation(
        "ReLU",
        elementwise("ReLU", relu, relu_derivative, backend=eager),
        r"\mathrm{ReLU}(x) = \max(0, x)",
        r"\mathrm{ReLU}'(x) = [x > 0]",
        "Nair & Hinton 2010",
        torch.relu,
    ),
    "gelu": Activation(
        "GELU",
        elementwise(
            "GELU", gelu, gelu_derivative, float32=ElementwiseOp(float32.gelu, float32.gelu_derivative)
        ),
        r"\mathrm{GELU}(x) = \frac{x}{2}\left(1 + \mathrm{erf}\frac{x}{\sqrt{2}}\right)",
        r"\mathrm{GELU}'(x) = \Phi(x) + x\,\varphi(x)",
        "Hendrycks & Gimpel 2016",
        nn.functional.gelu,
    ),
    "swish": Activation(
        "Swish",
        Swish,
        r"\mathrm{Swish}(x) = x\,\sigma(x)",
        r"\mathrm{Swish}'(x) = \sigma(x) + x\,\sigma(x)\,(1 - \sigma(x))",
        "Ramachandran, Zoph & Le 2017",
        nn.functional.silu,
    ),
    "sgelu": Activation(
        "SGELU",
        elementwise("SGELU", sgelu, sgelu_derivative, float32=ElementwiseOp(erf.x_erf_x, erf.x_erf_x_slope)),
        r"\mathrm{SGELU}(x) = x\,\mathrm{erf}(x)",
        r"\mathrm{SGELU}'(x) = \mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}",
        "proposed by the assignment",
    ),
    "ada_sgelu": Activation(
        "AdaSGELU",
        AdaSGELU,
        r"\mathrm{AdaSGELU}(x) = \alpha\,x\,\mathrm{erf}(x)",
        r"\mathrm{AdaSGELU}'(x) = \alpha\left(\mathrm{erf}(x) + \frac{2x}{\sqrt{\pi}}\,e^{-x^2}\right)",
        "proposed by the assignment",
    ),
    "sgelu_yu": Activation(
        "SGELU, Yu & Su",
        elementwise(
            "SGELUYu",
            sgelu_yu,
            sgelu_yu_derivative,
            float32=ElementwiseOp(float32.sgelu_yu, float32.sgelu_yu_derivative),
        ),
        r"\mathrm{SGELU}_{\mathrm{Yu}}(x) = x\,\mathrm{erf}\frac{x}{\sqrt{2}}",
        r"\mathrm{SGELU}_{\mathrm{Yu}}'(x) = "
        r"\mathrm{erf}\frac{x}{\sqrt{2}} + \sqrt{\frac{2}{\pi}}\,x\,e^{-x^2/2}",
        "Yu & Su 2019",
    ),
    "lisht": Activation(
        "LiSHT",
        elementwise("LiSHT", lisht, lisht_derivative),
        r"\mathrm{LiSHT}(x) = x\,\tanh(x)",
        r"\mathrm{LiSHT}'(x) = \tanh(x) + x\,\mathrm{sech}^2(x)",
        "Roy et al. 2019",
    ),
    "mish": Activation(
        "Mish",
        elementwise(
            "Mish", mish, mish_derivative, float32=ElementwiseOp(float32.mish, float32.mish_derivative)
        ),
        r"\mathrm{Mish}(x) = x\,\tanh(\ln(1 + e^{x}))",
        r"\mathrm{Mish}'(x) = \tanh(p) + x\,\mathrm{sech}^2(p)\,\sigma(x), \quad p = \ln(1 + e^{x})",
        "Misra 2019",
        nn.functional.mish,
    ),
    "elu": Activation(
        "ELU",
        ELU,
        r"\mathrm{ELU}(x) = \max(0, x) + \alpha\,(e^{\min(0, x)} - 1)",
        r"\mathrm{ELU}'(x) = [x > 0] + \alpha\,[x \le 0]\,e^{x}",
        "Clevert, Unterthiner & Hochreiter 2015",
        nn.functional.elu,
    ),
}
