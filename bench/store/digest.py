"""Digests of stored runs, which reveal bits that changed on a disk."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench.records.runs import Measurement

StoredArray = tuple[str, str, str, bytes]  # name, dtype, shape as JSON, data


@cache
def _number(text: str) -> int:
    """Return the first 64 bits of the SHA-256 of a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little", signed=True)


def _words(metrics: ArrayLike, steps: ArrayLike, values: ArrayLike, units: ArrayLike) -> NDArray[np.int64]:
    """Return measurements as (N, 4) words of 64 bits; metrics and units come as numbers of their texts."""
    # SQLite does not store the sign of zero.
    bits = [(np.asarray(numbers, "<f8") + 0.0).view("<i8") for numbers in (steps, values)]
    return np.column_stack([np.asarray(metrics, "<i8"), *bits, np.asarray(units, "<i8")])


def _sha256(head: Sequence[object], words: NDArray[np.int64], arrays: Iterable[StoredArray]) -> str:
    plain = [int(value) if isinstance(value, bool) else value for value in head]  # as SQLite returns it
    digest = hashlib.sha256(json.dumps(plain, default=repr).encode())
    digest.update(np.ascontiguousarray(words).data)
    for *description, data in arrays:
        digest.update(json.dumps(description).encode())
        digest.update(data)
    return digest.hexdigest()


def run_sha256(
    head: Sequence[object], measurements: Sequence[Measurement], arrays: Iterable[StoredArray]
) -> str:
    """Return the SHA-256 of one run.

    Args:
        head: Values of its row and of its environment's.
        measurements: Its measurements in any order.
        arrays: Its arrays in the order of their names.
    """
    rows = sorted(measurements, key=lambda m: (m.metric, m.step))
    words = _words(
        [_number(m.metric) for m in rows],
        [m.step for m in rows],
        [m.value for m in rows],
        [_number(m.unit) for m in rows],
    )
    return _sha256(head, words, arrays)


def digests(
    heads: Mapping[int, Sequence[object]],
    measurements: pd.DataFrame,
    arrays: Mapping[int, Sequence[StoredArray]],
) -> Iterator[tuple[int, str]]:
    """Yield id and SHA-256 of every run, equal to `run_sha256`.

    Args:
        heads: Values of each run's row and of its environment's, by the run's id.
        measurements: Columns run, metric, step, value, unit; texts as categories, rows in the order of the
            first three.
        arrays: Arrays of each run, by its id.
    """
    metrics, units = (
        np.array([_number(text) for text in column.cat.categories], "<i8")[column.cat.codes]
        for column in (measurements["metric"], measurements["unit"])
    )
    words = _words(metrics, measurements["step"], measurements["value"], units)
    numbers = np.fromiter(heads, np.int64, len(heads))
    column = measurements["run"].to_numpy()
    ends = zip(np.searchsorted(column, numbers), np.searchsorted(column, numbers, "right"), strict=True)
    for (run, head), (first, last) in zip(heads.items(), ends, strict=True):
        yield run, _sha256(head, words[first:last], arrays.get(run, ()))
