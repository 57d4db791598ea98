"""Training networks."""

from impl.training.loop import History, Measurement, evaluate, fit

__all__ = ["History", "Measurement", "evaluate", "fit"]
