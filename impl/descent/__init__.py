"""Gradient descent on objectives."""

from impl.descent.loop import Path, Trace, descend, gradient_variance, minibatches, samples_seen, trace

__all__ = ["Path", "Trace", "descend", "gradient_variance", "minibatches", "samples_seen", "trace"]
