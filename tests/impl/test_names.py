"""Messages for unknown names and invalid values."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from impl import names
from impl.names import invalid, lookup, unknown

STAGES = ("classifier", "losses", "ReLU")
EXPECTED = "expected one of: classifier, losses, ReLU."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clasifier", f"Unknown stage 'clasifier'; {EXPECTED} Did you mean 'classifier'?"),
        ("relu", f"Unknown stage 'relu'; {EXPECTED} Did you mean 'ReLU'?"),
        ("gains", f"Unknown stage 'gains'; {EXPECTED}"),
        ("", f"Unknown stage ''; {EXPECTED}"),
        ("x\n" * 5000, f"Unknown stage {'x' + chr(10)!r}"[:-1]),
    ],
)
def test_one_line_of_what_came_what_may_be_meant_and_what_there_is(name, said):
    message = unknown("stage", name, iter(STAGES))
    assert message.startswith(said)
    assert f"; {EXPECTED}" in message
    assert "\n" not in message


words = st.text("abcXYZ_", min_size=1, max_size=6)
tables = st.lists(words, min_size=1, max_size=5, unique_by=str.casefold)


@given(table=tables, data=st.data())
def test_names_of_the_table_pass_in_their_order_and_the_first_other_one_is_said(table, data):
    known = data.draw(st.lists(st.sampled_from(table), min_size=1, max_size=6))
    names.check("stage", iter(known), iter(table))
    others = words | st.sampled_from(table).map(str.swapcase)
    mixed = known + data.draw(st.lists(others, max_size=4))
    strange = [name for name in mixed if name not in table]
    assume(strange)
    with pytest.raises(ValueError) as error:  # noqa: PT011  # its whole text is compared
        names.check("stage", iter(mixed), iter(table))
    assert str(error.value) == unknown("stage", strange[0], table)


@given(table=tables, name=st.text(max_size=12), data=st.data())
def test_a_name_is_taken_for_one_of_the_table_and_for_that_of_other_case(table, name, data):
    message = unknown("stage", name, iter(table))
    plain = f"Unknown stage {name!r}; expected one of: {', '.join(table)}."
    assert message in {plain, *(f"{plain} Did you mean {each!r}?" for each in table)}
    one = data.draw(st.sampled_from(table))
    assert unknown("stage", one.swapcase(), table).endswith(f" Did you mean {one!r}?")


def test_a_row_is_looked_up_by_name():
    assert lookup("stage", "a", {"a": 1}) == 1
    with pytest.raises(ValueError, match=r"^Unknown stage 'b'; expected one of: a\.$"):
        lookup("stage", "b", {"a": 1})


def test_an_invalid_value_is_told_with_the_valid_ones():
    assert invalid("rank", 0, "an integer from 1 to 2") == (
        "Invalid rank: got 0, expected an integer from 1 to 2."
    )
