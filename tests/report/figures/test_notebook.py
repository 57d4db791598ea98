"""Figures of a tidy frame: what they draw is what the store holds, by another way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import bench
from bench.store import latest
from report import figures
from report.document.labels import LABELS
from report.figures import notebook

REFERENCE = Path(__file__).resolve().parents[3] / "results" / "reference.sqlite"


@pytest.fixture(scope="module")
def frame():
    return bench.load(REFERENCE)


def test_a_frame_leads_back_to_the_snapshot_it_was_made_of(frame):
    stored, found = latest(REFERENCE), notebook.snapshot(frame)
    assert found.id == stored.id
    pd.testing.assert_frame_equal(found.runs, stored.runs)
    pd.testing.assert_frame_equal(found.measurements[stored.measurements.columns], stored.measurements)


def test_accuracy_draws_the_means_of_the_chosen_rates(frame):
    """By SQL: the rate of even seeds is the best of odd ones, and the other way round."""
    with closing(sqlite3.connect(REFERENCE)) as connection:
        rows = pd.read_sql(
            "SELECT learning_rate, seed, step, value FROM run JOIN measurement ON run.id = run "
            "WHERE task = 'classifier' AND metric = 'validation_accuracy' AND optimizer = 'adam' "
            "AND loss = 'cross_entropy' AND wrong_labels = 0 AND initialization = 'torch' "
            "AND activation = 'sgelu' AND batch_norm = 1 AND step > 0 AND samples = ? AND epochs = ?",
            connection,
            params=tuple(map(int, frame.loc[frame["task"] == "classifier", ["samples", "epochs"]].iloc[-1])),
        )
    seeds = rows.groupby("learning_rate")["seed"].nunique()
    rows = rows[rows["learning_rate"].isin(seeds[seeds == seeds.max()].index)]
    last = rows[rows["step"] == rows["step"].max()]
    parts = []
    for half in (0, 1):
        rate = last[last["seed"] % 2 != half].groupby("learning_rate")["value"].mean().idxmax()
        parts.append(rows[(rows["seed"] % 2 == half) & (rows["learning_rate"] == rate)])
    expected = 100 * pd.concat(parts).groupby("step")["value"].mean()
    panel = figures.accuracy(frame).axes[0]
    assert panel.get_title() == "with batch norm"
    curves = {c.get_label(): c.lines[0].get_ydata().astype(float) for c in panel.containers}
    assert set(curves) == {LABELS[name] for name in ("relu", "gelu", "sgelu", "ada_sgelu")}
    np.testing.assert_allclose(curves["SGELU"], expected)


def test_few_activations_are_all_told_apart(frame):
    part = frame[frame["activation"].isin(["tanh", "sigmoid"]) | (frame["optimizer"] != "adam")]
    curves = figures.accuracy(part).axes[0].containers
    assert {c.get_label() for c in curves} == {"tanh", "sigmoid"}


def test_cost_draws_geometric_means_over_rounds_of_ratios_of_medians(frame):
    times = frame[(frame["task"] == "activation_forward") & (frame["input"] == "16384 elements")]
    times = times[(times["implementation"] == "impl") & (times["metric"] == "seconds")]
    median = times.groupby(["subject", "seed"], observed=True)["value"].median().unstack("subject")
    assert len(median) == 8
    panel = figures.cost(frame).axes[0]
    assert panel.get_title() == "forward"
    rows = [label.get_text() for label in panel.get_yticklabels()]
    (line,) = [line for line in panel.lines if line.get_label() == "16384 elements"]
    drawn = dict(zip(np.round(line.get_ydata()), line.get_xdata(), strict=True))
    for name in ("gelu", "elu", "sgelu_yu"):
        expected = np.exp(np.log(median[name] / median["relu"]).mean())
        assert drawn[rows.index(LABELS[name])] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("figure", "part", "said"),
    [
        (figures.accuracy, "timing", r'run\("classifier"\)'),
        (figures.cost, "training", r'run\("benchmarks"\)'),
    ],
)
def test_what_is_missing_is_said(frame, figure, part, said):
    with pytest.raises(ValueError, match=said):
        figure(frame[frame["kind"] == part])


def test_a_notebook_keeps_its_backend_and_shows_a_figure_once(frame):
    plt.switch_backend("svg")
    try:
        figure = figures.cost(frame)
        assert mpl.get_backend() == "svg"
        assert figure.number not in plt.get_fignums()
    finally:
        plt.switch_backend("agg")
    assert figure.get_facecolor() == (1, 1, 1, 1)
