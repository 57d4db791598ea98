"""The page holds what its context says, escaped, numbered and linked; the files are whole or not there."""

import base64
import hashlib
import re
import sys
from dataclasses import replace

import jinja2
import pandas as pd
import pypdf
import pytest
from markupsafe import Markup

from report.document.page import IMPRECISE, WRONG_RESULT, Attachment, Erratum, Reference, Section, Table
from report.figures.svg import SvgFigure
from report.render import render, system_libraries
from report.render.numbering import KINDS
from report.render.typeset import TypesetError

ANSWER = """{% call short_answer() %}
See {{ ref("curve") }}, {{ ref("sums") }}, {{ ref("law") }} and {{ ref("book") }}.
{% endcall %}
{% call equation("law") %}\\[ y = {{ slope | number }} x \\]{% endcall %}
{% if measured %}
{% call evidence("Measured", "this machine") %}
{{ missing("make bench") }} {{ measured.speed | number(3) }}

{% call figure(drawing, "curve") %}The curve \\(y\\).{% endcall %}
{% endcall %}
{% endif %}
{{ table(["Name", "Size"], [["a & b", "1"], ["\\\\(x\\\\)", "−2"]], "sums", "Sizes.") }}
"""
FOLDED = """See {{ ref("hidden-sums") }} and {{ ref("hidden-curve") }}.
{% call folded("Folded A") %}
{{ table(["Name", "Size"], [["c", "3"]], "hidden-sums", "Hidden sizes.") }}
{{ figure(hidden, "hidden-curve", "Hidden.") }}
{% endcall %}
"""
DRAWING = SvgFigure(
    Markup('<svg viewBox="0 0 1 1" width="9pt" height="9pt" role="img"><title>A square</title></svg>'),
    pd.DataFrame({"side <cm>": [1.5]}),
    "square",
    "A square",
)
VALUES = {"slope": 2.5, "drawing": DRAWING, "measured": {"speed": 3.0}}
SECTIONS = [
    Section(1, "q01", "Compression", r"What is \(A\)?", "answers/q01.html.j2", VALUES),
    Section(8, "q08", "Zigzag <&>", "Why?", "answers/q08.html.j2", {}),
]
HIDDEN = {"hidden": replace(DRAWING, name="hidden")}
CONTEXT = {
    "title": "Worth & cost",
    "subtitle": "A report",
    "notices": ["Trained on digits, not on MNIST."],
    "summary": {f"Lead {word}": f"Finding {word}" for word in ("one", "two", "three", "four", "five")},
    "headline": replace(DRAWING, name="headline"),
    "sections": SECTIONS,
    "front": [Section(0, "claims", "Claims first", "", "front.html.j2", {})],
    "back": [Section(0, "method", "Method last", "", "back.html.j2", HIDDEN)],
    "errata": [
        Erratum("e8", 8, IMPRECISE, "<b>", "right", "why"),
        Erratum("e1", 1, WRONG_RESULT, r"\(5\)", r"\(\frac{5}{2}\)", "halves"),
    ],
    "provenance": [Table("Where from.", ["What", "Value"], [["commit", "abc"]])],
    "attachments": [Attachment("all.csv", "Everything.", lambda: "a\n1\n")],
    "references": [
        Reference("other", "Nobody (1998). Not cited."),
        Reference("book", "Someone (1999). A book."),
    ],
}


@pytest.fixture
def templates(tmp_path):
    folder = tmp_path / "templates"
    (folder / "answers").mkdir(parents=True)
    (folder / "answers" / "q01.html.j2").write_text(ANSWER, "utf-8")
    (folder / "answers" / "q08.html.j2").write_text("<p>Because.</p>", "utf-8")
    (folder / "front.html.j2").write_text("<p>Before.</p>", "utf-8")
    (folder / "back.html.j2").write_text(FOLDED, "utf-8")
    return folder


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<(style|svg|math).*?</\1>|<[^>]*>", "", html, flags=re.DOTALL))


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_page_holds_its_context(templates, target):
    page = render.render_page(CONTEXT, target, templates)
    said = text(page)
    for part in (
        "Worth &amp; cost",
        "Finding five",
        "not on MNIST",
        "Zigzag &lt;&amp;&gt;",
        "Someone (1999)",
        "a &amp; b",
    ):
        assert part in said
    assert "&lt;b&gt;" in said
    assert "Nobody" not in said
    assert not re.search("[\ue000-\ue006]", page)
    assert ("<math" in page) == (target == "html")
    assert ('<img class="maths" alt="y equals' in page) == (target == "pdf")


def test_things_are_numbered_and_linked_forwards(templates):
    page = render.render_page(CONTEXT, "html", templates)
    names = {
        "curve": "Figure 2",  # after the headline
        "sums": "Table 1",
        "hidden-curve": "Figure A1",
        "hidden-sums": "Table A1",
        "law": "(1)",
        "book": "[1]",
    }
    for kind, (anchor, name) in zip(KINDS, names.items(), strict=True):
        assert f'<a class="ref to-{kind}" href="#{anchor}">{name}</a>' in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_a_formula_that_nothing_refers_to_has_no_number(templates):
    more = '{% call equation("lonely") %}\\[ z \\]{% endcall %}'
    (templates / "answers" / "q08.html.j2").write_text(more, "utf-8")
    page = render.render_page(CONTEXT, "html", templates)
    assert re.findall(r'<span class="number">(.*?)</span>', page)[:3] == ["1", "(1)", "8"]
    assert '<span class="number"></span>' in page


def test_sections_stand_before_and_after_the_questions(templates):
    said = text(render.render_page(CONTEXT, "html", templates))
    parts = ("Finding five", "Before.", "Because.", "Errata of the", "Folded A")
    places = [said.rindex(part) for part in parts]
    assert places == sorted(places)


def test_what_is_folded_in_the_browser_is_in_the_appendix_on_paper(templates):
    page = render.render_page(CONTEXT, "html", templates)
    _, inside = page.split('<details class="folded"><summary>Folded A</summary>')
    assert 'id="hidden-sums"' in inside
    assert 'id="tables"' not in page
    page = render.render_page(CONTEXT, "pdf", templates)
    before, after = page.split('<h2 id="tables">')
    assert 'id="hidden-sums"' not in before
    assert re.search(r'<h3 id="method-folded-1">Folded A</h3>.*Table A1.*Hidden sizes', after, re.DOTALL)
    assert '<p class="moved">In the appendix: <a href="#method-folded-1">Folded A</a></p>' in before
    assert "Table A1</a>" in before


def test_the_table_behind_a_figure_is_part_of_the_page(templates):
    page = render.render_page(CONTEXT, "html", templates)
    assert '<th scope="col">side &lt;cm&gt;</th>' in page
    link = re.search(r'download="square.csv" href="data:text/csv;base64,([^"]*)">All 1 rows', page)
    assert base64.b64decode(link[1]) == b"side <cm>\n1.5\n"


UNUSED = {
    "value": {**VALUES, "forgotten": 1},
    "evidence": {**VALUES, "measured": {"speed": 3.0, "forgotten": 1}},
}


@pytest.mark.parametrize("what", UNUSED)
def test_a_value_that_no_template_shows_is_an_error(templates, what):
    section = replace(SECTIONS[0], values=UNUSED[what])
    with pytest.raises(render.UnusedValueError, match=r"answers/q01\.html\.j2 does not show forgotten"):
        render.render_page({**CONTEXT, "sections": [section]}, "html", templates)
    excused = replace(section, in_errata={"forgotten"})
    if what == "value":
        render.render_page({**CONTEXT, "sections": [excused, SECTIONS[1]]}, "html", templates)


def test_each_erratum_stands_in_its_section_and_in_the_table(templates):
    page = render.render_page(CONTEXT, "html", templates)
    for identifier, name, after in (("e1", "q01", "q08"), ("e8", "q08", "errata")):
        places = [page.index(f'id="{anchor}"') for anchor in (name, identifier, after)]
        assert places == sorted(places)
    rows = re.findall(r'href="#(e\d)">Question', page)
    assert rows == ["e8", "e1"]  # as in the context


def test_page_is_self_contained(templates):
    page = render.render_page(CONTEXT, "html", templates)
    assert not re.findall(r'(?:src|href)="(?!#)(?!data:)[^"]*"', page)
    assert set(re.findall(r"url\(\"?([a-z]*):", page)) == {"data"}
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page or f"script-src 'sha256-{digest}'" in page
    assert "<script" not in render.render_page(CONTEXT, "pdf", templates)
    assert '<html lang="en">' in page
    assert '<a class="skip" href="#main">' in page


def test_columns_of_numbers_are_told_from_text():
    assert render.column_alignments(["a", "b"], [["1 x", "−2"], ["y", "3 %"]]) == ["text", "number"]
    assert render.column_alignments(["a"], []) == ["text"]
    with pytest.raises(ValueError, match="Invalid row: got 1 values, expected 2"):
        render.column_alignments(["a", "b"], [["1"]])


ERRORS = {
    "undefined name": ("{{ nothing }}", jinja2.UndefinedError, "nothing"),
    "formula": ("\n\\(\\frac{1\\)", TypesetError, r"answers/q08\.html\.j2:2"),
    "reference to nothing": ('{{ ref("nowhere") }}', ValueError, "Unknown anchor 'nowhere'"),
    "anchor twice": ('{{ label("figure", "curve") }}', ValueError, "Duplicate anchor: 'curve'"),
    "anchor with a space": ('{{ label("figure", "a b") }}', ValueError, "Invalid anchor: got 'a b'"),
    "kind": ('{{ label("poem", "a") }}', ValueError, "'poem', expected one of figure"),
    "ragged table": ('{{ table(["a"], [["1", "2"]], "t") }}', ValueError, "Invalid row: got 2 values"),
    "not a number": ("{{ 'x' | number }}", ValueError, "expected a finite number"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_mistakes_in_a_template_are_errors(templates, what):
    source, error, message = ERRORS[what]
    (templates / "answers" / "q08.html.j2").write_text(source, "utf-8")
    with pytest.raises(error, match=message):
        render.render_page(CONTEXT, "html", templates)


def test_an_erratum_with_the_anchor_of_a_table_is_an_error(templates):
    errata = [Erratum("sums", 1, IMPRECISE, "printed", "right", "why")]
    with pytest.raises(ValueError, match="Duplicate anchor: 'sums'"):
        render.render_page({**CONTEXT, "errata": errata}, "html", templates)


def test_unknown_part_of_the_context(templates):
    with pytest.raises(
        ValueError, match="Invalid context: got autor, expected attachments, back, claims, errata"
    ):
        render.render_page({**CONTEXT, "autor": "x"}, "html", templates)


def test_html_is_written_whole_or_not_at_all(templates, tmp_path):
    path = tmp_path / "build" / "report.html"
    render.write_html(CONTEXT, path, templates)
    before = path.read_text("utf-8")
    assert before == render.render_page(CONTEXT, "html", templates)
    with pytest.raises(TypeError):
        render.write_whole(path, "no bytes")
    assert path.read_text("utf-8") == before
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


@pytest.mark.parametrize("missing", [False, True])
def test_pdf_or_the_remedy(templates, tmp_path, monkeypatch, missing):
    path = tmp_path / "report.pdf"
    if missing or not system_libraries.loads():
        # What import raises where Pango is not found.
        class Finder:
            def find_spec(self, name, *rest):
                if name.startswith("weasyprint"):
                    raise OSError("cannot load library 'libpango-1.0-0'")

        for name in [name for name in sys.modules if name.split(".")[0] == "weasyprint"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
        with pytest.raises(render.NativeLibraryError, match="apt-get install"):
            render.write_pdf(CONTEXT, path, templates)
        assert not path.exists()
        return
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    render.write_pdf(CONTEXT, path, templates)
    pdf = pypdf.PdfReader(path)
    root = pdf.trailer["/Root"]
    assert pdf.metadata.title == "Worth & cost"
    assert root["/Lang"].startswith("en")
    assert root["/MarkInfo"]["/Marked"]
    assert pdf.outline[0].title == "Worth & cost"
    said = " ".join(page.extract_text() for page in pdf.pages)
    assert "Finding five" in pdf.pages[0].extract_text()
    assert "\\" not in said
    attached = {name: content for name, [content] in pdf.attachments.items()}
    figures = dict.fromkeys(("headline.csv", "square.csv", "hidden.csv"), b"side <cm>\n1.5\n")
    assert attached == {**figures, "all.csv": b"a\n1\n"}
    first = path.read_bytes()
    render.write_pdf(CONTEXT, path, templates)
    assert path.read_bytes() == first


def test_what_the_pdf_cannot_draw_is_an_error(templates, tmp_path):
    broken = '<p><img alt="broken" src="data:image/svg+xml;base64,PHN2Zz4="></p>'  # <svg> without an end
    (templates / "answers" / "q08.html.j2").write_text(broken)
    error = ValueError if system_libraries.loads() else render.NativeLibraryError
    with pytest.raises(error, match=r"cannot be rendered completely: Failed to load|apt-get install"):
        render.write_pdf(CONTEXT, tmp_path / "report.pdf", templates)


def test_pdf_takes_nothing_from_outside(templates, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    link = f'<p>Because.</p><a rel="attachment" href="{secret.as_uri()}">x</a>'
    (templates / "answers" / "q08.html.j2").write_text(link)
    # Without the native libraries the remedy is what is raised.
    error = (ValueError, render.NativeLibraryError)
    with pytest.raises(
        error, match=r"secret\.txt" if system_libraries.loads() else r"secret\.txt|apt-get install"
    ):
        render.write_pdf(CONTEXT, tmp_path / "report.pdf", templates)
    assert not (tmp_path / "report.pdf").exists()
