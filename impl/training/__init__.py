"""Training of networks."""

from impl.training.loop import History, evaluate, fit

__all__ = ["History", "evaluate", "fit"]
