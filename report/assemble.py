"""From the answers and the stored results to the context of the page."""

from collections.abc import Mapping, Sequence
from typing import Any

from report import verdicts
from report.answer import Answer, Evidence, Source
from report.answers import q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11
from report.references import REFERENCES
from report.render import Erratum, Section
from report.sources import notices, provenance
from report.summary import findings

ANSWERS: dict[str, Answer] = {
    module.__name__.rpartition(".")[2]: module.ANSWER
    for module in (q01, q02, q03, q04, q05, q06, q07, q08, q09, q10, q11)
}
TITLE = "What an activation function is worth"
SUBTITLE = (
    "Eleven questions on compression, descent, backpropagation, activations and convolution: worked out, "
    "checked against the assignment that asked them, and measured."
)


def context(answers: Mapping[str, Answer], found: Sequence[Source]) -> dict[str, Any]:
    """What the page shows: every answer computed, its evidence from each source, its errata."""
    sections: list[Section] = []
    errata: list[Erratum] = []
    for slug, answer in answers.items():
        values = answer.values()
        evidence = [
            Evidence(source.slug, source.label, answer.evidence(source.snapshot))
            for source in found
            if answer.evidence
        ]
        errata += answer.errata(values)
        sections.append(
            Section(
                number=int(slug[1:]),
                slug=slug,
                title=answer.title,
                question=answer.question,
                template=f"answers/{slug}.html.j2",
                values={**values, "sources": evidence},
            )
        )
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "notices": notices(found),
        "summary": findings(found, errata),
        "sections": sections,
        "errata": errata,
        "claims": verdicts.section(found, {section.number for section in sections}),
        "provenance": [provenance(source) for source in found],
        "references": REFERENCES,
    }
