"""The zigzag: a panel for each kind of inputs and rate, with the steps in its title."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from report.figures.zigzag import zigzag


def test_every_rate_has_its_panel_with_its_path():
    ends = np.linspace(-3, 3, 5)
    grid = np.meshgrid(ends, ends)
    losses = {name: grid[0] ** 2 + grid[1] ** 2 for name in ("positive inputs", "zero-centred inputs")}
    paths = pd.DataFrame(
        [(name, rate, w, -w) for name in losses for rate in (2.0, 8.0) for w in (-2.0, rate / 8)],
        columns=["inputs", "rate", "w1", "w2"],
    )
    steps = {(name, rate): None if rate == 8 else 41 for name in losses for rate in (2.0, 8.0)}
    figure = zigzag(grid, losses, paths, np.array([2.0, -2.0]), steps)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["η = 2: 41 steps", "η = 8: not there"] * 2
    for ax, rate in zip(figure.axes, (2.0, 8.0) * 2, strict=True):
        path = ax.lines[0]
        np.testing.assert_array_equal(path.get_xydata(), [[-2, 2], [rate / 8, -rate / 8]])
        assert ax.get_xlim() == (-3, 3)
    plt.close(figure)
