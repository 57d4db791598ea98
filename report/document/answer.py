"""An answer: a file for each question in `report/answers/`, with its template in `templates/answers/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.store import Snapshot
from report.document.page import Erratum

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """One question and how its answer is computed.

    values: numbers, arrays and figures recomputed from `impl` at every build; evidence: the same from a
    snapshot, None where it lacks the data; errata: from the values; images: values that need MNIST's images,
    given their folder, None where they are missing.
    """

    title: str
    question: str
    values: Callable[[], Values]
    errata: Callable[[Values], Sequence[Erratum]]
    evidence: Callable[[Snapshot], Values] | None = None
    images: Callable[[Path | None], Values] | None = None


@dataclass(frozen=True)
class Source:
    """One snapshot as evidence; `id` is part of its anchors, `label` its description."""

    id: str
    label: str
    snapshot: Snapshot
