"""Unfold and fold as they are drawn: every number of the example, and a frame for each window."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from report.answers.q10 import answer as q10
from report.figures import convolution


@pytest.fixture(scope="module")
def example():
    found = q10.example()
    names = ("x", "w_row", "columns", "product", "result", "upstream", "spread", "gradient")
    return convolution.Example(*(found[name] for name in names))


@pytest.fixture
def panels(example):
    figure = convolution.unfold_and_fold(example, (2, 2))
    yield figure.axes
    plt.close(figure)


def numbers(ax):
    """The numbers written into a panel, sorted."""
    texts = (text.get_text().replace("\u2212", "-") for text in ax.texts)
    return sorted(float(text) for text in texts if text.lstrip("-").isdigit())


def test_every_entry_is_written(panels, example):
    above = (example.image, example.kernel, example.columns, example.product, example.result)
    below = (example.kernel, example.upstream, example.spread, example.gradient)
    for ax, matrices in zip(panels, (above, below), strict=True):
        assert numbers(ax) == sorted(np.concatenate([m.ravel() for m in matrices]))


def test_a_frame_lies_on_the_pixels_of_its_window(panels):
    frames = [
        p
        for p in panels[0].patches
        if isinstance(p, Rectangle) and p.get_linewidth() > 1 and not p.get_fill()
    ]
    # columns and rows (from the top) of the pixels whose middle a frame surrounds
    covered = [
        {
            (i, j)
            for i in range(3)
            for j in range(3)
            if frame.get_x() < j + 0.5 < frame.get_x() + frame.get_width()
            and frame.get_y() < 1.5 - i - 0.5 < frame.get_y() + frame.get_height()
        }
        for frame in frames
    ]
    assert covered == [{(i + a, j + b) for a in (0, 1) for b in (0, 1)} for i in (0, 1) for j in (0, 1)]


def test_the_table_has_every_entry(example):
    table = example.table()
    part = table[table["matrix"] == "columns"].pivot(index="row", columns="column", values="value")
    np.testing.assert_array_equal(part.to_numpy(), example.columns)
