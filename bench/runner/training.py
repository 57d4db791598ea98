"""Measures what the store does not hold yet: benchmarks by pytest, training runs by Dask."""

import contextlib
import faulthandler
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed

from bench.experiments.catalog import Plan
from bench.experiments.selection import scored
from bench.experiments.workloads.training_run import execute
from bench.records.runs import RunConfig, RunResult
from bench.runner.progress import Steps
from bench.runner.recorder import RunRecorder

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


def execute_watched(config: RunConfig, root: Path | None, device: str, seconds: float) -> RunResult:
    """`run_cell`, and the end of this process where it takes longer than `seconds`, even within a kernel."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return execute(config, root, device)
        finally:
            faulthandler.cancel_dump_traceback_later()


def execute_all(
    recorder: RunRecorder,
    wanted: Sequence[RunConfig],
    root: Path | None,
    on: Client,
    *,
    device: str = "cpu",
    advance: Callable[[RunConfig], None] = lambda config: None,
    limit: Callable[[RunConfig], float] = lambda config: PATIENCE,
) -> None:
    """Make every run on Dask; a run that raises or loses its worker three times is recorded as failed.

    advance: called with each cell once it is stored. limit: seconds after which a cell loses its worker.

    Raises:
        ConnectionError: if the scheduler is gone.
    """

    def make(configs: Sequence[RunConfig]) -> list[RunConfig]:
        """Make these and return those that lost their worker."""
        futures = {  # no keys of ours: Dask queues, and does not hand out at once, what it can name alike
            on.submit(
                execute_watched,
                config,
                root,
                device,
                limit(config),
                pure=False,
                retries=RETRIES,
                priority=-order,
            ): config
            for order, config in enumerate(configs)
        }
        lost = []
        for future in as_completed(futures):
            config = futures.pop(future)
            try:
                outcome = future.result()
            except CancelledError as error:
                raise ConnectionError("the scheduler is gone; what was finished is in the store") from error
            except KilledWorker:
                lost.append(config)
                continue
            except Exception as error:
                outcome = RunResult("failed", error=repr(error))
            recorder.record(config, outcome)
            advance(config)
        return lost

    for config in make(wanted):
        # Alone from now on: what only waited on the worker that another one killed is not blamed.
        if all(make([config]) for _ in range(RETRIES)):
            reasons = f"killed, out of memory, or busy with it for more than {limit(config):.0f} s"
            recorder.record(
                config, RunResult("failed", error=f"lost its worker {RETRIES + 1} times: {reasons}")
            )
            advance(config)


def run_plans(
    recorder: RunRecorder,
    plans: Sequence[Plan],
    others: Sequence[RunConfig],
    root: Path | None,
    seconds: Callable[[RunConfig], float],
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

    before = len(recorder.failed)  # of benchmarks
    tried: set[str] = set()  # what failed is tried again by the next run, not for every plan that shares it

    def left(configs: Iterable[RunConfig]) -> dict[str, RunConfig]:
        done = recorder.finished() | tried
        return {config.config_hash: config for config in configs if config.config_hash not in done}

    tuning = {plan.name: left(config for _, config in plan.tuning()) for plan in plans}
    begun = recorder.snapshot()
    expected = {plan.name: left(scored(begun, plan, complete=not tuning[plan.name])) for plan in plans}
    todo = left(others)
    for plan in plans:  # experiments share cells
        todo |= tuning[plan.name] | expected[plan.name]
    if not todo:
        return
    with Steps("training runs") as steps, client(workers, scheduler) as on:
        steps.begin(len(todo), sum(map(seconds, todo.values())))

        def make(configs: Iterable[RunConfig]) -> None:
            wanted = left(configs)
            tried.update(wanted)
            execute_all(
                recorder,
                list(wanted.values()),
                root,
                on,
                device=device,
                advance=lambda c: steps.advance(str(c), seconds(c), failed=len(recorder.failed) - before),
                limit=lambda c: PATIENCE + SLOWER * seconds(c),
            )

        make(others)
        for plan in plans:
            make(tuning[plan.name].values())
            final = {
                config.config_hash: config for config in scored(recorder.snapshot(), plan, complete=True)
            }
            gone = {key: todo.pop(key) for key in expected[plan.name] if key in todo and key not in final}
            come = left(config for key, config in final.items() if key not in todo)
            todo |= come
            weight = sum(map(seconds, come.values())) - sum(map(seconds, gone.values()))
            steps.revise(len(come) - len(gone), weight)
            make(final.values())
