"""What readers see of any number, text and table: read back, it is what was written."""

import base64
import csv
import hashlib
import io
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from bench.statistics import Difference, Ratio
from report.document import formats, phrases
from report.document.answer import Source
from report.evidence import sanitize, sources, tables
from report.render import export, numbering, render, speech
from tests import small_store as small
from tests.draws import matrices

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
numbers = st.floats(-1e12, 1e12, allow_subnormal=False)
anchors = st.text(st.sampled_from("abcxyz019-_"), min_size=1, max_size=8)
plain = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\<>&'\""), max_size=30)


def read(text):
    """The number that a reader takes a text for."""
    mantissa, _, exponent = text.replace("\u2212", "-").replace("\u202f", "").partition("\u00a0×\u00a010")
    return float(mantissa) * 10.0 ** int(exponent.translate(SUPERSCRIPTS) or 0)


@given(x=numbers, digits=st.integers(1, 8))
def test_a_number_is_read_as_what_it_was_to_its_digits(x, digits):
    text = formats.number(x, digits)
    assert read(text) == pytest.approx(x, rel=0.5000001 * 10 ** (1 - digits), abs=0)
    assert text.startswith("\u2212") == (read(text) < 0)
    assert "-" not in text


@given(x=st.floats(-1e6, 1e6), decimals=st.integers(0, 6))
def test_decimals_and_percentages_are_rounded_halfway_at_most(x, decimals):
    assert abs(read(formats.number(x, fixed=decimals)) - x) <= 0.5000001 * 10.0**-decimals
    hundredths, unit = formats.percent(x, decimals).split("\u00a0")
    assert unit == "%"
    assert read(hundredths) == pytest.approx(100 * x, abs=0.5000001 * 10.0**-decimals, rel=1e-12)


@given(n=st.integers(-(10**15), 10**15))
def test_a_count_is_whole_and_in_groups_of_three(n):
    text = formats.count(n)
    assert read(text) == n
    assert re.fullmatch("\u2212?\\d{1,3}(\u202f\\d{3})*", text)


IN_SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}


@given(seconds=st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-12))
def test_a_duration_is_read_as_what_it_was(seconds):
    parts = re.findall(
        "([\u2212\\d.]+(?:\u00a0×\u00a010[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)?)\u00a0(\\w+)", formats.duration(seconds)
    )
    sign = -1 if parts[0][0].startswith("\u2212") else 1
    total = sign * sum(abs(read(value)) * IN_SECONDS[unit] for value, unit in parts)
    least = min(IN_SECONDS[unit] for _, unit in parts)
    several = {"rel": 0, "abs": 0.5000001 * least}
    assert total == pytest.approx(seconds, **(several if len(parts) > 1 else {"rel": 0.05000001, "abs": 0}))


IN_BYTES = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}


@given(n=st.integers(0, 10**15))
def test_a_size_is_read_as_what_it_was(n):
    value, unit = formats.size(n).rsplit("\u00a0", 1)
    assert read(value) * IN_BYTES[unit] == pytest.approx(n, rel=0.00500001)
    assert unit == "B" or read(value) >= 1


@given(a=matrices())
def test_a_matrix_has_its_rows_and_columns(a):
    inner = formats.matrix(a, 3).removeprefix(r"\begin{pmatrix} ").removesuffix(r" \end{pmatrix}")
    found = [[float(x) for x in row.split(" & ")] for row in inner.split(r" \\ ")]
    np.testing.assert_allclose(found, a, atol=0.00050001)


@given(x=st.one_of(st.just(math.nan), st.just(math.inf), st.booleans(), st.none(), st.text(max_size=5)))
def test_what_is_no_finite_number_is_refused_by_name(x):
    for write in (formats.number, formats.percent, formats.count, formats.duration, formats.size):
        with pytest.raises(
            ValueError, match=r"expected a finite number; write `missing` where there is none"
        ):
            write(x)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_what_a_link_carries_along_comes_back(text):
    media, _, data = formats.data_uri(text, "text/csv").partition(",")
    assert media == "data:text/csv;base64"
    assert base64.b64decode(data).decode() == text
    kind, _, digest = formats.integrity(text).partition("-")
    assert base64.b64decode(digest) == hashlib.new(kind, text.encode()).digest()


@given(mean=numbers, half=st.floats(0, 1e6), pairs=st.integers(0, 3))
def test_a_difference_says_its_interval_or_what_it_lacks(mean, half, pairs):
    d = Difference(mean, *((mean - half, mean + half) if pairs > 1 else (math.nan, math.nan)), pairs)
    text = phrases.difference(d)
    found = [read(x.lstrip("+")) for x in re.findall("[+\u2212]?\\d+\\.\\d+", text)]
    expected = [] if pairs == 0 else [mean] if pairs == 1 else [mean, mean - half, mean + half]
    assert found == pytest.approx(expected, abs=0.00500001, rel=1e-12)
    assert (text == phrases.NOT_MEASURED) == (pairs == 0)
    assert ("one seed" in text) == (pairs == 1)


@given(value=numbers, half=st.floats(0, 1e6), pairs=st.integers(0, 3), fixed=st.integers(0, 4))
def test_a_mean_is_told_with_its_interval_where_it_has_one(value, half, pairs, fixed):
    ends = (value - half, value + half) if pairs > 1 else (math.nan, math.nan)
    text = phrases.mean(Difference(value, *ends, pairs), lambda v: formats.number(v, fixed=fixed))
    assert (text == phrases.NOT_MEASURED) == (pairs == 0)
    expected = [] if pairs == 0 else [value] if pairs == 1 else [value, *ends]
    told = [read(part) for part in re.findall("\u2212?\\d[\\d.]*", text)]
    assert told == pytest.approx(expected, abs=0.5000001 * 10.0**-fixed, rel=1e-12)


@given(low=st.floats(0.01, 100), wide=st.floats(1, 3))
def test_a_ratio_is_slower_only_where_all_of_its_interval_is(low, wide):
    r = Ratio(low * wide**0.5, low, low * wide, 0.5, 7)
    assert phrases.slower(r) == (low > 1) - (low * wide < 1)
    found = [read(x) for x in re.split(r" \(| to |\)", phrases.ratio(r))[:3]]
    assert found == pytest.approx([r.value, r.low, r.high], rel=0.00500001)


@given(
    items=st.lists(plain.filter(lambda s: s and "," not in s and " and " not in s), min_size=1, max_size=6)
)
def test_a_list_in_words_has_every_item_in_order(items):
    assert re.split(", | and ", phrases.listed(items)) == items


@given(signs=st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=20))
def test_a_tally_adds_up(signs):
    text = phrases.listed(phrases.tally(signs, "up", "down"))
    counted = {word: int(n) for word, n in re.findall(r"(up|down|inconclusive) in (\d+)", text)}
    assert counted == {
        word: signs.count(sign)
        for sign, word in ((1, "up"), (-1, "down"), (0, "inconclusive"))
        if signs.count(sign)
    }
    assert f"of {len(signs)} case" in text


@given(
    things=st.lists(
        st.tuples(st.sampled_from(sorted(numbering.KINDS)), anchors), min_size=1, unique_by=lambda t: t[1]
    ),
    data=st.data(),
)
def test_references_lead_to_what_was_numbered_in_order(things, data):
    mentioned = data.draw(st.lists(st.sampled_from([anchor for _, anchor in things]), max_size=6))
    page = "".join(map(numbering.ref, mentioned)) + "".join(numbering.label(*thing) for thing in things)
    found = re.findall(r'<a class="ref to-(\w+)" href="#([\w-]+)">(.*?)</a>', numbering.numbered(page))
    counts, names = dict.fromkeys(numbering.KINDS, 0), {}
    for kind, anchor in things:
        if kind != "equation" or anchor in mentioned:
            counts[kind] += 1
            names[anchor] = kind, counts[kind]
    assert [(kind, anchor, int(re.search(r"\d+", name)[0])) for kind, anchor, name in found] == [
        (names[anchor][0], anchor, names[anchor][1]) for anchor in mentioned
    ]
    assert numbering.cited([page]) == list(dict.fromkeys(mentioned))


leaves = st.sampled_from(["x", "y", "2", "α", "="]).map(lambda s: f"<mi>{s}</mi>")
FORMS = {
    "mrow": (1, 4),
    "mfrac": (2, 2),
    "msqrt": (1, 2),
    "msub": (2, 2),
    "msup": (2, 2),
    "munderover": (3, 3),
}
formulas = st.recursive(
    leaves,
    lambda inner: st.sampled_from(sorted(FORMS)).flatmap(
        lambda tag: st.lists(inner, min_size=FORMS[tag][0], max_size=FORMS[tag][1]).map(
            lambda parts: f"<{tag}>{''.join(parts)}</{tag}>"
        )
    ),
    max_leaves=12,
)


@given(formula=formulas)
def test_a_spoken_formula_names_every_letter_and_no_mark(formula):
    words = speech.alt_text(ET.fromstring(formula))
    for letter, word in {"x": "x", "y": "y", "α": "alpha"}.items():
        assert len(re.findall(rf"\b{word}\b", words)) == formula.count(f">{letter}<")
    assert not re.search("[<>α=]", words)
    assert words.count("over") >= formula.count("<mfrac>")


cells = st.one_of(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=12))


@given(rows=st.lists(st.tuples(cells, numbers), max_size=8))
def test_an_attachment_gives_its_table_back_to_every_digit(rows):
    table = pd.DataFrame(rows, columns=["text", "value"])
    back = pd.read_csv(io.StringIO(tables.csv(table)), keep_default_na=False, dtype={"text": str})
    assert back["text"].tolist() == [text for text, _ in rows]
    assert back["value"].astype(float).tolist() == [value for _, value in rows]


@given(
    begin=st.sampled_from(["", "x" * 60, "x" * 79, "x" * 120]),
    ends=st.lists(st.text(max_size=20), max_size=6, unique=True),
)
def test_legible_texts_are_one_line_and_never_two_made_one(begin, ends):
    texts = [begin + end for end in ends]
    seen = [sanitize.sanitize(text) for text in texts]
    assert len(set(seen)) == len(texts)
    assert all(len(text) <= sanitize.LONGEST and len(text.splitlines()) <= 1 for text in seen)
    assert [sanitize.sanitize(text) for text in seen] == seen


shown = st.sampled_from(["1.5", "+2", "\u22123.0 to 4", "9 of 10", "none", "+", "", "x1"])


@given(rows=st.lists(st.tuples(shown, shown, shown), max_size=4), short=st.integers(0, 2))
def test_a_column_is_of_numbers_where_every_cell_begins_with_one(rows, short):
    found = render.column_alignments(["a", "b", "c"], rows)
    numeric = {"1.5", "+2", "\u22123.0 to 4", "9 of 10"}
    for k, side in enumerate(found):
        assert side == ("number" if rows and all(row[k] in numeric for row in rows) else "text")
    assert len(found) == 3
    with pytest.raises(ValueError, match=f"Invalid row: got {short} values, expected 3"):
        render.column_alignments(["a", "b", "c"], [*rows, ("1",) * short])


@cache
def environment():
    return render.environment("html")


names = st.sets(st.sampled_from(["alpha", "beta", "gamma", "delta"]))


@given(computed=names, found=names, told=names, told_of_a_source=names)
def test_a_value_that_no_template_shows_is_named(computed, found, told, told_of_a_source):
    text = "".join(f"{{{{ {name} }}}}" for name in sorted(told))
    text += "".join(f"{{{{ measured.{name} }}}}" for name in sorted(told_of_a_source))
    tree = environment().parse(f"{{% if measured %}}{text}{{% endif %}}")
    values = {**dict.fromkeys(computed, 1), "measured": dict.fromkeys(found, 1)}
    unused = (computed - told) | (found - told_of_a_source)
    if not unused:
        assert render.check_used(tree, "t.html", values) is None
        return
    with pytest.raises(render.UnusedValueError, match=f"does not show {', '.join(sorted(unused))}$"):
        render.check_used(tree, "t.html", values)


words = st.lists(plain.filter(bool), max_size=3).map("  ".join)
rows_of_texts = st.lists(st.lists(words, min_size=1, max_size=3), min_size=1, max_size=3)


@given(
    tables=st.lists(st.tuples(st.booleans(), rows_of_texts), max_size=3), space=st.sampled_from([" ", "\n  "])
)
def test_the_tables_of_a_page_are_those_with_an_anchor_cell_by_cell(tables, space):
    html = "".join(
        f"<table{f' id=t-{k}' if named else ''}>"
        + "".join(
            "<tr>" + "".join(f"<td>{space}<b>{escape(text)}</b></td>" for text in row) + "</tr>"
            for row in rows
        )
        + "</table>"
        for k, (named, rows) in enumerate(tables)
    )
    found = dict(export.tables(f"<!doctype html><title>t</title><p>before</p>{html}"))
    assert found.keys() == {f"t-{k}" for k, (named, _) in enumerate(tables) if named}
    for anchor, text in found.items():
        rows = tables[int(anchor[2:])][1]
        assert list(csv.reader(io.StringIO(text))) == [
            [" ".join(text.split()) for text in row] for row in rows
        ]


ends = st.lists(st.sampled_from(["finished", "diverged", "failed"]), min_size=1, max_size=5)


@given(
    ended=st.dictionaries(st.sampled_from(["here", "reference"]), ends),
    dataset=st.sampled_from(["mnist", "digits", "own"]),
    device=st.sampled_from(["cpu", "cuda"]),
    profile=st.sampled_from(["quick", "reference"]),
)
@settings(max_examples=25)
def test_what_must_be_known_before_any_number_is_said(ended, dataset, device, profile):
    where = replace(small.HERE, dataset=dataset, device=device)
    found = []
    for name, statuses in ended.items():
        runs = [small.run({}, status, seed=k) for k, status in enumerate(statuses)]
        snapshot = small.held(runs, profile, where)
        found.append(Source(name, sources.source_label(name, snapshot), snapshot))
        assert (sources.dataset_name(snapshot) == "MNIST") == (dataset == "mnist")
        label = found[-1].label
        for part in (name, sources.dataset_name(snapshot), profile, where.processor, f"{where.cores} cores"):
            assert part in label
        assert ("cuda" in label) == (device == "cuda")
    said = sources.notices(found)
    for source in found:
        for status in ("diverged", "failed"):
            count = ended[source.id].count(status)
            assert (f"{source.label}: {count} runs {status}." in said) == (count > 0)
    text = " ".join(said)
    assert ("Nothing is measured yet" in text) == (not ended)
    assert ("not on MNIST" in text) == (bool(ended) and dataset != "mnist")
    assert ("first impression" in text) == (bool(ended) and profile == "quick")
