"""The same cells on one worker and several, in another order, on other numbers of threads: one result."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.experiments.workloads import convergence
from bench.experiments.workloads.registry import module_of
from bench.experiments.workloads.threads import threads
from bench.experiments.workloads.training_run import run_cell
from bench.records.environment import current
from bench.records.runs import Cell
from bench.runner import training as runner
from bench.store.database import Store
from impl.data.datasets import load_digits
from impl.losses import cross_entropy
from impl.models import DeepClassifier
from impl.optimizers.optimizers import Adam
from impl.training.loop import fit
from tests.small_store import numbers

SMALL = Cell("classifier", "relu", "adam", 1e-3, 32, True, "digits", 96, 2, 0)
CELLS = [
    *(replace(SMALL, activation=name) for name in ("relu", "sgelu", "ada_sgelu")),
    *(replace(SMALL, activation=name, seed=1) for name in ("relu", "sgelu", "ada_sgelu")),
    replace(SMALL, task="fc_autoencoder"),
    replace(SMALL, task="conv_autoencoder", samples=32, epochs=1),
    replace(SMALL, task="scratch_cnn", batch_norm=None, samples=32, epochs=1),
    Cell(convergence.TASK, None, "sgd", 0.1, 32, None, "digits", 1797, 1, 0),
    Cell("affinity", None, None, None, None, None, "digits", 100, 0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """What is stored of the cells by so many workers, in an order."""
    folder, made = tmp_path_factory.mktemp("stores"), {}

    def make(workers, order):
        if (workers, order) not in made:
            path = folder / f"{workers}{order}.sqlite"
            with Store(path) as store, runner.client(workers, None) as on:
                session = runner.Session(store, store.environment_id(current("digits", "0")), "quick")
                runner.run_cells(session, CELLS[::order], None, on)
            made[workers, order] = numbers(path)
        return made[workers, order]

    return make


@pytest.mark.parametrize(("workers", "order"), [(1, -1), (2, 1), (3, -1)])
def test_workers_and_order_change_nothing(stored, workers, order):
    runs, measured = stored(1, 1)
    assert sum(runs.values()) == len(CELLS)
    assert {status for _, status in runs} == {"finished"}
    assert len({key for key, *_ in measured}) == len(CELLS)
    assert stored(workers, order) == (runs, measured)


PROGRAM = """
import json
import sys
import torch
from bench.cells import Cell, run_cell
from bench.contenders import module_of

torch.set_num_threads(int(sys.argv[1]))
outcomes = [run_cell(Cell(*fields), None) for fields in json.loads(sys.stdin.read())]
print([[m.metric, m.step, m.value] for o in outcomes for m in o.measurements if m.unit != "s"])
"""


def elsewhere(cells, count=1, **environment):
    """What a process with so many threads and this environment measures."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(count)],
        input=json.dumps([list(vars(cell).values()) for cell in cells]),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def here(cells):
    """What this process measures, as the other one prints it."""
    outcomes = [run_cell(cell, None) for cell in cells]
    return str([[m.metric, m.step, m.value] for o in outcomes for m in o.measurements if m.unit != "s"])


@pytest.mark.parametrize("count", [2, 4])
def test_a_cell_is_of_one_thread_however_many_it_could_have(count):
    """By what OpenMP and torch are told of a process as a whole."""
    cells = [CELLS[0], CELLS[2], CELLS[7]]
    told = {"OMP_NUM_THREADS": str(count), "MKL_NUM_THREADS": str(count)}
    assert elsewhere(cells, count, **told) == here(cells)


def test_the_first_run_on_a_machine_which_compiles_draws_what_all_others_draw(tmp_path):
    cells = [CELLS[1], replace(CELLS[2], optimizer="rmsprop")]
    assert elsewhere(cells, TORCHINDUCTOR_CACHE_DIR=str(tmp_path)) == here(cells)


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
                epochs=5,
                generator=torch.Generator().manual_seed(0),
            )
        return [m.value for m in history.measurements if m.metric == "train_loss"]

    one, *others = (losses(count) for count in (1, 2, 4))
    assert len(one) == 5
    assert one[-1] < one[0]
    for several in others:
        np.testing.assert_allclose(several, one, rtol=TOLERANCE)
