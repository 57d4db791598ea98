"""Numbers of figures, tables, formulas, references and footnotes, and links to them.

Templates leave placeholders; numbers are assigned when the page is complete, so that a reference may precede
its target.
"""

import re
from collections.abc import Iterable, Mapping

from markupsafe import Markup

LABEL = re.compile("\ue000(?P<kind>\\w+):(?P<anchor>[\\w-]+)\ue001")
REFERENCE = re.compile("\ue002(?P<anchor>[\\w-]+)\ue003")
FOOTNOTE = re.compile("\ue005(?P<text>.*?)\ue006", re.DOTALL)
KINDS = {"figure": "Figure {}", "table": "Table {}", "equation": "({})", "reference": "[{}]"}


def label(kind: str, anchor: str) -> str:
    """Return the placeholder for the number of a figure, table, equation or reference."""
    if kind not in KINDS:
        raise ValueError(f"label of kind {kind!r}, expected one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[\w-]+", anchor):
        raise ValueError(f"anchor {anchor!r} may hold only letters, digits, - and _")
    return f"\ue000{kind}:{anchor}\ue001"


def ref(anchor: str) -> str:
    """Return the placeholder for a link to this anchor, such as "Figure 3"."""
    return f"\ue002{anchor}\ue003"


def footnote(text: str) -> Markup:
    """Return the placeholder of a footnote with its text."""
    return Markup("\ue005{}\ue006").format(text)


def cited(texts: Iterable[str]) -> list[str]:
    """Return the anchors that texts refer to, in the order of their first mention."""
    return list(dict.fromkeys(match["anchor"] for text in texts for match in REFERENCE.finditer(text)))


def footnotes(texts: Mapping[str, Markup]) -> tuple[dict[str, Markup], list[Markup]]:
    """Replace footnotes by links to numbered notes; return the texts and the notes in order."""
    notes: list[Markup] = []

    def link(match: re.Match[str]) -> str:
        notes.append(Markup(match["text"].strip()))
        n = len(notes)
        return (
            f'<sup class="note"><a id="note-{n}-from" href="#note-{n}" role="doc-noteref" '
            f'aria-label="Footnote {n}">{n}</a></sup>'
        )

    return {name: Markup(FOOTNOTE.sub(link, text)) for name, text in texts.items()}, notes


def at_the_foot(text: str) -> Markup:
    """Replace footnotes by elements that a paged medium moves to the foot of the page."""
    return Markup(FOOTNOTE.sub(lambda match: f'<span class="footnote">{match["text"].strip()}</span>', text))


def numbered(page: str) -> str:
    """Assign numbers to the page's labels in order, kind by kind, and turn its references into links.

    A formula has a number only if something refers to it. Raises ValueError for a duplicate or unknown
    anchor.
    """
    mentioned = set(cited([page]))
    names: dict[str, tuple[str, str]] = {}
    counts = dict.fromkeys(KINDS, 0)
    for match in LABEL.finditer(page):
        kind, anchor = match["kind"], match["anchor"]
        if anchor in names:
            raise ValueError(f"the anchor {anchor!r} is given to two things")
        if kind == "equation" and anchor not in mentioned:
            names[anchor] = kind, ""
            continue
        counts[kind] += 1
        names[anchor] = kind, KINDS[kind].format(counts[kind])

    def link(match: re.Match[str]) -> str:
        anchor = match["anchor"]
        if anchor not in names:
            raise ValueError(f"nothing has the anchor {anchor!r}; there are: {', '.join(sorted(names))}")
        kind, name = names[anchor]
        return f'<a class="ref to-{kind}" href="#{anchor}">{name}</a>'

    return REFERENCE.sub(link, LABEL.sub(lambda match: names[match["anchor"]][1], page))
