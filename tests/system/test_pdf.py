"""The PDF: tagged and valid, with bookmarks, page numbers and running heads, and broken where it may be."""

import os
import subprocess
import sys

import pytest

from report.render.render import METADATA
from tests.system.conftest import EPOCH, REFERENCE

HEADINGS = ("h1", "h2", "h3", "h4")


def within(box, *classes):
    """The boxes of these classes in a box; what stands in the margins is no part of a page's content."""
    from weasyprint.formatting_structure.boxes import MarginBox

    if isinstance(box, classes):
        yield box
    for child in getattr(box, "children", ()):
        if not isinstance(child, MarginBox):
            yield from within(getattr(child, "_box", child), *classes)


def printed(box):
    """What leaves ink: pieces of text, and drawings."""
    from weasyprint.formatting_structure.boxes import ReplacedBox, TextBox

    return within(box, TextBox, ReplacedBox)


@pytest.fixture(scope="module")
def pages(pdf):
    return pdf.layout.pages


@pytest.fixture(scope="module")
def reader(pdf):
    import pypdf

    return pypdf.PdfReader(pdf.path)


def test_it_is_valid_pdf_ua(pdf, unavailable):
    try:
        from page import ValidationProfile, validate_pdf
    except ImportError:
        unavailable("no validator; pip install page-validation, where there is a wheel for this platform")
    result = validate_pdf(pdf.path, profile=ValidationProfile.PDF_UA_1)
    assert [f"{failure.rule_id}: {failure.message}" for failure in result.failures] == []
    assert result.is_compliant
    assert result.rules.total > 100


def test_it_says_what_it_is(reader, report):
    assert reader.metadata.title == report.context["title"]
    assert reader.metadata.subject == report.context["subtitle"]
    assert reader.metadata.author == METADATA["author"]
    assert reader.metadata["/Keywords"] == ", ".join(METADATA["keywords"])
    assert reader.metadata.creation_date.timestamp() == int(EPOCH)
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_formulas_can_be_found(reader):
    text = "".join("".join(page.extract_text().split()) for page in reader.pages)
    for formula in (
        "SGELU(x) = x erf(x)",
        "AᵀA",
        "∂L/∂W₁ = δ₁Xᵀ",
        "mₜ = β₁mₜ₋₁ + (1 − β₁) gₜ",
        "σ(x) = 1/(1 + e⁻ˣ)",
    ):
        assert formula.replace(" ", "") in text


def test_bookmarks_are_the_headings(reader, pdf):
    def flat(outline, level=1):
        for entry in outline:
            if isinstance(entry, list):
                yield from flat(entry, level + 1)
            else:
                yield level, " ".join(entry.title.split())

    headings = [
        (int(element.tag[1]), " ".join("".join(element.itertext()).split()))
        for element in pdf.layout.html.iter()
        if element.tag in HEADINGS
    ]
    assert list(flat(reader.outline)) == headings
    assert sum(level == 2 for level, _ in headings) > 11
    assert sum(level == 3 for level, _ in headings) > 11


def test_pages_have_numbers_and_running_heads(reader, report):
    starts = {
        " ".join(entry.title.split()): reader.get_destination_page_number(entry)
        for entry in reader.outline[1]
        if not isinstance(entry, list)
    }
    for section in report.context["sections"]:
        name = f"{section.number} {section.title}"
        number = starts[name]
        head = f"{report.context['title']} {name}"
        assert reader.pages[number].extract_text().splitlines()[-2:] == [head, str(number + 1)]


def test_no_heading_is_the_last_of_its_page(pages):
    from weasyprint.formatting_structure.boxes import BlockBox

    headings = 0
    for number, page in enumerate(pages, 1):
        ink = [box.position_y for box in printed(page)]
        for box in within(page, BlockBox):
            if box.element_tag in (*HEADINGS, "caption"):
                headings += 1
                below = box.content_box_y() + box.height
                assert max(ink) >= below - 1, f"{box.element_tag} at the end of page {number}"
    assert headings > 100


def test_tables_repeat_their_heads(pages):
    from weasyprint.formatting_structure.boxes import TableBox, TableRowBox

    parts = {}
    for page in pages:
        for table in within(page, TableBox):
            if table.element_tag == "table":
                parts.setdefault(table.element, []).append(table)
    broken = [tables for tables in parts.values() if len(tables) > 1]
    assert len(broken) > 3
    for table in (table for tables in broken for table in tables):
        heads = [group for group in table.children if group.is_header]
        rows = [row for group in table.children if not group.is_header for row in within(group, TableRowBox)]
        assert len(heads) == 1
        assert rows, "a head without rows"


def test_pages_are_filled(pages):
    for number, page in enumerate(pages[:-1], 1):
        end = page.content_box_y() + page.height
        blank = end - max(ink.position_y + ink.height for ink in printed(page))
        assert blank < 0.6 * page.height, f"page {number}"


def test_the_same_store_gives_the_same_bytes(tmp_path, unavailable):
    command = [sys.executable, "-m", "report", "build", "--only", "q01,q09", "--reference", REFERENCE]
    made, running = [], []
    for seed in ("1", "2"):  # whatever is ordered by hashes comes in another order
        made.append(tmp_path / seed)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": seed}
        here = ["--results", tmp_path / "none.sqlite", "--output", made[-1]]
        running.append(subprocess.Popen([*command, *here], env=environment, cwd=REFERENCE.parent.parent))
    assert [process.wait() for process in running] == [0, 0]
    if not (made[0] / "report.pdf").exists():
        unavailable("WeasyPrint's libraries are missing")
    for name in ("report.html", "report.pdf"):
        assert (made[0] / name).read_bytes() == (made[1] / name).read_bytes(), name
