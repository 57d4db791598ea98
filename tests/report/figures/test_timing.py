"""Ratios of times: the axis follows the dots, not one wide interval."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from report.figures import timing

FRAME = pd.DataFrame(
    {
        "panel": ["a", "a", "b", "c"],
        "row": ["x", "y", "x", "x"],
        "series": ["s", "s", "s", "s"],
        "value": [0.5, 4.0, 2.0, 3.0],
        "low": [0.4, 3.9, 1.9, 2.9],
        "high": [0.6, 4.1, 2.1, 3000.0],
    }
)


@pytest.fixture
def figure():
    drawn = timing.ratios(FRAME, "ratio")
    yield drawn
    plt.close(drawn)


def test_a_wide_interval_does_not_set_the_axis(figure):
    low, high = figure.axes[0].get_xlim()
    assert low < 0.5
    assert 4 < high < 10
    assert timing.is_cut(FRAME)
    assert not timing.is_cut(FRAME.iloc[:3])


def test_one_is_always_on_the_axis():
    low, high = timing.limits(pd.DataFrame({"value": [3.0, 5.0]}))
    assert low < 1 < high


def test_panels_are_two_side_by_side(figure):
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == ["a", "b", "c"]
    assert len({round(ax.get_position().x0, 2) for ax in shown}) == 2
