"""Optimizers, and the registry of them."""

from impl.optimizers import optimizers
from impl.optimizers.optimizers import *  # noqa: F403
from impl.optimizers.registry import MOMENTUM, OPTIMIZERS, Make, OptimizerEntry

__all__ = ["MOMENTUM", "OPTIMIZERS", "Make", "OptimizerEntry", *optimizers.__all__]
