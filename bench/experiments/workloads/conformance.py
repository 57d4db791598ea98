"""Conformance checks of custom activations, optimizers and convolutions.

Each probe yields one measurement, 1 or 0 for yes or no. A probe that returns NaN, which the results database
cannot hold, yields 1 under its name with " is NaN", and one that raises with " raises".
"""

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import conv2d
from torch.optim import Optimizer

from bench.experiments.workloads.contracts import needs_closure
from bench.experiments.workloads.registry import module_of, optimizer_of, rates_of, strategy_of
from bench.records.runs import Measurement
from impl.convolution import Geometry, Strategy
from impl.models import sized
from impl.optimizers.registry import Make

DTYPES = (torch.float32, torch.float64, torch.bfloat16)
LARGE = tuple(10.0**k for k in (1, 2, 4, 8, 16, 32))
SMALL = tuple(10.0**-k for k in (1, 2, 4, 8, 16, 32))
STEPS = 100  # of an optimizer on the quadratic
CURVATURES = torch.logspace(0, -2, 8, dtype=torch.float64)
Probe = Callable[[], float | Tensor]

# Shapes of input and weight, and how the kernel moves.
LAYERS: dict[str, tuple[tuple[int, ...], tuple[int, ...], Geometry]] = {
    "padding 1": ((2, 3, 9, 9), (4, 3, 3, 3), Geometry(padding=(1, 1))),
    "one pixel": ((2, 3, 5, 7), (4, 3, 1, 1), Geometry()),
    "even kernel, uneven padding": ((2, 3, 8, 11), (4, 3, 2, 4), Geometry(padding=(0, 2))),
    "stride 2": ((2, 3, 9, 10), (4, 3, 3, 3), Geometry(stride=(2, 2), padding=(1, 1))),
    "dilation 2": ((2, 3, 9, 9), (4, 3, 3, 3), Geometry(padding=(2, 2), dilation=(2, 2))),
    "two groups": ((2, 4, 9, 9), (6, 2, 3, 3), Geometry(padding=(1, 1), groups=2)),
}


def measured(metric: str, probe: Probe) -> Measurement:
    """Return the probe's number, or the fact that it is NaN or raises."""
    try:
        value = float(probe())
    except Exception:  # user code may raise anything
        return Measurement(f"{metric} raises", 0, 1.0, "1")
    if math.isnan(value):
        return Measurement(f"{metric} is NaN", 0, 1.0, "1")
    return Measurement(metric, 0, value, "1")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def activation(name: str) -> list[Measurement]:
    """Check an activation: dtypes, gradient, range and limits.

    Args:
        name: Name of the activation.

    Returns:
        "keeps d": whether shape and dtype are kept. "gradcheck": whether autograd agrees with central
        differences in float64, for the input and all parameters. "finite up to", "finite down to": last of
        the magnitudes x at which f(±x) and f'(±x) are finite in float32, 0 if at none. "value" and "slope" at
        ±inf and NaN.
    """
    make = module_of(name)

    def module(width: int) -> nn.Module:
        return sized(make, width)

    def keeps(dtype: torch.dtype) -> bool:
        x = torch.linspace(-4, 4, 24, dtype=dtype).reshape(2, 3, 4)
        y = module(3).to(dtype)(x)
        return (y.shape, y.dtype) == (x.shape, dtype)

    def gradcheck() -> bool:
        checked = module(4).double()
        trained = dict(checked.named_parameters())
        # random points, which avoid kinks
        x = 2 * torch.randn(16, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        return torch.autograd.gradcheck(
            lambda x, *given: functional_call(checked, dict(zip(trained, given, strict=True)), (x,)),
            (x.requires_grad_(), *trained.values()),
            raise_exception=False,
        )

    def at(x: float, order: int) -> Tensor:
        leaf = torch.tensor([[x]], dtype=torch.float32, requires_grad=True)
        y = module(1)(leaf)
        return torch.autograd.grad(y.sum(), leaf)[0][0, 0] if order else y[0, 0].detach()

    def finite(magnitudes: Iterable[float]) -> float:
        last = 0.0
        for x in magnitudes:
            if not all(at(sign, k).isfinite() for sign in (-x, x) for k in (0, 1)):
                break
            last = x
        return last

    return [
        *(measured(f"keeps {_name(dtype)}", partial(keeps, dtype)) for dtype in DTYPES),
        measured("gradcheck", gradcheck),
        measured("finite up to", partial(finite, LARGE)),
        measured("finite down to", partial(finite, SMALL)),
        *(
            measured(f"{what} at {x}", partial(at, x, k))
            for k, what in enumerate(("value", "slope"))
            for x in (math.inf, -math.inf, math.nan)
        ),
    ]


Step = Callable[[Optimizer, nn.Parameter, Tensor | None], None]  # with this gradient


def _step(make: Make) -> Step:
    """Return how an optimizer takes a step with a given gradient: with a closure where it needs one."""
    closure = needs_closure(make)

    def step(optimizer: Optimizer, theta: nn.Parameter, gradient: Tensor | None) -> None:
        def evaluate() -> Tensor:
            theta.grad = None if gradient is None else gradient.clone()
            return (
                torch.zeros((), dtype=theta.dtype) if gradient is None else (theta.detach() * gradient).sum()
            )

        if closure:
            optimizer.step(evaluate)  # type: ignore[arg-type]  # torch's annotation wants a float
        else:
            evaluate()
            optimizer.step()

    return step


def _after(make: Make, rate: float, gradients: Iterable[Tensor | None]) -> Tensor:
    """Return a parameter (4,), initially ones, after one step per gradient."""
    theta, step = nn.Parameter(torch.ones(4, dtype=torch.float64)), _step(make)
    optimizer = make([theta], rate)
    for gradient in gradients:
        step(optimizer, theta, gradient)
    return theta.detach()


def optimizer(name: str) -> list[Measurement]:
    """Check an optimizer: dtypes, descent, zero and missing gradients, and its state.

    Args:
        name: Name of the optimizer.

    Returns:
        "keeps d": whether shape and dtype of parameters are kept. "quadratic at η": Σλθ²/2 after STEPS steps
        over its initial value, for CURVATURES λ, at each of its learning rates. "finite at zero gradient".
        "leaves what has no gradient". "resumes": whether an optimizer with the loaded state of another
        continues like that one, to the last bit.
    """
    make, rates = optimizer_of(name), rates_of(name)
    rate, step = rates[0], _step(make)

    def keeps(dtype: torch.dtype) -> bool:
        theta = nn.Parameter(torch.ones(2, 3, dtype=dtype))
        rule = make([theta], rate)
        for _ in range(2):
            step(rule, theta, torch.ones_like(theta))
        return (theta.shape, theta.dtype) == ((2, 3), dtype) and bool(theta.isfinite().all())

    def descent(rate: float) -> Tensor:
        theta = nn.Parameter(torch.ones_like(CURVATURES))
        rule = make([theta], rate)
        for _ in range(STEPS):
            step(rule, theta, CURVATURES * theta.detach())
        return (CURVATURES * theta.detach() ** 2).sum() / CURVATURES.sum()

    def resumes() -> bool:
        gradients = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        one = nn.Parameter(torch.ones(4, dtype=torch.float64))
        rule = make([one], rate)
        for gradient in gradients[:3]:
            step(rule, one, gradient)
        other = nn.Parameter(one.detach().clone())
        again = make([other], rate)
        again.load_state_dict(deepcopy(rule.state_dict()))  # loading does not copy
        for gradient in gradients[3:]:
            step(rule, one, gradient)
            step(again, other, gradient)
        return torch.equal(one, other)

    nothing = torch.zeros(4, dtype=torch.float64)
    return [
        *(measured(f"keeps {_name(dtype)}", partial(keeps, dtype)) for dtype in DTYPES),
        *(measured(f"quadratic at {rate:g}", partial(descent, rate)) for rate in rates),
        measured("finite at zero gradient", lambda: _after(make, rate, [nothing] * 3).isfinite().all()),
        measured("leaves what has no gradient", lambda: (_after(make, rate, [None] * 3) == 1).all()),
        measured("resumes", resumes),
    ]


def _convolved(strategy: Callable[..., Tensor], layer: str, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return the output y, and the gradients of Σy·g with respect to input and weight for a random g."""
    shapes, generator = LAYERS[layer][:2], torch.Generator().manual_seed(0)
    x, w = (
        torch.randn(s, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for s in shapes
    )
    y = strategy(x, w, LAYERS[layer][2])
    g = torch.randn(y.shape, generator=generator, dtype=torch.float64).to(dtype)
    return y.detach(), *torch.autograd.grad(y, [x, w], g)


def _torch(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    return conv2d(x, w, None, geometry.stride, geometry.padding, geometry.dilation, geometry.groups)


def strategy(name: str) -> list[Measurement]:
    """Check a convolution strategy: dtypes, and its errors relative to `F.conv2d`.

    Args:
        name: Name of the strategy.

    Returns:
        "keeps d": whether shape and dtype are kept. "error of output", "of input gradient" and "of weight
        gradient", for each of LAYERS in float64: max |a - b| / max |b|, where b is `F.conv2d`'s.
    """
    custom: Strategy = strategy_of(name)

    def keeps(dtype: torch.dtype) -> bool:
        x, w, geometry = torch.ones(2, 3, 9, 9, dtype=dtype), torch.ones(4, 3, 3, 3, dtype=dtype), Geometry()
        y = custom(x, w, geometry)
        return (y.shape, y.dtype) == ((2, 4, 7, 7), dtype)

    def error(layer: str, part: int) -> Tensor:
        a, b = (_convolved(f, layer, torch.float64)[part] for f in (custom, _torch))
        if a.shape != b.shape:
            raise ValueError(f"Invalid shape: got {tuple(a.shape)}, expected {tuple(b.shape)}.")
        return (a - b).abs().max() / b.abs().max()

    return [
        *(measured(f"keeps {_name(dtype)}", partial(keeps, dtype)) for dtype in DTYPES),
        *(
            measured(f"error of {what}, {layer}", partial(error, layer, part))
            for layer in LAYERS
            for part, what in enumerate(("output", "input gradient", "weight gradient"))
        ),
    ]


# By the task of each check's runs.
CHECKS: dict[str, Callable[[str], list[Measurement]]] = {
    "activation_conformance": activation,
    "optimizer_conformance": optimizer,
    "convolution_conformance": strategy,
}
TASKS = dict(zip(("activation", "optimizer", "strategy"), CHECKS, strict=True))  # by kind
