import math

import mpmath
import pandas as pd
import pytest
import sympy

from bench.records.names import PASSES
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.algebra.identities import Identity, holds
from report.answers.q09 import answer as q09
from report.answers.q09 import counts as q09_counts
from report.answers.q09 import evidence as q09_evidence
from tests import small_store as small
from tests.said import said

EQUATIONS = q09.identities() | q09.minimum()


@pytest.fixture(scope="module")
def values():
    return q09.values()


@pytest.mark.parametrize("name", EQUATIONS)
def test_forms_of_the_derivative_and_the_minimum_are_sympy_s(name):
    equation = EQUATIONS[name]
    assert holds(equation)
    assert not holds(Identity(name, equation.left, [side * 2 for side in equation.right]))


def test_the_text_says_which_forms_are_right(values):
    text = said("q09", values)
    assert "Computer algebra confirms all three" in text
    assert "Computer algebra finds the same place and value" in text
    changed = said("q09", {**values, "equal": {**values["equal"], "short": False, "place": False}})
    assert "does not confirm every form (first True, second True, third False" in changed
    assert "does not find all of this (the equation True, the place False, the value True)" in changed


def test_minimum_against_mpmath():
    x = mpmath.findroot(lambda z: mpmath.diff(lambda y: y / (1 + mpmath.exp(-y)), z), -1.3)
    found = q09.extremes()
    assert found["x"] == pytest.approx(float(x), abs=1e-12)
    assert found["search_x"] == pytest.approx(float(x), abs=1e-6)
    assert found["f"] == pytest.approx(float(1 + x), abs=1e-12)  # e^x + 1 + x = 0, so σ = 1 + 1/x
    assert found["slope"] == pytest.approx(0, abs=1e-12)
    assert found["f"] == pytest.approx(-float(mpmath.lambertw(math.exp(-1))), abs=1e-12)


def test_limits():
    found = {name: int(limit) for name, limit in q09.limits().items()}
    assert found == {"left": 0, "right_share": 1, "left_slope": 0, "right_slope": 1}


def test_operations_as_counted_by_hand():
    found = q09_counts.counts()
    assert found["swish"] == {"MUL": 2, "ADD": 1, "SUB": 1}  # x·σ; σ + f·(1 − σ)
    assert found["sigmoid"] == {"MUL": 1, "ADD": 0, "SUB": 1}  # σ·(1 − σ)
    assert found["product"] == {"MUL": 2, "ADD": 1, "SUB": 1}  # σ + x·σ·(1 − σ)
    x, y = sympy.symbols("x y")
    assert q09_counts.operations(x * y, x + y) == {"MUL": 1, "ADD": 1, "SUB": 0}


def test_erratum_only_where_the_count_differs_from_the_printed_one():
    assert [e.identifier for e in q09.errata({"counts": q09_counts.counts()})] == ["q09-count"]
    assert q09.errata({"counts": q09.PRINTED}) == []


def test_whole_passes_as_counted_by_hand():
    # of each row ×, +, -, exp, ÷
    by_hand = [
        [0, 1, 1, 1, 1],  # 1/(1 + e⁻ˣ)
        [0, 1, 1, 1, 1],  # x/(1 + e⁻ˣ)
        [1, 1, 1, 1, 1],  # σ as above; x·σ
        [2, 0, 1, 0, 0],  # g·(σ·(1 - σ))
        [3, 2, 2, 1, 1],  # σ as above; g·(σ + x·(σ·(1 - σ)))
        [2, 1, 1, 0, 0],  # g·(σ + f·(1 - σ))
    ]
    rows = q09_counts.pass_rows()
    assert [[int(cell) for cell in row[1:6]] for row in rows] == by_hand
    assert [int(row[6]) for row in rows] == [sum(kinds) for kinds in by_hand]
    assert q09_counts.passes() == {"forward": 4 / 4, "backward": 9 / 3}


def test_an_operation_of_no_kind_is_an_error(monkeypatch):
    x = sympy.Symbol("x")
    monkeypatch.setitem(q09_counts.SWISH, "forward", {"sine": (sympy.sin(x),)})
    with pytest.raises(ValueError, match="expected MUL, ADD, SUB, EXP, DIV"):
        q09_counts.pass_rows()


def test_expressions_that_are_counted_compute_the_passes():
    x, s, f, g = q09_counts.x, q09_counts.s, q09_counts.f, q09_counts.g
    sigma = 1 / (1 + sympy.exp(-x))
    meant = {"forward": x * sigma, "backward": g * sympy.diff(x * sigma, x)}
    for name, ways in q09_counts.SWISH.items():
        for way in ways.values():
            found = way[-1].subs({s: sigma, f: x * sigma})
            assert holds(Identity(name, [found], [meant[name]]))
    assert holds(Identity("sigmoid", [q09_counts.SIGMOID["backward"][0].subs(s, sigma)], [g * sigma.diff(x)]))


def timings(tmp_path, times, rounds=9, elements=1024):
    """A store of the times by round of (subject, implementation) in each pass, on one input."""
    runs = []
    for (task, subject, implementation), seconds in times.items():
        what = BenchmarkCase(task, subject, implementation, f"{elements} elements", elements)
        samples = [Measurement("seconds", step, seconds, "s") for step in range(rounds)]
        runs += small.by_round((what, RunResult("finished", samples)))
    return small.snapshot(tmp_path / "r.sqlite", runs)


FORWARD, BACKWARD = PASSES
TIMES = {
    (FORWARD, "sigmoid", "torch"): 1e-5,
    (FORWARD, "swish", "torch"): 1.05e-5,  # counted: 1
    (BACKWARD, "sigmoid", "torch"): 1e-5,
    (BACKWARD, "swish", "torch"): 2e-5,  # counted: 3
    (FORWARD, "sigmoid", "impl"): 1e-5,
    (FORWARD, "swish", "impl"): 2e-5,
}


def test_the_count_is_compared_with_the_measurements(tmp_path, values):
    found = q09_evidence.evidence(timings(tmp_path, TIMES))
    times = found["times"]
    assert times["columns"] == [name for name in q09_evidence.PAIRS if "eager" not in name]
    assert times["ratios"][0][:2] == ["forward, 1\u202f024", "1.05\u00a0(1.05–1.05)"]
    assert times["explained"] == [
        ["forward, torch's kernels", "1.0", "1.05", "1.05 to 1.05", "yes"],
        ["forward, ours", "1.0", "2.00", "2.00 to 2.00", "no"],
        ["backward, torch's kernels", "3.0", "2.00", "2.00 to 2.00", "no"],
    ]
    text = said("q09", values, measured=found)
    assert "For the 1 024 elements of the classifier's hidden layer" in text
    assert (
        "torch's Swish takes 5 % more time than its sigmoid forward and 2.0 times as much time as it" in text
    )
    assert "Each ratio is the geometric mean over 9 rounds" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.004e-5, "about as much time as its sigmoid"),
        (0.9e-5, "10 % less time than its sigmoid"),
        (1.3e-5, "30 % more time than its sigmoid"),
        (4e-5, "4.0 times as much time as its sigmoid"),
    ],
)
def test_the_short_answer_has_the_ratio_at_the_network_s_size(tmp_path, values, seconds, words):
    snapshot = timings(tmp_path, {**TIMES, (FORWARD, "swish", "torch"): seconds}, elements=16384)
    text = said("q09", values, measured=q09_evidence.evidence(snapshot))
    assert f"torch's Swish takes {words} forward" in text


def test_an_interval_that_includes_one_decides_nothing(tmp_path, values):
    runs = []
    for subject, seconds in (("swish", (0.5, 0.9, 1.1, 1.2)), ("sigmoid", (1.0,) * 4)):
        for task in PASSES:
            case = BenchmarkCase(task, subject, "torch", "16384 elements", 16384)
            samples = [Measurement("seconds", k, value, "s") for k, value in enumerate(seconds)]
            runs += small.by_round((case, RunResult("finished", samples)))
    found = q09_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", runs))
    assert found["times"]["at_size"] == {"Swish / sigmoid, torch": {"forward": 1.0, "backward": 1.0}}
    assert "torch's Swish takes about as much time as its sigmoid forward" in said(
        "q09", values, measured=found
    )


def test_where_composing_is_faster_is_said_only_if_decided(tmp_path, values):
    times = {**TIMES, (FORWARD, "swish", "composed"): 1e-5}
    decided = q09_evidence.evidence(timings(tmp_path, times))
    assert "It is faster in 1 of 1 cases" in said("q09", values, measured=decided)
    (tmp_path / "r.sqlite").unlink()
    once = q09_evidence.evidence(timings(tmp_path, times, rounds=1))
    text = said("q09", values, measured=once)
    assert "It is faster" not in text
    assert "There is one round of times" in text
    assert all("interval" not in cell for row in once["times"]["ratios"] for cell in row)


def test_every_round_has_its_ratio(tmp_path):
    runs = []
    for subject, seconds in (("swish", (2.0, 3.0, 8.0)), ("sigmoid", (1.0, 2.0, 2.0))):
        case = BenchmarkCase(FORWARD, subject, "torch", "1024 elements", 1024)
        samples = [Measurement("seconds", k, value, "s") for k, value in enumerate(seconds)]
        runs += small.by_round((case, RunResult("finished", samples)))
    found = q09_evidence.by_round(small.snapshot(tmp_path / "r.sqlite", runs))
    assert found["value"].tolist() == [2.0, 1.5, 4.0]


@pytest.mark.parametrize(("value", "sign"), [(3.0, 0), (3.29, 0), (3.31, 1), (2.71, 0), (2.69, -1)])
def test_near_the_count_is_a_tenth_of_it(value, sign):
    assert q09_evidence.against_count(value, 3.0) == sign


def test_a_count_may_explain_some_of_the_sizes():
    frame = pd.DataFrame(
        {
            "panel": "backward",
            "series": "Swish / sigmoid, torch",
            "row": ["1", "2", "3", "4"],
            "value": [3.0, 5.0, 1.0, 2.9],
        }
    )
    assert q09_evidence.explained(frame, "2") == [
        ["backward, torch's kernels", "3.0", "5.00", "1.00 to 5.00", "at some sizes"]
    ]


def test_the_text_without_measurements_has_the_count(values):
    text = said("q09", values)
    assert "a forward pass of Swish is as expensive as the sigmoid's, and a backward pass 3.0 times" in text
    assert "take two multiplications, one addition and one subtraction" in text


def test_the_first_call_is_shown_apart_cold_and_from_the_cache(tmp_path, values):
    states = {"nothing compiled yet": 9.0, "compiled by an earlier process": 0.5}
    runs = []
    for state, seconds in states.items():
        case = BenchmarkCase("first_call", "sgelu", "impl", state, 1000)
        measured = [
            Measurement("seconds", 0, seconds + 4, "s"),
            Measurement("first_call_seconds", 0, seconds, "1"),
        ]
        runs += small.by_round((case, RunResult("finished", measured)))
    found = q09_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", runs))
    assert set(found["first_calls"]) == set(states)
    text = said("q09", values, measured=found)
    assert "9.0 s (nothing compiled yet) or 500 ms (compiled by an earlier process)" in text
    found["first_calls"] = {}
    assert "The first call, which compiles: " in said("q09", values, measured=found)
