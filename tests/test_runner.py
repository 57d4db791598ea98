"""Through Dask into the store: numbers of a plain run, failures as rows, nothing run twice."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench import __main__ as command_line
from bench import runner
from bench.cells import Cell, run_cell
from bench.environment import current
from bench.store import Store, latest

SMALL = Cell("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)


@pytest.fixture
def session(tmp_path):
    with Store(tmp_path / "results.sqlite") as store:
        yield runner.Session(store, store.environment_id(current("digits", "0")), "quick")


def test_runs_are_those_of_this_process_and_a_failure_is_a_row(session):
    bad = replace(SMALL, activation="nothing of the name")
    good = [SMALL, replace(SMALL, seed=1), replace(SMALL, activation="sgelu")]
    runner.run_cells(session, [*good, bad], None, workers=1)
    snapshot = latest(session.store.path)
    assert sorted(snapshot.runs["status"]) == ["failed", "finished", "finished", "finished"]
    assert "nothing of the name" in snapshot.runs.query("status == 'failed'")["error"].item()
    assert len(session.failed) == 1
    for cell in good:
        rows = snapshot.measurements.query("key == @cell.key and metric != 'seconds'")
        expected = sorted(m for m in run_cell(cell, None).measurements if m.metric != "seconds")
        found = zip(rows["metric"], rows["step"], rows["value"], rows["unit"], strict=True)
        assert sorted(found) == [tuple(m) for m in expected]


def test_what_is_in_the_store_is_not_run_again(session, monkeypatch):
    runner.run_cells(session, [SMALL], None, workers=1)
    monkeypatch.setattr(runner, "_client", lambda *_: pytest.fail("a cluster was started for nothing"))
    runner.run_cells(session, [SMALL], None, workers=1)
    assert len(latest(session.store.path).runs) == 1


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--profile", "fast"], "unknown profile 'fast'; known: quick, reference"),
        (["--activation", "relu,snake"], "unknown activation 'snake'; known: sigmoid, tanh, relu"),
        (["--workers", "0"], "equal to 1"),
    ],
)
def test_unknown_names_are_errors_that_list_the_known(option, message, tmp_path):
    result = CliRunner().invoke(
        command_line.app, ["run", "--results", str(tmp_path / "r.sqlite"), *option], terminal_width=300
    )
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "r.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--data-root", "nowhere"], str(Path("nowhere/MNIST/raw/train-images-idx3-ubyte"))),
    ],
)
def test_what_a_user_can_mend_is_one_line(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", "run", "--results", str(tmp_path / "r.sqlite"), *arguments])
    with pytest.raises(SystemExit) as exit_:
        command_line.cli()
    assert exit_.value.code == 1
    error = " ".join(capsys.readouterr().err.split())
    assert "error: " in error
    assert message in error.replace("\n", "")
    assert "Traceback" not in error
