"""The report: context of the page from the answers and the stored results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from report.answers import q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11
from report.document.answer import Answer, Source, Values
from report.document.page import SEVERITIES, Erratum, Section
from report.document.references import REFERENCES
from report.evidence.sources import notices
from report.evidence.tables import attachments
from report.pages import beside, candidate, claims, method, provenance, setup
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


def worked(answers: Mapping[str, Answer], data_root: Path | None = None) -> dict[str, Values]:
    """Compute the values of every answer, which need no results.

    data_root: folder of the MNIST files.
    """
    return {
        question: {**answer.values(), **(answer.images(data_root) if answer.images else {})}
        for question, answer in answers.items()
    }


def context(
    answers: Mapping[str, Answer], values: Callable[[], Mapping[str, Values]], sources: Sequence[Source]
) -> dict[str, Any]:
    """Return the page's context: every answer, its evidence from the first source, and its errata.

    values: those of `worked`, asked for last, so that another process can compute them beside the evidence.
    """
    best = sources[0] if sources else None
    evidence = {
        question: {"measured": answer.evidence(best.snapshot) if best else None}
        for question, answer in answers.items()
        if answer.evidence
    }
    judged = claims.judge(best, {int(question[1:]) for question in answers})
    decided = claims.sections(best, judged)
    custom = candidate.sections(sources)
    front = [*custom, setup.section(best), *decided]
    back = [*method.sections(best, judged), *beside.sections(sources)]
    headline = figure(best.snapshot) if best else None
    sections: list[Section] = []
    errata: list[Erratum] = []
    for question, its in values().items():
        answer, read = answers[question], Read(its)
        errata += answer.errata(read)
        sections.append(
            Section(
                number=int(question[1:]),
                id=question,
                title=answer.title,
                question=answer.question,
                template=f"answers/{question}.html.j2",
                values={**its, **evidence.get(question, {})},
                in_errata=read.names,
            )
        )
    errata.sort(key=lambda e: SEVERITIES.index(e.severity))
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "notices": notices(sources),
        "summary": {**candidate.findings(custom), **summary(best, errata)},
        "headline": headline,
        "front": front,
        "sections": sections,
        "errata": errata,
        "back": back,
        "claims": [row for section in decided for row in section.values["claims"]],
        "provenance": provenance.tables(sources),
        "references": REFERENCES,
        "attachments": attachments(sources),
    }
