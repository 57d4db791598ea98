"""Run the missing training runs of a profile, in this process or on Dask workers."""

import contextlib
import faulthandler
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import dask
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed

from bench.experiments.plan import Plan
from bench.experiments.racing import held_out_scores
from bench.experiments.workloads.training_run import execute
from bench.records.runs import RunConfig, RunResult
from bench.runner.progress import Steps
from bench.runner.recorder import RunRecorder

RETRIES = 2
PATIENCE, SLOWER = 600.0, 10.0  # time limit of a run: ten minutes plus ten times its estimate
# Dask returns freed memory to the system at once, and networks request it again at every step, which doubled
# the time of the convolutional autoencoder. These settings keep it (glibc's allocator only).
KEEP_MEMORY = {f"MALLOC_{name}_THRESHOLD_": str(2**30) for name in ("TRIM", "MMAP")}
LOCAL = {
    "distributed.nanny.pre-spawn-environ": KEEP_MEMORY,
    # Runs on a worker that dies are repeated alone, which shows the run that killed it.
    "distributed.scheduler.allowed-failures": 0,
    # A worker has few waiting runs, so that few are suspected when it dies.
    "distributed.scheduler.worker-saturation": 1.0,
    # Nobody looks at Dask's profile, for which a thread of each worker takes stacks a hundred times a second.
    "distributed.worker.profile.enabled": False,
    # Workers that die are always replaced.
    "distributed.deploy.lost-worker-timeout": "1 day",
}


class Executor(NamedTuple):
    """A function that executes runs, and how many it executes at once."""

    execute: Callable[[Sequence[RunConfig]], Iterator[tuple[RunConfig, RunResult]]]
    at_once: int


Seconds = Callable[[RunConfig], float]


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, which a terminal sends to all; this process stops them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def client(workers: int | None, scheduler: str | None) -> Iterator[Client]:
    """Connect to a Dask scheduler, or start one-threaded worker processes on this machine.

    Args:
        workers: Number of worker processes; default: one per available core.
        scheduler: Address of a running scheduler. Certificates for `tls://` come from Dask's configuration,
            `DASK_DISTRIBUTED__COMM__TLS__…`.

    Raises:
        ValueError: If the scheduler's workers have several threads, which would share torch's random
            generator, or if certificates are missing.
    """
    if scheduler:
        try:
            connection = Client(scheduler)
        except TypeError as error:  # Dask's error for missing certificates
            raise ValueError(f"{scheduler}: {error}") from error
        with connection:
            workers_info = connection.scheduler_info(n_workers=-1)["workers"].values()
            if several := {info["nthreads"] for info in workers_info} - {1}:
                raise ValueError(
                    f"Invalid workers of {scheduler}: got {max(several)} threads per worker, expected 1; "
                    "start more workers with --nthreads 1"
                )
            yield connection
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
        with cluster, Client(cluster) as connection:
            yield connection


def execute_watched(config: RunConfig, root: Path | None, device: str, seconds: float) -> RunResult:
    """Execute a run; end this process if it takes longer than `seconds`, even within a kernel."""
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            return execute(config, root, device)
        finally:
            faulthandler.cancel_dump_traceback_later()


def execute_on(
    dask_client: Client,
    configs: Sequence[RunConfig],
    root: Path | None,
    device: str = "cpu",
    limit: Seconds = lambda config: PATIENCE,
) -> Iterator[tuple[RunConfig, RunResult]]:
    """Execute runs on Dask and yield each with its result as it finishes.

    A run that raises is repeated twice and then failed, as is a run that loses its worker.

    Args:
        dask_client: Client of the scheduler.
        configs: Runs, in order of priority.
        root: Folder of the data sets that are not bundled.
        device: `cpu` or `cuda`.
        limit: Seconds after which a run loses its worker.

    Raises:
        ConnectionError: If the scheduler is gone.
    """
    lost: list[RunConfig] = []
    yield from _submit(dask_client, configs, root, device, limit, lost)
    for config in lost:
        # Alone: runs that only waited on the worker that another run killed are not blamed.
        for _ in range(RETRIES):
            lost_again: list[RunConfig] = []
            yield from _submit(dask_client, [config], root, device, limit, lost_again)
            if not lost_again:
                break
        else:
            reasons = f"killed, out of memory, or running for more than {limit(config):.0f} s"
            yield config, RunResult("failed", error=f"lost its worker {RETRIES + 1} times: {reasons}")


def _submit(
    dask_client: Client,
    configs: Sequence[RunConfig],
    root: Path | None,
    device: str,
    limit: Seconds,
    lost: list[RunConfig],
) -> Iterator[tuple[RunConfig, RunResult]]:
    """Execute runs once and yield their results; append runs that lost their worker to `lost`."""
    futures = {  # without keys of ours: Dask queues only tasks whose names it groups itself
        dask_client.submit(
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
    for future in as_completed(futures):
        config = futures.pop(future)
        try:
            yield config, future.result()
        except CancelledError as error:
            raise ConnectionError("the scheduler is gone; completed runs are saved") from error
        except KilledWorker:
            lost.append(config)
        except Exception as error:
            yield config, RunResult("failed", error=repr(error))


@contextlib.contextmanager
def on_dask(
    root: Path | None, device: str, seconds: Seconds, workers: int | None, scheduler: str | None = None
) -> Iterator[Executor]:
    """Provide an executor on Dask workers, which ends runs that take far longer than estimated."""
    with client(workers, scheduler) as dask_client:

        def execute_all(configs: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, RunResult]]:
            limit = {config: PATIENCE + SLOWER * seconds(config) for config in configs}
            return execute_on(dask_client, configs, root, device, limit.__getitem__)

        there = dask_client.scheduler_info(n_workers=-1)["workers"]
        yield Executor(execute_all, max(1, len(there)))  # a scheduler may get its workers later


@contextlib.contextmanager
def in_process(root: Path | None, device: str) -> Iterator[Executor]:
    """Provide an executor in this process, without time limits."""

    def attempt(config: RunConfig) -> RunResult:
        try:
            return execute(config, root, device)
        except Exception as error:
            return RunResult("failed", error=repr(error))

    yield Executor(lambda configs: ((config, attempt(config)) for config in configs), 1)


def run_plans(
    recorder: RunRecorder,
    plans: Sequence[Plan],
    others: Sequence[RunConfig],
    seconds: Seconds,
    executor: AbstractContextManager[Executor],
) -> None:
    """Execute the missing runs of all plans, then those that their results call for, until none is missing.

    A run that failed is not repeated by the same call.

    Args:
        recorder: Where results go.
        plans: Experiments.
        others: Other runs.
        seconds: Estimated duration of a run.
        executor: `in_process` or `on_dask`; entered only if a run is missing.

    Raises:
        KeyboardInterrupt: When interrupted; completed runs are saved.
    """
    tried: set[str] = set()

    def missing() -> tuple[list[RunConfig], list[RunConfig]]:
        """Return the runs to execute and all that are expected, longest first: short ones end last."""
        held_out, done = held_out_scores(recorder.snapshot()), recorder.finished() | tried

        def left(*, guess: bool) -> list[RunConfig]:
            of_plans = (plan.runs(held_out, guess=guess) for plan in plans)
            runs = {config.config_hash: config for config in chain(others, *of_plans)}
            return sorted((runs[key] for key in runs if key not in done), key=seconds, reverse=True)

        return left(guess=False), left(guess=True)

    todo, expected = missing()
    if not todo:
        return
    failed_before = len(recorder.failed)  # benchmarks
    with Steps("training runs") as steps, executor as (execute_all, at_once):
        steps.begin(len(expected), sum(map(seconds, expected)), at_once)

        def record(config: RunConfig, result: RunResult) -> None:
            recorder.record(config, result)
            steps.advance(str(config), seconds(config), failed=len(recorder.failed) - failed_before)

        while todo:
            tried.update(config.config_hash for config in todo)
            pending = dict.fromkeys(todo)
            for config, result in execute_all(todo):
                record(config, result)
                del pending[config]
            for config in pending:
                record(config, RunResult("failed", error="not reached"))
            guessed = {config.config_hash: config for config in expected} | dict.fromkeys(tried)
            todo, expected = missing()
            now = {config.config_hash: config for config in expected}
            gone = [config for key, config in guessed.items() if config is not None and key not in now]
            come = [now[key] for key in now.keys() - guessed.keys()]
            steps.revise(len(come) - len(gone), sum(map(seconds, come)) - sum(map(seconds, gone)))
