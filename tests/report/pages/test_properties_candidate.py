"""Findings on custom candidates: rank by time, cost, and what was not measured."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from report.document.answer import Source
from report.document.page import Section
from report.pages import candidate
from tests import small_store as small

SNAKE = "a.py:Snake@01234567"
TASKS = ("activation_forward", "activation_backward")
samples = st.lists(st.floats(0.1, 100), min_size=3, max_size=5)
benchmarks = st.dictionaries(
    st.tuples(
        st.sampled_from(TASKS),
        st.sampled_from(["relu", "gelu", "sgelu"]),
        st.just("impl"),
        st.sampled_from([64, 4096]),
    ),
    samples,
    min_size=1,
    max_size=7,
)


@given(found=benchmarks, mine=samples)
@settings(max_examples=16)
def test_a_custom_candidate_lies_between_the_baselines_that_are_faster_and_slower(found, mine):
    kind, name = candidate.KINDS[0], SNAKE
    sizes = {task: max((key[3] for key in found if key[0] == task), default=0) for task in TASKS}
    found = found | {(task, name, "impl", sizes[task] or 64): mine for task in TASKS}
    place = candidate.time_class(small.held(small.timed(found)), kind, name)

    def total(subject):
        sides = [found.get((task, subject, "impl", sizes[task] or 64)) for task in TASKS]
        return None if None in sides else sum(np.exp(np.mean(np.log(side))) for side in sides)

    known = {"ReLU": total("relu"), "GELU": total("gelu"), "SGELU": total("sgelu")}
    sums = {label: value for label, value in known.items() if value is not None}
    below = [label for label in sums if sums[label] <= total(name)]
    above = [label for label in sums if sums[label] > total(name)]
    assert (place is None) == (not sums)
    if sums:
        low = max(below, key=sums.get) if below else None
        high = min(above, key=sums.get) if above else None
        words = {label for label in known if re.search(rf"\b{label} \(ours\)", place)}
        assert words == {low, high} - {None}
        assert place.split()[0] == ("between" if low and high else "above" if low else "below")


@given(
    found=st.dictionaries(
        st.tuples(st.sampled_from(TASKS), st.sampled_from([SNAKE, "relu", "gelu"])), samples, min_size=1
    )
)
@settings(max_examples=5)
def test_a_custom_candidates_cost_is_over_every_baseline_that_was_timed_and_corrected_together(found):
    held = small.held(small.timed({(task, name, "impl", 64): v for (task, name), v in found.items()}))
    judged = candidate.costs(held, candidate.KINDS[0], SNAKE)
    both = [(t, b) for t, b in found if b != SNAKE and (t, SNAKE) in found]
    assert len(judged) == len(both)
    assert candidate.custom_candidates(held) == (
        [(candidate.KINDS[0], SNAKE)] if any(n == SNAKE for _, n in found) else []
    )
    for case in judged:
        task = f"activation_{case.where.split(',')[0]}"
        ratios = [x / y for x, y in zip(found[task, SNAKE], found[task, case.b.split()[0]], strict=False)]
        logs = np.log(ratios)
        assert 1 + case.effect.estimate == pytest.approx(np.exp(np.mean(logs)))
        assert case.effect.pairs == len(ratios)
        if len(ratios) > 1 and np.ptp(logs) > 1e-9:
            t = stats.t.ppf(1 - 0.05 / (2 * len(judged)), len(logs) - 1) * logs.std(ddof=1) / len(logs) ** 0.5
            assert 1 + case.effect.high == pytest.approx(np.exp(logs.mean() + t))


@given(
    checks=st.lists(st.booleans(), max_size=4),
    cost=st.sampled_from([[], ["slower in 2 of 3 cases", "faster in 1"]]),
    trains=st.booleans(),
    tally=st.sampled_from([[], ["better in 1 of 1 case"]]),
)
def test_a_finding_says_what_was_measured_and_what_was_not(checks, cost, trains, tally):
    held = small.held([small.scored(0.5)])
    shown = {
        "checks": [["check", "result", "verdict"]] * len(checks),
        "failed": [c for c in checks if not c],
        "cost_tally": cost,
        "trains": trains,
        "timed": True,
        "tally": tally,
        "attribute": "Snake",
        "kind": "activation",
        "source": Source("here", "Measured here", held),
    }
    (said,) = candidate.findings([Section(0, "s", "t", "q", "candidate.html.j2", shown)]).values()
    bad = checks.count(False)
    assert (f"{bad} of {len(checks)} conformance checks failed" in said) == (bad > 0)
    assert (f"None of {len(checks)} conformance" in said) == (bool(checks) and not bad)
    assert ("Its time was not measured." in said) == (not cost)
    assert "".join(f"By time it is {part}." for part in cost[:1]) in said
    assert ("In trained networks it is better in 1 of 1 case." in said) == (trains and tally != [])
    assert ("Its results in networks were not measured." in said) == (trains and not tally)
    assert said.startswith("A custom activation [Measured here]. ")
