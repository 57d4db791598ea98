"""Curves of activations: labels at the ends where there is room, else a legend."""

import pytest
import torch
from matplotlib import pyplot as plt

from report.figures.activations import curves, on_grid

X = torch.linspace(-6, 6, 49, dtype=torch.float64)


def drawn(*names):
    figure = curves(on_grid(X, {"": names}))
    top = figure.axes[0]
    labels = {text.get_text(): text.xy for text in top.texts}
    legend = top.get_legend() is not None
    plt.close(figure)
    return labels, legend


def test_curves_whose_ends_are_apart_have_labels_there():
    labels, legend = drawn("sigmoid", "swish")
    assert not legend
    assert labels["Swish"] == pytest.approx((6, 6 * float(torch.sigmoid(torch.tensor(6.0)))))
    assert labels["sigmoid"][1] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("names", [("relu", "gelu", "swish"), ("sigmoid", "relu", "gelu")])
def test_curves_that_end_together_have_a_legend(names):
    labels, legend = drawn(*names)
    assert (labels, legend) == ({}, True)
