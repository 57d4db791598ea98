"""Errors of fits: the highlighted functions are labelled at their ends, and the bound is drawn."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from report.figures.fits import OTHERS, fit_errors

ERRORS = {"square": (0.5, 0.45), "ReLU": (0.4, 0.01), "tanh": (0.1, 1e-9), "GELU": (0.1, 1e-8)}
FRAME = pd.DataFrame(
    [(name, n, e) for name, errors in ERRORS.items() for n, e in zip((4, 64), errors, strict=True)],
    columns=["function", "units", "error"],
)


@pytest.fixture
def panel():
    figure = fit_errors(FRAME, ("square", "ReLU"), 0.44)
    yield figure.axes[0]
    plt.close(figure)


def test_labels_are_at_the_ends_of_their_curves(panel):
    places = {text.get_text(): text.xy for text in panel.texts}
    assert places["square"] == (64, 0.45)
    assert places["ReLU"] == (64, 0.01)
    assert places["the 2 others"] == (64, 1e-9)
    assert places["the best quadratic"] == (4, 0.44)


def test_every_function_is_a_curve_and_the_others_are_grey(panel):
    curves = {tuple(line.get_ydata()): line.get_color() for line in panel.lines if len(line.get_ydata()) == 2}
    for name, errors in ERRORS.items():
        assert (curves[errors] == OTHERS) == (name in ("tanh", "GELU"))
    assert (0.44, 0.44) in curves
