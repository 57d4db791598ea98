"""Texts from outside, such as an activation's name, as they may stand in a page, a drawing and a table.

A store may come from anyone. Escaping is the template's; this is about what no escaping makes readable: what
cannot be seen, what turns the direction of the text around it, what a page of one line cannot hold, and what
our own typesetting would take for its marks.
"""

import hashlib
import json
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pandas as pd

from bench.store import Snapshot

LONGEST = 80  # characters
# Control, format (such as marks of direction), surrogates, private use, unassigned, and ends of lines.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
DELIMITERS = tuple("\\" + bracket for bracket in "()[]")  # of maths in our own prose


@cache
def legible(text: str) -> str:
    """The text in one line of characters that are seen; one that had to be changed ends with its own hash.

    So two names that would look alike stay apart.
    """
    seen = "".join(f"‹{ord(c):04X}›" if unicodedata.category(c) in UNSEEN else c for c in text)
    for delimiter in DELIMITERS:
        seen = seen.replace(delimiter, f"‹005C›{delimiter[1]}")
    if seen == text and len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{seen[: LONGEST - 10]}… {digest}" if len(seen) > LONGEST - 9 else f"{seen} {digest}"


def _legible(value: object) -> object:
    return legible(value) if isinstance(value, str) else value


def _versions(value: object) -> object:
    """The same of each name and version in an object of JSON, which as a whole may be long."""
    try:
        found = json.loads(str(value))
        return json.dumps({legible(str(name)): legible(str(version)) for name, version in found.items()})
    except (ValueError, AttributeError):  # no JSON, or no object: whoever wrote it, not we
        return _legible(value)


# Columns that hold more than one text; all others are legible as a whole.
OTHERWISE: dict[str, Callable[[object], object]] = {"versions": _versions}


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its texts legible, whether they are strings or categories."""
    columns = {}
    for name, column in frame.items():
        change = OTHERWISE.get(str(name), _legible)
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories = column.cat.categories
            columns[str(name)] = column.cat.rename_categories([change(c) for c in categories])
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            columns[str(name)] = column.map(change, na_action="ignore")
    return frame.assign(**columns)


def snapshot(found: Snapshot) -> Snapshot:
    """What a store holds, with every text of it legible."""
    return replace(
        found,
        environment={name: OTHERWISE.get(name, _legible)(value) for name, value in found.environment.items()},
        profile=legible(found.profile),
        runs=_texts(found.runs),
        measurements=_texts(found.measurements),
        other_environments=_texts(found.other_environments),
        images={(run, legible(name)): stack for (run, name), stack in found.images.items()},
    )
