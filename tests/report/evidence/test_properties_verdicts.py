"""Any verdict in words: every comparison is told, read back as what it was, and by a name of its own."""

import math
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import Effect
from report.document import labels
from report.document.phrases import NOT_MEASURED
from report.evidence import claims, verdicts
from report.evidence.comparisons import Comparison
from report.pages import claims as claims_page
from report.pages import method

SNAKE = "a.py:Snake@01234567"


@given(signs=st.lists(st.sampled_from([-1, 0, 1]), max_size=6), draw=st.randoms(use_true_random=False))
def test_a_claim_is_refuted_by_one_and_confirmed_by_all(signs, draw):
    word = claims.combine(signs)
    assert claims.combine(draw.sample(signs, len(signs))) == word
    assert (word == claims.NOT_MEASURED) == (not signs)
    assert (word == claims.REFUTED) == any(s < 0 for s in signs)
    assert (word == claims.CONFIRMED) == (bool(signs) and all(s > 0 for s in signs))


values = st.floats(-0.9, 2)


@st.composite
def drawn_cases(draw):
    unit = draw(st.sampled_from(["points", "share", "cosine", "ratio", "1", "percent"]))
    estimate, half = draw(values), draw(st.floats(0, 0.05))
    pairs = draw(st.integers(0, 9))
    ends = (estimate - half, estimate + half) if pairs > 1 else (math.nan, math.nan)
    c = Effect(estimate if pairs else math.nan, *ends, pairs, 0.0, unit == "ratio", 0.5)
    runs = tuple(draw(st.lists(st.integers(1, 40), max_size=8)))
    return Comparison(
        "sgelu",
        draw(st.sampled_from(["relu", "gelu"])),
        "",
        c,
        unit,
        runs,
        *draw(st.tuples(st.integers(0, 2), st.integers(0, 2))),
    )


SCALES = {"points": 100, "share": 100, "cosine": 1, "ratio": 1, "1": 1, "percent": 100}
CLOSE = {"points": 0.00501, "share": 0.0501, "cosine": 0.000501, "percent": 0.0501}


@given(case=drawn_cases())
def test_an_effect_is_read_as_what_it_was_in_its_unit(case):
    text, c = verdicts.effect(case), case.effect
    assert (text == NOT_MEASURED) == (c.pairs == 0)
    if c.pairs == 0:
        return
    assert text.count("–") == (2 if c.pairs == 1 else 0)
    mantissas = re.findall("([+\u2212]?\\d[\\d.]*)(?:\u00a0×\u00a010([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+))?", text)
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    told = [float(m.replace("\u2212", "-")) * 10.0 ** int(e.translate(digits) or 0) for m, e in mantissas]
    known = [v for v in (c.estimate, c.low, c.high) if not math.isnan(v)]
    expected = [SCALES[case.unit] * (1 + v if c.relative else v) for v in known]
    if case.unit in CLOSE:
        assert told == pytest.approx(expected, abs=CLOSE[case.unit])
    else:
        assert told == pytest.approx(expected, rel=0.00501, abs=1e-12)


@given(runs=st.lists(st.integers(1, 30), max_size=20), most=st.integers(1, 4))
def test_rows_drawn_together_are_all_of_them(runs, most):
    told = [
        number
        for part in verdicts.spans(runs).split(", ")
        if part
        for first, _, last in [part.partition("–")]
        for number in range(int(first), int(last or first) + 1)
    ]
    assert told == sorted(set(runs))
    shown, _, left = verdicts.spans(runs, most).partition(" and ")
    kept = [
        range(int(f), int(z or f) + 1)
        for part in shown.split(", ")
        if part
        for f, _, z in [part.partition("–")]
    ]
    assert len(kept) <= most
    assert sum(map(len, kept)) + int(left.split()[0] if left else 0) == len(told)


@given(found=st.lists(drawn_cases(), min_size=1, max_size=5), claim=st.sampled_from(claims.CLAIMS))
def test_a_table_of_a_claim_has_every_comparison(found, claim):
    table = method.comparisons_table(claims.decide(claim, found))
    assert len(table.rows) == len(found)
    assert f"{claim.text} ({claim.metric}): {len(found)} comparison" in table.caption
    for case, row in zip(found, table.rows, strict=True):
        assert len(row) == len(table.columns)
        what, effect, pairs, better, word, runs = row
        beside = [] if case.unit in ("1", "percent") else [labels.words(case.b)]
        assert re.split(" [/\u2212] ", what) == [labels.words(case.a), *beside]
        assert (effect, pairs) == (verdicts.effect(case), str(case.effect.pairs))
        assert runs == verdicts.spans(case.runs, 6)
        assert better == ("50\u00a0%" if case.effect.pairs else NOT_MEASURED)
        assert word.startswith({1: "above", -1: "below", 0: "inconclusive"}[case.effect.direction])
        for status, number in (("diverged", case.diverged), ("collapsed", case.collapsed)):
            assert (f"{number} {status}" in word) == (number > 0)


names = st.sampled_from([*labels.LABELS, SNAKE, "_own", "nobody"])


@given(a=names, b=names, way=st.sampled_from(["impl", "torch"]), other=st.sampled_from(["impl", "torch"]))
def test_candidates_are_told_apart_in_words(a, b, way, other):
    same = labels.words(f"{a} {way}") == labels.words(f"{b} {other}")
    assert same == ((a, way) == (b, other))
    assert not labels.label(a).startswith("_")
    assert (labels.label(a) == labels.label(b)) == (a == b)


@given(names=st.lists(names, max_size=6, unique=True), draw=st.randoms(use_true_random=False))
def test_activations_come_in_the_order_of_the_table_and_none_is_lost(names, draw):
    found = labels.ordered(names)
    assert Counter(found) == Counter(names)
    known = [name for name in labels.LABELS if name in labels.ACTIVATIONS]
    assert found == [*(n for n in known if n in names), *(n for n in names if n not in known)]
    mixed = labels.ordered(draw.sample(names, len(names)))
    assert [n for n in mixed if n in known] == [n for n in found if n in known]


judgements = st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.5)), max_size=6)


@given(found=judgements, claim=st.sampled_from(claims.CLAIMS))
def test_a_verdict_shows_the_comparison_whose_interval_supports_least(found, claim):
    cases = [
        Comparison("a", "b", "", Effect(e, e - half, e + half, 9, 0.0, False, 0.5), "points", ())
        for e, half in found
    ]
    at = claims_page.decisive(claims.decide(claim, cases))
    if not found:
        assert at is None
        return
    least = [c.effect.low if claim.sign > 0 else -c.effect.high for c in cases]
    support = [claim.sign * c.effect.direction for c in cases]
    assert claim.sign * at.effect.direction == min(support)
    reach = at.effect.low if claim.sign > 0 else -at.effect.high
    assert reach == min(r for r, s in zip(least, support, strict=True) if s == min(support))
