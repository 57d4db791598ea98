"""What custom candidates must be: how an object becomes a candidate, and what it is tried for."""

import contextlib
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from impl.convolution import Geometry, Strategy
from impl.models import WIDTHS, MakeActivation, sized
from impl.names import one_line
from impl.optimizers.registry import Make

RATE_NAMES = ("lr", "learning_rate", "rate", "step_size", "eta")
MOST_RATES = 20
WIDTH = 128  # features of the classifier's hidden layer
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
WARM_UP = 200  # steps in which a warm-up from rate 0 must have begun


class InvalidCandidateError(ValueError):
    """A custom candidate does not meet its contract; the message states what it did."""


class OfFunction(nn.Module):
    """Module of a custom function of one tensor."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return function(x)."""
        return self.function(x)


def _required(candidate: Any) -> list[str] | None:
    """Return the names of its required arguments, or None if only C code or a decorator knows."""
    try:
        parameters = inspect.signature(candidate).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    return [p.name for p in parameters if p.kind not in VARIABLE and p.default is inspect.Parameter.empty]


def _binds(candidate: Any, count: int) -> bool:
    """Return whether it takes `count` positional arguments; True if only C code knows."""
    try:
        inspect.signature(candidate).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return callable(candidate)
    return True


def activation(
    name: str, candidate: Any, positional: Sequence[Any] = (), named: dict[str, Any] | None = None
) -> Callable[..., nn.Module]:
    """Return a constructor of modules, which requires `num_features` where the candidate needs the width.

    Args:
        name: Name for errors.
        candidate: A class or an instance of modules, a function that returns one, or a function of a tensor.
        positional: Its arguments.
        named: Its named arguments.

    Raises:
        InvalidCandidateError: If it is anything else.
    """
    named, given = named or {}, bool(positional or named)
    if isinstance(candidate, nn.Module) and not given:
        return lambda: deepcopy(candidate)
    if not callable(candidate) or isinstance(candidate, nn.Module):
        got = f"{type(candidate).__name__}{' with arguments' if given else ''}"
        raise InvalidCandidateError(
            f"{name} must be callable without arguments or with one tensor, got {got}"
        )
    if isinstance(candidate, type) and issubclass(candidate, torch.autograd.Function):
        candidate = candidate.apply
    call = partial(candidate, *positional, **named) if given else candidate
    required = _required(call)
    if (width := [word for word in required or () if word in WIDTHS]) and len(required or ()) == 1:
        return _of_width(name, call, width[0])
    function = (
        not isinstance(candidate, type) and not positional
    )  # perhaps one of a tensor, its first argument
    if function and required is not None and len(required) == 1:
        return lambda: OfFunction(call)
    if required:
        raise InvalidCandidateError(_lacking(name, candidate, required[function:]))
    try:
        return _factory(name, call)
    except InvalidCandidateError as error:
        if function and _maps_a_tensor(call):
            return lambda: OfFunction(call)
        if positional and not isinstance(candidate, type):
            raise InvalidCandidateError(
                f"{name} must have named arguments, since the first argument of a function is the tensor"
            ) from error
        raise


def _lacking(name: str, candidate: Any, missing: Sequence[str]) -> str:
    """Return the message for a candidate that requires arguments."""
    example = ", ".join(f"{argument}=…" for argument in missing)
    return (
        f"{name} must be callable without arguments or with one tensor, but requires {', '.join(missing)}; "
        f"add literals to the name: {getattr(candidate, '__name__', 'name')}({example})"
    )


def _maps_a_tensor(function: Callable[..., Any]) -> bool:
    """Return whether a function takes a tensor and returns one of its shape."""
    x = torch.linspace(-1, 1, 8)
    try:
        y = function(x)
    except Exception:
        return False
    return isinstance(y, Tensor) and y.shape == x.shape


def _as_module(name: str, value: Any) -> nn.Module:
    if isinstance(value, nn.Module):
        return value
    if callable(value) and not isinstance(value, type):
        return OfFunction(value)
    raise InvalidCandidateError(f"{name} must return a torch.nn.Module, got {type(value).__name__}")


def _factory(name: str, call: Callable[..., Any]) -> Callable[[], nn.Module]:
    """Return a constructor of modules, each with its own parameters."""
    try:
        first, second = call(), call()
    except Exception as error:
        raise InvalidCandidateError(
            f"{name} must be callable without arguments: {one_line(str(error))}"
        ) from error
    _as_module(name, first)
    if first is second:
        template = deepcopy(_as_module(name, first))
        return lambda: deepcopy(template)
    _check_shared(name, _as_module(name, first), _as_module(name, second))
    return lambda: _as_module(name, call())


def _of_width(name: str, call: Callable[..., Any], word: str) -> Callable[[int], nn.Module]:
    def make(num_features: int) -> nn.Module:
        return _as_module(name, call(**{word: num_features}))

    try:
        first, second = make(8), make(8)
    except InvalidCandidateError:
        raise
    except Exception as error:
        raise InvalidCandidateError(
            f"{name} must be callable with {word}=8: {one_line(str(error))}"
        ) from error
    _check_shared(name, first, second)
    return make


def _check_shared(name: str, first: nn.Module, second: nn.Module) -> None:
    """Check that two modules have no parameter in common, which would be trained by both and in every run."""
    theirs = set(map(id, second.parameters()))
    for word, parameter in first.named_parameters():
        if id(parameter) in theirs:
            raise InvalidCandidateError(
                f"{name} must make its parameters anew in every module, but all modules share {word!r}"
            )


def _check_tensor(name: str, y: Any, shape: Sequence[int], x: Tensor) -> None:
    """Check that y is a tensor of this shape and of x's type."""
    if not isinstance(y, Tensor):
        raise InvalidCandidateError(f"{name} must return a tensor, got {type(y).__name__}")
    if (y.shape, y.dtype) != (torch.Size(shape), x.dtype):
        raise InvalidCandidateError(
            f"{name} must return shape {tuple(shape)} of {x.dtype} for shape {tuple(x.shape)} of {x.dtype}, "
            f"got {tuple(y.shape)} of {y.dtype}"
        )


def _check_pure(name: str, call: Callable[..., Any], shape: Sequence[int], *given: Tensor) -> None:
    """Check that a function returns this shape, does not modify its input and is differentiable in it."""
    leaves = [tensor.requires_grad_() for tensor in given]
    tensors = [leaf * 1.0 for leaf in leaves]  # torch permits in-place changes of these
    before = [tensor.detach().clone() for tensor in tensors]
    y = call(*tensors)
    _check_tensor(name, y, shape, tensors[0])
    if not all(map(torch.equal, (tensor.detach() for tensor in tensors), before)):
        raise InvalidCandidateError(f"{name} must not modify its input in place")
    gradients = torch.autograd.grad(y.sum(), leaves, allow_unused=True) if y.requires_grad else [None]
    if any(gradient is None for gradient in gradients):
        raise InvalidCandidateError(f"{name} must be differentiable: no gradient reaches its input")


def check_activation(name: str, make: Callable[..., nn.Module]) -> None:
    """Try an activation on small and on large numbers."""
    for bound in (4.0, 100.0):
        x = torch.linspace(-bound, bound, 4 * WIDTH).reshape(4, WIDTH)
        _check_pure(name, sized(make, WIDTH), x.shape, x)


@dataclass(frozen=True)
class CustomOptimizer:
    """Constructor of a custom optimizer, called with parameters and learning rate.

    Attributes:
        candidate: The class or function.
        named: Its further arguments.
        rate: Name of its argument for the rate, "" for its second argument, None if it takes none.
        default: Its default rate, 0 if it has none.
        rates: The rates to try, None for those of a similar optimizer.
    """

    candidate: Callable[..., Any]
    named: dict[str, Any] = field(default_factory=dict)
    rate: str | None = ""
    default: float = 0.0
    rates: tuple[float, ...] | None = None

    def __call__(self, parameters: Iterable[nn.Parameter], rate: float) -> Optimizer:
        """Return the optimizer of these parameters."""
        parameters = list(parameters)
        if self.rate is None:
            return self.candidate(parameters, **self.named)
        if not self.rate:
            return self.candidate(parameters, rate, **self.named)
        return self.candidate(parameters, **{self.rate: rate, **self.named})

    def distance(self, grid: Sequence[float]) -> float:
        """Return how far the default rate is from the middle of a grid, on a logarithmic scale."""
        return abs(math.log(self.default / grid[len(grid) // 2]))


def optimizer(
    name: str, candidate: Any, positional: Sequence[Any] = (), named: dict[str, Any] | None = None
) -> CustomOptimizer:
    """Return the constructor of a custom optimizer.

    Raises:
        InvalidCandidateError: If it cannot be called with parameters and learning rate, or its rates are
            invalid.
    """
    named = named or {}
    if positional:
        raise InvalidCandidateError(f"{name} must have named arguments, such as betas=(0.9, 0.99)")
    try:
        parameters = dict(inspect.signature(candidate).parameters)
    except TypeError as error:
        kind = type(candidate).__name__
        raise InvalidCandidateError(
            f"{name} must be callable with (parameters, learning rate), got {kind}"
        ) from error
    except ValueError:  # only C code knows
        return CustomOptimizer(candidate, named)
    kinds = {p.kind for p in parameters.values()}
    words = [p.name for p in parameters.values() if p.kind not in VARIABLE]
    rate: str | None = next((word for word in RATE_NAMES if word in words), None)
    if rate is None and len(words) > 1 and parameters[words[1]].default is inspect.Parameter.empty:
        rate = ""
    elif rate is None and len(words) < 2 and kinds & set(VARIABLE):  # of a decorated one
        rate = "lr" if inspect.Parameter.VAR_KEYWORD in kinds else ""
    arguments, bound = (
        ([None, 1.0], named) if rate == "" else ([None], {rate: 1.0, **named} if rate else named)
    )
    try:
        inspect.signature(candidate).bind(*arguments, **bound)
    except TypeError as error:
        raise InvalidCandidateError(
            f"{name} must be callable with (parameters, learning rate): {error}"
        ) from error
    default = parameters[rate].default if rate in parameters else 0.0
    default = float(default) if isinstance(default, int | float) and default > 0 else 0.0
    return CustomOptimizer(candidate, named, rate, default, _rates(name, candidate, rate, named, parameters))


def _rates(
    name: str, candidate: Any, rate: str | None, named: dict[str, Any], parameters: dict[str, Any]
) -> tuple[float, ...] | None:
    """Return the learning rates that the candidate itself determines, else None."""
    if rate and rate in named:
        return (float(named[rate]),)
    rates = getattr(candidate, "rates", None)
    if rates is not None:
        return checked_rates(name, rates)
    if rate is None or "d0" in parameters:  # D-Adaptation, Prodigy: a first distance instead of a rate
        return (1.0,)
    return None


def checked_rates(name: str, rates: Any) -> tuple[float, ...]:
    """Return learning rates in ascending order.

    Raises:
        InvalidCandidateError: If they are not different, positive and finite, or too many.
    """
    try:
        valid = 0 < len(rates) == len(set(rates)) <= MOST_RATES and all(0 < r < math.inf for r in rates)
    except TypeError:
        valid = False
    if not valid:
        raise InvalidCandidateError(
            f"{name} has invalid rates {rates!r}; expected 1 to {MOST_RATES} different positive numbers"
        )
    return tuple(sorted(map(float, rates)))


def _problem() -> list[nn.Parameter]:
    return [nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)), nn.Parameter(torch.ones(4))]


def _moves(optimizer: Optimizer, parameters: Sequence[nn.Parameter], *, closure: bool) -> bool:
    """Return whether steps change every parameter, at the latest after a warm-up."""
    before = [parameter.detach().clone() for parameter in parameters]

    def evaluate() -> Tensor:
        with torch.enable_grad():
            optimizer.zero_grad()
            loss = sum((p.square() + p).sum() for p in parameters)
            assert isinstance(loss, Tensor)
            loss.backward()
        return loss

    if callable(getattr(optimizer, "train", None)):
        optimizer.train()  # type: ignore[attr-defined]  # checked
    for _ in range(WARM_UP):
        if closure:
            optimizer.step(evaluate)  # type: ignore[arg-type]  # torch's annotation wants a float
        else:
            evaluate()
            optimizer.step()
        if not any(map(torch.equal, parameters, before)):
            return True
    return False


def needs_closure(make: Make) -> bool:
    """Return whether an optimizer only steps when it is given a function that evaluates the loss.

    Raises:
        Exception: What its steps raise, if they do so either way.
    """
    parameters = _problem()
    with contextlib.suppress(Exception):
        if _moves(make(parameters, 0.01), parameters, closure=False):
            return False
    parameters = _problem()
    with contextlib.suppress(Exception):
        if _moves(make(parameters, 0.01), parameters, closure=True):
            return True
    return "closure" in (_required(type(make(_problem(), 0.01)).step) or ())


def check_optimizer(name: str, make: Make) -> None:
    """Try an optimizer until it has updated its parameters."""
    parameters = _problem()
    made = make(iter(parameters), 0.01)
    if not isinstance(made, Optimizer):
        raise InvalidCandidateError(f"{name} must return a torch.optim.Optimizer, got {type(made).__name__}")
    if not _moves(made, parameters, closure=needs_closure(make)):
        raise InvalidCandidateError(f"{name}.step() did not update every parameter in {WARM_UP} steps")


def strategy(
    name: str, candidate: Any, positional: Sequence[Any] = (), named: dict[str, Any] | None = None
) -> Strategy:
    """Return a custom convolution, called with input, weight and geometry.

    Raises:
        InvalidCandidateError: If it cannot be called so.
    """
    if positional:
        raise InvalidCandidateError(f"{name} must have named arguments")
    call = partial(candidate, **named) if named else candidate
    if not callable(candidate) or not _binds(call, 3):
        got = "" if callable(candidate) else f", got {type(candidate).__name__}"
        raise InvalidCandidateError(f"{name} must be callable with (input, weight, geometry){got}")
    return call


BuildNetwork = Callable[[MakeActivation, tuple[int, ...], int], nn.Module]


def network(
    name: str, candidate: Any, positional: Sequence[Any] = (), named: dict[str, Any] | None = None
) -> BuildNetwork:
    """Return a custom network: from a constructor of activations and the data's shape to a module.

    Where the candidate has parameters `inputs` and `outputs`, they are the shape of a sample and the number
    of classes or values.

    Raises:
        InvalidCandidateError: If it cannot be called with one argument.
    """
    if positional:
        raise InvalidCandidateError(f"{name} must have named arguments, since its first is the activation")
    if not callable(candidate) or isinstance(candidate, nn.Module) or not _binds(candidate, 1):
        got = type(candidate).__name__
        raise InvalidCandidateError(f"{name} must be callable with (activation), got {got}")
    known = inspect.signature(candidate).parameters.keys() & {"inputs", "outputs"}

    def build(activation: MakeActivation, inputs: tuple[int, ...], outputs: int) -> nn.Module:
        shape = {"inputs": inputs, "outputs": outputs}
        given = {**{word: shape[word] for word in known}, **(named or {})}
        model = candidate(partial(_of_any_width, name, activation), **given)
        if not isinstance(model, nn.Module):
            raise InvalidCandidateError(f"{name} must return a torch.nn.Module, got {type(model).__name__}")
        return model

    return build


def _of_any_width(name: str, activation: MakeActivation, width: int | None = None) -> nn.Module:
    """Return the activation that a custom network asks for by `activation()` or `activation(width)`."""
    if width is None and set(_required(activation) or ()) & set(WIDTHS):
        raise InvalidCandidateError(
            f"{name} makes an activation that needs its width by activation(), expected activation(width)"
        )
    return sized(activation, width or 1)


def check_strategy(name: str, convolve: Strategy) -> None:
    """Try a convolution strategy on a small layer."""
    x, w = torch.linspace(-1, 1, 384).reshape(2, 3, 8, 8), torch.linspace(-1, 1, 108).reshape(4, 3, 3, 3)
    padded = Geometry(padding=(1, 1))
    _check_pure(name, lambda input, weight: convolve(input, weight, padded), (2, 4, 8, 8), x, w)
