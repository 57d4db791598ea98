"""Measures what the store does not hold yet: benchmarks by pytest, training runs by Dask."""

import contextlib
import faulthandler
import logging
import math
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import dask
import pytest
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed

from bench import store
from bench.cells import Cell, Outcome, run_cell
from bench.environment import ROOT
from bench.experiments import Plan
from bench.progress import Steps
from bench.statistics import chosen_rates, tuning_scores
from bench.timing import Recorder, Timing
from impl.training import Measurement

RETRIES = 2
PATIENCE, SLOWER = 600.0, 10.0  # a cell may take ten minutes and ten times as long as it is expected to
# Dask's own setting hands memory back to the system at every chance, and a network asks for it again at every
# step: that doubled the time of the convolutional autoencoder. These keep it (glibc's allocator only).
KEEP_MEMORY = {f"MALLOC_{name}_THRESHOLD_": str(2**30) for name in ("TRIM", "MMAP")}
LOCAL = {
    "distributed.nanny.pre-spawn-environ": KEEP_MEMORY,
    # whatever was on a worker that dies is made again alone, so that it is certain what killed it
    "distributed.scheduler.allowed-failures": 0,
    # few cells wait on a worker beside the one it runs, and are not taken for what killed it
    "distributed.scheduler.worker-saturation": 1.0,
    # a worker that dies is replaced, however often and however long that takes
    "distributed.deploy.lost-worker-timeout": "1 day",
}
LONGEST_ERROR = 2000  # characters of it that are kept
CONFIG = ROOT / "pyproject.toml"  # an installed copy lies beside other packages and has none
BENCHMARK_SAMPLE = 0.001  # seconds: shorter samples drown in the noise of clock and scheduler


class Session:
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

    def record(self, what: Cell | Timing, outcome: Outcome) -> None:
        """Store an outcome and remember it if it failed; one with NaN, which no store holds, diverged."""
        text = outcome.error.encode("utf-8", "backslashreplace").decode()[:LONGEST_ERROR]
        outcome = replace(outcome, error=text)
        numbers = [m for m in outcome.measurements if not math.isnan(m.value)]
        if len(numbers) < len(outcome.measurements):
            outcome = replace(outcome, status="diverged", measurements=numbers)
        self.store.record(self.environment, self.profile, what, outcome)
        if outcome.status == "failed":
            self.failed.append(f"{what}: {outcome.error}")


def suites(device: str, own: Mapping[str, Sequence[str]]) -> list[str]:
    """What pytest is to read: all suites on a device, and by kind a user's own contenders beside the tables'.

    It is to leave alone our output and our folder.
    """
    return [
        str(ROOT / "bench"),
        f"--rootdir={ROOT}",
        f"--config-file={CONFIG if CONFIG.exists() else os.devnull}",
        "--capture=no",  # pytest would take stderr, and the progress with it
        "-pno:cacheprovider",
        f"--device={device}",
        *(f"--{kind}={name}" for kind, names in own.items() for name in names),
    ]


def run_benchmarks(
    session: Session, device: str, seconds: float, log: Path, own: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Run the pytest-benchmark suites of `bench/` and record each benchmark as soon as it is finished.

    seconds: how long each may take; log: what pytest prints, beside which pytest-benchmark's own file of this
    run lies with the suffix `.json`; own: by kind a user's own contenders, timed beside those of the tables.

    Raises:
        KeyboardInterrupt: when interrupted; what was finished is in the store.
        StoreError: if the store takes no more.
        ValueError: if pytest could not run the suites at all.
    """
    json = log.with_suffix(".json")
    fresh = json.with_suffix(".fresh.json")  # replaces the last one only if anything was measured
    refused: list[store.StoreError] = []
    with Steps("benchmarks") as steps, log.open("w") as output:

        def record(timing: Timing, samples: list[Measurement], error: str) -> None:
            try:
                session.record(timing, Outcome("failed" if error else "finished", samples, error=error))
            except store.StoreError as problem:  # pytest would take it for one of its own
                refused.append(problem)
                pytest.exit("the store takes no more")
            steps.advance(str(timing), failed=len(session.failed))

        recorder = Recorder(session.finished(), lambda n: steps.begin(n, float(n)), record)
        arguments = [
            *suites(device, own or {}),
            f"--benchmark-json={fresh}",
            f"--benchmark-max-time={seconds}",
            f"--benchmark-min-time={BENCHMARK_SAMPLE}",
            "--benchmark-disable-gc",
            "--benchmark-quiet",
            "-Wignore:Not saving anything",
            "-Wignore:Benchmark fixture was not used",  # of what Ctrl-C stopped before its first call
        ]
        with contextlib.redirect_stdout(output):
            code = pytest.main(arguments, plugins=[recorder])
    if fresh.exists() and fresh.stat().st_size:
        fresh.replace(json)
    fresh.unlink(missing_ok=True)
    if refused:
        raise refused[0]
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise ValueError(f"the benchmarks cannot be run: pytest ended with {code!r}; {log} says why")


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let processes started within not hear Ctrl-C: the terminal tells all, and we stop them ourselves."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def client(workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """A Dask client of the given scheduler, or of one-threaded worker processes on loopback.

    workers: how many, by default one a core that affinity and a container's limits leave us. A `tls://`
    scheduler's certificates are those of Dask's configuration, `DASK_DISTRIBUTED__COMM__TLS__…`.

    Raises:
        ValueError: if the scheduler has workers of several threads: torch draws from one generator a process;
            or if it is behind TLS, and no certificates are configured.
    """
    if scheduler:
        try:
            found = Client(scheduler)
        except TypeError as error:  # Dask's way to ask for certificates
            raise ValueError(f"{scheduler}: {error}") from error
        with found:
            threads = [about["nthreads"] for about in found.scheduler_info(n_workers=-1)["workers"].values()]
            if set(threads) - {1}:
                raise ValueError(
                    f"{scheduler} has workers of {max(threads)} threads; one a worker was expected: start "
                    "more of them, with --nthreads 1"
                )
            yield found
        return
    with dask.config.set(LOCAL):
        with _uninterrupted():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        with cluster, Client(cluster) as found:
            yield found


def watched_cell(cell: Cell, root: Path | None, device: str, seconds: float) -> Outcome:
    """`run_cell`, and the end of this process where it takes longer than `seconds`, even within a kernel."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return run_cell(cell, root, device)
        finally:
            faulthandler.cancel_dump_traceback_later()


def run_cells(
    session: Session,
    wanted: Sequence[Cell],
    root: Path | None,
    on: Client,
    *,
    device: str = "cpu",
    advance: Callable[[Cell], None] = lambda cell: None,
    limit: Callable[[Cell], float] = lambda cell: PATIENCE,
) -> None:
    """Make every run on Dask; a run that raises or loses its worker three times is recorded as failed.

    advance: called with each cell once it is stored. limit: seconds after which a cell loses its worker.

    Raises:
        ConnectionError: if the scheduler is gone.
    """

    def make(cells: Sequence[Cell]) -> list[Cell]:
        """Make these and return those that lost their worker."""
        futures = {  # no keys of ours: Dask queues, and does not hand out at once, what it can name alike
            on.submit(
                watched_cell, cell, root, device, limit(cell), pure=False, retries=RETRIES, priority=-order
            ): cell
            for order, cell in enumerate(cells)
        }
        lost = []
        for future in as_completed(futures):
            cell = futures.pop(future)
            try:
                outcome = future.result()
            except CancelledError as error:
                raise ConnectionError("the scheduler is gone; what was finished is in the store") from error
            except KilledWorker:
                lost.append(cell)
                continue
            except Exception as error:
                outcome = Outcome("failed", error=repr(error))
            session.record(cell, outcome)
            advance(cell)
        return lost

    for cell in make(wanted):
        # Alone from now on: what only waited on the worker that another one killed is not blamed.
        if all(make([cell]) for _ in range(RETRIES)):
            reasons = f"killed, out of memory, or busy with it for more than {limit(cell):.0f} s"
            session.record(cell, Outcome("failed", error=f"lost its worker {RETRIES + 1} times: {reasons}"))
            advance(cell)


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


def run_plans(
    session: Session,
    plans: Sequence[Plan],
    others: Sequence[Cell],
    root: Path | None,
    seconds: Callable[[Cell], float],
    *,
    device: str = "cpu",
    workers: int | None = None,
    scheduler: str | None = None,
) -> None:
    """Make the runs of every plan, one after another: those that choose rates, then those that are scored.

    others: cells that need no rate chosen, made first. seconds: an estimate of a cell, for the display.

    Raises:
        KeyboardInterrupt: when interrupted; what was finished is in the store.
    """

    before = len(session.failed)  # of benchmarks
    tried: set[str] = set()  # what failed is tried again by the next run, not for every plan that shares it

    def left(cells: Iterable[Cell]) -> dict[str, Cell]:
        done = session.finished() | tried
        return {cell.key: cell for cell in cells if cell.key not in done}

    tuning = {plan.name: left(cell for _, cell in plan.tuning()) for plan in plans}
    begun = session.snapshot()
    expected = {plan.name: left(scored(begun, plan, complete=not tuning[plan.name])) for plan in plans}
    todo = left(others)
    for plan in plans:  # experiments share cells
        todo |= tuning[plan.name] | expected[plan.name]
    if not todo:
        return
    with Steps("training runs") as steps, client(workers, scheduler) as on:
        steps.begin(len(todo), sum(map(seconds, todo.values())))

        def make(cells: Iterable[Cell]) -> None:
            wanted = left(cells)
            tried.update(wanted)
            run_cells(
                session,
                list(wanted.values()),
                root,
                on,
                device=device,
                advance=lambda c: steps.advance(str(c), seconds(c), failed=len(session.failed) - before),
                limit=lambda c: PATIENCE + SLOWER * seconds(c),
            )

        make(others)
        for plan in plans:
            make(tuning[plan.name].values())
            final = {cell.key: cell for cell in scored(session.snapshot(), plan, complete=True)}
            gone = {key: todo.pop(key) for key in expected[plan.name] if key in todo and key not in final}
            come = left(cell for key, cell in final.items() if key not in todo)
            todo |= come
            weight = sum(map(seconds, come.values())) - sum(map(seconds, gone.values()))
            steps.revise(len(come) - len(gone), weight)
            make(final.values())
