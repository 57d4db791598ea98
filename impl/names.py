"""What is said to a name that a table does not have."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(what: str, name: str, table: Iterable[str]) -> str:
    """One line: the name that came, the one of the table that may have been meant, and all that it has."""
    known = list(table)
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    meant = f"did you mean {folded[near[0]]!r}? Known" if near else "known"
    return f"unknown {what} {name!r}; {meant}: {', '.join(known)}"


def check(what: str, given: Iterable[str], table: Iterable[str]) -> None:
    """Raise ValueError for the first name that the table does not have."""
    known = list(table)
    for name in given:
        if name not in known:
            raise ValueError(unknown(what, name, known))
