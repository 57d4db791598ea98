"""Figures of the report, as functions from frames or arrays to matplotlib figures.

`accuracy` and `cost` take the tidy frame of `bench.run` and `bench.load`; the other figures have a module for
each topic.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def accuracy(frame: "DataFrame") -> "Figure":
    """Plot the classifier's held-out accuracy by epoch, for each activation at its chosen learning rate.

    The curves are means over seeds, with 95 % Student intervals where there are several.

    Args:
        frame: Tidy frame of `bench.run("classifier")` or `bench.load`.

    Returns:
        Figure with a panel for each network, with and without batch norm; accuracy in percent.

    Raises:
        ValueError: If no classifier was scored.

    Example:
        >>> from bench import load
        >>> [panel.get_title() for panel in accuracy(load("results/reference.sqlite")).axes]
        ['with batch norm', 'without batch norm']
    """
    from report.figures import notebook

    return notebook.accuracy(frame)


def cost(frame: "DataFrame") -> "Figure":
    """Plot each activation's median time as a multiple of ReLU's, with 95 % Student intervals over rounds.

    Args:
        frame: Tidy frame of `bench.run("benchmarks")` or `bench.load`.

    Returns:
        Figure with a panel for the forward and one for the backward pass; ratios on a logarithmic axis.

    Raises:
        ValueError: If no activation was timed.

    Example:
        >>> from bench import load
        >>> [panel.get_title() for panel in cost(load("results/reference.sqlite")).axes]
        ['forward', 'backward']
    """
    from report.figures import notebook

    return notebook.cost(frame)
