"""Stores of a few runs, each number given by the test."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict, replace

import pandas as pd

from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
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


def tuning(score, rate, seed=1000, status="finished", **fields):
    """A run that chooses a rate, with its held-out accuracy."""
    values = {"validation_accuracy": {0: 0.1, 2: score}, "validation_loss": {0: 2.3, 2: 1 - score}}
    return run(values, status, learning_rate=rate, seed=seed, split="validation", **fields)


def scored(accuracy, rate=1e-3, seed=0, status="finished", **fields):
    """A run that was scored on the test set, with its accuracy."""
    values = {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "train_loss": 2 - accuracy}
    return run(values if status == "finished" else {}, status, learning_rate=rate, seed=seed, **fields)


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
        rows.append({**head, **dict.fromkeys(SPECIFICATION), **fields})
        found += [(number, *m) for m in outcome.measurements]
    table = pd.DataFrame(rows)
    described = table.drop(columns=["error", "finished_at"])
    texts = described.select_dtypes("str").columns
    described = described.astype(dict.fromkeys(texts, "category"))
    measured = pd.DataFrame(found, columns=["run", "metric", "step", "value", "unit"])
    measured = measured.astype({"metric": "category", "unit": "category", "value": float})
    return Snapshot(asdict(where), profile, table, described.merge(measured, on="run"), {})


def numbers(path):
    """How many runs there are of each split and status, and all that was measured but times, by key."""
    query = "SELECT key, status, split, metric, step, value, unit FROM run JOIN measurement ON run.id = run"
    with closing(sqlite3.connect(path)) as connection:
        runs = Counter(connection.execute("SELECT split, status FROM run"))
        return runs, sorted(connection.execute(f"{query} WHERE unit != 's'"))
