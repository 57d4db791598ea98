"""Question 7: stacks of linear maps, criteria, and why a polynomial will not do."""

import numpy as np
import pytest
import torch

from bench.store import Snapshot
from report.algebra.identities import Check
from report.answers.q07 import algebra as q07_algebra
from report.answers.q07 import answer as q07
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


def test_a_store_without_timings_gives_nothing():
    import pandas as pd

    empty = pd.DataFrame(columns=["kind", "task", "size", "input"])
    found = q07.evidence(Snapshot({}, "quick", empty, empty, {}))
    assert found["costs"] == []


def test_every_activation_is_checked_by_computer_algebra(values):
    found = values["algebra"]
    assert [row[0] for row in found["rows"]] == [entry.label for entry in q07.ACTIVATIONS.values()]
    assert (found["underived"], found["off"]) == ([], [])
    text = said("q07", values)
    assert f"identically zero for all {len(q07.ACTIVATIONS)} activations" in text
    assert "are the same functions." in text


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
    assert "not zero for A." in text
    assert "more than rounding for B." in text
    assert "the same functions" not in text
    text = said("q07", {**values, "algebra": q07_algebra.summary(checks[:1])})
    assert "which is rounding." in text
