"""How far a profile is: what ended how, what is left, counted by hand."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from bench import __main__ as command_line
from bench import store
from bench.experiments.catalog import RATES, plan
from bench.experiments.plan import Budget
from bench.records import environment
from bench.records.runs import BenchmarkCase, Measurement, RunResult, horizons
from bench.runner import status
from bench.runner.benchmarks import collect
from bench.store import Store, latest
from tests import small_store as small

TIMINGS = [BenchmarkCase("forward", name, "impl", "4 elements", 4) for name in ("relu", "gelu", "tanh")]
PLAN = plan("deep_classifier", Budget(2, 1, 100), "digits", 1000, ["relu", "gelu"])
RATE = RATES["adam"][1]


FIRST = PLAN.runs({})


def trained(config, accuracy):
    """The outcome of a run that took two seconds."""
    ends = horizons(config.epochs)
    values = [Measurement("validation_accuracy", e, accuracy, "1") for e in ends]
    values += [Measurement("validation_loss", e, 1 - accuracy, "1") for e in ends]
    return RunResult("finished", [*values, Measurement("run_seconds", 0, 2.0, "s")])


def snapshot(path, runs):
    return small.snapshot(path, runs)


def parts(found, others=(), timings=TIMINGS):
    runs = status.runs_of(found, [PLAN], others, timings)
    seconds = lambda what: 1.0 if what in timings else 10  # noqa: E731
    return {stage.name: stage for stage in status.stages(found, runs, seconds)}


def test_of_an_empty_store_everything_is_left():
    found = parts(None)
    assert list(found) == ["benchmarks", "deep_classifier", "all"]
    configs = 2 * (len(RATES["adam"]) + 2)  # two candidates at five rates, two of which are guessed to go on
    assert found["deep_classifier"] == status.Stage(
        "deep_classifier", 0, 0, 0, 0, configs, None, 10.0 * configs
    )
    assert found["all"] == status.Stage("all", 0, 0, 0, 0, configs + 3, None, 10.0 * configs + 3)


def test_what_failed_is_left_what_diverged_or_collapsed_is_not(tmp_path):
    runs = [
        (TIMINGS[0], RunResult("finished", [Measurement("seconds", 0, 1e-6, "s")])),
        (TIMINGS[1], RunResult("failed", error="no")),
        *((c, trained(c, 0.9 if c.learning_rate == RATE else 0.5)) for c in FIRST[:-3]),
        (FIRST[-3], replace(trained(FIRST[-3], 0.1), status="collapsed")),
        (FIRST[-2], RunResult("diverged", [Measurement("run_seconds", 0, 3.0, "s")])),
        (FIRST[-1], RunResult("failed", error="no")),
    ]
    found = parts(snapshot(tmp_path / "r.sqlite", runs))
    assert found["benchmarks"] == status.Stage("benchmarks", 1, 0, 0, 1, 2, None, 2.0)
    # seven finished; one that failed, and a second seed of each candidate, are left
    assert found["deep_classifier"] == status.Stage("deep_classifier", 7, 1, 1, 1, 3, 19.0, 30.0)
    assert found["all"] == status.Stage("all", 8, 1, 1, 2, 5, 19.0, 32.0)


def test_only_runs_at_rates_that_go_on_count(tmp_path):
    runs = [(config, trained(config, 0.9 if config.learning_rate == RATE else 0.5)) for config in FIRST]
    later = [replace(PLAN.candidates[0], learning_rate=rate, seed=1) for rate in (RATE, RATES["adam"][0])]
    runs += [(config, trained(config, 0.9)) for config in later]  # the second is at a rate that does not
    found = parts(snapshot(tmp_path / "r.sqlite", runs))["deep_classifier"]
    assert (found.finished, found.left) == (11, 1)


def test_what_parts_share_counts_once_in_all(tmp_path):
    other = replace(PLAN, name="again")
    found = status.stages(None, status.runs_of(None, [PLAN, other], [], []), lambda what: 1.0)
    assert [part.left for part in found] == [14, 14, 14]


def test_benchmarks_are_not_spread_over_cores():
    found = list(parts(None).values())
    assert status.seconds_on(4, found) == 3 + 140 / 4


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (3600, "60 min"), (5940, "99 min"), (6060, "1 h 41 min")],
)
def test_durations(seconds, said):
    assert status.about(seconds) == said


def test_a_store_of_this_environment_is_found_among_others(tmp_path):
    path = tmp_path / "r.sqlite"
    assert store.find(path, small.HERE, "quick") is None
    elsewhere = replace(small.HERE, processor="another")
    with Store(path) as opened:
        opened.record(opened.environment_id(small.HERE), "quick", *small.scored(0.5))
        opened.record(opened.environment_id(elsewhere), "quick", *small.scored(0.75))
    accuracy = store.find(path, small.HERE, "quick").measurements.query("metric == 'test_accuracy'")["value"]
    assert set(accuracy) == {0.5}
    assert store.find(path, small.HERE, "reference").runs.empty
    assert store.find(path, replace(small.HERE, source_sha256="another"), "quick") is None
    last = latest(path)
    assert status.differing(last, elsewhere, "quick") == []
    assert status.differing(last, replace(small.HERE, commit_hash="x"), "reference") == [
        "processor",
        "profile",
    ]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of its own, and a machine whose environment is that of small stores."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(environment, "current", lambda *_: small.HERE)
    return tmp_path


def invoke(*arguments):
    result = CliRunner().invoke(command_line.app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_status_says_what_is_there_and_what_is_missing(here):
    path = here / "r.sqlite"
    said = invoke("status", "--dataset", "digits", "--results", str(path)).stdout
    assert said.startswith(f"{path}: nothing measured yet")
    assert not path.exists()
    small.snapshot(path, [small.scored(0.5), small.scored(0, seed=1, status="diverged")])
    said = invoke("status", "--dataset", "digits", "--results", str(path)).stdout
    assert "machine    Some CPU, 2 cores" in said
    assert "commit     c0ffee" in said
    assert "2 runs, " in said
    assert "differs" not in said
    said = invoke("status", "--dataset", "digits", "--results", str(path), "--profile", "reference").stdout
    assert "The current environment differs in profile; these results are ignored." in said


def test_status_for_a_program(here):
    path = here / "r.sqlite"
    small.snapshot(path, [small.scored(0.5)])
    found = json.loads(invoke("status", "--dataset", "digits", "--results", str(path), "--json").stdout)
    assert found["measured"]["machine"] == "Some CPU, 2 cores"
    assert (found["differs_in"], found["profile"], found["dataset"]) == ([], "quick", "digits")
    last = found["stages"][-1]
    assert last["name"] == "all"
    assert last["left"] >= max(part["left"] for part in found["stages"][:-1]) > 0


def test_a_dry_run_measures_nothing_and_counts_as_status_does(here):
    narrow = ("--dataset", "digits", "--only", "losses")
    result = invoke("run", "--dry-run", *narrow)
    listed = json.loads(invoke("status", "--json", *narrow).stdout)["runs"]
    assert f"{len(listed)} runs are missing" in result.stdout
    assert {(row["stage"], row["status"]) for row in listed} == {("losses", "missing")}
    assert len(listed) == 4 * 2 * (5 + 2)  # shares of labels, losses; rates, and two of them guessed to go on
    assert not list(here.iterdir())


def test_every_benchmark_is_counted_and_none_is_run():
    found = collect("cpu", {})
    assert len({timing.config_hash for timing in found}) == len(found) > 300


@pytest.mark.parametrize(("last", "left"), [("diverged", 0), ("failed", 1)])
def test_a_candidate_without_a_finished_run_goes_no_further(tmp_path, last, left):
    *most, other = FIRST
    runs = [*((config, RunResult("diverged")) for config in most), (other, RunResult(last))]
    assert parts(snapshot(tmp_path / "r.sqlite", runs))["deep_classifier"].left == left


def test_what_has_no_result_is_not_reached(tmp_path):
    """Counted once, though two experiments share it."""
    runs = [(config, trained(config, config.learning_rate)) for config in FIRST[1:]]
    found = snapshot(tmp_path / "r.sqlite", runs)
    runs_of = status.runs_of(found, [PLAN, replace(PLAN, name="again")], [], [])
    assert FIRST[0] in status.not_reached(found, runs_of)
    assert len(status.not_reached(found, runs_of)) == len(
        {c.config_hash for c in status.not_reached(found, runs_of)}
    )
