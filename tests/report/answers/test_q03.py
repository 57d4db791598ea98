"""Question 3's values against closed forms and counting, and its evidence from a frame made by hand."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot as plt

from bench.statistics import Ratio
from bench.store import Snapshot
from report.answers.q03 import example as q03_example
from report.answers.q03.answer import ANSWER
from report.answers.q03.evidence import (
    convergence,
    median_range,
    problem_samples,
    ranking,
    relative,
    times,
    times_to_minimum,
)
from report.figures.descent import excess_by_passes
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return dict(ANSWER.values())


def test_minimum_is_that_of_numpy(values):
    objective = q03_example.problem()
    expected = np.linalg.lstsq(objective.inputs.numpy(), objective.targets.numpy())[0]
    np.testing.assert_allclose(values["lowest"], expected, atol=1e-12)


def test_batch_descent_follows_the_linear_recursion(values):
    """On a quadratic w_k - w* = (I - η H)ᵏ (w_0 - w*), and the excess loss is half its square in H's norm."""
    objective = q03_example.problem()
    hessian = (objective.inputs.T @ objective.inputs / q03_example.N).numpy()
    away = np.array(q03_example.START) - values["lowest"]
    large, k = q03_example.LARGE_RATE, q03_example.PASSES[-1]
    away = np.linalg.matrix_power(np.eye(2) - large * hessian, k) @ away
    assert values["comparison"]["batch_large"] == pytest.approx(away @ hessian @ away / 2, rel=1e-3)


def test_variance_of_one_sample_is_counted_exactly(values):
    objective, start = q03_example.problem(), torch.tensor(q03_example.START, dtype=torch.float64)
    each = (objective.inputs @ start - objective.targets)[:, None] * objective.inputs
    expected = each.var(0, correction=0).sum().item()
    assert values["variance_far"] == pytest.approx(expected)


def test_gradient_in_chunks_is_the_gradient_and_a_difference_would_withdraw_the_erratum(values):
    assert values["chunk_difference"] < 1e-13
    assert [e.identifier for e in ANSWER.errata(values)] == ["q03-memory"]
    assert ANSWER.errata({**values, "chunk_difference": 1e-3}) == []


def test_wells_are_roots_of_the_gradient(values):
    for name in ("shallow", "barrier", "deep"):
        w = values["double_well"][name]
        assert w**3 - w + 0.3 == pytest.approx(0, abs=1e-12)  # the tilt that double_well documents
    assert values["double_well"]["counts"]["batch"] == [0, 0, 0]  # at a stationary point


def test_steps_on_quadratics_are_those_of_the_condition_number(values):
    """(κ - 1)/(κ + 1) a step leaves 1 % after log 0.01 / log((κ - 1)/(κ + 1)) steps: for κ = 10, 22.9."""
    found = values["quadratics"]
    assert found["gap"] < 1e-12
    assert [row[3] for row in found["rows"]] == [row[4] for row in found["rows"]]
    assert found["rows"][1][0] == "10"
    assert found["rows"][1][3] == "23"
    assert found["counted_as_predicted"]
    distance, variance = ({row[0]: row[1:] for row in found["noisy"][k]} for k in ("distance", "variance"))
    assert set(variance["batch"]) == {"0"}
    assert distance["batch"][0] == distance["stochastic"][0] == "1.4"  # |(1, -1)|


def snapshot(ends: dict[int, tuple[float, float]], seconds: dict[str, list[float]]) -> Snapshot:
    """Two seeds of each batch size that end at the values given, and timings."""
    rows = [
        {"metric": "excess_loss", "batch_size": b, "samples": 100, "optimizer": "sgd", "learning_rate": 0.1,
         "seed": seed, "step": step, "value": value, "kind": "training", "task": "logistic_regression"}
        for b, pair in ends.items()
        for seed, end in enumerate(pair)
        for step, value in ((0, 1.0), (100, end * 2), (200, end))
    ]  # fmt: skip
    timing = {"kind": "timing", "task": "time_to_target", "implementation": "impl",
              "input": "logistic regression on digits", "size": 9}  # fmt: skip
    for subject, values in seconds.items():
        rows += [{**timing, "subject": subject, "metric": "seconds", "step": 0, "seed": k, "value": v}
                 for k, v in enumerate(values)]  # fmt: skip
        rows += [{**timing, "subject": subject, "metric": m, "step": 0, "value": 1.0}
                 for m in ("steps", "samples", "learning_rate")]  # fmt: skip
    columns = ["metric", "batch_size", "samples", "optimizer", "learning_rate", "seed", "step", "value"]
    columns += ["kind", "task", "subject", "implementation", "input", "size"]
    return Snapshot({}, "quick", pd.DataFrame(), pd.DataFrame(rows, columns=columns), {})


def test_evidence_names_who_ends_lowest_whoever_it_is():
    for best in (1, 10, 100):
        ends = {b: (0.1, 0.2) if b == best else (0.5, 0.6) for b in (1, 10, 100)}
        found = convergence(snapshot(ends, {}))
        name = {1: "stochastic", 10: "mini-batch", 100: "batch"}[best]
        assert found["late"]["level"] == [(name, pytest.approx(0.15))]
        assert {method for method, _ in found["late"]["behind"]} == {"stochastic", "mini-batch", "batch"} - {
            name
        }
        assert found["samples"] == 100


def test_evidence_is_missing_where_nothing_was_measured():
    assert convergence(snapshot({1: (0.1, 0.2)}, {})) is None
    assert times(snapshot({}, {})) is None
    assert times(snapshot({}, {"stochastic": [1.0, 1.1, 1.2]})) is None


@pytest.mark.parametrize(("seconds", "word"), [(1.0, "faster"), (3.0, "slower")])
def test_times_are_judged_by_their_interval(seconds, word):
    measured = {"batch": [2.0, 2.01, 2.02], "stochastic": [seconds, seconds + 0.01, seconds + 0.02]}
    found = times(snapshot({}, measured))
    assert found["rows"][1][-1].endswith(word)
    assert found["fastest"][0] == ("stochastic" if word == "faster" else "batch")
    assert found["slowest"][0] == ("batch" if word == "faster" else "stochastic")


def test_a_ratio_of_one_round_has_no_verdict():
    assert relative(Ratio(0.44, math.nan, math.nan, math.nan, rounds=1)) == "0.440"
    assert relative(Ratio(0.44, 0.4, 0.5, 0.01, rounds=3)) == "0.440 (0.400 to 0.500), faster"


def with_ways(found: Snapshot) -> Snapshot:
    """The same with distance, variance and seconds beside every excess loss."""
    m = found.measurements
    own = m[m["metric"] == "excess_loss"]
    factors = {"distance": 2, "gradient_variance": 3, "seconds": 4}
    more = [own.assign(metric=metric, value=own["value"] * factor) for metric, factor in factors.items()]
    return Snapshot({}, "quick", pd.DataFrame(), pd.concat([m, *more], ignore_index=True), {})


def test_ends_are_medians_of_the_seeds_at_the_best_rate():
    ends = {1: (0.1, 0.3), 10: (0.5, 0.7), 100: (0.9, 1.1)}
    assert convergence(snapshot(ends, {}))["ends"] is None
    rows = convergence(with_ways(snapshot(ends, {})))["ends"]
    # medians 1.0, 0.6 and 0.2 of the seeds' ends
    assert [row[0] for row in rows] == ["batch", "mini-batch", "stochastic"]
    assert [row[3:] for row in rows] == [["2.0", "3.0"], ["1.2", "1.8"], ["0.40", "0.60"]]


def test_times_to_a_minimum_name_their_problem():
    measured = snapshot({}, {"batch": [2.0, 2.01, 2.02], "stochastic": [1.0, 1.01, 1.02]}).measurements
    measured = measured.assign(task="time_to_minimum", input="a valley")
    runs = pd.DataFrame([{"kind": "timing", "task": "time_to_minimum", "input": "a valley", "size": 9}])
    timed = Snapshot({}, "quick", runs, measured, {})
    assert problem_samples(timed) == [9]
    rows = times_to_minimum(timed)
    assert [row[:2] for row in rows] == [["a valley", "batch"], ["a valley", "stochastic"]]
    assert rows[1][-1].endswith("faster")


def test_overlapping_seeds_are_level_and_the_others_behind():
    low, high, far = np.array([1.0, 4.0]), np.array([3.0, 5.0]), np.array([4.5, 9.0])
    found = ranking({"batch": far, "stochastic": high, "mini-batch": low})
    assert found == {"level": [("mini-batch", 2.5), ("stochastic", 4.0)], "behind": [("batch", 6.75)]}
    assert median_range(low) == "2.5 (1.0 to 4.0)"


def measured_values(found):
    return {"convergence": found, "times": None, "times_to_minimum": [], "problem_samples": []}


def test_the_text_says_who_leads_and_who_is_behind(values):
    found = convergence(snapshot({1: (0.1, 0.3), 10: (0.2, 0.4), 100: (0.9, 1.1)}, {}))
    text = said("q03", values, measured_values(found))
    assert "the seeds of stochastic and mini-batch descent overlap, with medians of 0.20 and 0.30" in text
    assert "Batch descent is behind with 1.0. Batch descent has not caught up by the end of the run." in text
    found = convergence(snapshot({1: (0.5, 0.6), 10: (0.7, 0.8), 100: (0.1, 0.1)}, {}))
    text = said("q03", values, measured_values(found))
    assert "batch descent has the lowest loss in every seed, with a median of 0.10" in text
    assert "has not caught up" not in text


def test_the_text_counts_escapes(values):
    well = values["double_well"]
    assert "carries all 8 descents over the barrier" in said("q03", values)
    counts = {**well["counts"], "stochastic": [3, 4, 0], "batch": [0, 0, 8]}
    text = said("q03", {**values, "double_well": {**well, "counts": counts}})
    assert "carries none of 8 descents" in text
    assert "and 3 of 8 at" in text
    assert "Batch descent crosses it too" in text


def test_the_short_answer_claims_a_late_win_of_the_full_batch_only_if_it_wins(values):
    assert "Small batches therefore win early and a full batch wins late" in said("q03", values)
    worse = {**values["comparison"], "batch_large": 1.0}
    assert "wins late" not in said("q03", {**values, "comparison": worse})


def test_the_figure_of_curves_has_a_line_for_each_seed_and_a_label_at_each_median():
    ends = {1: (0.1, 0.3), 10: (0.5, 0.7), 100: (0.9, 1.1)}
    frame = convergence(snapshot(ends, {}))["figure"].table
    figure = excess_by_passes(frame)
    (ax,) = figure.axes
    assert len(ax.lines) == 3 * 2 + 3 + 1  # seeds, medians, and the end of the first pass
    heights = {text.get_text(): text.xy[1] for text in ax.texts if text.get_text() != "one pass"}
    assert heights == {name: pytest.approx(y) for name, y in
                       {"batch": 1.0, "mini-batch": 0.6, "stochastic": 0.2}.items()}  # fmt: skip
    plt.close(figure)
