"""Rendering: context to page and page to PDF."""

import logging
import os
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta, nodes
from markupsafe import Markup

from report.document.formats import FILTERS
from report.document.page import Attachment, Page, Section
from report.document.phrases import listed, sentence
from report.figures.svg import SvgFigure
from report.render import numbering
from report.render.numbering import numbered
from report.render.system_libraries import remedy
from report.render.typeset import MathsExtension, Target, math_font, prose

STYLES = ("style", "screen", "print")
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FONT = "\ue004"
METADATA = {
    "language": "en",
    "author": "The maintainers of Activation worth",
    "keywords": ("activation functions", "optimizers", "convolution", "benchmark", "MNIST", "GELU", "SGELU"),
}


class NativeLibraryError(RuntimeError):
    """WeasyPrint's C libraries do not load; the message contains the remedy."""


class UnusedValueError(ValueError):
    """An answer computes a value that its template does not show."""


def environment(target: Target, templates: Path = TEMPLATES) -> jinja2.Environment:
    """Return the Jinja environment that typesets formulas for `target`, escapes, and rejects undefined names.

    The macros of macros.html.j2 are available in every template without an import.
    """
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader([templates, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=[MathsExtension],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals.update(
        target=target,
        label=numbering.label,
        ref=numbering.ref,
        to_appendix=numbering.to_appendix,
        math_font=FONT,
        column_alignments=column_alignments,
        sentence=sentence,
        listed=listed,
    )
    env.filters.update(FILTERS)
    env.filters["prose"] = partial(prose, target=target)
    macros = env.get_template("macros.html.j2").make_module()
    env.globals.update({name: value for name, value in vars(macros).items() if not name.startswith("_")})
    return env


def column_alignments(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return for each column "number" if every cell begins with a digit, after a sign or not, else "text".

    Raises ValueError for a row that is longer or shorter than the columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"Invalid row: got {len(row)} values, expected {len(columns)}: {list(row)!r}")
    numeric = [all(re.match(r"[−+]?\d", str(cell)) for cell in cells) for cells in zip(*rows, strict=True)]
    return ["number" if n else "text" for n in numeric or [False] * len(columns)]


def check_used(tree: nodes.Template, template: str, values: Mapping[str, Any]) -> None:
    """Raise UnusedValueError for a value, or a measured one, that the template never names."""
    attributes = {node.attr for node in tree.find_all(nodes.Getattr)}
    unused = set(values) - meta.find_undeclared_variables(tree)
    unused |= set(values.get("measured") or {}) - attributes
    if unused:
        raise UnusedValueError(f"{template} does not show {', '.join(sorted(unused))}")


def _answer(env: jinja2.Environment, section: Section) -> Markup:
    shown = {name: value for name, value in section.values.items() if name not in section.in_errata}
    assert env.loader is not None
    source, path, _ = env.loader.get_source(env, section.template)
    tree = env.parse(source, section.template, path)
    check_used(tree, section.template, shown)
    template = jinja2.Template.from_code(env, env.compile(tree, section.template, path), env.globals)
    return Markup(template.render(section.values, section=section))


def render_page(context: Mapping[str, Any], target: Target, templates: Path = TEMPLATES) -> str:
    """Render the HTML of the whole report for the browser ("html") or for WeasyPrint ("pdf").

    context: the fields of `Page`. Undefined names, values that no template shows, formulas that cannot be
    typeset, and references to nothing are errors. The page's content policy allows only what it contains.
    """
    fields = set(Page.__dataclass_fields__)
    if unknown := set(context) - fields:
        raise ValueError(
            f"Invalid context: got {', '.join(sorted(unknown))}, expected {', '.join(sorted(fields))}"
        )
    page = Page(**context)
    env = environment(target, templates)
    texts = {section.id: _answer(env, section) for section in (*page.front, *page.sections, *page.back)}
    order = numbering.cited(texts.values())
    texts, appendix = numbering.appendix(texts)  # empty but for the PDF
    references = sorted((r for r in page.references if r.key in order), key=lambda r: order.index(r.key))
    script = (TEMPLATES / "tables.js").read_text("utf-8")
    html = numbered(
        env.get_template("page.html.j2").render(
            {**vars(page), "references": references},
            answers=texts,
            appendix=appendix,
            styles={name: Markup((TEMPLATES / f"{name}.css").read_text("utf-8")) for name in STYLES},
            script=Markup(script),
            created=_now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            **METADATA,
        )
    )
    ids = Counter(re.findall(r'<\w+ [^>]*?\bid="([^"]+)"', html))
    if twice := [anchor for anchor, n in ids.items() if n > 1]:
        raise ValueError(f"Duplicate anchor: {', '.join(map(repr, twice))}")
    # The font contains the glyphs of the finished page, so it is added last.
    return html.replace(FONT, math_font(html) if target == "html" else "")


def write_html(context: Mapping[str, Any], path: Path, templates: Path = TEMPLATES) -> None:
    """Write the page for the browser to `path`, atomically."""
    write_whole(path, render_page(context, "html", templates).encode())


def write_pdf(context: Mapping[str, Any], path: Path, templates: Path = TEMPLATES) -> None:
    """Write the PDF (PDF/UA-1, tagged, with bookmarks and attached data) to `path`, atomically.

    The same context gives the same bytes where SOURCE_DATE_EPOCH is set. Raises NativeLibraryError with
    the remedy where WeasyPrint's C libraries do not load, ValueError for a page that refers to a file
    or the network.
    """
    try:
        with warnings.catch_warnings():
            # Without it fonts are embedded too, only larger; report.render.system_libraries has the package.
            warnings.filterwarnings("ignore", message="HarfBuzz-Subset")
            import weasyprint
            from weasyprint.urls import FatalURLFetchingError, URLFetcher
    except OSError as error:
        raise NativeLibraryError(f"{error}\n{remedy()}") from error
    # Nothing but what the page itself carries: no file, no network.
    fetcher = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
    page = weasyprint.HTML(string=render_page(context, "pdf", templates), url_fetcher=fetcher)
    when = _now()
    attachments = [
        weasyprint.Attachment(
            string=file.content().encode(),
            name=file.name,
            description=file.description,
            relationship="Data",
            created=when,
            modified=when,
            url_fetcher=fetcher,
        )
        for file in (*context.get("attachments", ()), *_tables(context))
    ]
    with _errors_of("weasyprint") as errors:
        try:
            content = page.write_pdf(pdf_variant="pdf/ua-1", attachments=attachments)
        except FatalURLFetchingError as error:  # a BaseException, which nobody up the line expects
            raise ValueError(f"the page must be self-contained: {error}") from error
    if errors:
        raise ValueError(f"the page cannot be rendered completely: {errors[0]}")
    write_whole(path, content)


@contextmanager
def _errors_of(name: str) -> Iterator[list[str]]:
    """Collect the messages that a library logs as errors while it continues, each cut to a line."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage()[:200])  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


def _now() -> datetime:
    """Return SOURCE_DATE_EPOCH where it is set, for reproducible files, else now."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.now(UTC) if epoch is None else datetime.fromtimestamp(int(epoch), UTC)


def figures(context: Mapping[str, Any]) -> list[SvgFigure]:
    """Return every figure of a page; context: the fields of `Page`."""
    page = Page(**context)
    sections = (*page.front, *page.sections, *page.back)
    return list(svg_figures([page.headline, *(section.values for section in sections)]))


def _tables(context: Mapping[str, Any]) -> Iterator[Attachment]:
    """Yield the data of the figures."""
    for figure in figures(context):
        yield Attachment(f"{figure.name}.csv", "Data of a figure.", figure.csv)


def svg_figures(value: Any) -> Iterator[SvgFigure]:
    """Yield every figure in an answer's values, however deeply nested."""
    if isinstance(value, SvgFigure):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from svg_figures(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from svg_figures(part)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically, creating its folder."""
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
