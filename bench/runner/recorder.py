"""Record the results of runs in one environment and profile of the results database."""

import math
from dataclasses import replace

from bench.records.runs import BenchmarkCase, RunConfig, RunResult
from bench.store import Snapshot, Store

LONGEST_ERROR = 2000  # stored characters of an error


class RunRecorder:
    """One environment and profile of an open results database, and the failures recorded so far."""

    def __init__(self, store: Store, environment: int, profile: str) -> None:
        self.store, self.environment, self.profile = store, environment, profile
        self.failed: list[str] = []

    def finished(self) -> set[str]:
        """Return the hashes of runs that need no repetition."""
        return self.store.finished(self.environment, self.profile)

    def snapshot(self) -> Snapshot:
        """Return all runs of the environment and profile."""
        return self.store.snapshot(self.environment, self.profile)

    def record(self, what: RunConfig | BenchmarkCase, result: RunResult) -> None:
        """Store a result; a run with a NaN, which the database cannot hold, is recorded as diverged."""
        text = result.error.encode("utf-8", "backslashreplace").decode()[:LONGEST_ERROR]
        result = replace(result, error=text)
        numbers = [m for m in result.measurements if not math.isnan(m.value)]
        if len(numbers) < len(result.measurements):
            result = replace(result, status="diverged", measurements=numbers)
        self.store.record(self.environment, self.profile, what, result)
        if result.status == "failed":
            self.failed.append(f"{what}: {result.error}")
