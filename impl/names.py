"""Error messages for unknown names and invalid values."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

Row = TypeVar("Row")


def invalid(name: str, got: object, expected: str) -> str:
    """Return the error message for an invalid value.

    Args:
        name: the argument, or a phrase for it.
        got: the value, formatted by `str`.
        expected: the valid values, as a phrase.

    >>> invalid("lr", -1, "a finite number >= 0")
    'Invalid lr: got -1, expected a finite number >= 0.'
    """
    return f"Invalid {name}: got {got}, expected {expected}."


def unknown(kind: str, name: str, table: Iterable[str]) -> str:
    """Return the error message for a name that a table lacks, in one line, with the nearest valid name.

    >>> unknown("strategy", "tilled", ["loops", "unfold", "tiled"])
    "Unknown strategy 'tilled'; expected one of: loops, unfold, tiled. Did you mean 'tiled'?"
    """
    known = list(table)
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    return f"Unknown {kind} {name!r}; expected one of: {', '.join(known)}.{hint}"


def check(kind: str, names: Iterable[str], table: Iterable[str]) -> None:
    """Raise ValueError for the first of `names` that `table` lacks."""
    known = list(table)
    for name in names:
        if name not in known:
            raise ValueError(unknown(kind, name, known))


def lookup(kind: str, name: str, table: Mapping[str, Row]) -> Row:
    """Return the row of `table` called `name`; raise ValueError where there is none."""
    check(kind, [name], table)
    return table[name]


def one_line(text: str) -> str:
    """Return a text in one line.

    >>> one_line("expected\\n  one of:")
    'expected one of:'
    """
    return " ".join(text.split())
