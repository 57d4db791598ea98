"""Evaluation runs at the learning rates that tuning chose."""

from bench.experiments.catalog import Plan
from bench.records.runs import RunConfig
from bench.statistics import chosen_rates, tuning_scores
from bench.store import Snapshot


def chosen(snapshot: Snapshot, plan: Plan) -> dict[int, float]:
    """Return the learning rate that tuning chose for each candidate of a plan, by the candidate's index."""
    index = {config.config_hash: candidate for candidate, config in plan.tuning()}
    scores = tuning_scores(snapshot.runs, snapshot.measurements)
    scores = scores.assign(candidate=scores["key"].map(index)).dropna(subset="candidate")
    best = chosen_rates(scores, ["candidate"])
    return dict(zip(best["candidate"].astype(int), best["learning_rate"].astype(float), strict=True))


def scored(snapshot: Snapshot, plan: Plan, *, complete: bool) -> list[RunConfig]:
    """Return the evaluation runs of a plan.

    Args:
        snapshot: Stored runs.
        plan: The experiment.
        complete: Whether all tuning runs are stored; otherwise a rate that is not chosen yet is 0.
    """
    unknown = {} if complete else dict.fromkeys(range(len(plan.candidates)), 0.0)
    return plan.evaluation({**unknown, **chosen(snapshot, plan)})
