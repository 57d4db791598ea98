"""Stores of a few runs, each number given by the test."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from bench.records.environment import Environment
from bench.records.names import BLOCK_SCORES
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult, horizons
from bench.store import Snapshot, Store, latest
from bench.store.schema import SPECIFICATION

HERE = Environment("Some CPU", 2, 1024, "Linux", "3.11", "{}", "cpu", 1, "s", "digits", "d", "c0ffee")
CONFIG = RunConfig(
    "classifier", "relu", "adam", 1e-3, 128, True, "digits", 100, 2, 0,
    loss="cross_entropy", initialization="torch",
)  # fmt: skip


def run(values, status="finished", steps=None, **fields):
    """A run of CELL with other fields; values: metric -> number, or numbers by step."""
    config = replace(CONFIG, **fields)
    rows = [
        Measurement(metric, step, number, "1")
        for metric, given in values.items()
        for step, number in (given.items() if isinstance(given, dict) else [(config.epochs, given)])
    ]
    return config, RunResult(status, rows)


BLOCKS = np.array([-0.001, 0.0, 0.001])  # what blocks of test images add to a score


def scored(accuracy, rate=1e-3, seed=0, status="finished", held_out=0.5, early=None, **fields):
    """A run with its test accuracy, and its held-out accuracy, which chooses the rate.

    Both are the same at every horizon; with `early`, the first one has that test accuracy instead.
    """
    ends = horizons(replace(CONFIG, **fields).epochs)
    if status == "diverged":
        return run({}, status, learning_rate=rate, seed=seed, **fields)
    at = {h: accuracy if early is None or h != ends[0] else early for h in ends}
    values = {
        "test_accuracy": at,
        "test_loss": {h: 1 - a for h, a in at.items()},
        "train_loss": {h: 2 - a for h, a in at.items()},
        "validation_accuracy": dict.fromkeys(ends, held_out),
        "validation_loss": dict.fromkeys(ends, 1 - held_out),
    }
    config, result = run(values, status, learning_rate=rate, seed=seed, **fields)
    blocks = np.array([a + BLOCKS for a in at.values()], np.float32)
    return config, replace(result, arrays={BLOCK_SCORES: blocks})


def reconstructed(loss, rate=1e-3, seed=0, status="finished", held_out=0.5, **fields):
    """A run of an autoencoder with its test loss, and its held-out loss, which chooses the rate."""
    fields = {"task": "fc_autoencoder", "loss": "mse", **fields}
    ends = horizons(replace(CONFIG, **fields).epochs)
    metrics = {"test_loss": loss, "train_loss": loss, "validation_loss": held_out}
    values = {metric: dict.fromkeys(ends, value) for metric, value in metrics.items()}
    config, result = run(values, status, learning_rate=rate, seed=seed, **fields)
    blocks = np.array([loss * (1 + BLOCKS)] * len(ends), np.float32)
    return config, replace(result, arrays={BLOCK_SCORES: blocks})


def timed(found, scale=1.0):
    """Runs of benchmarks: (task, subject, implementation, elements) -> seconds by round, times `scale`."""
    return [
        (
            BenchmarkCase(task, subject, way, f"{size} elements", size, seed),
            RunResult("finished", [Measurement("seconds", 0, scale * value, "s")]),
        )
        for (task, subject, way, size), values in found.items()
        for seed, value in enumerate(values)
    ]


def by_round(run):
    """The runs of a benchmark whose samples are each of another round."""
    case, outcome = run
    return [
        (replace(case, seed=seed), replace(outcome, measurements=[m._replace(step=0)]))
        for seed, m in enumerate(outcome.measurements)
    ]


def phenomenon(task, seed, values):
    """A run of a phenomenon: metric -> numbers by step."""
    config = RunConfig(task, None, None, None, None, None, "digits", 100, 0, seed)
    rows = [Measurement(m, step, v, "1") for m, by in values.items() for step, v in by.items()]
    return config, RunResult("finished", rows)


def snapshot(path, runs, profile="quick"):
    """What a store of these runs, or timings, gives back."""
    with Store(path) as store:
        where = store.environment_id(HERE)
        for what, outcome in runs:
            store.record(where, profile, what, outcome)
    return latest(path)


def held(runs, profile="quick", where=HERE):
    """The same without a file, which takes too long for tests that draw many."""
    rows, found = [], []
    for number, (what, outcome) in enumerate(runs, 1):
        head = {
            "run": number,
            "kind": "training" if isinstance(what, RunConfig) else "timing",
            "key": what.config_hash,
        }
        head |= {
            "status": outcome.status,
            "error": outcome.error,
            "finished_at": f"2026-01-01T00:{number:02}",
        }
        # as SQLite has it, which knows no truth
        fields = {k: int(v) if isinstance(v, bool) else v for k, v in asdict(what).items()}
        rows.append({**head, **dict.fromkeys(SPECIFICATION), **fields, "processor": where.processor})
        found += [(number, *m) for m in outcome.measurements]
    table = pd.DataFrame(rows)
    described = table.drop(columns=["error", "finished_at", "processor"])
    texts = described.select_dtypes("str").columns
    described = described.astype(dict.fromkeys(texts, "category"))
    measured = pd.DataFrame(found, columns=["run", "metric", "step", "value", "unit"])
    measured = measured.astype({"metric": "category", "unit": "category", "value": float, "step": float})
    arrays = {
        (number, name): array
        for number, (_, outcome) in enumerate(runs, 1)
        for name, array in outcome.arrays.items()
    }
    return Snapshot(asdict(where), profile, table, described.merge(measured, on="run"), arrays)


def numbers(path):
    """How many runs there are of each status, and all that was measured but times, by key."""
    query = "SELECT key, status, metric, step, value, unit FROM run JOIN measurement ON run.id = run"
    with closing(sqlite3.connect(path)) as connection:
        runs = Counter(status for (status,) in connection.execute("SELECT status FROM run"))
        return runs, sorted(connection.execute(f"{query} WHERE unit != 's'"))
