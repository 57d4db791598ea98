"""From Python, as in a notebook: `run` measures, `load` reads; both give one tidy frame and need no file."""

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.experiments import catalog
from bench.experiments.catalog import ACTIVATIONS, PROFILES, STAGES, Plan
from bench.experiments.estimates import estimator
from bench.experiments.selection import scored
from bench.experiments.workloads.registry import resolve
from bench.experiments.workloads.training_run import execute
from bench.experiments.workloads.user_code import custom_names
from bench.records import environment
from bench.records.runs import RunConfig, RunResult
from bench.runner import training as runner
from bench.runner.benchmarks import run_benchmarks
from bench.runner.progress import Steps, console
from bench.runner.recorder import RunRecorder
from bench.store.database import Snapshot, Store, alone, latest
from impl.data import datasets as data
from impl.names import check


def run(
    part: str,
    *more: str,
    activations: Sequence[str] = ACTIVATIONS,
    optimizers: Sequence[str] = (),
    strategies: Sequence[str] = (),
    seeds: int | None = None,
    epochs: int | None = None,
    dataset: str | None = None,
    data_root: str | os.PathLike[str] | None = None,
    profile: str = "quick",
    device: str = "cpu",
    workers: int | None = None,
    results: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Measure parts of a profile, as `make bench ONLY=…` does and with its numbers; a frame as of `load`.

    part, more: of `bench.experiments.PARTS`, as "classifier" or "benchmarks". activations: these alone, of
    the table or one's own as `package.module:Name` or `path/to/file.py:Name`; optimizers, strategies: one's
    own, named likewise, beside those of the tables. seeds, epochs: how many are scored and trained, by
    default as in the profile, "quick" or "reference". dataset, data_root: as `impl.data.resolve` takes them.
    workers: processes that make the training runs; by default this one makes them, without the watch over
    those that take too long; a script that asks for workers stands under `if __name__ == "__main__":`, for
    each of them imports it. results: a store to go on with and to keep; the frame is then all that it holds
    of this machine, source, data and profile.

    Raises ValueError for an unknown name, DataError for missing or wrong data, StoreError for a store that
    cannot be used. A run that raises is a row that says why.

    >>> frame = run("classifier", activations=["relu"], seeds=1, epochs=1, dataset="digits")
    >>> sorted(frame["split"].unique())
    ['test', 'validation']
    """
    parts = (part, *more)
    check("part", parts, STAGES)
    check("profile", [profile], PROFILES)
    environment.device_name(device)
    wanted = catalog.narrowed(PROFILES[profile], parts, seeds, epochs)
    given = {"activation": activations, "optimizer": optimizers, "strategy": strategies}
    named = {kind: [resolve(name, kind) for name in names] for kind, names in given.items()}
    own = custom_names(named)
    source = data.resolve(Path(data_root) if data_root else None, dataset)
    loaded = source.load()
    if source.notice and dataset is None:
        console.print(f"Notice: {source.notice}", style="bold yellow", markup=False, soft_wrap=True)
    size = len(loaded.train_images)
    plans, others = catalog.everything(wanted, loaded.name, size, named["activation"], own)
    with _opened(results) as store:
        where = store.environment_id(environment.current(loaded.name, loaded.sha256, device))
        recorder = RunRecorder(store, where, profile)
        if wanted.benchmark_seconds:
            log = store.path.parent / "benchmarks.log"
            run_benchmarks(recorder, device, wanted.benchmark_seconds, log, own)
        if workers is None:
            _run_here(recorder, plans, others, source.root, device)
        else:
            runner.run_plans(
                recorder, plans, others, source.root, estimator([]), device=device, workers=workers
            )
        return frame(store.snapshot(where, profile))


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """The measurements of a store, a row each beside its run's fields: of what was measured last.

    Columns: run, status, error and the fields of the run's `RunConfig` or `Timing`, then metric, step, value and
    unit. A run without measurements, as one that failed, is one row with these four missing. The frame's
    `attrs` hold its `environment` and `profile`: two of either are never put together. Raises
    FileNotFoundError without a file, ValueError where nothing was measured, StoreError as `bench.store` does.

    >>> frame = load("results/reference.sqlite")
    >>> frame.attrs["profile"], frame.attrs["environment"]["dataset"]
    ('reference', 'mnist')
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} is not there; a results store was expected")
    found = latest(Path(path))
    if found is None:
        raise ValueError(f"{path} holds no measurements")
    return frame(found)


def frame(snapshot: Snapshot) -> pd.DataFrame:
    """The snapshot as one tidy frame, as `load` describes it; texts are categories, which take less room."""
    texts: list[str] = list(snapshot.runs.select_dtypes("str").columns)
    runs = snapshot.runs.astype(dict.fromkeys(texts, "category"))
    measured = snapshot.measurements[["run", "metric", "step", "value", "unit"]].astype({"step": "Int64"})
    found = runs.merge(measured, on="run", how="left")
    found.attrs = {"environment": dict(snapshot.environment), "profile": snapshot.profile}
    return found


@contextlib.contextmanager
def _opened(results: str | os.PathLike[str] | None) -> Iterator[Store]:
    """The store to write to, alone; without a name one that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = None if results else stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(results or f"{folder}/results.sqlite")
        stack.enter_context(alone(path, lambda: console.print(f"{path}: waiting for another run's end.")))
        yield stack.enter_context(Store(path))


def _run_here(
    recorder: RunRecorder, plans: Sequence[Plan], others: Sequence[RunConfig], root: Path | None, device: str
) -> None:
    """What `runner.run_plans` does, in this process: a notebook's small runs need no others."""

    def make(label: str, configs: Iterable[RunConfig]) -> None:
        done = recorder.finished()
        left = {config.config_hash: config for config in configs if config.config_hash not in done}
        with Steps(label) as steps:
            steps.begin(len(left), float(len(left)))
            for config in left.values():
                try:
                    outcome = execute(config, root, device)
                except Exception as error:
                    outcome = RunResult("failed", error=repr(error))
                recorder.record(config, outcome)
                steps.advance(str(config))

    make("convergence and synthetic", others)
    for plan in plans:
        make(f"{plan.name}: tuning", (config for _, config in plan.tuning()))
        make(f"{plan.name}: scored", scored(recorder.snapshot(), plan, complete=True))
