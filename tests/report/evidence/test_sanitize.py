"""Texts from a store, however hostile: one line of what can be seen, short, and never two names made one."""

import string
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report.evidence.sanitize import LONGEST, sanitize, sanitize_snapshot
from report.render.typeset import prose
from tests import small_store
from tests.small_store import scored

TEXTS = st.text(st.characters(), max_size=300)


@given(TEXTS)
def test_every_character_can_be_seen_and_the_text_is_short(text):
    found = sanitize(text)
    assert len(found) <= LONGEST
    for c in found:
        assert unicodedata.category(c)[0] not in "C", hex(ord(c))
        assert c not in "\u2028\u2029"
    assert sanitize(found) == found or len(found) == LONGEST


@given(TEXTS)
def test_our_typesetting_takes_it_for_text(text):
    assert "<math" not in prose(sanitize(text), "html")


@given(st.text(string.ascii_letters + string.digits + " .,:;@_-<>&'\"{}%$/äßλ×", max_size=LONGEST))
def test_legible_text_is_unchanged(text):
    assert sanitize(text) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a\x00", "a\x01"),
        ("a" * 100, "a" * 101),
        ("a\u202eb", "a\u202db"),
        ("a\x00", "a‹0000›"),
        ("\\(", "‹005C›("),
    ],
)
def test_names_that_differ_stay_apart(one, other):
    assert sanitize(one) != sanitize(other)


def test_a_snapshot_is_the_same_but_for_its_texts(tmp_path):
    odd = "x\u202e\\(y\\)" + 100 * "z"
    runs = [scored(0.5), scored(0.75, activation=odd), scored(0.25, activation=f"{odd}!")]
    before = small_store.snapshot(tmp_path / "r.sqlite", runs)
    after = sanitize_snapshot(before)
    assert after.runs["activation"].tolist() == ["relu", sanitize(odd), sanitize(f"{odd}!")]
    assert after.runs["activation"].nunique() == 3
    pd.testing.assert_series_equal(after.measurements["value"], before.measurements["value"])
    assert set(after.measurements["activation"]) == set(after.runs["activation"])
    assert after.environment == before.environment
    numbers = before.runs.select_dtypes("number").columns
    pd.testing.assert_frame_equal(after.runs[numbers], before.runs[numbers])
