"""What the page consists of: sections, errata, tables, references; plain data that templates show."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """One answered question: `values` is what its template shows, but for those that its errata do."""

    number: int
    slug: str
    title: str
    question: str
    template: str
    values: Mapping[str, Any]
    in_errata: Collection[str] = ()


@dataclass(frozen=True)
class Erratum:
    r"""One mistake of the assignment; the texts are prose and may hold `\( … \)`."""

    identifier: str
    question: int
    printed: str
    right: str
    why: str


@dataclass(frozen=True)
class Table:
    """Columns and rows with a caption; a cell is prose, a number already formatted, or Markup."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography, cited in a template by `ref(key)`."""

    key: str
    text: str


@dataclass(frozen=True)
class Attachment:
    """A file that the PDF carries along; `content` makes it, for those formats that want it."""

    name: str
    description: str
    content: Callable[[], str]


@dataclass(frozen=True)
class Page:
    """What the page shows; its fields are the names of the context."""

    title: str
    subtitle: str
    summary: Sequence[str]
    sections: Sequence[Section]
    notices: Sequence[str] = ()
    provenance: Sequence[Table] = ()
    errata: Sequence[Erratum] = ()
    claims: Mapping[str, Any] | None = None
    references: Sequence[Reference] = ()
    attachments: Sequence[Attachment] = ()
