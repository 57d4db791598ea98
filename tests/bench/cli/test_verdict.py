"""The command `verdict`: what it asks for, and what it refuses before anything is measured."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from bench.__main__ import app
from bench.cli import verdict as command
from bench.statistics.standing import ARENAS, CLASSIFIER, OPTIMIZERS

ASK = CliRunner()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "Invalid candidate: got neither, expected one of --activation and --optimizer"),
        (["--activation", "mish", "--optimizer", "x:Y"], "Invalid candidate: got both, expected one of"),
        (["--activation", "mish", "--network", "cnn"], "Unknown network 'cnn'"),
        (
            ["--activation", "mish", "--dataset", "digits", "--workers", "0"],
            "should be greater than or equal to 1",
        ),
        (["--activation", "nosuch"], "nosuch"),
        (
            ["--activation", "mish,elu", "--dataset", "digits"],
            "Invalid candidate: got mish and elu, expected one",
        ),
        (
            ["--activation", "relu", "--dataset", "digits"],
            "Invalid candidate: got relu, expected another than",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_line(words, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "decide", None)
    monkeypatch.setattr(command.benchmarks, "run_benchmarks", None)
    result = ASK.invoke(app, ["verdict", *words], terminal_width=300)
    assert result.exit_code != 0
    said = " ".join(f"{result.output} {result.exception}".replace("│", " ").split())
    assert error in said
    assert not list(tmp_path.iterdir())


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What the command measures, decides and shows, without doing so."""
    done = SimpleNamespace(timed=[], decided=[], shown=[])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path / "program")

    def run_benchmarks(recorder, device, profile, log, custom, seconds):
        done.timed.append((profile, custom))

    def decide(recorder, reference, arena, plan, candidate, seconds, executor, *, others=()):
        done.decided.append((arena, plan.name, candidate, others))

    monkeypatch.setattr(command.benchmarks, "run_benchmarks", run_benchmarks)
    monkeypatch.setattr(command, "decide", decide)
    monkeypatch.setattr(command.training, "on_dask", lambda *_: nullcontext())
    monkeypatch.setattr(command, "_show", lambda *what: done.shown.append(what) or 0)
    return done


def test_an_activation_is_decided_on_the_classifier(asked):
    result = ASK.invoke(app, ["verdict", "--activation", "torch.nn:Hardswish", "--dataset", "digits"])
    assert result.exit_code == 0, result.output
    ((arena, plan, candidate, others),) = asked.decided
    assert (arena, plan) == (ARENAS[CLASSIFIER], "classifier")
    assert candidate.startswith("torch.nn:Hardswish@")
    assert [check.subject for check in others] == [candidate]
    assert asked.timed[0][0].benchmark_rounds == 5
    assert asked.shown == [(candidate, command.RESULTS, command.ROOT / command.DIGITS, Path("build"))]
    assert "no reference of digits at" in " ".join(result.output.split())


def test_the_reference_at_hand_is_taken_before_the_installed_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "ROOT", tmp_path / "program")
    assert command._path("digits") == tmp_path / "program" / "results" / "digits.sqlite"
    assert command._path("mnist") == tmp_path / "program" / "results" / "reference.sqlite"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "digits.sqlite").touch()
    assert command._path("digits") == Path("results/digits.sqlite")


def test_more_adds_the_other_networks(asked):
    ASK.invoke(app, ["verdict", "--activation", "mish", "--dataset", "digits", "--more"])
    assert [arena.words for arena, *_ in asked.decided] == [CLASSIFIER, *command.MORE]
    assert [plan for _, plan, *_ in asked.decided] == [arena.experiment for arena, *_ in asked.decided]


def test_an_optimizer_is_decided_among_optimizers(asked):
    ASK.invoke(app, ["verdict", "--optimizer", "torch.optim:NAdam", "--dataset", "digits"])
    ((arena, plan, candidate, _),) = asked.decided
    assert (arena, plan) == (ARENAS[OPTIMIZERS], "optimizers")
    assert candidate.startswith("torch.optim:NAdam@")
