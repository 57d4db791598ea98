"""Stored runs can be had again, and a store that says otherwise is found out."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from bench.__main__ import app
from bench.experiments.workloads.training_run import execute
from bench.records.environment import current
from bench.records.runs import RunConfig
from bench.runner.rerun import config_of, rerun
from bench.store import Store, latest

SMALL = RunConfig("classifier", "sgelu", "adam", 1e-3, 32, True, "digits", 64, 1, 0, loss="cross_entropy")
OTHERS = (
    replace(SMALL, activation="control", batch_norm=False, initialization="variance"),
    RunConfig("affinity", None, None, None, None, None, "digits", 1437, 0, 3),
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "results.sqlite"
    with Store(path) as store:
        where = store.environment_id(current("digits", "0"))
        for config in (SMALL, *OTHERS):
            store.record(where, "quick", config, execute(config, None))
    return path


def test_a_row_becomes_the_cell_it_was_made_of(path):
    assert {config_of(run) for _, run in latest(path).runs.iterrows()} == {SMALL, *OTHERS}


def test_a_row_whose_key_is_anothers_is_an_error(path):
    run = latest(path).runs.iloc[0].copy()
    run["seed"] = 5
    with pytest.raises(ValueError, match=r"run 1 has the hash \w+, expected \w+"):
        config_of(run)


def test_runs_repeat_and_a_changed_number_is_found(path):
    assert [its.different for its in rerun(latest(path), 3, 0, None)] == [0, 0, 0]
    outcome = execute(SMALL, None)
    odd = [m._replace(value=m.value + (1e-9 if m.metric == "test_loss" else 0)) for m in outcome.measurements]
    changed = sum(m.metric == "test_loss" for m in outcome.measurements)
    path = path.with_name("other.sqlite")
    with Store(path) as store:
        where = store.environment_id(current("digits", "0"))
        store.record(where, "quick", SMALL, replace(outcome, measurements=odd))
        for config in OTHERS:
            store.record(where, "quick", config, execute(config, None))
    found = {its.config.config_hash: its.different for its in rerun(latest(path), 3, 0, None)}
    assert found == {SMALL.config_hash: changed, **{config.config_hash: 0 for config in OTHERS}}
    result = CliRunner().invoke(app, ["verify", "--results", str(path)])
    assert result.exit_code == 1
    assert f"{changed} of" in result.output


def test_another_processor_rounds_differently_which_is_said_and_no_failure(tmp_path):
    outcome = execute(SMALL, None)
    odd = [m._replace(value=m.value * (1 + 1e-7)) for m in outcome.measurements]
    path = tmp_path / "results.sqlite"
    with Store(path) as store:
        where = store.environment_id(replace(current("digits", "0"), processor="Z80"))
        store.record(where, "quick", SMALL, replace(outcome, measurements=odd))
    result = CliRunner().invoke(app, ["verify", "--results", str(path)])
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("numbers differ, of a run on Z80")
    assert " 0 of" not in result.output
