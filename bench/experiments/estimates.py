"""How long cells will take, from what was measured of their like."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.experiments.workloads.networks import NETWORKS
from bench.records.runs import RunConfig
from bench.store.database import Snapshot

NO_BATCH = 0.0
BENCHMARK = 2.6  # times what a benchmark may take it took in the reference, all that is around it included
UNKNOWN = 0.5  # seconds of a cell that is no network's and was never measured


def _work(samples: float, epochs: float) -> float:
    """What the time is taken to be proportional to: the samples seen; 1 for what has no epochs."""
    return max(1.0, samples * epochs)


def estimator(snapshots: Sequence[Snapshot]) -> Callable[[RunConfig], float]:
    """Seconds of a cell on one core: the median of its task and batch size in the first snapshot with both.

    What was measured nowhere is estimated from the table of networks.
    """
    known: dict[tuple[str, float], float] = {}
    for snapshot in reversed(snapshots):
        m = snapshot.measurements
        took = m[m["metric"] == "run_seconds"]
        work = np.maximum(1.0, took["samples"].astype(float) * took["epochs"].astype(float))
        size = took["batch_size"].astype(float).fillna(NO_BATCH)
        each = took.assign(each=took["value"] / work, size=size).groupby(["task", "size"])["each"].median()
        known.update(each.to_dict())  # type: ignore[arg-type]  # its keys are pairs

    def seconds(config: RunConfig) -> float:
        work = _work(config.samples, config.epochs)
        each = known.get((config.task, float(config.batch_size or NO_BATCH)))
        if each is not None:
            return each * work
        return NETWORKS[config.task].cost / 60_000 * work if config.task in NETWORKS else UNKNOWN

    return seconds
