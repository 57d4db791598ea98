"""Names and texts that mean harm, from command line and store to the page and the PDF: mere text."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from bench.__main__ import app
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.store import Store
from report.evidence.sanitize import sanitize
from report.evidence.sources import sources
from report.pages.report import ANSWERS, context, worked
from report.render import system_libraries
from report.render.render import render_page, write_pdf
from tests.small_store import HERE, run, scored

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}{% raw %}",
    "</math></svg></style><b>",
    r"\(\frac{1}{0}\) and \[x",
    "$\\frac{$ and $x_$",
    "a\x00b\x1b[31m",
    "\u202egnp.exe\u2066",
    "\ue000\ue004\ue006",
    "_hidden.acts:Bump",
    "file:///etc/passwd",
    "=HYPERLINK(1)",
    "x" * 10_000,
    "👩‍🔬 Ünïcode 漢字",
]


def store(path, names, field=""):
    """Runs of each name, scored, failed and timed; `field` of the environment is hostile, too."""
    machine = replace(HERE, **({field: names[0]} if field else {}))
    with Store(path) as opened:
        where = opened.environment_id(machine)
        for name in ["relu", "gelu", *names]:
            for seed in range(3):
                opened.record(where, "quick", *scored(0.5 + seed / 10, seed=seed, activation=name))
            opened.record(
                where,
                "quick",
                *run({}, "failed", activation=name, seed=77)[:1],
                RunResult("failed", error=name),
            )
            timing = BenchmarkCase("activation_forward", name, "impl", "4 elements", 4)
            opened.record(
                where, "quick", timing, RunResult("finished", [Measurement("seconds", 0, 1e-6, "s")])
            )
    return path


class Parsed(HTMLParser):
    """Elements, attributes and text of a page, by a parser of its own."""

    def __init__(self, page):
        super().__init__()
        self.scripts, self.attributes, self.text = 0, set(), ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.attributes |= set(attrs)

    def handle_data(self, data):
        self.text += data


def harmless(page):
    parsed = Parsed(page)
    assert parsed.scripts == 1
    for name, value in parsed.attributes:
        assert not name.startswith("on"), (name, value)
        if name in ("href", "src", "srcset", "action", "data", "xlink:href"):
            assert value.startswith(("#", "data:")), (name, value)
    return parsed.text


@pytest.fixture(scope="module")
def context_of():
    """From a store to the context of two answers that show activations by name."""
    answers = {question: ANSWERS[question] for question in ("q07", "q11")}
    values = worked(answers)
    return lambda path: context(answers, lambda: values, sources(path, Path("none")))


@pytest.mark.parametrize("field", ["", "processor", "dataset", "system", "commit_hash", "versions"])
def test_all_at_once_are_text_in_the_page(context_of, tmp_path, field):
    path = store(tmp_path / "r.sqlite", HOSTILE, field)
    text = harmless(render_page(context_of(path), "html"))
    for name in HOSTILE:
        assert sanitize(name) in text, name
    assert "49" not in text.partition("{{7*7}}")[2][:4]


def test_all_at_once_are_text_in_the_pdf(context_of, tmp_path):
    if not system_libraries.loads():
        pytest.skip(system_libraries.remedy())
    path = store(tmp_path / "r.sqlite", HOSTILE)
    write_pdf(context_of(path), tmp_path / "r.pdf")
    pages = pypdf.PdfReader(tmp_path / "r.pdf").pages
    text = "".join("".join(page.extract_text() for page in pages).replace("\0", "").split())
    for name in HOSTILE[:4]:
        assert "".join(sanitize(name).split())[:8] in text, name


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=4, unique=True))
def test_whatever_may_be_drawn_is_text_in_the_page(context_of, tmp_path_factory, names):
    names = [name.encode("utf-8", "replace").decode() for name in names]
    path = store(tmp_path_factory.mktemp("drawn") / "r.sqlite", list(dict.fromkeys(names)))
    text = harmless(render_page(context_of(path), "html"))
    for name in names:
        assert sanitize(name).strip() in text, name


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=80)))
def test_the_command_line_says_that_there_is_no_such_thing(name):
    for option in ("--activation", "--profile", "--only", "--dataset"):
        result = CliRunner().invoke(app, ["status", f"{option}={name}"])
        assert result.exit_code != 0
        assert isinstance(result.exception, (SystemExit, ValueError, OSError)), (
            option,
            name,
            result.exception,
        )
