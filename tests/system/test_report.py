"""The whole report, with nothing measured and with a little: every section, nothing invented."""

import re

import pytest
from typer.testing import CliRunner

from bench.cells import Outcome
from bench.store import Store
from bench.timing import Timing
from impl.training import Measurement
from report.__main__ import app
from report.assemble import ANSWERS
from tests import small_store as small


def tiny_store(path):
    """One seed of two activations on one task, and one benchmark: most evidence is missing."""
    with Store(path) as store:
        where = store.environment_id(small.HERE)
        for activation, accuracy in (("relu", 0.5), ("sgelu", 0.625)):
            store.record(where, "quick", *small.tuning(0.9, 1e-3, activation=activation))
            store.record(where, "quick", *small.scored(accuracy, activation=activation))
        timing = Timing("activation_forward", "sgelu", "impl", "16384 elements", 16384)
        seconds = [Measurement("seconds", step, 1e-5, "s") for step in range(5)]
        store.record(where, "quick", timing, Outcome("finished", seconds))


def render(tmp_path, *options):
    paths = ["--results", tmp_path / "here.sqlite", "--reference", tmp_path / "none.sqlite"]
    arguments = [*paths, "--output", tmp_path / "build", "--format", "html", *options]
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize("measured", [False, True])
def test_every_section_is_there_and_missing_evidence_is_said(tmp_path, measured):
    if measured:
        tiny_store(tmp_path / "here.sqlite")
    assert render(tmp_path).exit_code == 0
    page = (tmp_path / "build" / "report.html").read_text()
    assert re.findall(r'<h2 id="(q\d\d)"', page) == [f"q{n:02d}" for n in range(1, 12)]
    assert "not measured here" in page
    assert ("not on MNIST" in page) == measured
    assert ("Nothing was measured on this machine yet" in page) == (not measured)
    assert "(– to –)" in page or not measured  # one pair has no interval
    prose = re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    # what a value that nobody looked at would leave behind; "None" also begins an English sentence
    assert re.findall(r"(?<![\w-])(?:nan|inf)(?![\w-])|>\s*None\s*<|\bNone[,)]", prose) == []


def test_some_questions_alone(tmp_path):
    assert render(tmp_path, "--only", "q02,q09").exit_code == 0
    page = (tmp_path / "build" / "report.html").read_text()
    assert re.findall(r'<h2 id="(q\d\d)"', page) == ["q02", "q09"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "q12"), "unknown question 'q12'; known: q01"),
        (("--format", "doc"), "unknown format 'doc'"),
    ],
)
def test_unknown_names_list_the_known(tmp_path, options, message):
    result = render(tmp_path, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_every_answer_has_a_title_a_question_and_errata_that_point_to_it():
    for slug, answer in ANSWERS.items():
        assert answer.title
        assert answer.question.endswith("?")
        for erratum in answer.errata(answer.values()):
            assert erratum.identifier.startswith(f"{slug}-")
            assert erratum.question == int(slug[1:])
