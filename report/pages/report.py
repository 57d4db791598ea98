"""The report: context of the page from the answers and the stored results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from report.answers import q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11
from report.document.answer import Answer, Source
from report.document.page import SEVERITIES, Erratum, Section
from report.document.references import REFERENCES
from report.evidence.sources import notices
from report.evidence.tables import attachments
from report.pages import beside, candidate, claims, provenance, setup
from report.pages.summary import figure, summary

ANSWERS: dict[str, Answer] = {
    module.__name__.split(".")[2]: module.ANSWER
    for module in (q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11)
}
TITLE = "What an activation function is worth"
SUBTITLE = (
    "Eleven questions on compression, descent, backpropagation, activations and convolution: worked out, "
    "checked against the assignment that asked them, and measured."
)


class Read(dict[str, Any]):
    """Values that record which of them the errata read: a template need not show those."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)


def context(
    answers: Mapping[str, Answer], sources: Sequence[Source], data_root: Path | None = None
) -> dict[str, Any]:
    """Compute every answer, its evidence from the first source and its errata; return the page's context.

    data_root: folder of the MNIST files.
    """
    best = sources[0] if sources else None
    sections: list[Section] = []
    errata: list[Erratum] = []
    for question, answer in answers.items():
        values = {**answer.values(), **(answer.images(data_root) if answer.images else {})}
        read = Read(values)
        errata += answer.errata(read)
        if answer.evidence:
            values["measured"] = answer.evidence(best.snapshot) if best else None
        sections.append(
            Section(
                number=int(question[1:]),
                id=question,
                title=answer.title,
                question=answer.question,
                template=f"answers/{question}.html.j2",
                values=values,
                in_errata=read.names,
            )
        )
    questions = {section.number for section in sections}
    errata.sort(key=lambda e: SEVERITIES.index(e.severity))
    decided, method = claims.sections(best, questions)
    custom = candidate.sections(sources)
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "notices": notices(sources),
        "summary": {**candidate.findings(custom), **summary(best, errata)},
        "headline": figure(best.snapshot) if best else None,
        "front": [*custom, setup.section(best), *decided],
        "sections": sections,
        "errata": errata,
        "back": [*method, *beside.sections(sources)],
        "claims": [row for section in decided for row in section.values["claims"]],
        "provenance": provenance.tables(sources),
        "references": REFERENCES,
        "attachments": attachments(sources),
    }
