"""Gradient descent on objectives that are means over samples."""

from impl.descent.loop import Trace, Trajectory, descend, gradient_variance, minibatches, samples_seen, trace

__all__ = ["Trajectory", "Trace", "descend", "gradient_variance", "minibatches", "samples_seen", "trace"]
