"""Runtime estimates from previously recorded runs."""

from collections.abc import Callable, Sequence

import numpy as np

from bench.experiments.workloads.networks import NETWORKS
from bench.records.runs import RunConfig
from bench.store import Snapshot

NO_BATCH = 0.0
BENCHMARK = 2.6  # duration of a benchmark in the reference, over its time limit
UNKNOWN = 0.5  # seconds of a run that trains no network and was never measured


def _work(samples: float, epochs: float) -> float:
    """Return the samples seen, to which durations are proportional; 1 for runs without epochs."""
    return max(1.0, samples * epochs)


def estimator(snapshots: Sequence[Snapshot]) -> Callable[[RunConfig], float]:
    """Return a function that estimates the seconds of a run on one core.

    The estimate is the median of runs of its task and batch size, per sample seen.

    Args:
        snapshots: Recorded runs; the first snapshot with task and batch size counts. Without any, the
            estimate follows from NETWORKS.
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
