"""Context to page and page to PDF: the Jinja environment, the numbering, and the two files."""

import os
import re
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from report.formats import FILTERS
from report.native import remedy
from report.typeset import MathsExtension, Target, math_font, prose

STYLES = ("style", "screen", "print")
TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


class NativeLibraryError(RuntimeError):
    """The C libraries that WeasyPrint draws with do not load; the message says how to get them."""


@dataclass(frozen=True)
class Section:
    """One answered question: `values` is what its template shows."""

    number: int
    slug: str
    title: str
    question: str
    template: str
    values: Mapping[str, Any]


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
    references: Sequence[Reference] = field(default=())


def environment(target: Target, templates: Path = TEMPLATES) -> jinja2.Environment:
    """Jinja environment that typesets maths for `target`, escapes, and takes no undefined name.

    The macros of macros.html.j2 are there in every template without an import.
    """
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([templates, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=[MathsExtension],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(target=target, label=label, ref=ref, math_font=FONT, column_sides=column_sides)
    env.filters.update(FILTERS)
    env.filters["prose"] = partial(prose, target=target)
    macros = env.get_template("macros.html.j2").make_module()
    env.globals.update({name: value for name, value in vars(macros).items() if not name.startswith("_")})
    return env


def column_sides(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """For each column "number" where every cell begins with a digit or a sign and one, else "text".

    Raises ValueError for a row that is longer or shorter than the columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row of {len(row)} cells in a table of {len(columns)} columns: {list(row)!r}")
    numeric = [all(re.match(r"[−+]?\d", str(cell)) for cell in cells) for cells in zip(*rows, strict=True)]
    return ["number" if n else "text" for n in numeric or [False] * len(columns)]


# Numbers are given when the page is whole, so that a reference may stand before what it refers to.
LABEL = re.compile("\ue000(?P<kind>\\w+):(?P<anchor>[\\w-]+)\ue001")
REFERENCE = re.compile("\ue002(?P<anchor>[\\w-]+)\ue003")
FONT = "\ue004"
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


def numbered(page: str) -> str:
    """The page with its labels numbered in order, kind by kind, and its references made links.

    Raises ValueError for an anchor that two things have, or that nothing has.
    """
    names: dict[str, str] = {}
    counts = dict.fromkeys(KINDS, 0)
    for found in LABEL.finditer(page):
        kind, anchor = found["kind"], found["anchor"]
        if anchor in names:
            raise ValueError(f"the anchor {anchor!r} is given to two things")
        counts[kind] += 1
        names[anchor] = KINDS[kind].format(counts[kind])

    def link(found: re.Match[str]) -> str:
        anchor = found["anchor"]
        if anchor not in names:
            raise ValueError(f"nothing has the anchor {anchor!r}; there are: {', '.join(sorted(names))}")
        return f'<a class="ref" href="#{anchor}">{names[anchor]}</a>'

    return REFERENCE.sub(link, LABEL.sub(lambda found: names[found["anchor"]], page))


def render_page(context: Mapping[str, Any], target: Target, templates: Path = TEMPLATES) -> str:
    """HTML of the whole report for the browser ("html") or for WeasyPrint ("pdf"); self-contained.

    context: the fields of `Page`. Undefined names, formulas that cannot be typeset and references
    to nothing are errors.
    """
    known = set(Page.__dataclass_fields__)
    if unknown := set(context) - known:
        raise ValueError(f"the page has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known))}")
    page = vars(Page(**context))
    env = environment(target, templates)
    answers = {
        section.slug: Markup(env.get_template(section.template).render(section.values, section=section))
        for section in page["sections"]
    }
    verdicts = page["claims"]["claims"] if page["claims"] else []
    claims = page["claims"] and Markup(env.get_template("claims.html.j2").render(page["claims"]))
    styles = {name: Markup((TEMPLATES / f"{name}.css").read_text("utf-8")) for name in STYLES}
    html = numbered(
        env.get_template("page.html.j2").render(
            {**page, "claims": claims}, answers=answers, verdicts=verdicts, styles=styles
        )
    )
    # The font is made of what the finished page holds, so its place is filled last.
    return html.replace(FONT, math_font(html) if target == "html" else "")


def write_html(context: Mapping[str, Any], path: Path, templates: Path = TEMPLATES) -> None:
    """Write the page for the browser to `path`, whole or not at all."""
    _write(path, render_page(context, "html", templates).encode())


def write_pdf(context: Mapping[str, Any], path: Path, templates: Path = TEMPLATES) -> None:
    """Write the PDF (PDF/UA-1, tagged, with bookmarks) to `path`, whole or not at all.

    The same context gives the same bytes where SOURCE_DATE_EPOCH is set. Raises NativeLibraryError with
    the remedy where WeasyPrint's C libraries do not load, ValueError for a page that refers to a file
    or the network.
    """
    try:
        with warnings.catch_warnings():
            # Fonts are embedded without it too, only larger; report.native says what to install.
            warnings.filterwarnings("ignore", message="HarfBuzz-Subset")
            from weasyprint import HTML
            from weasyprint.urls import FatalURLFetchingError, URLFetcher
    except OSError as error:
        raise NativeLibraryError(f"{error}\n{remedy()}") from error
    # Nothing but what the page itself carries: no file, no network.
    fetcher = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
    page = HTML(string=render_page(context, "pdf", templates), url_fetcher=fetcher)
    try:
        content = page.write_pdf(pdf_variant="pdf/ua-1")
    except FatalURLFetchingError as error:  # a BaseException, which nobody up the line expects
        raise ValueError(f"the page is to be self-contained: {error}") from error
    _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)  # mkstemp's own is for its maker alone
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
