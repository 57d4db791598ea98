"""Estimates: runs recorded here, then the reference at this machine's speed, then the table of networks."""

from dataclasses import replace

import pytest
import torch

from bench.experiments import estimates
from bench.experiments.estimates import EVALUATION, OUTLIER, SET_UP, UNKNOWN, estimator
from bench.experiments.workloads.networks import NETWORKS
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
from bench.rounds.process import SECONDS
from tests.small_store import held

CONFIG = RunConfig("classifier", "relu", "adam", 1e-3, 128, True, "mnist", 6000, 5, 0)
EVALUATED = (5000 + 6000) * (1 + 3)  # held-out and test images, before training and at each horizon
PHENOMENON = RunConfig("zigzag", None, None, None, None, None, "mnist", 60_000, 0, 0)
CASE = BenchmarkCase("svd", "svd", "impl", "tall", 9)
PAIR = BenchmarkCase("interleaved", "adam", "1 thread", "parameters", 9)


def took(config, seconds, trained=None, status="finished"):
    """A run that took these seconds, of which it trained for `trained`, the second half in the last epoch."""
    parts = () if trained is None else (trained / 2, trained)
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(parts, 1)]
    return config, RunResult(status, [*rows, Measurement("run_seconds", 0, seconds, "s")])


def timed(case, whole=None, **calls):
    """A benchmark of these calls, by metric, and its duration."""
    rows = [
        Measurement(metric.replace("_", " "), step, value, "s")
        for metric, values in calls.items()
        for step, value in enumerate(values)
    ]
    return case, RunResult(
        "finished", [*rows, *([Measurement("run_seconds", 0, whole, "s")] if whole else [])]
    )


def seeds(config, *durations):
    return [took(replace(config, seed=seed), *pair) for seed, pair in enumerate(durations)]


def test_unmeasured_networks_cost_what_their_table_says():
    seconds = estimator(slowdown=3.0)
    samples = 5 * 6000 + EVALUATED / 3
    assert seconds(CONFIG) == pytest.approx(3 * NETWORKS["classifier"].cost * samples / 60_000)
    slow = seconds(replace(CONFIG, task="scratch_cnn"))
    assert slow == pytest.approx(seconds(CONFIG) * NETWORKS["scratch_cnn"].cost / NETWORKS["classifier"].cost)
    assert seconds(PHENOMENON) == 3 * UNKNOWN
    assert estimator(slowdown=3.0)(CASE) == pytest.approx(3 * SET_UP + SECONDS)


def test_training_evaluation_and_the_rest_are_told_apart():
    # a millisecond per training sample, a third of it per evaluated one, and two seconds
    measured = replace(CONFIG, samples=1000, epochs=2)
    whole = 2.0 + 1e-3 * (2000 + 2000 * (1 + 3) / 3)
    seconds = estimator(held([took(measured, whole, trained=2.0)]))
    assert seconds(measured) == pytest.approx(whole)
    assert seconds(CONFIG) == pytest.approx(2.0 + 1e-3 * (30_000 + EVALUATED / 3))
    untrained = replace(CONFIG, epochs=0)
    assert seconds(untrained) == pytest.approx(2.0 + 1e-3 * (5000 + 6000) / 3)
    assert seconds(replace(untrained, samples=1)) == pytest.approx(2.0 + 1e-3 * 2 / 3)


def test_a_candidate_counts_before_its_task_and_its_task_before_the_reference():
    measured = held(
        [
            took(CONFIG, 1.0, trained=1.0),
            took(replace(CONFIG, activation="tanh"), 3.0, trained=3.0),
            took(replace(CONFIG, activation="gelu", batch_size=32), 90.0, trained=90.0),
            took(replace(CONFIG, activation="swish"), 500.0, trained=500.0, status="failed"),
        ]
    )
    reference = held([took(replace(CONFIG, activation="sgelu"), 50.0), took(PHENOMENON, 0.7)])
    seconds = estimator(measured, reference, slowdown=10.0)

    def share(config):  # of evaluation, which 30,000 training samples take besides
        return seconds(config) / (1 + EVALUATION * EVALUATED / 30_000)

    assert share(CONFIG) == pytest.approx(1.0)
    assert share(replace(CONFIG, activation="tanh", seed=7, learning_rate=0.1)) == pytest.approx(3.0)
    assert share(replace(CONFIG, activation="sgelu")) == pytest.approx(2.0)
    assert seconds(PHENOMENON) == pytest.approx(7.0)
    assert seconds(replace(PHENOMENON, task="affinity")) == 10 * UNKNOWN


def test_runs_that_compiled_something_do_not_count():
    durations = [(0.3,), (0.5,), (0.4,), (0.4 * OUTLIER + 1,)]
    assert estimator(held(seeds(PHENOMENON, *durations)))(PHENOMENON) == pytest.approx(0.4)


def test_a_benchmark_takes_its_set_up_and_its_calls():
    # calls of 30 ms: three to warm up and calibrate, twenty to time
    whole = 1.0 + 23 * 0.03
    stored = held([timed(CASE, whole, seconds=(0.02, 0.03, 0.04))])
    assert estimator(stored)(CASE) == pytest.approx(whole)
    assert estimator(stored)(replace(CASE, seed=5)) == pytest.approx(whole)  # whatever the round
    elsewhere = estimator(None, stored, slowdown=2.0)
    assert elsewhere(CASE) == pytest.approx(2.0 + 3 * 0.06 + 16 * 0.06)  # sixteen of 60 ms fit a second
    assert elsewhere(replace(CASE, input="custom")) == elsewhere(CASE)
    unknown = estimator(held([timed(CASE, seconds=(0.02, 0.03, 0.04))]))
    assert unknown(CASE) == pytest.approx(SET_UP + 23 * 0.03)
    short = estimator(held([timed(CASE, seconds=(1e-5,))]))
    assert short(CASE) == pytest.approx(SET_UP + 3e-5 + SECONDS)


def test_a_round_of_interleaved_alternatives_is_one_call_of_each():
    # three rounds to warm up and nine that count, of 0.1 s + 0.3 s
    stored = held([timed(PAIR, 5.0, seconds=(4.8,), seconds_of_ours=(0.1,) * 9, seconds_of_torch=(0.3,) * 9)])
    assert estimator(stored)(PAIR) == pytest.approx(5.0)


def test_the_speed_of_this_machine_is_relative_to_the_same_steps(monkeypatch):
    monkeypatch.setattr(estimates, "_epoch_seconds", lambda: 0.6)
    case = BenchmarkCase("interleaved", "classifier", "1 thread", "one epoch", 2560)
    stored = held([timed(case, seconds_of_fit=(0.1, 0.2, 0.9), seconds_of_bare_loop=(7.0,) * 3)])
    assert estimates.slowdown(stored) == pytest.approx(3.0)
    table = NETWORKS["classifier"].cost * 2560 / 60_000
    assert (
        estimates.slowdown(None)
        == estimates.slowdown(held([took(CONFIG, 1.0)]))
        == pytest.approx(0.6 / table)
    )


def test_calibration_takes_the_mean_epoch_and_leaves_the_generator_alone(monkeypatch):
    now = iter(range(0, 100, 2))  # seconds; each look at the clock is 2 s after the one before
    fitted = []
    monkeypatch.setattr(estimates, "CALIBRATION", 7.0)
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(estimates, "fit", lambda model, train, **options: fitted.append(len(train[0])))
    state = torch.get_rng_state()
    # the clock reads 0, then 2, 4, 6 before an epoch each, and 8: enough
    assert estimates._epoch_seconds() == pytest.approx(8 / 3)
    assert fitted == [2560] * 4  # the first warms up
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kernels", [[], ["ab"]])
def test_an_empty_cache_is_compiled_first(monkeypatch, tmp_path, kernels):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    for name in kernels:
        (tmp_path / name).mkdir()
    compiling = 0 if kernels else estimates.COMPILING
    rounds = [replace(CASE, seed=seed) for seed in range(3)]
    assert estimates.start_up(rounds) == estimates.START + 3 * estimates.ROUND + compiling
    assert estimates.start_up([CONFIG]) == estimates.START + estimates.WORKERS + compiling


def test_update_rules_that_are_not_in_the_cache_are_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    (tmp_path / "update_rules").mkdir()
    (tmp_path / "update_rules" / "adam.pt2").touch()
    names = ("adam", "sgd", "adagrad", "mine.py:Own@0123")
    missing = [replace(CONFIG, optimizer=name, seed=seed) for name in names for seed in (0, 1)]
    # three rules, of which all kernels include one and the cache has one
    assert estimates.start_up(missing) == estimates.START + estimates.WORKERS + estimates.RULE
