"""Measures what the store does not hold yet: benchmarks by pytest, training runs by Dask."""

import contextlib
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster, as_completed

from bench import cells, store
from bench.cells import Cell, Outcome, run_cell
from bench.environment import ROOT
from bench.progress import Steps
from bench.timing import Recorder, Timing
from impl.training import Measurement

RETRIES = 2
# Dask's own setting hands memory back to the system at every chance, and a network asks for it again at every
# step: that doubled the time of the convolutional autoencoder. These keep it (glibc's allocator only).
KEEP_MEMORY = {f"MALLOC_{name}_THRESHOLD_": str(2**30) for name in ("TRIM", "MMAP")}
BENCHMARK_SAMPLE = 0.001  # seconds: shorter samples drown in the noise of clock and scheduler


class Session:
    """One environment and profile of an open store: what is finished, and where the next outcome goes."""

    def __init__(self, opened: store.Store, environment: int, profile: str) -> None:
        self.store, self.environment, self.profile = opened, environment, profile
        self.failed: list[str] = []

    def finished(self) -> set[str]:
        """Keys that need not be measured again."""
        return self.store.finished(self.environment, self.profile)

    def record(self, what: Cell | Timing, outcome: Outcome) -> None:
        """Store an outcome and remember it if it failed."""
        self.store.record(self.environment, self.profile, what, outcome)
        if outcome.status == "failed":
            self.failed.append(f"{what}: {outcome.error}")


def run_benchmarks(session: Session, device: str, log: Path) -> None:
    """Run the pytest-benchmark suites of `bench/` and record each benchmark as soon as it is finished.

    log: what pytest prints; pytest-benchmark's own file of this run lies beside it with the suffix `.json`.

    Raises:
        KeyboardInterrupt: when interrupted; what was finished is in the store.
        RuntimeError: if pytest could not run the suites at all.
    """
    json = log.with_suffix(".json")
    fresh = json.with_suffix(".fresh.json")  # replaces the last one only if anything was measured
    with Steps("benchmarks") as steps, log.open("w") as output:

        def record(timing: Timing, samples: list[Measurement], error: str) -> None:
            session.record(timing, Outcome("failed" if error else "finished", samples, error=error))
            steps.advance(str(timing))

        recorder = Recorder(session.finished(), lambda n: steps.begin(n, float(n)), record)
        seconds = cells.PROFILES[session.profile].benchmark_seconds
        arguments = [
            str(ROOT / "bench"),
            f"--rootdir={ROOT}",
            f"--config-file={ROOT / 'pyproject.toml'}",
            f"--device={device}",
            f"--benchmark-json={fresh}",
            f"--benchmark-max-time={seconds}",
            f"--benchmark-min-time={BENCHMARK_SAMPLE}",
            "--benchmark-disable-gc",
            "--benchmark-quiet",
            "--capture=no",  # pytest would take stderr, and the progress with it
            "-Wignore:Not saving anything",
            "-pno:cacheprovider",
        ]
        with contextlib.redirect_stdout(output):
            code = pytest.main(arguments, plugins=[recorder])
    if fresh.exists() and fresh.stat().st_size:
        fresh.replace(json)
    fresh.unlink(missing_ok=True)
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ended with {code!r}; see {log}")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let processes started within not hear Ctrl-C: the terminal tells all, and we stop them ourselves."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _client(workers: int, scheduler: str | None) -> Iterator[Client]:
    """A Dask client of the given scheduler, or of one-threaded worker processes on loopback."""
    if scheduler:
        with Client(scheduler) as client:
            yield client
        return
    with _uninterrupted(), dask.config.set({"distributed.nanny.pre-spawn-environ": KEEP_MEMORY}):
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.ERROR,
        )
    with cluster, Client(cluster) as client:
        yield client


def run_cells(
    session: Session,
    wanted: Sequence[Cell],
    root: Path | None,
    *,
    device: str = "cpu",
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Make every training run that is not in the store, on Dask; a run that fails is recorded as failed.

    Raises:
        KeyboardInterrupt: when interrupted; what was finished is in the store.
    """
    finished = session.finished()
    todo = [cell for cell in wanted if cell.key not in finished]
    if not todo:
        return
    with Steps("training runs") as steps, _client(workers or os.cpu_count() or 1, scheduler) as client:
        steps.begin(len(todo), sum(cell.cost for cell in todo))
        futures = {
            client.submit(
                run_cell,
                cell,
                root,
                device,
                key=cell.key,
                pure=False,
                retries=RETRIES,
                priority=round(cell.cost),
            ): cell
            for cell in todo
        }
        for future in as_completed(futures):
            cell, error = futures.pop(future), future.exception()
            session.record(cell, Outcome("failed", error=repr(error)) if error else future.result())
            steps.advance(str(cell), cell.cost)
