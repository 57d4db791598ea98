"""Optimizers, and the registry of them."""

from impl.optimizers.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from impl.optimizers.registry import MOMENTUM, OPTIMIZERS, Make, OptimizerEntry

__all__ = ["MOMENTUM", "OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Make", "OptimizerEntry", "RMSprop"]
