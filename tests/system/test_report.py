"""The whole report, with nothing measured and with a little: every section, nothing invented."""

import re

import pytest
from typer.testing import CliRunner

from bench.cells import Outcome
from bench.store import Store
from bench.timing import Timing
from impl.training import Measurement
from report.__main__ import CODE, app, watch
from report.assemble import ANSWERS
from report.claims import CLAIMS
from report.render import TEMPLATES
from tests import small_store as small

PHENOMENA = {
    "affinity": {"superposition error none": {0: 1e-15}, "superposition error relu": {0: 0.5}},
    "gradient_signs": {f"one sign {name}": {1: 1.0, 2: 0.9, 128: 0.5} for name in ("sigmoid", "tanh")},
    "gradient_agreement": {f"cosine {size}": {0: 0.5, 1: 0.1} for size in ("sample", "mini-batch")},
    "confidently_wrong": {f"steps {loss}": {0: 3.0} for loss in ("brier", "cross_entropy")},
}


def tiny_store(path):
    """One seed of what is quickly written down: most evidence is missing, and nothing has an interval."""
    inside = {f"{series} {k}": {0: k / 10} for series in ("activation rms", "gradient norm") for k in (1, 2)}
    deep = {"task": "deep_classifier", "batch_norm": None}
    runs = [small.phenomenon(task, 0, values) for task, values in PHENOMENA.items()]
    for activation, accuracy in (("relu", 0.5), ("sgelu", 0.625)):
        runs += [
            small.tuning(0.9, 1e-3, activation=activation),
            small.scored(accuracy, activation=activation),
            small.tuning(0.9, 1e-3, activation=activation, **deep),
            small.run({"test_accuracy": accuracy, **inside}, activation=activation, **deep),
        ]
    runs.append(small.scored(0, activation="tanh", status="diverged", **deep))
    seconds = [Measurement("seconds", step, 1e-5, "s") for step in range(5)]
    timings = [
        Timing("activation_forward", "sgelu", "impl", "16384 elements", 16384),
        Timing("convolution_forward", "unfold", "impl", "1→16 at 28×28", 64),
        Timing("convolution_forward", "native", "torch", "1→16 at 28×28", 64),
    ]
    with Store(path) as store:
        where = store.environment_id(small.HERE)
        for what, outcome in [*runs, *((timing, Outcome("finished", seconds)) for timing in timings)]:
            store.record(where, "quick", what, outcome)


def render(tmp_path, *options, form="html"):
    paths = ["--results", tmp_path / "here.sqlite", "--reference", tmp_path / "none.sqlite"]
    arguments = [*paths, "--output", tmp_path / "build", *(["--format", form] if form else []), *options]
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
    assert ("Nothing was measured on this machine yet" in page) == (not measured)
    assert "(– to –)" in page or not measured  # one pair has no interval
    assert ("tanh, deep classifier: diverged (1 run)" in page) == measured
    prose = re.sub(r"<(style|svg)\b.*?</\1>", "", page, flags=re.DOTALL)
    # what a value that nobody looked at would leave behind; "None" also begins an English sentence
    assert re.findall(r"(?<![\w-])(?:nan|inf)(?![\w-])|>\s*None\s*<|\bNone[,)]", prose) == []


def test_some_questions_alone(tmp_path):
    assert render(tmp_path, "--only", "q02,q09").exit_code == 0
    page = (tmp_path / "build" / "report.html").read_text()
    assert re.findall(r'<h2 id="(q\d\d)"', page) == ["q02", "q09"]


def test_two_stores_side_by_side(tmp_path):
    tiny_store(tmp_path / "here.sqlite")
    assert render(tmp_path, "--compare", *[tmp_path / "here.sqlite"] * 2).exit_code == 0
    page = (tmp_path / "build" / "compare.html").read_text()
    assert "1.00 (1.00 to 1.00)" in page
    assert not (tmp_path / "build" / "report.html").exists()


def test_watching_renders_again_for_a_template_and_starts_afresh_for_code_or_a_store(monkeypatch, tmp_path):
    store = tmp_path / "here.sqlite"
    rounds = [
        TEMPLATES / "page.html.j2",
        TEMPLATES / "style.css",
        tmp_path / "other.txt",
        store,
        CODE / "x.py",
    ]
    monkeypatch.setattr("watchfiles.watch", lambda *folders, **_: ({(1, str(path))} for path in rounds))
    started = []
    monkeypatch.setattr("os.execv", lambda *arguments: started.append(arguments))
    rendered = []

    def render_once():
        rendered.append(1)
        if len(rendered) == 1:
            raise ValueError("a formula with a mistake")

    watch([store], render_once)  # the mistake does not end it
    assert len(rendered) == 2
    assert len(started) == 2


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
