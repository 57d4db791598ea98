"""How far a profile is: what ended how, what is left, counted by hand."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from bench import __main__ as command_line
from bench import store
from bench.experiments.catalog import RATES, Budget, plan
from bench.records import environment
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.runner import status
from bench.runner.benchmarks import collect
from bench.store import Store, latest
from tests import small_store as small

TIMINGS = [BenchmarkCase("forward", name, "impl", "4 elements", 4) for name in ("relu", "gelu", "tanh")]
PLAN = plan("deep_classifier", Budget(2, 1, 100, tuning_seeds=1), "digits", 1000, ["relu", "gelu"])
RATE = RATES["adam"][1]


def tuned(config, accuracy):
    """The outcome of a run that chooses a rate, and that took two seconds."""
    values = [Measurement("validation_accuracy", e, accuracy, "1") for e in (0, 1)]
    values += [Measurement("validation_loss", e, 1 - accuracy, "1") for e in (0, 1)]
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
    configs = 2 * (len(RATES["adam"]) + 2)  # two candidates at five rates, then under two seeds
    assert found["deep_classifier"] == status.Stage("deep_classifier", 0, 0, 0, configs, None, 10.0 * configs)
    assert found["all"] == status.Stage("all", 0, 0, 0, configs + 3, None, 10.0 * configs + 3)


def test_what_failed_is_left_what_diverged_is_not(tmp_path):
    tuning = [config for _, config in PLAN.tuning()]
    runs = [
        (TIMINGS[0], RunResult("finished", [Measurement("seconds", 0, 1e-6, "s")])),
        (TIMINGS[1], RunResult("failed", error="no")),
        *((config, tuned(config, 0.9 if config.learning_rate == RATE else 0.5)) for config in tuning[:-2]),
        (tuning[-2], RunResult("diverged", [Measurement("run_seconds", 0, 3.0, "s")])),
        (tuning[-1], RunResult("failed", error="no")),
    ]
    found = parts(snapshot(tmp_path / "r.sqlite", runs))
    assert found["benchmarks"] == status.Stage("benchmarks", 1, 0, 1, 2, None, 2.0)
    # eight finished, and four are to be scored
    assert found["deep_classifier"] == status.Stage("deep_classifier", 8, 1, 1, 5, 19.0, 50.0)
    assert found["all"] == status.Stage("all", 9, 1, 2, 7, 19.0, 52.0)


def test_what_is_scored_at_the_rate_that_was_chosen_counts(tmp_path):
    tuning = [config for _, config in PLAN.tuning()]
    runs = [(config, tuned(config, 0.9 if config.learning_rate == RATE else 0.5)) for config in tuning]
    at = {
        (rate, seed): replace(PLAN.candidates[0], learning_rate=rate, seed=seed)
        for rate in (RATE, RATES["adam"][0])
        for seed in (0, 1)
    }
    scored = RunResult("finished", [Measurement("test_accuracy", 1, 0.9, "1")])
    runs += [(at[RATE, 0], scored), (at[RATES["adam"][0], 1], scored)]  # the other is at a rate not chosen
    found = parts(snapshot(tmp_path / "r.sqlite", runs))["deep_classifier"]
    assert (found.finished, found.left) == (11, 3)


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
    assert accuracy.tolist() == [0.5]
    assert store.find(path, small.HERE, "reference").runs.empty
    assert store.find(path, replace(small.HERE, cores=77), "quick") is None
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
    unknown = [row for row in listed if row["config_hash"] is None]
    assert len(unknown) == 4 * 2 * 2  # shares of labels, losses, seeds
    assert {(row["learning_rate"], row["split"]) for row in unknown} == {(None, "test")}
    assert not list(here.iterdir())


def test_every_benchmark_is_counted_and_none_is_run():
    found = collect("cpu", {})
    assert len({timing.config_hash for timing in found}) == len(found) > 300


@pytest.mark.parametrize(("last", "left"), [("diverged", 0), ("failed", 1 + 4)])
def test_until_all_of_tuning_ended_what_is_scored_counts_as_left(tmp_path, last, left):
    *most, other = [config for _, config in PLAN.tuning()]
    runs = [*((config, RunResult("diverged")) for config in most), (other, RunResult(last))]
    assert parts(snapshot(tmp_path / "r.sqlite", runs))["deep_classifier"].left == left


def test_what_is_scored_after_tuning_that_failed_is_not_reached(tmp_path):
    """Counted once, though two experiments share it."""
    runs = [
        (config, RunResult("failed", error="no") if index == 0 else tuned(config, config.learning_rate))
        for index, config in PLAN.tuning()
    ]
    best = max(RATES["adam"])
    runs += [
        (replace(PLAN.candidates[1], learning_rate=best, seed=seed), tuned(PLAN.candidates[1], 0.5))
        for seed in (0, 1)
    ]
    found = snapshot(tmp_path / "r.sqlite", runs)
    lacking = status.not_reached(found, status.runs_of(found, [PLAN, replace(PLAN, name="again")], [], []))
    assert lacking == [replace(PLAN.candidates[0], learning_rate=0.0, seed=seed) for seed in (0, 1)]
