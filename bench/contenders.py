"""Activations as cells name them: those of the table, the control, and a user's own by module or by file."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from impl.activations import ACTIVATIONS
from impl.names import unknown

CONTROL = "control"  # ReLU once more, under seeds of its own
CONTROL_SEEDS = 10_000  # what is added to the control's seeds
OURS: dict[str, Callable[[], nn.Module]] = {
    **{name: activation.module for name, activation in ACTIVATIONS.items()},
    CONTROL: ACTIVATIONS["relu"].module,
}


class OfFunction(nn.Module):
    """A user's function of a tensor as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return function(x)."""
        return self.function(x)


def seed_of(activation: str | None, seed: int) -> int:
    """The seed that a run draws from: the control's runs share theirs with no other activation."""
    return seed + CONTROL_SEEDS if activation == CONTROL else seed


def module_of(name: str) -> Callable[[], nn.Module]:
    """What makes the activation of that name.

    name: one of OURS, or `package.module:Name` or `path/to/file.py:Name`, which is a class
    of modules or a function that makes one, to be called without arguments, or a function of one tensor.

    Raises:
        ValueError: if there is none, or if what the name leads to is none of these.
    """
    if name in OURS:
        return OURS[name]
    found = _found(name)
    if _required(found) == 1 and not inspect.isclass(found):
        return lambda: OfFunction(found)
    try:
        made = found()
    except Exception as error:
        raise ValueError(f"activation {name!r} cannot be made without arguments: {error}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"activation {name!r} makes a {type(made).__name__}; a torch.nn.Module was expected")
    return found


def _found(name: str) -> Any:
    """What the name of a user's own leads to."""
    place, _, attribute = name.partition("@")[0].rpartition(":")
    if not place:
        raise ValueError(
            f"{unknown('activation', name, OURS)}, or one of yours as package.module:Name or "
            "path/to/file.py:Name"
        )
    try:
        return getattr(_file(place) if place.endswith(".py") else importlib.import_module(place), attribute)
    except (Exception, SystemExit) as error:  # whatever a user's file does when it is read
        reason = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        raise ValueError(f"activation {name!r}: {reason}") from error


def _file(path: str) -> ModuleType:
    """The module of a file, read once."""
    place = Path(path).resolve()
    name = f"{place.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it is read, as import does
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _required(found: Any) -> int:
    """How many arguments it must be called with; one where only C knows, as of torch's functions."""
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return int(callable(found))
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)


def identify(name: str) -> str:
    """The name under which runs are stored; a user's own carries a hash of its file.

    An edited activation is another one: what the store holds of the former text is not taken for it.
    """
    module_of(name)
    if name in OURS:
        return name
    found = _found(name)
    try:
        source = inspect.getsourcefile(found)
    except TypeError:  # an object that is called, of which Python knows no file
        source = inspect.getsourcefile(type(found))
    digest = hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:8]
    return f"{name.partition('@')[0]}@{digest}"


def check(name: str) -> None:
    """Try a user's own activation once, forward and backward, on a few numbers from -4 to 4.

    Raises:
        ValueError: where it returns something else than a tensor of its input's shape and type, writes to its
            input, or lets no gradient through: networks would train, but not what they say.
    """
    if name in OURS:
        return
    leaf = torch.linspace(-4, 4, 32).reshape(4, 8).requires_grad_()
    x = leaf * 1.0  # what an activation may write to without that torch minds
    before = x.detach().clone()
    y = module_of(name)()(x)
    if not isinstance(y, Tensor):
        raise ValueError(f"activation {name!r} returns a {type(y).__name__}; a tensor was expected")
    if (y.shape, y.dtype) != (x.shape, x.dtype):
        raise ValueError(
            f"activation {name!r} returns shape {tuple(y.shape)} of {y.dtype} for shape {tuple(x.shape)} of "
            f"{x.dtype}; the same was expected"
        )
    if not torch.equal(x.detach(), before):
        raise ValueError(f"activation {name!r} writes to its input; a new tensor was expected")
    if not y.requires_grad or torch.autograd.grad(y.sum(), leaf, allow_unused=True)[0] is None:
        raise ValueError(f"activation {name!r} is not differentiable: no gradient reaches its input")


def function_of(name: str) -> Callable[[Tensor], Tensor]:
    """The activation as a function of a tensor, at its module's initial parameters."""
    module = module_of(name)().double()
    return lambda x: module(x).detach()
