"""Numbers of figures, tables, formulas and references, and links to them.

Templates leave placeholders; numbers are assigned when the page is complete, so that a reference may precede
its target.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from markupsafe import Markup

from impl.names import unknown

LABEL = re.compile("\ue000(?P<kind>\\w+):(?P<anchor>[\\w-]+)\ue001")
REFERENCE = re.compile("\ue002(?P<anchor>[\\w-]+)\ue003")
APPENDIX = re.compile("\ue007(?P<title>.*?)\ue008(?P<body>.*?)\ue009", re.DOTALL)
KINDS = {
    "figure": "Figure {}",
    "table": "Table {}",
    "appendix_figure": "Figure A{}",
    "appendix_table": "Table A{}",
    "equation": "({})",
    "reference": "[{}]",
}


class Part(NamedTuple):
    """Content of the appendix: its anchor, title and body."""

    anchor: str
    title: str
    body: Markup


def label(kind: str, anchor: str) -> str:
    """Return the placeholder for the number of a figure, table, equation or reference."""
    if kind not in KINDS:
        raise ValueError(f"Invalid kind of label: got {kind!r}, expected one of {', '.join(KINDS)}")
    if not re.fullmatch(r"[\w-]+", anchor):
        raise ValueError(f"Invalid anchor: got {anchor!r}, expected letters, digits, - and _")
    return f"\ue000{kind}:{anchor}\ue001"


def ref(anchor: str) -> str:
    """Return the placeholder for a link to this anchor, such as "Figure 3"."""
    return f"\ue002{anchor}\ue003"


def to_appendix(title: str, body: str) -> Markup:
    """Return the placeholder of content that a paged medium shows in its appendix."""
    return Markup("\ue007{}\ue008{}\ue009").format(title, body)


def appendix(texts: Mapping[str, Markup]) -> tuple[dict[str, Markup], dict[str, list[Part]]]:
    """Take the content for the appendix out of texts; return the texts, linked to it, and that content."""
    left, taken = {}, {}
    for name, text in texts.items():
        parts: list[Part] = []

        def link(match: re.Match[str], name: str = name, parts: list[Part] = parts) -> str:
            parts.append(Part(f"{name}-folded-{len(parts) + 1}", match["title"], Markup(match["body"])))
            return f'<p class="moved">In the appendix: <a href="#{parts[-1].anchor}">{match["title"]}</a></p>'

        left[name] = Markup(APPENDIX.sub(link, text))
        if parts:
            taken[name] = parts
    return left, taken


def cited(texts: Iterable[str]) -> list[str]:
    """Return the anchors that texts refer to, in the order of their first mention."""
    return list(dict.fromkeys(match["anchor"] for text in texts for match in REFERENCE.finditer(text)))


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
            raise ValueError(f"Duplicate anchor: {anchor!r}")
        if kind == "equation" and anchor not in mentioned:
            names[anchor] = kind, ""
            continue
        counts[kind] += 1
        names[anchor] = kind, KINDS[kind].format(counts[kind])

    def link(match: re.Match[str]) -> str:
        anchor = match["anchor"]
        if anchor not in names:
            raise ValueError(unknown("anchor", anchor, sorted(names)))
        kind, name = names[anchor]
        return f'<a class="ref to-{kind}" href="#{anchor}">{name}</a>'

    return REFERENCE.sub(link, LABEL.sub(lambda match: names[match["anchor"]][1], page))
