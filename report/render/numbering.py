"""Numbers of figures, tables, formulas, references and footnotes, and the links to them.

A template leaves marks; numbers are given when the page is whole, so that a reference may stand before what
it refers to.
"""

import re
from collections.abc import Iterable, Mapping

from markupsafe import Markup

LABEL = re.compile("\ue000(?P<kind>\\w+):(?P<anchor>[\\w-]+)\ue001")
REFERENCE = re.compile("\ue002(?P<anchor>[\\w-]+)\ue003")
FOOTNOTE = re.compile("\ue005(?P<text>.*?)\ue006", re.DOTALL)
KINDS = {"figure": "Figure {}", "table": "Table {}", "equation": "({})", "reference": "[{}]"}


def label(kind: str, anchor: str) -> str:
    """Mark of the place where the number of a figure, table, equation or reference goes."""
    if kind not in KINDS:
        raise ValueError(f"label of kind {kind!r}, expected one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[\w-]+", anchor):
        raise ValueError(f"anchor {anchor!r} may hold only letters, digits, - and _")
    return f"\ue000{kind}:{anchor}\ue001"


def ref(anchor: str) -> str:
    """Mark of a link to what has this anchor, such as "Figure 3"."""
    return f"\ue002{anchor}\ue003"


def footnote(text: str) -> Markup:
    """Mark of a footnote: where its number goes, and what it says."""
    return Markup("\ue005{}\ue006").format(text)


def cited(texts: Iterable[str]) -> list[str]:
    """The anchors that texts refer to, in the order of their first mention."""
    return list(dict.fromkeys(found["anchor"] for text in texts for found in REFERENCE.finditer(text)))


def footnotes(texts: Mapping[str, Markup]) -> tuple[dict[str, Markup], list[Markup]]:
    """The texts with links to numbered notes in place of footnotes, and the notes in order."""
    notes: list[Markup] = []

    def link(found: re.Match[str]) -> str:
        notes.append(Markup(found["text"].strip()))
        n = len(notes)
        return (
            f'<sup class="note"><a id="note-{n}-from" href="#note-{n}" role="doc-noteref" '
            f'aria-label="Footnote {n}">{n}</a></sup>'
        )

    return {name: Markup(FOOTNOTE.sub(link, text)) for name, text in texts.items()}, notes


def at_the_foot(text: str) -> Markup:
    """The text with its footnotes as elements that a paged medium moves to the foot of the page."""
    return Markup(FOOTNOTE.sub(lambda found: f'<span class="footnote">{found["text"].strip()}</span>', text))


def numbered(page: str) -> str:
    """The page with its labels numbered in order, kind by kind, and its references made links.

    A formula has a number only where something refers to it. Raises ValueError for an anchor that two things
    have, or that nothing has.
    """
    wanted = set(cited([page]))
    names: dict[str, tuple[str, str]] = {}
    counts = dict.fromkeys(KINDS, 0)
    for found in LABEL.finditer(page):
        kind, anchor = found["kind"], found["anchor"]
        if anchor in names:
            raise ValueError(f"the anchor {anchor!r} is given to two things")
        if kind == "equation" and anchor not in wanted:
            names[anchor] = kind, ""
            continue
        counts[kind] += 1
        names[anchor] = kind, KINDS[kind].format(counts[kind])

    def link(found: re.Match[str]) -> str:
        anchor = found["anchor"]
        if anchor not in names:
            raise ValueError(f"nothing has the anchor {anchor!r}; there are: {', '.join(sorted(names))}")
        kind, name = names[anchor]
        return f'<a class="ref to-{kind}" href="#{anchor}">{name}</a>'

    return REFERENCE.sub(link, LABEL.sub(lambda found: names[found["anchor"]][1], page))
