"""Parts of a page: sections, errata, tables, references; plain data for the templates."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """One answered question; the template shows all of `values` but those that its errata show."""

    number: int
    id: str
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
    """A file attached to the PDF; `content` computes it, for the formats that need it."""

    name: str
    description: str
    content: Callable[[], str]


@dataclass(frozen=True)
class Page:
    """A page; its fields are the names of the context."""

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
