"""Sanitize untrusted text, such as an activation's name, for display in pages, figures and tables.

A store may come from anyone. Escaping is the template's part; this replaces what no escaping makes readable:
invisible characters, marks of text direction, line breaks, and the delimiters of our own formulas.
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
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
DELIMITERS = tuple("\\" + bracket for bracket in "()[]")  # of formulas in our own prose


@cache
def sanitize(text: str) -> str:
    """Return the text as one line of visible characters; changed text ends with a hash of the original.

    The hash keeps two names apart that would look alike.
    """
    seen = "".join(f"‹{ord(c):04X}›" if unicodedata.category(c) in INVISIBLE else c for c in text)
    for delimiter in DELIMITERS:
        seen = seen.replace(delimiter, f"‹005C›{delimiter[1]}")
    if seen == text and len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{seen[: LONGEST - 10]}… {digest}" if len(seen) > LONGEST - 9 else f"{seen} {digest}"


def _sanitized(value: object) -> object:
    return sanitize(value) if isinstance(value, str) else value


def _versions(value: object) -> object:
    """Sanitize the names and versions in a JSON object, which as a whole may be long."""
    try:
        versions = json.loads(str(value))
        return json.dumps({sanitize(str(name)): sanitize(str(version)) for name, version in versions.items()})
    except (ValueError, AttributeError):  # not a JSON object
        return _sanitized(value)


# Columns that hold more than one text; all others are sanitized as a whole.
SPECIAL: dict[str, Callable[[object], object]] = {"versions": _versions}


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Sanitize the texts of a frame, whether strings or categories."""
    columns = {}
    for name, column in frame.items():
        change = SPECIAL.get(str(name), _sanitized)
        if isinstance(column.dtype, pd.CategoricalDtype):
            categories = column.cat.categories
            columns[str(name)] = column.cat.rename_categories([change(c) for c in categories])
        elif not pd.api.types.is_numeric_dtype(column.dtype):
            columns[str(name)] = column.map(change, na_action="ignore")
    return frame.assign(**columns)


def sanitize_snapshot(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot with all its texts sanitized."""
    return replace(
        snapshot,
        environment={
            name: SPECIAL.get(name, _sanitized)(value) for name, value in snapshot.environment.items()
        },
        profile=sanitize(snapshot.profile),
        runs=_texts(snapshot.runs),
        measurements=_texts(snapshot.measurements),
        other_environments=_texts(snapshot.other_environments),
        arrays={(run, sanitize(name)): array for (run, name), array in snapshot.arrays.items()},
    )
