"""Record the results of runs in one environment and profile of the store."""

import math
from dataclasses import replace

from bench.records.runs import BenchmarkCase, RunConfig, RunResult
from bench.store import database as store

LONGEST_ERROR = 2000  # characters of it that are kept


class RunRecorder:
    """One environment and profile of an open store: what is finished, and where the next outcome goes."""

    def __init__(self, opened: store.Store, environment: int, profile: str) -> None:
        self.store, self.environment, self.profile = opened, environment, profile
        self.failed: list[str] = []

    def finished(self) -> set[str]:
        """Keys that need not be measured again."""
        return self.store.finished(self.environment, self.profile)

    def snapshot(self) -> store.Snapshot:
        """All that is stored of the environment and the profile."""
        return self.store.snapshot(self.environment, self.profile)

    def record(self, what: RunConfig | BenchmarkCase, outcome: RunResult) -> None:
        """Store an outcome and remember it if it failed; one with NaN, which no store holds, diverged."""
        text = outcome.error.encode("utf-8", "backslashreplace").decode()[:LONGEST_ERROR]
        outcome = replace(outcome, error=text)
        numbers = [m for m in outcome.measurements if not math.isnan(m.value)]
        if len(numbers) < len(outcome.measurements):
            outcome = replace(outcome, status="diverged", measurements=numbers)
        self.store.record(self.environment, self.profile, what, outcome)
        if outcome.status == "failed":
            self.failed.append(f"{what}: {outcome.error}")
