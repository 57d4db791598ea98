"""Measure from Python, for example in a notebook."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.experiments.catalog import ACTIVATIONS, STAGES
from bench.experiments.estimates import estimator
from bench.experiments.profiles import PROFILES
from bench.experiments.request import request
from bench.records import environment
from bench.runner import benchmarks, training
from bench.runner.device import device_name
from bench.runner.progress import console
from bench.runner.recorder import RunRecorder
from bench.store import Store, frame, locked
from impl import names
from impl.data import datasets


def run(
    stage: str,
    *more: str,
    activations: Sequence[str] = ACTIVATIONS,
    optimizers: Sequence[str] = (),
    strategies: Sequence[str] = (),
    networks: Sequence[str] = (),
    rates: Sequence[float] = (),
    seeds: int | None = None,
    epochs: int | None = None,
    dataset: str | None = None,
    data_root: str | os.PathLike[str] | None = None,
    profile: str = "quick",
    device: str = "cpu",
    workers: int | None = None,
    results: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Run stages of a profile, with the same numbers as `make bench ONLY=…`.

    A run that raises becomes a row with its error.

    Args:
        stage: One of `bench.experiments.catalog.STAGES`, such as "classifier" or "benchmarks".
        *more: Further stages.
        activations: Activations to train, built-in or custom as `module:Name` or `file.py:Name`.
        optimizers: Custom optimizers, compared with the built-in ones.
        strategies: Custom convolutions, compared with the built-in ones.
        networks: Custom networks of the stage "network": functions from a constructor of activations to a
            module.
        rates: Learning rates of the custom optimizers; default: their own.
        seeds: Number of seeds of training runs, and of rounds of benchmarks; default: the profile's.
        epochs: Number of training epochs; default: the profile's.
        dataset: "MNIST", "digits", a folder in torchvision's layout, or an .npz file in Keras's; default:
            MNIST if available, else digits.
        data_root: Folder that contains `MNIST/raw`.
        profile: "quick" or "reference".
        device: "cpu" or "cuda".
        workers: Number of worker processes; default: run in this process, without time limits. A script that
            uses workers needs `if __name__ == "__main__":`, because each worker imports it.
        results: Results database to resume and keep; default: a temporary one.

    Returns:
        All measurements of this environment and profile in the database, as `bench.load` returns them.

    Raises:
        ValueError: For an unknown name, or if pytest cannot run the benchmarks.
        DataError: For missing or damaged data.
        StoreError: If the results database cannot be used.

    Example:
        >>> frame = run("classifier", activations=["relu"], seeds=1, epochs=1, dataset="digits")
        >>> sorted(map(float, frame.loc[frame["metric"] == "test_accuracy", "step"].unique()))
        [0.0, 0.25, 0.5, 1.0]
    """
    stages = (stage, *more)
    names.check("stage", stages, STAGES)
    names.check("profile", [profile], PROFILES)
    given = {"activation": activations, "optimizer": optimizers, "strategy": strategies, "network": networks}
    wanted = request(PROFILES[profile], stages, given, seeds=seeds, epochs=epochs, rates=rates)
    accelerator = device_name(device)
    source = datasets.resolve(Path(data_root) if data_root else None, dataset)
    loaded = source.load()
    notices = [source.notice] if source.notice and dataset is None else []
    for notice in [*notices, *wanted.left_out(loaded)]:
        console.print(f"Notice: {notice}", style="bold yellow", markup=False, soft_wrap=True)
    seconds = estimator()
    plans, others = wanted.runs(loaded, device)
    with _opened(results) as store:
        here = store.environment_id(environment.current(loaded.name, loaded.sha256, accelerator))
        recorder = RunRecorder(store, here, profile)
        if wanted.profile.benchmark_rounds:
            log = store.path.parent / "benchmarks.log"
            benchmarks.run_benchmarks(recorder, device, wanted.profile, log, wanted.custom, seconds)
        executor = (
            training.on_dask(source.root, device, seconds, workers)
            if workers
            else training.in_process(source.root, device)
        )
        training.run_plans(recorder, plans, others, seconds, executor)
        return frame(recorder.snapshot())


@contextlib.contextmanager
def _opened(results: str | os.PathLike[str] | None) -> Iterator[Store]:
    """Open and lock a results database, a temporary one by default."""
    with contextlib.ExitStack() as stack:
        folder = None if results else stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(results or f"{folder}/results.sqlite")
        waiting = f"{path}: locked by another process; waiting."
        stack.enter_context(locked(path, lambda: console.print(waiting, markup=False)))
        yield stack.enter_context(Store(path))
