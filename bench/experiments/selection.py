"""The rates that tuning chose, and the runs that are scored at them."""

from bench.experiments.catalog import Plan
from bench.records.runs import RunConfig
from bench.statistics.tuning import chosen_rates, tuning_scores
from bench.store import database as store


def chosen(snapshot: store.Snapshot, plan: Plan) -> dict[int, float]:
    """The learning rate that tuning chose for each candidate of a plan, by the candidate's index."""
    index = {config.config_hash: candidate for candidate, config in plan.tuning()}
    scores = tuning_scores(snapshot.runs, snapshot.measurements)
    scores = scores.assign(candidate=scores["key"].map(index)).dropna(subset="candidate")
    best = chosen_rates(scores, ["candidate"])
    return dict(zip(best["candidate"].astype(int), best["learning_rate"].astype(float), strict=True))


def scored(snapshot: store.Snapshot, plan: Plan, *, complete: bool) -> list[RunConfig]:
    """The cells of a plan that are scored; until tuning is complete, a rate not chosen yet stands as 0."""
    unknown = {} if complete else dict.fromkeys(range(len(plan.candidates)), 0.0)
    return plan.final({**unknown, **chosen(snapshot, plan)})
