"""Activations as `torch.nn` modules: the base classes, and the modules with a parameter.

The registry makes the modules without a parameter by `elementwise`.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from impl.activations import float32, functional
from impl.activations.autograd import ElementwiseFunction, ElementwiseOp, compiled, plain

SHAPE = """Shape:
    Input of any shape, floating; output of the same shape, dtype and memory format."""


class Elementwise(nn.Module):
    """An activation without parameters.

    Attributes:
        op: the function and its derivatives.
        backend: the fastest of `impl.activations.autograd.BACKENDS` for it; a function that is one kernel of
            torch with its own backward leaves nothing to compile.

    Args:
        device: device of the parameters; most activations have none.
        dtype: dtype of the parameters.
    """

    op: ClassVar[ElementwiseOp]
    backend: ClassVar[Callable[..., Tensor]] = staticmethod(compiled)

    def __init__(self, *, device: Any = None, dtype: torch.dtype | None = None) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to x."""
        return type(self).backend(self.op, x)


def elementwise(
    name: str,
    f: ElementwiseFunction,
    derivative: ElementwiseFunction,
    *,
    float32: ElementwiseOp | None = None,
    backend: Callable[..., Tensor] = compiled,
) -> type[Elementwise]:
    """Make the module class of a function without parameters, with the function's own documentation.

    Args:
        name: name of the class.
        f: the function, (…) to (…).
        derivative: its derivative.
        float32: both in forms that compile to cheaper kernels.
        backend: one of the functions in `impl.activations.autograd.BACKENDS`.

    Example:
        >>> from impl.activations import tanh, tanh_derivative
        >>> elementwise("Tanh", tanh, tanh_derivative)()(torch.tensor([0.0, 2.0]))
        tensor([0.0000, 0.9640])
    """
    members = {
        "__doc__": _document(f, name),
        "__module__": "impl.activations",
        "op": ElementwiseOp(f, derivative, float32=float32),
        "backend": staticmethod(backend),
    }
    return type(name, (Elementwise,), members)


def _document(f: ElementwiseFunction, name: str) -> str:
    """Return the docstring of f for a module called `name`: its summary, shape, example and reference."""
    text = (inspect.getdoc(f) or "").replace(f">>> {f.__name__}(", f">>> {name}()(")
    beginning, title, example = text.partition("\n\nExample:")
    summary = beginning.partition("\n\nArgs:")[0]
    return f"{summary}\n\n{SHAPE}{title}{example}"


class Parametric(Elementwise):
    """An activation with one scalar parameter, fixed or trained with the rest of the network.

    Attributes:
        parameter: name of the parameter.

    Args:
        value: the parameter's initial value.
        trainable: whether it is an `nn.Parameter`; else it is a buffer.
        device: device of the parameter.
        dtype: dtype of the parameter.
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
        """Apply the function to x."""
        return type(self).backend(self.op, x, getattr(self, self.parameter))

    def extra_repr(self) -> str:
        """Return the parameter's name and value, and whether it is trained."""
        value = getattr(self, self.parameter)
        return f"{self.parameter}={value.item():g}, trainable={isinstance(value, nn.Parameter)}"


class Swish(Parametric):
    """Apply Swish(x) = x σ(βx) elementwise; with β = 1 it is SiLU.

    Args:
        beta: initial value of β.
        trainable: whether β is trained.
        device: device of β.
        dtype: dtype of β.

    Shape:
        Input of any shape, floating; output of the same shape, dtype and memory format.

    Example:
        >>> Swish(beta=2)
        Swish(beta=2, trainable=False)
        >>> Swish()(torch.tensor([-1.0, 0.0, 2.0])).detach()
        tensor([-0.2689,  0.0000,  1.7616])

    References:
        Ramachandran, Zoph & Le (2017); Elfwing, Uchibe & Doya (2018).
    """

    beta: Tensor
    parameter = "beta"
    op = ElementwiseOp(
        functional.swish,
        functional.swish_derivative,
        functional.swish_derivative_in_beta,
        ElementwiseOp(float32.swish, float32.swish_derivative, float32.swish_derivative_in_beta),
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

    def forward(self, x: Tensor) -> Tensor:
        """Apply the function to x."""
        beta = self.beta  # a look-up takes a microsecond
        # torch's kernel is the fastest, but makes NaN of infinities; only a finite sum has none
        if (
            x.is_cpu
            and plain(x)
            and not beta.requires_grad
            and beta.item() == 1
            and math.isfinite(x.detach().sum().item())
        ):
            return nn.functional.silu(x)
        return super().forward(x)


class AdaSGELU(Parametric):
    """Apply AdaSGELU(x) = α x erf(x) elementwise.

    Args:
        alpha: initial value of α.
        trainable: whether α is trained.
        device: device of α.
        dtype: dtype of α.

    Shape:
        Input of any shape, floating; output of the same shape, dtype and memory format.

    Example:
        >>> AdaSGELU()
        AdaSGELU(alpha=1, trainable=True)
        >>> AdaSGELU()(torch.tensor([-1.0, 0.0, 2.0])).detach()
        tensor([0.8427, 0.0000, 1.9906])

    References:
        Proposed by the assignment, question 11.
    """

    parameter = "alpha"
    op = ElementwiseOp(
        functional.ada_sgelu,
        functional.ada_sgelu_derivative,
        functional.ada_sgelu_derivative_in_alpha,
        ElementwiseOp(
            float32.ada_sgelu,
            float32.ada_sgelu_derivative,
            functional.ada_sgelu_derivative_in_alpha,
            derivatives=float32.ada_sgelu_derivatives,
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


class ELU(Parametric):
    """Apply ELU(x) = x where x > 0, else α (exp(x) - 1), elementwise.

    Args:
        alpha: initial value of α.
        trainable: whether α is trained.
        device: device of α.
        dtype: dtype of α.

    Shape:
        Input of any shape, floating; output of the same shape, dtype and memory format.

    Example:
        >>> ELU()
        ELU(alpha=1, trainable=False)
        >>> ELU()(torch.tensor([-1.0, 0.0, 2.0])).detach()
        tensor([-0.6321,  0.0000,  2.0000])

    References:
        Clevert, Unterthiner & Hochreiter (2015).
    """

    parameter = "alpha"
    op = ElementwiseOp(functional.elu, functional.elu_derivative, functional.elu_derivative_in_alpha)

    def __init__(
        self,
        alpha: float = 1.0,
        trainable: bool = False,
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(alpha, trainable, device=device, dtype=dtype)
