"""What every answer of the whole report must have: a short answer first, figures that ask, and references."""

import html
import re

import pytest

from report.document.references import REFERENCES
from report.pages.report import ANSWERS
from tests.said import numbers_by_sentence

NESTED = re.compile(r'<details class="data">.*?</details>', re.DOTALL)  # the data of a figure


@pytest.fixture(scope="module")
def text(page):
    return page.read_text("utf-8")


@pytest.fixture(scope="module")
def sections(text):
    parts = re.split(r'<h2 id="(\w+)">', text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_a_section_begins_with_its_question_and_the_short_answer(sections):
    for question in ANSWERS:
        order = [
            sections[question].index(mark) for mark in ('class="question"', 'class="short-answer"', "<h3>")
        ]
        assert order == sorted(order)


def test_every_figure_and_table_is_referred_to(text):
    # What is folded stands under its own title.
    open_ = re.sub(r'<details class="folded">.*?</details>\n', "", NESTED.sub("", text), flags=re.DOTALL)
    things = re.findall(r'<figure id="([^"]+)"', open_) + re.findall(r'<table id="([^"]+)"', open_)
    referred = set(re.findall(r'class="ref to-(?:appendix_)?(?:figure|table)" href="#([^"]+)"', text))
    assert len(things) > 30
    assert set(things) - referred == {"headline"}  # which page 1 begins with


def test_the_caption_of_a_figure_begins_with_the_question_that_it_answers(text):
    captions = re.findall(r"<figcaption><b>Figure A?\d+\.</b>(.*?)</figcaption>", text, re.DOTALL)
    assert len(captions) > 20
    for caption in captions:
        words = html.unescape(re.sub(r"<[^>]+>", "", caption))
        assert re.match(r"[^.:;]*\?", words), words


def test_every_figure_has_its_table_and_a_file_of_it(text):
    figures = re.findall(r"<figure .*?</figure>", text, re.DOTALL)
    for figure in figures:
        assert re.search(
            r'<table>.*<td>.*<a download="[\w-]+\.csv" href="data:text/csv;base64,', figure, re.DOTALL
        )
        assert re.search(r"<desc[^>]*>[^<]{40,}</desc>", figure)


def test_no_sentence_of_page_1_has_more_than_two_numbers(report):
    numbers = numbers_by_sentence(" ".join(report.context["summary"].values()))
    assert len(numbers) > 10
    assert {sentence: found for sentence, found in numbers.items() if len(found) > 2} == {}


def test_every_work_of_the_bibliography_is_cited_and_has_a_year(text):
    for work in REFERENCES:
        assert f'href="#{work.key}">[' in text
        assert re.search(r"\((19|20)\d\d\)", work.text)
