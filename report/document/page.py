"""Parts of a page: sections, errata, tables, references; plain data for the templates."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """A section; the template shows all of `values` but those that its errata show.

    number: of a question; 0 of other sections, which have none.
    """

    number: int
    id: str
    title: str
    question: str
    template: str
    values: Mapping[str, Any]
    in_errata: Collection[str] = ()


# How much an erratum weighs, most first.
WRONG_RESULT, WRONG_REASONING, IMPRECISE = SEVERITIES = "wrong result", "wrong reasoning", "imprecise"


@dataclass(frozen=True)
class Erratum:
    r"""One mistake of the assignment; the texts are prose and may hold `\( … \)`.

    Attributes:
        identifier: Anchor of its card.
        question: Number of the question.
        severity: One of SEVERITIES.
        printed: What the assignment says, in short, with its numbers and formulas exact.
        right: What it should say.
        why: Why.
        headline: The same in a sentence for page 1, of the weightiest.
    """

    identifier: str
    question: int
    severity: str
    printed: str
    right: str
    why: str
    headline: str = ""


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
    """A page; its fields are the names of the context.

    Attributes:
        summary: The findings, each by the words that lead it.
        headline: Figure (SvgFigure) beside them.
        front: Sections before those of the questions.
        back: Sections after the errata.
        claims: Rows of the claims, of which each question shows its own.
    """

    title: str
    subtitle: str
    summary: Mapping[str, str]
    sections: Sequence[Section]
    headline: Any = None
    front: Sequence[Section] = ()
    back: Sequence[Section] = ()
    notices: Sequence[str] = ()
    provenance: Sequence[Table] = ()
    errata: Sequence[Erratum] = ()
    claims: Sequence[Mapping[str, Any]] = ()
    references: Sequence[Reference] = ()
    attachments: Sequence[Attachment] = ()
