"""Measure what a verdict on one candidate needs, and stop where it is clear."""

import random
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

from bench.experiments.plan import Plan
from bench.experiments.profiles import ELEMENTS, Profile
from bench.records.names import PASSES
from bench.records.runs import BenchmarkCase, RunConfig
from bench.runner.recorder import RunRecorder
from bench.runner.training import Executor, Seconds, run_plans
from bench.statistics.borrowing import FEWEST, Agreement, with_baselines
from bench.statistics.standing import UNDECIDED, Arena, Standing, looks_of, standings
from bench.store import Snapshot

REPEATED = 3  # runs of the reference's baselines that are repeated before they are borrowed
ROUNDS = 5  # of benchmarks


@dataclass(frozen=True)
class Outcome:
    """What was found in one arena.

    Attributes:
        arena: The arena.
        agreement: How far runs of the reference that were repeated here agree with it.
        standings: Where the candidate stands, early and at the end.
    """

    arena: Arena
    agreement: Agreement
    standings: Sequence[Standing]

    @property
    def clear(self) -> bool:
        """Whether no comparison is undecided."""
        return bool(self.standings) and all(s.word != UNDECIDED for s in self.standings)


def drawn(reference: Snapshot, baselines: Sequence[RunConfig], seed: int) -> list[RunConfig]:
    """Return a few runs of the baselines in the reference, drawn at random, to be repeated.

    Args:
        reference: Stored runs; those of another size or form are left out.
        baselines: The baselines at any rate and seed.
        seed: Seed of the draw.
    """
    runs = reference.runs
    found = []
    for baseline in baselines:
        its = runs[(runs["task"] == baseline.task) & runs["status"].isin(("finished", "collapsed"))]
        for rate, part in its.groupby("learning_rate"):
            configs = {
                config.config_hash: config
                for config in (
                    replace(baseline, learning_rate=float(str(rate)), seed=int(s))
                    for s in part["seed"].unique()
                )
            }
            stored = [configs[key] for key in part["key"] if key in configs]
            found += stored if len(stored) >= FEWEST else []
    return random.Random(seed).sample(found, min(REPEATED, len(found)))  # noqa: S311  # not cryptography


def times(profile: Profile, subjects: Sequence[str], tasks: Collection[str]) -> Profile:
    """Return the profile with our benchmarks of these subjects alone, of activations at two sizes."""

    def chosen(case: BenchmarkCase) -> bool:
        small = case.task not in PASSES or case.size in ELEMENTS
        return case.task in tasks and case.subject in subjects and case.implementation == "impl" and small

    return replace(profile, times=chosen, benchmark_rounds=ROUNDS)


def decide(
    recorder: RunRecorder,
    reference: Snapshot | None,
    arena: Arena,
    plan: Plan,
    candidate: str,
    seconds: Seconds,
    executor: Executor,
    *,
    others: Sequence[RunConfig] = (),
    draw: int = 0,
) -> Outcome:
    """Train a candidate under more and more seeds until it is clear where it stands.

    Args:
        recorder: Where results go.
        reference: Runs of the baselines, which are borrowed if those that are repeated here agree with them.
        arena: What the candidate is compared in.
        plan: Runs of the candidate and of the baselines, at all seeds.
        candidate: Its name.
        seconds: Estimated duration of a run.
        executor: Executes the runs.
        others: Runs to execute in addition, such as conformance checks.
        draw: Seed of the choice of runs to repeat.
    """
    fields = {name: value for name, value in arena.fields.items() if name != arena.by}
    fitting = [c for c in plan.candidates if all(getattr(c, k) == value for k, value in fields.items())]
    baselines = [c for c in fitting if getattr(c, arena.by) in arena.baselines]
    repeated = drawn(reference, baselines, draw) if reference else []

    def run(names: Sequence[str], seeds: int, more: Sequence[RunConfig] = ()) -> None:
        chosen = [c for c in fitting if getattr(c, arena.by) in names]
        budget = replace(plan.budget, seeds=seeds, first=min(plan.budget.first, seeds))
        its = replace(plan, candidates=chosen, budget=budget, core=(*plan.core, candidate))
        run_plans(recorder, [its], more, seconds, nullcontext(executor))

    for look in looks_of(arena.seeds):
        run([candidate], look, [*others, *repeated])
        snapshot, agreed = with_baselines(recorder.snapshot(), reference, arena)
        if not agreed.close:
            run(arena.baselines, look)
            snapshot = recorder.snapshot()
        outcome = Outcome(arena, agreed, standings(snapshot, arena, candidate))
        if outcome.clear:
            break
    return outcome
