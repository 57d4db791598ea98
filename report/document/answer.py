"""What an answer is: one file a question in `report/answers/`, with its template in `templates/answers/`."""

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

    values: numbers, arrays and figures recomputed from `impl` at every rendering; evidence: the same from one
    snapshot of the store, with None where the snapshot lacks what is needed; errata: from the values; images:
    what is computed from MNIST's images, given the folder that they may lie in, None where they do not.
    """

    title: str
    question: str
    values: Callable[[], Values]
    errata: Callable[[Values], Sequence[Erratum]]
    evidence: Callable[[Snapshot], Values] | None = None
    images: Callable[[Path | None], Values] | None = None


@dataclass(frozen=True)
class Source:
    """One snapshot that evidence is taken from; `slug` tells anchors apart, `label` is shown beside it."""

    slug: str
    label: str
    snapshot: Snapshot

    @property
    def mark(self) -> str:
        """What is said wherever a number of this source stands: that it is a first impression only."""
        return "quick profile" if self.snapshot.profile == "quick" else ""


@dataclass(frozen=True)
class Evidence:
    """What one source says on one question; `mark` is that of the source."""

    slug: str
    label: str
    mark: str
    values: Values
