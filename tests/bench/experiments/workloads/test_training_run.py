"""Cells: identity, pairing of seeds, what is trained on and what is touched once, and runs that repeat."""

from collections import Counter
from dataclasses import fields, replace
from itertools import combinations, cycle

import numpy as np
import pytest
import torch
from torch import nn

from bench.experiments.catalog import ACTIVATIONS
from bench.experiments.workloads import convergence
from bench.experiments.workloads import training_run as configs
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import CONTROL_SEEDS
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.experiments.workloads.threads import threads
from bench.experiments.workloads.training_run import execute, with_label_noise
from bench.records.names import BLOCK_SCORES, CONTROLS, DESCENT
from bench.records.runs import RunConfig, held_out, horizons
from impl.data.datasets import Dataset, load_digits
from impl.losses import LOSSES
from impl.models import MnistClassifier
from impl.training.diagnostics import diagnose
from impl.training.initialization import variance_gain

SMALL = RunConfig("classifier", "relu", "adam", 1e-3, 32, True, "digits", 64, 1, 0)
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
    "loss": "brier",
    "wrong_labels": 0.1,
    "initialization": "variance",
}
DIGITS = load_digits()
LAST = 1437 - 287  # a fifth of the training images choose rates


def without_times(outcome):
    return [m for m in outcome.measurements if m.unit != "s"]


def metrics(outcome):
    return Counter(m.metric for m in outcome.measurements)


@pytest.mark.parametrize("field", [f.name for f in fields(RunConfig)])
def test_every_field_is_part_of_the_key(field):
    assert replace(SMALL, **{field: CHANGES[field]}).config_hash != SMALL.config_hash
    assert replace(SMALL).config_hash == SMALL.config_hash


def test_a_run_is_described_by_its_fields():
    assert str(SMALL) == "classifier relu adam at 0.001 seed 0"
    other = replace(SMALL, batch_norm=False, wrong_labels=0.1, initialization="variance")
    head = "classifier relu adam at 0.001 without batch norm"
    assert str(other) == f"{head} 10% label noise variance-preserving seed 0"


@pytest.mark.parametrize("task", NETWORKS)
def test_a_run_repeats_bit_for_bit_and_leaves_the_global_generator_alone(task):
    config = replace(SMALL, task=task, samples=32)
    state = torch.get_rng_state()
    first = execute(config, None)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(12345)
        again = execute(config, None)
    assert without_times(first) == without_times(again)
    assert first.arrays.keys() == again.arrays.keys()
    assert all(np.array_equal(array, again.arrays[name]) for name, array in first.arrays.items())
    assert first.status in ("finished", "collapsed")
    found, scores = metrics(first), {"loss"} if NETWORKS[task].reconstructs else {"loss", "accuracy"}
    ends = horizons(1)
    for images in ("validation", "test"):
        assert {name: n for name, n in found.items() if name.startswith(images)} == {
            f"{images}_{score}": 1 + len(ends) for score in scores
        }
    assert found["train_loss"] == found["seconds"] == len(ends)
    assert found["run_seconds"] == 1


@pytest.mark.parametrize(("epochs", "expected"), [
    (0, ()), (1, (0.25, 0.5, 1)), (2, (0.5, 1, 2)), (8, (1, 2, 4, 8)), (12, (1.5, 3, 6, 12)),
    (16, (1, 2, 4, 8, 16)),
])  # fmt: skip
def test_horizons_are_the_last_epoch_half_of_it_and_so_on(epochs, expected):
    assert horizons(epochs) == expected


@pytest.mark.parametrize("task", ["classifier", "fc_autoencoder"])
def test_scores_of_blocks_are_those_of_their_images(task, monkeypatch):
    """With blocks of one size their mean is the score of the run, and each is that of its images alone."""
    outcome = execute(replace(SMALL, task=task, samples=1000), None)
    blocks = outcome.arrays[BLOCK_SCORES]
    metric = "test_loss" if NETWORKS[task].reconstructs else "test_accuracy"
    scores = [m.value for m in outcome.measurements if m.metric == metric and m.step > 0]
    assert blocks.shape == (3, 360 // configs.BLOCK)
    np.testing.assert_allclose(blocks.mean(axis=1), scores, rtol=1e-6)
    block = slice(2 * configs.BLOCK, 3 * configs.BLOCK)
    part = replace(DIGITS, test_images=DIGITS.test_images[block], test_labels=DIGITS.test_labels[block])
    monkeypatch.setattr(configs, "_dataset", lambda name, root: part)
    alone = execute(replace(SMALL, task=task, samples=1000), None)
    found = [m.value for m in alone.measurements if m.metric == metric and m.step > 0]
    np.testing.assert_allclose(blocks[:, 2], found, rtol=1e-5)


@pytest.mark.parametrize(("images", "blocks"), [(1, 1), (7, 2), (45, 2), (100, 5), (5000, 100)])
def test_blocks_are_as_many_as_images_allow(images, blocks):
    sizes, scores = configs.evaluate_blocks(
        nn.Identity(), torch.ones(images, 3), torch.zeros(images, 3), nn.functional.mse_loss
    )
    assert sum(sizes) == images
    assert max(sizes) - min(sizes) <= 1
    assert scores["loss"].tolist() == [1.0] * blocks


@pytest.mark.parametrize("task", ["classifier", "fc_autoencoder"])
def test_a_network_that_learns_nothing_has_collapsed(task):
    learns, rests = (
        execute(replace(SMALL, task=task, samples=1000, epochs=6, learning_rate=rate), None)
        for rate in (3e-3, 1e-30)
    )
    assert (learns.status, rests.status) == ("finished", "collapsed")
    assert BLOCK_SCORES in rests.arrays


def test_collapse_by_hand():
    labels = torch.tensor([0, 0, 0, 1])
    for accuracy, expected in ((0.5, True), (0.75, True), (1.0, False)):
        scores = {"validation_accuracy": accuracy, "validation_loss": 0.0}
        assert configs._collapsed(scores, labels, nn.functional.cross_entropy) is expected
    values = torch.tensor([[0.0], [2.0]])  # the mean 1 has a squared error of 1
    for loss, expected in ((0.9, False), (1.0, True)):
        assert configs._collapsed({"validation_loss": loss}, values, nn.functional.mse_loss) is expected


@pytest.fixture
def start(monkeypatch):
    """What a cell's training starts from: model, training set and the options of `fit`."""

    class Started(BaseException):
        pass

    def spy(model, train, **options):
        seen.update(model=model, train=train, **options)
        raise Started

    seen = {}
    monkeypatch.setattr(configs, "fit", spy)

    def of(config):
        seen.clear()
        with pytest.raises(Started):
            execute(config, None)
        return dict(seen)

    return of


def test_seeds_are_paired_across_activations_and_the_control_has_its_own(start, monkeypatch):
    """Same seed: same initial weights, order of samples, dropout masks and wrong labels."""
    drawn = {}

    def spy(model, train, **options):
        weights = [p.detach().clone() for name, p in model.named_parameters() if "alpha" not in name]
        order = torch.randperm(50, generator=options["generator"])
        dropout = next(m for m in model.modules() if isinstance(m, nn.Dropout))
        drawn[current] = [*weights, order, dropout(torch.ones(8, 128)), train[1]]
        raise InterruptedError

    monkeypatch.setattr(configs, "fit", spy)
    for current in [(a, s) for a in ACTIVATIONS for s in (0, 1)] + [("relu", CONTROL_SEEDS)]:
        with pytest.raises(InterruptedError):
            execute(replace(SMALL, activation=current[0], seed=current[1], wrong_labels=0.4), None)

    def same(one, other):
        return [torch.equal(a, b) for a, b in zip(drawn[one], drawn[other], strict=True)]

    drawn_anew = (0, -3, -2, -1)  # first weights, order, mask and labels
    for name in ACTIVATIONS:
        if name not in CONTROLS:
            assert all(same((name, 0), ("relu", 0))), name
        assert not any(same((name, 0), (name, 1))[k] for k in drawn_anew), name
    assert all(same((CONTROLS[0], 0), ("relu", CONTROL_SEEDS)))
    for one, other in combinations(("relu", *CONTROLS), 2):
        assert not any(same((one, 0), (other, 0))[k] for k in drawn_anew)


def test_the_control_is_relu_under_other_seeds_in_all_that_it_measures():
    control, relu = (replace(SMALL, activation=a, seed=2) for a in (CONTROLS[1], "relu"))
    measured = without_times(execute(control, None))
    inside = ("activation", "gradient")  # which is looked into under the first seeds only
    shown = [m for m in measured if not m.metric.startswith(inside)]
    assert shown == without_times(execute(replace(relu, seed=2 + 2 * CONTROL_SEEDS), None))
    assert measured != without_times(execute(relu, None))


def numbered(train, test):
    """A data set whose image k is 1 + k everywhere, test images following on training images."""
    images = torch.arange(1.0, train + test + 1)[:, None, None, None].expand(-1, 1, 28, 28)
    labels = torch.arange(train + test) % 10
    return Dataset("numbered", images[:train], labels[:train], images[train:], labels[train:], "", "")


@pytest.fixture
def passed(monkeypatch):
    """Counts how often each image of a numbered data set passes a network: training, and evaluating."""

    def see(module, inputs):
        if isinstance(module, nn.Flatten):
            (count[module.training]).update(inputs[0][:, 0, 0, 0].int().tolist())

    count = {True: Counter(), False: Counter()}
    hook = nn.modules.module.register_module_forward_pre_hook(see)

    def of(config, dataset):
        monkeypatch.setattr(configs, "_dataset", lambda name, root: dataset)
        for counter in count.values():
            counter.clear()
        assert execute(config, None).status in ("finished", "collapsed")
        return Counter(count[True]), Counter(count[False])

    yield of
    hook.remove()


@pytest.mark.parametrize(("train", "last"), [(60_000, 55_000), (26_000, 21_000), (1437, 1150), (50, 40)])
def test_the_last_training_images_are_never_trained_on(passed, train, last):
    assert train - held_out(train) == last
    config = replace(SMALL, samples=train, batch_size=10_000, epochs=2, seed=9)
    trained, evaluated = passed(config, numbered(train, 7))
    assert trained == dict.fromkeys(range(1, last + 1), 2)
    times = 1 + len(horizons(2))  # before training and at each horizon
    assert {k: n for k, n in evaluated.items() if k <= train} == dict.fromkeys(
        range(last + 1, train + 1), times
    )


def test_no_more_is_trained_on_evaluated_or_tested_than_the_cell_says(passed):
    trained, evaluated = passed(replace(SMALL, samples=10, seed=9), numbered(100, 30))
    assert trained == dict.fromkeys(range(1, 11), 1)
    assert evaluated == dict.fromkeys([*range(81, 91), *range(101, 111)], 1 + len(horizons(1)))


@pytest.mark.parametrize("wrong_labels", [0.0, 0.4])
def test_the_test_set_is_never_trained_on(passed, wrong_labels):
    config = replace(SMALL, epochs=3, wrong_labels=wrong_labels)
    trained, _ = passed(config, numbered(100, 30))
    assert sum(trained[k] for k in range(101, 131)) == 0


@pytest.mark.parametrize("task", ["classifier", "fc_autoencoder"])
def test_nothing_but_the_test_scores_depends_on_the_test_set(task, monkeypatch):
    config = replace(SMALL, task=task)
    plain = execute(config, None)
    other = replace(DIGITS, test_images=1 - DIGITS.test_images)
    monkeypatch.setattr(configs, "_dataset", lambda name, root: other)
    found = [
        [m for m in without_times(outcome) if not m.metric.startswith("test")]
        for outcome in (execute(config, None), plain)
    ]
    assert found[0] == found[1]


def test_every_image_is_scored_by_the_loss_that_the_network_was_trained_with(monkeypatch):
    evaluated, original = [], configs.evaluate

    def spy(model, inputs, targets, loss):
        evaluated.append((loss, targets))
        return original(model, inputs, targets, loss)

    monkeypatch.setattr(configs, "evaluate", spy)
    execute(replace(SMALL, epochs=2, loss="brier"), None)
    assert {loss for loss, _ in evaluated} == {LOSSES["brier"].value}
    times = 1 + len(horizons(2))
    tested, validated = DIGITS.test_labels[:64], DIGITS.train_labels[LAST:][:64]
    blocks = [*tested.tensor_split(64 // configs.BLOCK), validated]
    assert len(evaluated) == times * len(blocks)
    for (_, targets), expected in zip(evaluated, blocks * times, strict=True):
        assert torch.equal(targets, expected)


@pytest.mark.parametrize(("share", "n"), [(0.0, 0), (0.1, 143), (0.2, 287), (0.4, 574), (1.0, 1437)])
def test_wrong_labels_are_so_many_and_of_another_class(share, n):
    labels = DIGITS.train_labels
    before, found = labels.clone(), with_label_noise(labels, share, seed=3)
    assert torch.equal(labels, before)
    assert (found != labels).sum() == n
    assert 0 <= found.min() <= found.max() <= 9
    assert torch.equal(found, with_label_noise(labels, share, seed=3))
    assert (n == 0) == torch.equal(found, with_label_noise(labels, share, seed=4))


def test_every_other_class_is_as_likely():
    labels = torch.arange(10).repeat(9000)
    shifts = ((with_label_noise(labels, 1.0, seed=0) - labels) % 10).bincount(minlength=10)
    # 90,000 draws of nine classes: a count outside 10,000 ± 500 happens once in ten million (binomial)
    assert shifts[0] == 0
    assert (shifts[1:] - 10_000).abs().max() < 500


def test_only_training_labels_are_wrong(monkeypatch):
    seen = []
    original = configs.evaluate
    monkeypatch.setattr(configs, "evaluate", lambda *a: seen.append(a[2]) or original(*a))
    fitted = configs.fit

    def spy(model, train, **options):
        seen.append(train[1])
        return fitted(model, train, **options)

    monkeypatch.setattr(configs, "fit", spy)
    execute(replace(SMALL, samples=1437, wrong_labels=0.4, epochs=1), None)
    trained, *evaluated = seen
    assert (trained != DIGITS.train_labels[:LAST]).sum() == int(0.4 * LAST)
    blocks = [*DIGITS.test_labels.tensor_split(360 // configs.BLOCK), DIGITS.train_labels[LAST:]]
    assert len(evaluated) == (1 + len(horizons(1))) * len(blocks)
    for targets, expected in zip(evaluated, cycle(blocks), strict=False):
        assert torch.equal(targets, expected)


@pytest.mark.parametrize("activation", ["relu", "sgelu", CONTROLS[0]])
def test_variance_initialization_is_used_where_it_is_asked_for(start, activation):
    config = replace(SMALL, task="deep_classifier", activation=activation, initialization="variance")
    first, second, *_ = (m for m in start(config)["model"].modules() if isinstance(m, nn.Linear))
    gain = variance_gain(torch.relu if activation != "sgelu" else lambda x: x * torch.erf(x))
    assert first.weight.std().item() == pytest.approx(784**-0.5, rel=0.02)
    assert second.weight.std().item() == pytest.approx(gain * 128**-0.5, rel=0.02)
    assert not first.bias.any()
    torchs, named = (
        start(replace(config, initialization=how))["model"].state_dict() for how in ("torch", None)
    )
    torch.manual_seed(CONTROL_SEEDS if activation in CONTROLS else 0)
    expected = NETWORKS["deep_classifier"].on("cpu", nn.ReLU, False).state_dict()
    for name, weight in expected.items():
        assert torch.equal(torchs[name], weight)
        assert torch.equal(named[name], weight)


def test_variance_initialization_is_paired_up_to_the_gain(start):
    config = replace(SMALL, initialization="variance", batch_norm=False)
    relu, tanh = (
        [
            m.weight
            for m in start(replace(config, activation=a))["model"].modules()
            if isinstance(m, nn.Linear)
        ]
        for a in ("relu", "tanh")
    )
    torch.testing.assert_close(relu[0], tanh[0], rtol=0, atol=0)
    torch.testing.assert_close(relu[1], tanh[1] * variance_gain(torch.relu) / variance_gain(torch.tanh))


INSIDE = {"activation mean 1", "activation rms 1", "gradient norm 1", "gradient norm 2"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, INSIDE),
        ({"seed": configs.DIAGNOSED - 1}, INSIDE),
        ({"seed": configs.DIAGNOSED}, set()),
        ({"activation": CONTROLS[0]}, INSIDE),
        ({"activation": "ada_sgelu"}, INSIDE | {"alpha 1"}),
        ({"task": "scratch_cnn"}, set()),
    ],
    ids=["first seed", "last seed", "one seed more", "control", "alpha", "scratch_cnn"],
)
def test_the_inside_of_networks_of_few_seeds_is_recorded_at_every_horizon(change, expected):
    outcome = execute(replace(SMALL, samples=32, epochs=2, **change), None)
    inside = {
        m.metric: [] for m in outcome.measurements if m.metric.startswith(("activation", "gradient", "alpha"))
    }
    for m in outcome.measurements:
        if m.metric in inside:
            inside[m.metric].append(m.step)
    assert inside == {name: [0, *horizons(2)] for name in expected}


def test_the_inside_is_that_of_the_initial_network_on_held_out_images():
    torch.manual_seed(2)
    model = MnistClassifier(nn.ReLU)
    images, labels = DIGITS.train_images[LAST:][:64], DIGITS.train_labels[LAST:][:64]
    expected = dict(diagnose(model, images, labels, nn.functional.cross_entropy, nn.ReLU))
    found = {m.metric: m.value for m in execute(replace(SMALL, seed=2), None).measurements if m.step == 0}
    for name in INSIDE:
        assert found[name] == pytest.approx(expected[name], rel=1e-4), name


def test_pictures_of_seed_zero_only():
    config = replace(SMALL, task="fc_autoencoder")
    pictures = execute(config, None).arrays
    assert {name: stack.shape for name, stack in pictures.items()} == {
        BLOCK_SCORES: (3, 3),
        "input": (10, 28, 28),
        "reconstruction": (10, 28, 28),
    }
    first = [DIGITS.test_images[DIGITS.test_labels == digit][0, 0] for digit in range(10)]
    assert (torch.stack(first) * 255 - torch.from_numpy(pictures["input"]).float()).abs().max() <= 0.5
    for other in (replace(config, seed=1), SMALL):
        assert set(execute(other, None).arrays) == {BLOCK_SCORES}


def test_divergence_is_a_status_and_is_not_scored():
    config = replace(SMALL, optimizer="sgd", learning_rate=1e30, batch_norm=False, activation="swish")
    outcome = execute(config, None)
    assert outcome.status == "diverged"
    assert 1 not in {m.step for m in outcome.measurements if m.metric.startswith("test")}
    assert outcome.arrays == {}
    assert metrics(outcome)["run_seconds"] == 1


def test_convergence_cell_measures_its_way_by_samples_seen():
    config = RunConfig(DESCENT, None, "sgd", 0.1, 32, None, "digits", convergence.SAMPLES, 2, 0)
    outcome = execute(config, None)
    found = {}
    for m in outcome.measurements:
        found.setdefault(m.metric, {})[m.step] = m.value
    assert set(found) == {"excess_loss", "distance", "gradient_variance", "seconds", "run_seconds"}
    assert list(found.pop("run_seconds")) == [0]
    for values in found.values():
        steps = list(values)
        assert steps[0] == 0
        assert steps[-1] == 2 * convergence.SAMPLES
        assert steps == sorted(steps) == list(found["excess_loss"])
    for metric in ("excess_loss", "distance"):
        values = list(found[metric].values())
        assert 0 < values[-1] < values[0]


def test_a_phenomenon_is_observed_under_its_seed_and_on_training_images():
    config = RunConfig("gradient_signs", None, None, None, None, None, "digits", 1437, 0, 1)
    found = execute(config, None)
    assert found.status == "finished"
    with threads(1):
        assert without_times(found) == SYNTHETIC[config.task](1, DIGITS.train_images, DIGITS.train_labels)
    assert metrics(found)["run_seconds"] == 1
