"""Any verdict in words: every comparison is told, read back as what it was, and by a name of its own."""

import math
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.statistics import PairedTest
from report.document import labels
from report.document.phrases import NOT_MEASURED
from report.evidence import claims, verdicts
from report.evidence.comparisons import Comparison
from report.pages import claims as claims_page

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
    nan = math.nan
    c = PairedTest(estimate if pairs else nan, *ends, pairs, nan, 0.5, nan, 0.0, unit == "ratio")
    runs = tuple(draw(st.lists(st.integers(1, 40), max_size=8)))
    return Comparison(
        "sgelu", draw(st.sampled_from(["relu", "gelu"])), "", c, unit, runs, draw(st.integers(0, 2))
    )


SCALES = {"points": 100, "share": 100, "cosine": 1, "ratio": 1, "1": 1, "percent": 100}
CLOSE = {"points": 0.00501, "share": 0.0501, "cosine": 0.000501, "percent": 0.0501}


@given(case=drawn_cases())
def test_an_effect_is_read_as_what_it_was_in_its_unit(case):
    text, c = verdicts.effect(case), case.test
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


@given(p=st.one_of(st.just(math.nan), st.floats(0, 1)))
def test_a_p_value_is_a_number_or_said_to_be_small_or_none(p):
    text = verdicts.p_value(p)
    assert (text == "none") == math.isnan(p)
    assert (text == "< 0.0001") == (p < 1e-4)
    assert text in ("none", "< 0.0001") or float(text) == pytest.approx(p, abs=0.0000501)


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


@given(
    family=st.lists(
        st.tuples(drawn_cases(), st.floats(0, 1), st.sampled_from([-1, 0, 1])), min_size=1, max_size=5
    )
)
def test_a_table_of_a_family_has_every_comparison(family):
    table = claims_page.family_table("double well", [claims.Verdict(*v) for v in family])
    assert len(table.rows) == len(family)
    assert f"Double well: {len(family)} comparison" in table.caption
    for (case, p, side), row in zip(family, table.rows, strict=True):
        assert len(row) == len(table.columns)
        what, effect, pairs, corrected, _, word, runs = row
        beside = [] if case.unit in ("1", "percent") else [labels.words(case.b)]
        assert re.split(" [/\u2212] ", what) == [labels.words(case.a), *beside]
        assert (effect, pairs) == (verdicts.effect(case), str(case.test.pairs))
        assert (corrected, runs) == (verdicts.p_value(p), verdicts.spans(case.runs, 6))
        assert word.startswith({1: "above", -1: "below", 0: "inconclusive"}[side])
        assert ("diverged" in word) == (case.diverged > 0)


@given(a=st.sampled_from(list(claims.FAMILIES)), b=st.sampled_from(list(claims.FAMILIES)))
def test_families_have_distinct_anchors(a, b):
    assert re.fullmatch(r"[\w-]+", claims_page.family_anchor(a, "here"))
    assert (claims_page.family_anchor(a, "here") == claims_page.family_anchor(b, "here")) == (a == b)


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


judgements = st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.floats(1e-6, 0.04)), max_size=6)


@given(found=judgements)
def test_a_verdict_shows_the_comparison_of_least_support(found):
    judged = tuple(claims.Verdict(None, p, sign) for sign, p in found)
    supports = tuple(sign for sign, _ in found)
    at = claims_page.decisive(claims.ClaimVerdict(claims.CLAIMS[0], "", judged, supports))
    if not found:
        assert at is None
        return
    against = [p for sign, p in found if sign < 0]
    undecided = any(sign == 0 for sign, _ in found)
    assert at.direction == (-1 if against else 0 if undecided else 1)
    if at.direction:
        assert at.p == (min(against) if against else max(p for _, p in found))
