"""How verdicts are told: effects with units, rows of the store, the control, links."""

from dataclasses import replace

import pytest

from bench.statistics import Effect
from report.document import labels
from report.evidence import verdicts
from report.evidence.comparisons import Comparison
from report.pages import claims as claims_page


def case(unit="points", estimate=0.0123, relative=False, pairs=5, runs=(3, 4, 5, 9)):
    found = Effect(estimate, estimate - 0.01, estimate + 0.01, pairs, 0.0, relative, 0.9)
    return Comparison("sgelu", "relu", "", found, unit, runs)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (case(), "+1.23 points (+0.23 to +2.23)"),
        (case("ratio", 0.5, relative=True), "1.50 times (1.49 to 1.51)"),
        (case("percent", 0.5), "50.0\u00a0% (49.0\u00a0% to 51.0\u00a0%)"),
        (case("cosine", 0.5), "+0.500 (+0.490 to +0.510)"),
        (case(pairs=0), "not measured"),
    ],
)
def test_effect(found, text):
    assert verdicts.effect(found) == text


@pytest.mark.parametrize(
    ("found", "value"),
    [
        (case(estimate=0.5), 50),
        (case("share", 0.5), 50),
        (case("percent", 0.5), 50),
        (case("ratio", 0.5, relative=True), 1.5),
        (case("cosine", 0.5), 0.5),
        (case("1", 0.5), 0.5),
    ],
)
def test_a_value_in_its_unit(found, value):
    assert verdicts.in_unit(found, 0.5) == value


def test_an_interval_that_is_missing_is_shown_as_missing():
    nan = float("nan")
    found = Comparison("a", "b", "", Effect(0.01, nan, nan, 1, 0.0, False, 0.5), "points", (1,))
    assert verdicts.effect(found) == "+1.00 points (– to –)"


@pytest.mark.parametrize(
    ("runs", "text"), [((5, 3, 4, 9), "3–5, 9"), ((7,), "7"), ((2, 2, 4), "2, 4"), ((), "")]
)
def test_rows_in_sequence_are_drawn_together(runs, text):
    assert verdicts.spans(runs) == text


def test_of_many_rows_the_first_are_shown_and_the_rest_counted():
    assert verdicts.spans((1, 2, 3, 5, 7, 9, 10), most=2) == "1–3, 5 and 3 more"
    assert verdicts.spans((1, 2, 3, 5), most=2) == "1–3, 5"


@pytest.mark.parametrize(("unit", "text"), [("percent", "50.0\u00a0% (– to –)"), ("1", "0.500 (– to –)")])
def test_a_share_of_one_seed_has_no_interval_either(unit, text):
    nan = float("nan")
    found = Comparison("a", "b", "", Effect(0.5, nan, nan, 1, 0.0, False, 0.5), unit, (1,))
    assert verdicts.effect(found) == text


def test_what_is_compared_in_words():
    assert labels.words("swish impl") == "Swish (ours)"
    assert labels.words("native torch") == "F.conv2d (torch)"
    assert labels.words("steps brier") == "steps squared error"
    assert labels.words("") == ""
    ratio = replace(case("ratio", relative=True), where="forward")
    assert claims_page.between(ratio) == "SGELU / ReLU, forward"
