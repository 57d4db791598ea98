"""From the answers and the stored results to the context of the page."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from report.answers import q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11
from report.document.answer import Answer, Evidence, Source
from report.document.page import Erratum, Section
from report.document.references import REFERENCES
from report.evidence.sources import besides, failures, notices, provenance
from report.evidence.tables import attachments, comparisons, csv
from report.pages import candidate as own
from report.pages import claims as claims_page
from report.pages.summary import findings

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
    """Values that remember which of them were asked for: an erratum shows what a template need not."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)


def context(
    answers: Mapping[str, Answer], found: Sequence[Source], data_root: Path | None = None
) -> dict[str, Any]:
    """What the page shows: every answer computed, its evidence from each source, its errata.

    data_root: the folder that MNIST may lie in.
    """
    sections: list[Section] = []
    errata: list[Erratum] = []
    for slug, answer in answers.items():
        values = {**answer.values(), **(answer.images(data_root) if answer.images else {})}
        evidence = [
            Evidence(source.slug, source.label, source.mark, answer.evidence(source.snapshot))
            for source in found
            if answer.evidence
        ]
        read = Read(values)
        errata += answer.errata(read)
        sections.append(
            Section(
                number=int(slug[1:]),
                slug=slug,
                title=answer.title,
                question=answer.question,
                template=f"answers/{slug}.html.j2",
                values={**values, "sources": evidence} if answer.evidence else values,
                in_errata=read.names,
            )
        )
    resolve = own.sections(found, len(ANSWERS) + 1)
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "notices": notices(found),
        "summary": [*own.findings(resolve), *findings(found, errata)],
        "sections": [*sections, *resolve],
        "errata": errata,
        "claims": _claims(found, {section.number for section in sections}),
        "provenance": [
            table
            for source in found
            for table in (provenance(source), failures(source), besides(source))
            if table
        ],
        "references": REFERENCES,
        "attachments": attachments(found),
    }


def _claims(found: Sequence[Source], questions: Collection[int]) -> dict[str, Any] | None:
    """The section on the claims, and all comparisons of the first source as CSV; None without a source."""
    section = claims_page.section(found, questions)
    return section and {**section, "comparisons": csv(comparisons(found[0].snapshot))}
