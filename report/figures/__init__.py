"""Figures: frame or arrays in, matplotlib Figure out, no input or output; one file a topic.

`accuracy` and `cost` take the tidy frame that `bench.run` and `bench.load` give.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def accuracy(frame: "DataFrame") -> "Figure":
    """Accuracy of the classifier on held-out images by epoch, for each activation at its chosen rate.

    frame: of `bench.run("classifier")` or `bench.load`; means over seeds, with 95 % bootstrap intervals
    where there are several. Raises ValueError where no classifier was scored.

    >>> from bench import load
    >>> [panel.get_title() for panel in accuracy(load("results/reference.sqlite")).axes]
    ['with batch norm', 'without batch norm']
    """
    from report.figures import notebook as frames

    return frames.accuracy(frame)


def cost(frame: "DataFrame") -> "Figure":
    """Median time of each activation, forward and backward, as a multiple of ReLU's, at each size.

    frame: of `bench.run("benchmarks")` or `bench.load`; with 95 % bootstrap intervals. Raises ValueError
    where no activation was timed.

    >>> from bench import load
    >>> [panel.get_title() for panel in cost(load("results/reference.sqlite")).axes]
    ['forward', 'backward']
    """
    from report.figures import notebook as frames

    return frames.cost(frame)
