"""Activation functions, their derivatives and modules, and the registry of them."""

from typing import TYPE_CHECKING, Any

from impl.activations import functional
from impl.activations.functional import *  # noqa: F403
from impl.activations.registry import ACTIVATIONS, Activation

MODULES = {row.module.__name__: row.module for row in ACTIVATIONS.values()}
globals().update(MODULES)

__all__ = ["ACTIVATIONS", "Activation", *MODULES, *functional.__all__]

if TYPE_CHECKING:  # the module classes, which follow from the registry

    def __getattr__(name: str) -> Any: ...
