"""Candidates by name: activations, optimizers and convolution strategies, built-in or custom."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.experiments.workloads import user_code
from bench.records.names import CONTROL
from impl.activations.registry import ACTIVATIONS
from impl.convolution import STRATEGIES, Geometry, Strategy
from impl.optimizers.registry import OPTIMIZERS, Make

CONTROL_SEEDS = 10_000  # added to the seeds of the control
BUILTINS: dict[str, Callable[[], nn.Module]] = {
    **{name: activation.module for name, activation in ACTIVATIONS.items()},
    CONTROL: ACTIVATIONS["relu"].module,
}
ADAPTIVE = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # learning rates of adaptive optimizers and the default of others


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


@dataclass(frozen=True)
class Kind:
    """A kind of candidate: its registry, and the contract of custom ones.

    Attributes:
        table: Built-in candidates.
        make: From a name for errors and the object it refers to, to an entry of the table.
        check: Tries such an entry once on a few numbers. Both raise InvalidCandidateError.
    """

    table: Mapping[str, Any]
    make: Callable[[str, Any], Any]
    check: Callable[[str, Any], None]


def made(kind: str, name: str) -> Any:
    """Return the built-in candidate of that name, or the equivalent of a custom one.

    Args:
        kind: One of KINDS.
        name: Built-in name, `module:Name` or `path/to/file.py:Name`.

    Raises:
        ValueError: If there is none, or if the object is not of the kind.
    """
    table = KINDS[kind].table
    if name in table:
        return table[name]
    return KINDS[kind].make(f"{kind} {name!r}", user_code.load(kind, name, table))


def module_of(name: str) -> Callable[[], nn.Module]:
    """Return the constructor of an activation.

    Args:
        name: One of BUILTINS, or `module:Name` or `path/to/file.py:Name` of a class of modules, of a function
            without arguments that returns a module, or of a function of one tensor.

    Raises:
        ValueError: As `made` does.
    """
    return made("activation", name)


def optimizer_of(name: str) -> Make:
    """Return the constructor of an optimizer, called with parameters and learning rate; see `made`."""
    return made("optimizer", name)


def strategy_of(name: str) -> Strategy:
    """Return a convolution strategy; see `made`."""
    return made("strategy", name)


def rates_of(name: str) -> tuple[float, ...]:
    """Return the learning rates to try with a custom optimizer: its attribute `rates`, else ADAPTIVE."""
    return tuple(sorted(getattr(optimizer_of(name), "rates", ADAPTIVE)))


def seed_of(activation: str | None, seed: int) -> int:
    """Return the seed that a run uses; the control shares its seeds with no other activation."""
    return seed + CONTROL_SEEDS if activation == CONTROL else seed


def identify(name: str, kind: str = "activation") -> str:
    """Return the name under which runs are stored; custom names carry a hash of their file."""
    made(kind, name)
    table = KINDS[kind].table
    return name if name in table else user_code.identified(name, user_code.load(kind, name, table))


def check(name: str, kind: str = "activation") -> None:
    """Try a custom candidate once, forward and backward or for one step, on a few numbers.

    Args:
        name: Name of the candidate.
        kind: Its kind.

    Raises:
        InvalidCandidateError: If it returns something unexpected, modifies its input or is not
            differentiable. Whatever the candidate raises is raised, too.
    """
    if name not in KINDS[kind].table:
        KINDS[kind].check(f"{kind} {name!r}", made(kind, name))


def resolve(name: str, kind: str) -> str:
    """Return the identified name of a candidate that passes `check`.

    Args:
        name: Name of the candidate.
        kind: Its kind.

    Raises:
        ValueError: If it does not pass, or raises anything; one line.
    """
    identified = identify(name, kind)
    try:
        check(name, kind)
    except InvalidCandidateError:
        raise
    except Exception as error:
        raise InvalidCandidateError(f"{kind} {name!r} raised {error!r}") from error
    return identified


def _module(name: str, candidate: Any) -> Callable[[], nn.Module]:
    if user_code.required(candidate) == 1 and not isinstance(candidate, type):
        return lambda: OfFunction(candidate)
    try:
        module = candidate()
    except Exception as error:
        raise InvalidCandidateError(f"{name} must be callable without arguments: {error}") from error
    if not isinstance(module, nn.Module):
        raise InvalidCandidateError(f"{name} must return a torch.nn.Module, got {type(module).__name__}")
    return candidate


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


def _check_activation(name: str, make: Callable[[], nn.Module]) -> None:
    x = torch.linspace(-4, 4, 32).reshape(4, 8)
    _check_pure(name, make(), x.shape, x)


def _check_signature(name: str, candidate: Any, *arguments: str) -> None:
    """Check that a candidate can be called with these arguments."""
    if not user_code.takes(candidate, len(arguments)):
        got = "" if callable(candidate) else f", got {type(candidate).__name__}"
        raise InvalidCandidateError(f"{name} must be callable with ({', '.join(arguments)}){got}")


def _optimizer(name: str, candidate: Any) -> Make:
    _check_signature(name, candidate, "parameters", "learning rate")
    rates = getattr(candidate, "rates", None)
    if rates is not None:
        try:
            valid = len(rates) == len(set(rates)) == len(ADAPTIVE) and all(0 < r < math.inf for r in rates)
        except TypeError:
            valid = False
        if not valid:
            raise InvalidCandidateError(
                f"{name} has invalid rates {rates!r}; expected {len(ADAPTIVE)} different positive numbers"
            )
    return candidate


def _check_optimizer(name: str, make: Make) -> None:
    parameters = [nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)), nn.Parameter(torch.ones(4))]
    before = [parameter.detach().clone() for parameter in parameters]
    optimizer = make(iter(parameters), 0.01)  # an iterator, as networks provide
    if not isinstance(optimizer, Optimizer):
        kind = type(optimizer).__name__
        raise InvalidCandidateError(f"{name} must return a torch.optim.Optimizer, got {kind}")
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    if all(map(torch.equal, parameters, before)):
        raise InvalidCandidateError(f"{name}.step() did not update any parameter")


def _strategy(name: str, candidate: Any) -> Strategy:
    _check_signature(name, candidate, "input", "weight", "geometry")
    return candidate


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
    """Return the activation as a function of a tensor, at its module's initial parameters."""
    module = module_of(name)().double()
    return lambda x: module(x).detach()
