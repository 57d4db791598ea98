"""A verdict stops where it is clear, borrows what agrees, and trains the baselines where nothing does."""

from collections import Counter
from dataclasses import replace

import pytest

from bench.experiments.catalog import plan
from bench.experiments.plan import Budget
from bench.experiments.profiles import PROFILES
from bench.records.names import CLASSIFIER_SIZE
from bench.records.runs import BenchmarkCase
from bench.runner.recorder import RunRecorder
from bench.runner.training import Executor
from bench.runner.verdict import decide, drawn, times
from bench.statistics.standing import ARENAS, BETTER, CLASSIFIER, LEVEL, UNDECIDED
from bench.store import Store
from tests import small_store as small

ARENA = ARENAS[CLASSIFIER]
NAMES = [*ARENA.baselines, "mine:Act@01234567"]
PLAN = plan("classifier", Budget(20, 2, 100, first=3), "digits", 1437, NAMES)


def result_of(config, gain=0.0, noise=0.0):
    """A run that is best at 3e-3; seeds deviate, those of the candidate the other way."""
    off = (
        0.01 * abs(PLAN_RATES.index(config.learning_rate) - 2) if config.learning_rate in PLAN_RATES else 0.1
    )
    value = 0.8 + gain * (config.activation == NAMES[-1]) - off
    value += noise * (config.seed % 3 - 1) * (-1) ** (config.activation == NAMES[-1])
    _, result = small.scored(
        value, config.learning_rate, config.seed, activation=config.activation, held_out=value
    )
    return result


PLAN_RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


def decided(tmp_path, reference=None, **how):
    """The outcome, and the executed runs by activation and seed."""
    executed = []

    def execute(configs):
        executed.extend(configs)
        return ((config, result_of(config, **how)) for config in configs)

    with Store(tmp_path / "r.sqlite") as store:
        recorder = RunRecorder(store, store.environment_id(small.HERE), "reference")
        outcome = decide(recorder, reference, ARENA, PLAN, NAMES[-1], lambda run: 1.0, Executor(execute, 1))
    return outcome, Counter((config.activation, config.seed) for config in executed)


def reference(tmp_path, **how):
    """A store of every baseline at three rates under all seeds."""
    with Store(tmp_path / "reference.sqlite") as store:
        where = store.environment_id(small.HERE)
        for config in PLAN.candidates:
            if config.batch_norm and config.activation in ARENA.baselines:
                for rate in PLAN_RATES:
                    for seed in range(20):
                        run = config.__class__(**{**vars(config), "learning_rate": rate, "seed": seed})
                        store.record(where, "reference", run, result_of(run, **how))
        return store.snapshot(where, "reference")


def test_a_clear_verdict_ends_at_the_first_look(tmp_path):
    outcome, executed = decided(tmp_path, gain=0.1)
    assert {s.word for s in outcome.standings} == {BETTER}
    assert {s.seeds for s in outcome.standings} == {6}
    assert max(seed for _, seed in executed) == 5
    assert not outcome.agreement.close
    assert {name for name, _ in executed} == set(NAMES)


def test_an_unclear_verdict_goes_on_to_all_seeds(tmp_path):
    outcome, executed = decided(tmp_path, gain=0.004, noise=0.03)
    assert {s.word for s in outcome.standings} == {UNDECIDED}
    assert {s.seeds for s in outcome.standings} == {20}
    assert max(seed for _, seed in executed) == 19


def test_baselines_that_agree_are_borrowed_and_not_trained(tmp_path):
    stored = reference(tmp_path)
    outcome, executed = decided(tmp_path, stored, gain=0.0001)
    assert outcome.agreement.close
    assert (outcome.agreement.runs, outcome.agreement.equal) == (3, 3)
    assert sum(n for (name, _), n in executed.items() if name != NAMES[-1]) == 3
    assert {s.word for s in outcome.standings} == {LEVEL}
    assert {s.baseline for s in outcome.standings} == set(ARENA.baselines)


def test_baselines_that_do_not_agree_are_trained_here(tmp_path):
    stored = reference(tmp_path, noise=0.0125)
    outcome, executed = decided(tmp_path, stored, gain=0.1)
    assert not outcome.agreement.close
    assert {seed for name, seed in executed if name == "gelu"} >= set(range(6))
    assert {s.word for s in outcome.standings} == {BETTER}


def test_repeated_runs_are_drawn_by_their_seed(tmp_path):
    stored = reference(tmp_path)
    baselines = [c for c in PLAN.candidates if c.batch_norm and c.activation in ARENA.baselines]
    one, again, other = (drawn(stored, baselines, seed) for seed in (0, 0, 1))
    assert one == again != other
    assert len({config.config_hash for config in one}) == 3
    longer = [replace(config, epochs=3) for config in baselines]
    assert drawn(stored, longer, 0) == []  # of another size


def test_a_reference_of_another_size_is_not_used(tmp_path):
    stored = reference(tmp_path)
    runs = stored.runs.assign(key="of another form")
    outcome, executed = decided(tmp_path, replace(stored, runs=runs), gain=0.1)
    assert not outcome.agreement.close
    assert outcome.agreement.runs == 0
    assert {name for name, _ in executed} == set(NAMES)


@pytest.mark.parametrize(
    ("case", "chosen"),
    [
        (BenchmarkCase("activation_forward", "mine", "impl", CLASSIFIER_SIZE, 16384), True),
        (BenchmarkCase("activation_backward", "mine", "impl", "1048576 elements", 2**20), True),
        (BenchmarkCase("activation_forward", "mine", "impl", "4194304 elements", 2**22), False),
        (BenchmarkCase("activation_forward", "mine", "torch", CLASSIFIER_SIZE, 16384), False),
        (BenchmarkCase("activation_forward", "tanh", "impl", CLASSIFIER_SIZE, 16384), False),
        (BenchmarkCase("optimizer_step", "mine", "impl", "the classifier's parameters", 1), False),
    ],
)
def test_only_the_candidate_and_its_baselines_are_timed(case, chosen):
    profile = times(PROFILES["reference"], ["mine", "relu"], ["activation_forward", "activation_backward"])
    assert profile.times(case) == chosen
    assert profile.benchmark_rounds == 5
