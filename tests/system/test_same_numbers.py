"""The same cells on one worker and several, in another order, on other numbers of threads: one result."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.experiments.workloads.registry import module_of
from bench.experiments.workloads.threads import threads
from bench.experiments.workloads.training_run import execute
from bench.records.environment import current
from bench.records.names import DESCENT
from bench.records.runs import RunConfig
from bench.runner import training as runner
from bench.runner.recorder import RunRecorder
from bench.store import Store
from impl.data.datasets import load_digits
from impl.losses import cross_entropy
from impl.models import DeepClassifier
from impl.optimizers.optimizers import Adam
from impl.training.loop import fit
from tests.small_store import numbers

SMALL = RunConfig("classifier", "relu", "adam", 1e-3, 32, True, "digits", 96, 2, 0)
CONFIGS = [
    *(replace(SMALL, activation=name) for name in ("relu", "sgelu", "ada_sgelu")),
    *(replace(SMALL, activation=name, seed=1) for name in ("relu", "sgelu", "ada_sgelu")),
    replace(SMALL, task="fc_autoencoder"),
    replace(SMALL, task="conv_autoencoder", samples=32, epochs=1),
    replace(SMALL, task="scratch_cnn", batch_norm=None, samples=32, epochs=1),
    RunConfig(DESCENT, None, "sgd", 0.1, 32, None, "digits", 1797, 1, 0),
    RunConfig("affinity", None, None, None, None, None, "digits", 100, 0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """What is stored of the cells by so many workers, in an order."""
    folder, made = tmp_path_factory.mktemp("stores"), {}

    def make(workers, order):
        if (workers, order) not in made:
            path = folder / f"{workers}{order}.sqlite"
            with Store(path) as store, runner.client(workers, None) as on:
                session = RunRecorder(store, store.environment_id(current("digits", "0")), "quick")
                for config, result in runner.execute_on(on, CONFIGS[::order], None):
                    session.record(config, result)
            made[workers, order] = numbers(path)
        return made[workers, order]

    return make


@pytest.mark.parametrize(("workers", "order"), [(1, -1), (2, 1), (3, -1)])
def test_workers_and_order_change_nothing(stored, workers, order):
    runs, measured = stored(1, 1)
    assert sum(runs.values()) == len(CONFIGS)
    assert set(runs) <= {"finished", "collapsed"}
    assert len({key for key, *_ in measured}) == len(CONFIGS)
    assert stored(workers, order) == (runs, measured)


PROGRAM = """
import json
import sys
import torch
from bench.experiments.workloads.training_run import execute
from bench.experiments.workloads.registry import module_of
from bench.records.runs import RunConfig

torch.set_num_threads(int(sys.argv[1]))
outcomes = [execute(RunConfig(*fields), None) for fields in json.loads(sys.stdin.read())]
print([[m.metric, m.step, m.value] for o in outcomes for m in o.measurements if m.unit != "s"])
"""


def elsewhere(configs, count=1, **environment):
    """What a process with so many threads and this environment measures."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(count)],
        input=json.dumps([list(vars(config).values()) for config in configs]),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def here(configs):
    """What this process measures, as the other one prints it."""
    outcomes = [execute(config, None) for config in configs]
    return str([[m.metric, m.step, m.value] for o in outcomes for m in o.measurements if m.unit != "s"])


@pytest.mark.parametrize("count", [2, 4])
def test_a_cell_is_of_one_thread_however_many_it_could_have(count):
    """By what OpenMP and torch are told of a process as a whole."""
    configs = [CONFIGS[0], CONFIGS[2], CONFIGS[7]]
    told = {"OMP_NUM_THREADS": str(count), "MKL_NUM_THREADS": str(count)}
    assert elsewhere(configs, count, **told) == here(configs)


def test_the_first_run_on_a_machine_which_compiles_draws_what_all_others_draw(tmp_path):
    configs = [CONFIGS[1], replace(CONFIGS[2], optimizer="rmsprop")]
    assert elsewhere(configs, TORCHINDUCTOR_CACHE_DIR=str(tmp_path)) == here(configs)


TOLERANCE = 1e-4  # relative, of a loss after some dozens of steps: sums in another order round otherwise


def test_training_on_several_threads_differs_by_rounding_alone():
    digits = load_digits()
    images, labels = digits.train_images[:512], digits.train_labels[:512]

    def losses(count):
        torch.manual_seed(0)
        model = DeepClassifier(module_of("sgelu"))
        with threads(count):
            history = fit(
                model,
                (images, labels),
                observe=dict,
                loss=cross_entropy,
                optimizer=Adam(model.parameters(), lr=1e-3),
                batch_size=64,
                horizons=range(1, 6),
                generator=torch.Generator().manual_seed(0),
            )
        return [metrics["train_loss"] for metrics in list(history.records.values())[1:]]

    one, *others = (losses(count) for count in (1, 2, 4))
    assert len(one) == 5
    assert one[-1] < one[0]
    for several in others:
        np.testing.assert_allclose(several, one, rtol=TOLERANCE)
