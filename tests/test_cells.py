"""Cells: identity, the grid, pairing of seeds, and runs that repeat bit for bit."""

from dataclasses import fields, replace

import pytest
import torch

from bench import convergence
from bench.cells import PROFILES, Cell, Effort, Profile, grid, run_cell
from bench.networks import NETWORKS
from impl.activations import ACTIVATIONS

SMALL = Cell("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)
CHANGES = {
    "task": "fc_autoencoder",
    "activation": "gelu",
    "optimizer": "sgd",
    "learning_rate": 1e-2,
    "batch_size": 16,
    "batch_norm": False,
    "dataset": "mnist",
    "samples": 65,
    "epochs": 2,
    "seed": 1,
}


def without_times(outcome):
    return [m for m in outcome.measurements if m.metric != "seconds"]


@pytest.mark.parametrize("field", [f.name for f in fields(Cell)])
def test_every_field_is_part_of_the_key(field):
    assert replace(SMALL, **{field: CHANGES[field]}).key != SMALL.key
    assert replace(SMALL).key == SMALL.key


@pytest.mark.parametrize("profile", PROFILES)
def test_grid_is_complete_and_without_repetition(profile):
    cells = grid(PROFILES[profile], "mnist", 60_000, list(ACTIVATIONS))
    assert len({cell.key for cell in cells}) == len(cells)
    for task, effort in PROFILES[profile].tasks.items():
        chosen = [cell for cell in cells if cell.task == task]
        assert {cell.seed for cell in chosen} == set(range(effort.seeds))
        if task != "scratch_cnn":
            assert {cell.activation for cell in chosen} == set(ACTIVATIONS)
    classifier = {cell.batch_norm for cell in cells if cell.task == "classifier"}
    assert classifier == {True, False}
    descents = {(c.optimizer, c.batch_size) for c in cells if c.task == convergence.TASK}
    assert descents == {(m.optimizer, m.batch_size) for m in convergence.METHODS.values()}


def test_grid_takes_no_more_samples_than_there_are():
    effort = Effort(seeds=1, epochs=1, samples=5000)
    cells = grid(Profile({"classifier": effort}, effort, 0.1), "digits", 1437, ["relu"])
    assert {cell.samples for cell in cells if cell.task == "classifier"} == {1437}


@pytest.mark.parametrize("task", NETWORKS)
def test_a_run_repeats_bit_for_bit_and_leaves_the_global_generator_alone(task):
    cell = replace(SMALL, task=task, samples=32)
    state = torch.get_rng_state()
    first = run_cell(cell, None)
    assert torch.equal(torch.get_rng_state(), state)
    second = run_cell(cell, None)
    assert without_times(first) == without_times(second)
    assert first.status == "finished"
    metrics = {m.metric for m in first.measurements}
    assert metrics >= {"train_loss", "test_loss", "seconds"}
    assert ("test_accuracy" in metrics) == (not NETWORKS[task].reconstructs)


def test_seeds_are_paired_across_activations(monkeypatch):
    """Same seed: same initial weights, same order of samples, same dropout masks, whatever the activation."""
    seen = {}

    def spy(model, train, test, **options):
        weights = [p.detach().clone() for name, p in model.named_parameters() if "alpha" not in name]
        order = torch.randperm(50, generator=options["generator"])
        dropout = next(m for m in model.modules() if isinstance(m, torch.nn.Dropout))
        seen[current] = [*weights, order, dropout(torch.ones(8, 128))]
        raise InterruptedError

    monkeypatch.setattr("bench.cells.fit", spy)
    for current in ((name, seed) for name in ACTIVATIONS for seed in (0, 1)):
        with pytest.raises(InterruptedError):
            run_cell(replace(SMALL, activation=current[0], seed=current[1]), None)
    for name in ACTIVATIONS:
        for ours, relus in zip(seen[name, 0], seen["relu", 0], strict=True):
            assert torch.equal(ours, relus)
        assert not torch.equal(seen[name, 0][0], seen[name, 1][0])


def test_pictures_of_seed_zero_only():
    cell = replace(SMALL, task="fc_autoencoder")
    pictures = run_cell(cell, None).pictures
    assert {name: stack.shape for name, stack in pictures.items()} == {
        "input": (10, 28, 28),
        "reconstruction": (10, 28, 28),
    }
    assert run_cell(replace(cell, seed=1), None).pictures == {}


def test_divergence_is_a_status():
    cell = replace(SMALL, optimizer="sgd", learning_rate=1e30, batch_norm=False, activation="swish")
    assert run_cell(cell, None).status == "diverged"


def test_convergence_cell_measures_its_way_by_samples_seen():
    cell = Cell(convergence.TASK, None, "sgd", 0.1, 32, None, "digits", convergence.SAMPLES, 2, 0)
    outcome = run_cell(cell, None)
    found = {}
    for m in outcome.measurements:
        found.setdefault(m.metric, {})[m.step] = m.value
    assert set(found) == {"excess_loss", "distance", "gradient_variance", "seconds"}
    for values in found.values():
        steps = list(values)
        assert steps[0] == 0
        assert steps[-1] == 2 * convergence.SAMPLES
        assert steps == sorted(steps) == list(found["excess_loss"])
    for metric in ("excess_loss", "distance"):
        values = list(found[metric].values())
        assert 0 < values[-1] < values[0]
