"""Activations as cells name them: those of the table, the control, and a user's own by dotted name."""

import hashlib
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from impl.activations import ACTIVATIONS

CONTROL = "control"  # ReLU once more, under seeds of its own
CONTROL_SEEDS = 10_000  # what is added to the control's seeds


def seed_of(activation: str | None, seed: int) -> int:
    """The seed that a run draws from: the control's runs share theirs with no other activation."""
    return seed + CONTROL_SEEDS if activation == CONTROL else seed


def module_of(name: str) -> Callable[[], nn.Module]:
    """What makes the activation of that name: a name of ACTIVATIONS, `control`, or `package.module:Name`.

    Raises:
        ValueError: if there is none, or if what the dotted name leads to cannot be called without arguments
            to make a module.
    """
    if name == CONTROL:
        return ACTIVATIONS["relu"].module
    if name in ACTIVATIONS:
        return ACTIVATIONS[name].module
    place, _, attribute = name.partition("@")[0].partition(":")
    if not attribute:
        raise ValueError(
            f"unknown activation {name!r}; known: {', '.join(ACTIVATIONS)}, or one of yours as "
            "package.module:Name"
        )
    try:
        make: Callable[[], nn.Module] = getattr(importlib.import_module(place), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"activation {name!r}: {error}") from error
    try:
        made = make()
    except TypeError as error:
        raise ValueError(f"activation {name!r} cannot be made without arguments: {error}") from error
    if not isinstance(made, nn.Module):
        raise ValueError(f"activation {name!r} makes a {type(made).__name__}; a torch.nn.Module was expected")
    return make


def identify(name: str) -> str:
    """The name under which runs are stored; a user's own carries a hash of its file.

    An edited activation is another one: what the store holds of the former text is not taken for it.
    """
    make = module_of(name)
    if name in ACTIVATIONS or name == CONTROL:
        return name
    source = inspect.getsourcefile(make)
    digest = hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:8]
    return f"{name.partition('@')[0]}@{digest}"


def function_of(name: str) -> Callable[[Tensor], Tensor]:
    """The activation as a function of a tensor, at its module's initial parameters."""
    module = module_of(name)().double()
    return lambda x: module(x).detach()
