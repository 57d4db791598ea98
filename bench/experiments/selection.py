"""The rates that tuning chose, and the runs that are scored at them."""

from bench.experiments.catalog import Plan
from bench.records.runs import Cell
from bench.statistics.tuning import chosen_rates, tuning_scores
from bench.store import database as store


def chosen(snapshot: store.Snapshot, plan: Plan) -> dict[int, float]:
    """The learning rate that tuning chose for each contender of a plan, by the contender's index."""
    index = {cell.key: contender for contender, cell in plan.tuning()}
    scores = tuning_scores(snapshot.runs, snapshot.measurements)
    scores = scores.assign(contender=scores["key"].map(index)).dropna(subset="contender")
    best = chosen_rates(scores, ["contender"])
    return dict(zip(best["contender"].astype(int), best["learning_rate"].astype(float), strict=True))


def scored(snapshot: store.Snapshot, plan: Plan, *, complete: bool) -> list[Cell]:
    """The cells of a plan that are scored; until tuning is complete, a rate not chosen yet stands as 0."""
    unknown = {} if complete else dict.fromkeys(range(len(plan.contenders)), 0.0)
    return plan.final({**unknown, **chosen(snapshot, plan)})
