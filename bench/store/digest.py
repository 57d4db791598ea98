"""What a stored run hashes to, so that a bit that changed on a disk is found and never averaged."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bench.records.runs import Measurement

Picture = tuple[str, int, int, int, bytes]  # name, step, height, width, pixels


@cache
def _number(text: str) -> int:
    """A text as 64 bits of its SHA-256."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little", signed=True)


def _words(metrics: ArrayLike, steps: ArrayLike, values: ArrayLike, units: ArrayLike) -> NDArray[np.int64]:
    """Measurements as (N, 4) words of 64 bits; texts come as their numbers."""
    signless = np.asarray(values, "<f8") + 0.0  # SQLite keeps no sign of zero
    return np.column_stack([np.asarray(c, "<i8") for c in (metrics, steps, signless.view("<i8"), units)])


def _sha256(head: Sequence[object], words: NDArray[np.int64], pictures: Iterable[Picture]) -> str:
    plain = [int(value) if isinstance(value, bool) else value for value in head]  # as SQLite gives it back
    digest = hashlib.sha256(json.dumps(plain, default=repr).encode())
    digest.update(np.ascontiguousarray(words).data)
    for *what, pixels in pictures:
        digest.update(json.dumps(what).encode())
        digest.update(pixels)
    return digest.hexdigest()


def run_sha256(
    head: Sequence[object], measurements: Sequence[Measurement], pictures: Iterable[Picture]
) -> str:
    """SHA-256 of one run: the values of its row and of its environment's, its measurements, its pictures.

    Measurements may come in any order, pictures come in the order of name and step.
    """
    rows = sorted(measurements, key=lambda m: (m.metric, m.step))
    words = _words(
        [_number(m.metric) for m in rows],
        [m.step for m in rows],
        [m.value for m in rows],
        [_number(m.unit) for m in rows],
    )
    return _sha256(head, words, pictures)


def digests(
    heads: Mapping[int, Sequence[object]],
    measurements: pd.DataFrame,
    pictures: Mapping[int, Sequence[Picture]],
) -> Iterator[tuple[int, str]]:
    """The same of every run of a store, by the run's number.

    measurements: columns run, metric, step, value, unit; the texts as categories, rows in the order of the
    first three.
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
        yield run, _sha256(head, words[first:last], pictures.get(run, ()))
