"""Question 7: stacks of linear maps, criteria, and why a polynomial will not do."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from report.algebra.identities import Check
from report.answers.q07 import algebra as q07_algebra
from report.answers.q07 import answer as q07
from report.answers.q07 import evidence as q07_evidence
from report.document.labels import label
from tests import small_store as small
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return q07.values()


def test_the_product_is_the_stack(values):
    stack = values["stack"]
    # W₂W₁ by hand
    assert stack["product"].tolist() == [[1, 3, -1], [2, 4, 0], [0, -1, 1]]
    assert stack["by_layers"].tolist() == stack["by_product"].tolist() == [-4, -2, 3]
    assert stack["rank"] == 2


def test_exclusive_or_needs_a_bend(values):
    assert values["stack"]["affine_outputs"] == pytest.approx(np.full(4, 0.5))
    assert values["stack"]["relu_outputs"].tolist() == [0, 1, 1, 0]


def test_criteria_of_functions_whose_answer_is_known():
    line = q07.criteria(lambda x: 3 * x)
    assert line["bend"] < 1e-9
    assert not q07.meets(line)
    kinked = q07.criteria(lambda x: (x - 2).abs())
    assert kinked["kinks"] == [2.0]
    assert (kinked["left"], kinked["right"]) == pytest.approx((-1, -1))
    relu = q07.criteria(torch.relu)
    assert (relu["left"], relu["right"], relu["kinks"]) == (0, pytest.approx(1), [0.0])
    assert q07.criteria(torch.sigmoid)["steepest"] == pytest.approx(0.25)


def test_the_largest_slope_has_three_digits():
    # x erf(x/√2) is steepest at x = √2, x erf(x) at 1: erf(1) + 2/(√π e)
    steepest = math.erf(1) + 2 / (math.sqrt(math.pi) * math.e)
    for name in ("sgelu", "sgelu_yu"):
        assert q07.criteria(ACTIVATIONS[name].f)["steepest"] == pytest.approx(steepest, abs=1e-6)
    assert q07.criteria(torch.square)["steepest"] == pytest.approx(16, rel=1e-4)
    assert q07.criteria(q07.step)["steepest"] == 0


def test_only_a_polynomial_has_vanishing_differences(values):
    for depth, order, square, relu in values["differences"]:
        assert order == 2**depth + 1
        assert square == 0
        assert relu != 0


def test_squares_fit_no_better_than_a_quadratic(values):
    x = np.linspace(-1, 1, 100_001)
    off = np.polyval(np.polyfit(x, np.sin(np.pi * x), 2), x) - np.sin(np.pi * x)
    assert values["quadratic"] == pytest.approx(np.sqrt(np.mean(off**2)), rel=1e-4)
    assert min(values["fits"]["square"]) >= values["quadratic"] * (1 - 1e-5)
    assert values["fits"]["ReLU"][-1] < values["quadratic"] / 10


def test_the_erratum_needs_its_counterexamples(values):
    assert [e.identifier for e in q07.errata(values)] == ["q07-sufficient"]
    assert q07.errata({**values, "square_fails": False, "step_flat": False}) == []


def test_the_figure_has_every_fit(values):
    table = values["figure_fits"].table
    assert set(table["function"]) == set(q07.FUNCTIONS)
    widest = table[table["units"] == q07.WIDTHS[-1]].set_index("function")["error"]
    assert widest["ReLU"] == values["fits"]["ReLU"][-1] != values["fits"]["ReLU"][0]


def test_the_text_names_the_functions_that_cannot_fit(values):
    assert values["failing"] == ["square"]
    text = said("q07", values)
    assert "every function but the square falls below the best quadratic" in text
    assert "The step succeeds only because its hidden weights are random and fixed" in text
    text = said("q07", {**values, "failing": ["square", "step"]})
    assert "square, step do not fall below the best quadratic" in text
    assert "The step succeeds" not in text
    text = said("q07", {**values, "failing": [], "square_fails": False, "step_flat": False})
    assert "every function falls below the best quadratic" in text
    assert "criteria are enough for the two functions tried here" in text


def test_a_store_without_timings_gives_nothing(values):
    empty = pd.DataFrame(columns=["kind", "task", "size", "input", "metric", "value", "seed"])
    found = q07.evidence(Snapshot({}, "quick", empty, empty, {}))
    assert found["costs"] == []
    assert found["superposition"] is None
    text = said("q07", values, measured=found)
    assert "Superposition: not measured here" in text
    assert "The cost: not measured here" in text


def test_superposition_is_a_mean_over_seeds(tmp_path, values):
    runs = [
        small.phenomenon(
            "affinity",
            seed,
            {"superposition error none": {0: 1e-15}, "superposition error relu": {0: 0.4 + 0.2 * seed}},
        )
        for seed in range(2)
    ]
    found = q07_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", runs))
    assert found["superposition"] == {"none": 1e-15, "relu": pytest.approx(0.5), "seeds": 2}
    assert "with ReLU (means over 2 seeds)" in said("q07", values, measured=found)


@pytest.mark.parametrize(
    ("rounds", "mish", "words"),
    [
        (1, (5.0,), "There is one round of times"),
        (5, (5.0,) * 5, "Every other activation takes longer than ReLU, too"),
        (5, (0.5, 8, 0.5, 8, 8), "Of the 2 activations besides ReLU, 1 take longer by intervals"),
    ],
)
def test_the_cost_is_told_with_its_intervals(tmp_path, values, rounds, mish, words):
    times = {
        ("activation_forward", name, "impl", 16384): [1e-6 * value for value in multiples]
        for name, multiples in {"relu": [1] * rounds, "gelu": [14] * rounds, "mish": mish}.items()
    }
    found = q07.evidence(small.snapshot(tmp_path / "r.sqlite", small.timed(times)))
    assert found["dearest"] == ("GELU", "14")
    text = said("q07", values, measured=found)
    assert "For the 16 384 elements of the classifier's hidden layer, GELU is the most expensive" in text
    assert words in text


def test_every_activation_is_checked_by_computer_algebra(values):
    found = values["algebra"]
    assert [row[0] for row in found["rows"]] == [label(name) for name in q07.ACTIVATIONS]
    assert (found["underived"], found["off"]) == ([], [])
    text = said("q07", values)
    assert "Computer algebra confirms every derivative, and our code computes all of these" in text
    assert "which is rounding." in text


def test_what_is_wrong_with_a_formula_or_its_code_is_found():
    checks = [
        Check("A", False, 0, 0, None),
        Check("B", True, 1e-16, 0, 1e-6),
        Check("C", True, 0, 1e-6, None),
    ]
    found = q07_algebra.summary([*checks, Check("D", True, 1e-16, 0, None)])
    assert found["underived"] == ["A"]
    assert found["off"] == ["B", "C"]
    with pytest.raises(ValueError, match="nan, expected a finite number"):
        q07_algebra.summary([Check("E", True, 0, float("nan"), None)])


def test_the_text_names_what_is_wrong(values):
    checks = [Check("A", False, 0, 0, None), Check("B", True, 1e-16, 1e-9, None)]
    text = said("q07", {**values, "algebra": q07_algebra.summary(checks)})
    assert "Computer algebra and code do not agree with the formulas of A, B" in text
    assert "more than rounding for B." in text
    text = said("q07", {**values, "algebra": q07_algebra.summary(checks[:1])})
    assert "which is rounding." in text
