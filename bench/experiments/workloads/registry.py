"""Candidates by name: activations, optimizers and convolution strategies, of our tables or a user's own."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.experiments.workloads import user_code as own
from impl.activations.registry import ACTIVATIONS
from impl.convolution import STRATEGIES, Geometry, Strategy
from impl.optimizers.registry import OPTIMIZERS, Make

CONTROL = "control"  # ReLU once more, under seeds of its own
CONTROL_SEEDS = 10_000  # what is added to the control's seeds
BUILTINS: dict[str, Callable[[], nn.Module]] = {
    **{name: activation.module for name, activation in ACTIVATIONS.items()},
    CONTROL: ACTIVATIONS["relu"].module,
}
ADAPTIVE = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # the learning rates that a rule is tried at which names none


class InvalidCandidateError(ValueError):
    """A user's own is not what was expected; the message says what came."""


class OfFunction(nn.Module):
    """A user's function of a tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return function(x)."""
        return self.function(x)


@dataclass(frozen=True)
class Kind:
    """What is compared with its like: the table, and how a user's own comes to stand beside its entries.

    make: from the name as errors give it and what it leads to, to what the table holds; check: tries that
    once, on a few numbers. Both raise Unfit, with what came and what was expected.
    """

    table: Mapping[str, Any]
    make: Callable[[str, Any], Any]
    check: Callable[[str, Any], None]


def made(kind: str, name: str) -> Any:
    """What the table of KINDS[kind] holds by that name, or the like of a user's own.

    Raises:
        ValueError: if there is none, or if what the name leads to is nothing of the kind.
    """
    table = KINDS[kind].table
    if name in table:
        return table[name]
    return KINDS[kind].make(f"{kind} {name!r}", own.found(kind, name, table))


def module_of(name: str) -> Callable[[], nn.Module]:
    """What makes the activation of that name.

    name: one of OURS, or `package.module:Name` or `path/to/file.py:Name`, which is a class
    of modules or a function that makes one, to be called without arguments, or a function of one tensor.
    Raises ValueError as `made` does.
    """
    return made("activation", name)


def optimizer_of(name: str) -> Make:
    """What makes the optimizer of that name from parameters and a learning rate; raises as `made` does."""
    return made("optimizer", name)


def strategy_of(name: str) -> Strategy:
    """The convolution strategy of that name; raises as `made` does."""
    return made("strategy", name)


def rates_of(name: str) -> tuple[float, ...]:
    """The learning rates that a user's own optimizer is tried at: its attribute `rates`, else ADAPTIVE."""
    return tuple(sorted(getattr(optimizer_of(name), "rates", ADAPTIVE)))


def seed_of(activation: str | None, seed: int) -> int:
    """The seed that a run draws from: the control's runs share theirs with no other activation."""
    return seed + CONTROL_SEEDS if activation == CONTROL else seed


def identify(name: str, kind: str = "activation") -> str:
    """The name under which runs are stored; a user's own carries a hash of its file."""
    made(kind, name)
    table = KINDS[kind].table
    return name if name in table else own.identified(name, own.found(kind, name, table))


def check(name: str, kind: str = "activation") -> None:
    """Try a user's own once, forward and backward or for a step, on a few numbers; raises what it raises.

    Raises:
        Unfit: where it returns something else than what was expected, writes to what it is given, or lets no
            gradient through: networks would train, but not what they say.
    """
    if name not in KINDS[kind].table:
        KINDS[kind].check(f"{kind} {name!r}", made(kind, name))


def resolve(name: str, kind: str) -> str:
    """What `identify` gives, of a candidate that `check` found fit.

    Raises:
        ValueError: where it is not, or raises anything; one line that says what came.
    """
    identified = identify(name, kind)
    try:
        check(name, kind)
    except InvalidCandidateError:
        raise
    except Exception as error:
        raise InvalidCandidateError(f"{kind} {name!r} raises {error!r}; a result was expected") from error
    return identified


def _module(name: str, found: Any) -> Callable[[], nn.Module]:
    if own.required(found) == 1 and not isinstance(found, type):
        return lambda: OfFunction(found)
    try:
        module = found()
    except Exception as error:
        raise InvalidCandidateError(f"{name} cannot be made without arguments: {error}") from error
    if not isinstance(module, nn.Module):
        raise InvalidCandidateError(f"{name} makes a {type(module).__name__}; a torch.nn.Module was expected")
    return found


def _check_tensor(name: str, y: Any, shape: Sequence[int], x: Tensor) -> None:
    """Check that y is a tensor of this shape and of x's type."""
    if not isinstance(y, Tensor):
        raise InvalidCandidateError(f"{name} returns a {type(y).__name__}; a tensor was expected")
    if (y.shape, y.dtype) != (torch.Size(shape), x.dtype):
        wanted = "the same" if shape == x.shape else f"{tuple(shape)} of {x.dtype}"
        raise InvalidCandidateError(
            f"{name} returns shape {tuple(y.shape)} of {y.dtype} for shape {tuple(x.shape)} of {x.dtype}; "
            f"{wanted} was expected"
        )


def _check_pure(name: str, call: Callable[..., Any], shape: Sequence[int], *given: Tensor) -> None:
    """Check that a function of tensors gives one of this shape, writes to none and has a gradient in each."""
    leaves = [tensor.requires_grad_() for tensor in given]
    tensors = [leaf * 1.0 for leaf in leaves]  # what may be written to without that torch minds
    before = [tensor.detach().clone() for tensor in tensors]
    y = call(*tensors)
    _check_tensor(name, y, shape, tensors[0])
    if not all(map(torch.equal, (tensor.detach() for tensor in tensors), before)):
        raise InvalidCandidateError(f"{name} writes to its input; a new tensor was expected")
    gradients = torch.autograd.grad(y.sum(), leaves, allow_unused=True) if y.requires_grad else [None]
    if any(gradient is None for gradient in gradients):
        raise InvalidCandidateError(f"{name} is not differentiable: no gradient reaches its input")


def _check_activation(name: str, make: Callable[[], nn.Module]) -> None:
    x = torch.linspace(-4, 4, 32).reshape(4, 8)
    _check_pure(name, make(), x.shape, x)


def _optimizer(name: str, found: Any) -> Make:
    if not own.takes(found, 2):
        what = (
            f"is a {type(found).__name__}" if not callable(found) else "cannot be called with two arguments"
        )
        raise InvalidCandidateError(
            f"{name} {what}; what makes an optimizer of (parameters, learning rate) was expected"
        )
    rates = getattr(found, "rates", None)
    if rates is not None:
        try:
            sound = len(rates) == len(set(rates)) == len(ADAPTIVE) and all(0 < r < math.inf for r in rates)
        except TypeError:
            sound = False
        if not sound:
            raise InvalidCandidateError(
                f"{name} has rates {rates!r}; {len(ADAPTIVE)} different positive numbers were expected"
            )
    return found


def _check_optimizer(name: str, make: Make) -> None:
    parameters = [nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)), nn.Parameter(torch.ones(4))]
    before = [parameter.detach().clone() for parameter in parameters]
    optimizer = make(iter(parameters), 0.01)  # as networks give them
    if not isinstance(optimizer, Optimizer):
        raise InvalidCandidateError(
            f"{name} makes a {type(optimizer).__name__}; a torch.optim.Optimizer was expected"
        )
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    if all(map(torch.equal, parameters, before)):
        raise InvalidCandidateError(f"{name} changes no parameter in a step; it was expected to")


def _strategy(name: str, found: Any) -> Strategy:
    if not own.takes(found, 3):
        what = (
            f"is a {type(found).__name__}" if not callable(found) else "cannot be called with three arguments"
        )
        raise InvalidCandidateError(f"{name} {what}; a function of (input, weight, Geometry) was expected")
    return found


def _check_strategy(name: str, strategy: Strategy) -> None:
    x, w = torch.linspace(-1, 1, 384).reshape(2, 3, 8, 8), torch.linspace(-1, 1, 108).reshape(4, 3, 3, 3)
    padded = Geometry(padding=(1, 1))
    _check_pure(name, lambda input, weight: strategy(input, weight, padded), (2, 4, 8, 8), x, w)


KINDS: dict[str, Kind] = {
    "activation": Kind(BUILTINS, _module, _check_activation),
    "optimizer": Kind({n: entry.make for n, entry in OPTIMIZERS.items()}, _optimizer, _check_optimizer),
    "strategy": Kind({n: entry.convolve for n, entry in STRATEGIES.items()}, _strategy, _check_strategy),
}


def function_of(name: str) -> Callable[[Tensor], Tensor]:
    """The activation as a function of a tensor, at its module's initial parameters."""
    module = module_of(name)().double()
    return lambda x: module(x).detach()
