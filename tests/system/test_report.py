"""The whole report, with nothing measured and with a little: every section, nothing invented."""

import html
import re
from dataclasses import replace

import jinja2
import pytest
from typer.testing import CliRunner

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.store import Store
from report.__main__ import app
from report.evidence.claims import CLAIMS
from report.pages.report import ANSWERS
from tests import small_store as small

SYNTHETIC = {
    "affinity": {"superposition error none": {0: 1e-15}, "superposition error relu": {0: 0.5}},
    "gradient_signs": {f"one sign {name}": {1: 1.0, 2: 0.9, 128: 0.5} for name in ("sigmoid", "tanh")},
    "gradient_agreement": {f"cosine {size}": {0: 0.5, 1: 0.1} for size in ("sample", "mini-batch")},
    "confidently_wrong": {f"steps {loss}": {0: 3.0} for loss in ("brier", "cross_entropy")},
}


def looked_into(run, inside):
    """A run with diagnostics: by metric and step a number."""
    config, outcome = run
    more = [Measurement(metric, step, v, "1") for metric, by in inside.items() for step, v in by.items()]
    return config, replace(outcome, measurements=[*outcome.measurements, *more])


def tiny_store(path):
    """One seed of what is quickly written down: most evidence is missing, and nothing has an interval."""
    inside = {f"{series} {k}": {0: k / 10} for series in ("activation rms", "gradient norm") for k in (1, 2)}
    deep = {"task": "deep_classifier", "batch_norm": None}
    runs = [small.phenomenon(task, 0, values) for task, values in SYNTHETIC.items()]
    for activation, accuracy in (("relu", 0.5), ("sgelu", 0.625)):
        runs += [
            small.scored(accuracy, activation=activation),
            looked_into(small.scored(accuracy, activation=activation, **deep), inside),
        ]
    runs.append(small.scored(0, activation="tanh", status="diverged", **deep))
    seconds = [Measurement("seconds", step, 1e-5, "s") for step in range(5)]
    timings = [
        BenchmarkCase("activation_forward", "sgelu", "impl", "16384 elements", 16384),
        BenchmarkCase("convolution_forward", "unfold", "impl", "1→16 at 28×28", 64),
        BenchmarkCase("convolution_forward", "native", "torch", "1→16 at 28×28", 64),
    ]
    with Store(path) as store:
        where = store.environment_id(small.HERE)
        for what, outcome in [*runs, *((timing, RunResult("finished", seconds)) for timing in timings)]:
            store.record(where, "quick", what, outcome)


def render(tmp_path, *options, form="html"):
    paths = ["--results", tmp_path / "here.sqlite", "--reference", tmp_path / "none.sqlite"]
    arguments = [
        "build",
        *paths,
        "--output",
        tmp_path / "build",
        *(["--format", form] if form else []),
        *options,
    ]
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize("measured", [False, True])
def test_every_section_is_there_and_missing_evidence_is_said(tmp_path, measured):
    if measured:
        tiny_store(tmp_path / "here.sqlite")
    result = render(tmp_path, form=None if measured else "html")
    assert result.exit_code == 0
    # without the libraries that draw it the PDF is missed aloud
    assert (tmp_path / "build" / "report.pdf").exists() == (measured and "no PDF" not in result.output)
    page = (tmp_path / "build" / "report.html").read_text()
    assert re.findall(r'<h2 id="(q\d\d)"', page) == [f"q{n:02d}" for n in range(1, 12)]
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert page.count('id="claim-') == (len(CLAIMS) if measured else 0)
    assert "not measured here" in page
    assert ("not on MNIST" in page) == measured
    assert ("Nothing is measured yet" in page) == (not measured)
    assert "(– to –)" in page or not measured  # one pair has no interval
    assert ("1 of 3 runs of the GELU paper&#39;s classifier diverged" in page) == measured
    prose = re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    # what a value that nobody looked at would leave behind; "None" also begins an English sentence
    assert re.findall(r"(?<![\w-])(?:nan|inf)(?![\w-])|>\s*None\s*<|\bNone[,)]", prose) == []


def test_some_questions_alone(tmp_path):
    assert render(tmp_path, "--only", "q02,q09").exit_code == 0
    page = (tmp_path / "build" / "report.html").read_text()
    assert re.findall(r'<h2 id="(q\d\d)"', page) == ["q02", "q09"]


def test_the_findings_of_page_1_are_said_at_the_end(tmp_path):
    tiny_store(tmp_path / "here.sqlite")
    said = [line[2:] for line in render(tmp_path, "--only", "q09").output.splitlines() if line[:2] == "• "]
    page = html.unescape((tmp_path / "build" / "report.html").read_text())
    assert [line.partition(": ")[0] for line in said] == [
        "What to believe",
        "What not to believe yet",
        "What it costs",
        "What the assignment got wrong",
    ]
    assert all(f'<b class="lead">{line.replace(": ", ".</b> ", 1)}' in page for line in said)


def test_a_mistake_in_a_template_is_named(tmp_path, monkeypatch):
    tiny_store(tmp_path / "here.sqlite")

    def wrong(*_):
        raise jinja2.UndefinedError("'accurracy' is undefined")

    monkeypatch.setattr("report.render.render.write_html", wrong)
    with pytest.raises(ValueError, match="a template: 'accurracy' is undefined"):
        render(tmp_path, "--only", "q09")


def test_two_stores_side_by_side(tmp_path):
    tiny_store(tmp_path / "here.sqlite")
    store, output = str(tmp_path / "here.sqlite"), str(tmp_path / "build")
    arguments = ["compare", store, store, "--output", output, "--format", "html"]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    page = (tmp_path / "build" / "compare.html").read_text()
    assert ">1.00<" in page
    assert not (tmp_path / "build" / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "q12"), "Unknown question 'q12'; expected one of"),
        (("--only", "q05,entropy"), "Unknown question 'entropy'; expected one of: q01, q02"),
        (("--format", "doc"), "Unknown format 'doc'; expected one of: html, pdf"),
        (("--format", "htm"), "Unknown format 'htm'; expected one of: html, pdf. Did you mean 'html'?"),
    ],
)
def test_unknown_names_list_the_known(tmp_path, options, message):
    result = render(tmp_path, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())


def test_every_answer_has_a_title_a_question_and_errata_that_point_to_it():
    for question, answer in ANSWERS.items():
        assert answer.title
        assert answer.question.endswith("?")
        for erratum in answer.errata(answer.values()):
            assert erratum.identifier.startswith(f"{question}-")
            assert erratum.question == int(question[1:])
