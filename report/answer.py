"""What an answer is: one file a question in `report/answers/`, with its template in `templates/answers/`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.store import Snapshot
from report.render import Erratum

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """One question and how its answer is computed.

    values: numbers, arrays and figures recomputed from `impl` at every rendering; evidence: the same from one
    snapshot of the store, with None where the snapshot lacks what is needed; errata: from the values.
    """

    title: str
    question: str
    values: Callable[[], Values]
    errata: Callable[[Values], Sequence[Erratum]]
    evidence: Callable[[Snapshot], Values] | None = None


@dataclass(frozen=True)
class Source:
    """One snapshot that evidence is taken from; `slug` tells anchors apart, `label` is shown beside it."""

    slug: str
    label: str
    snapshot: Snapshot


@dataclass(frozen=True)
class Evidence:
    """What one source says on one question."""

    slug: str
    label: str
    values: Values
