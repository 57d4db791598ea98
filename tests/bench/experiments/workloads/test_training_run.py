"""Cells: identity, pairing of seeds, what is trained on and what is touched once, and runs that repeat."""

from collections import Counter
from dataclasses import fields, replace

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
from bench.records.names import CONTROL, DESCENT
from bench.records.runs import RunConfig, held_out
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
    "split": "validation",
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
    other = replace(SMALL, batch_norm=False, wrong_labels=0.1, initialization="variance", split="validation")
    head = "classifier relu adam at 0.001 without batch norm"
    assert str(other) == f"{head} 10% label noise variance-preserving tuning seed 0"


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("task", NETWORKS)
def test_a_run_repeats_bit_for_bit_and_leaves_the_global_generator_alone(task, split):
    config = replace(SMALL, task=task, samples=32, split=split)
    state = torch.get_rng_state()
    first = execute(config, None)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.random.fork_rng():
        torch.manual_seed(12345)
        assert without_times(first) == without_times(execute(config, None))
    assert first.status == "finished"
    found, scores = metrics(first), {"loss"} if NETWORKS[task].reconstructs else {"loss", "accuracy"}
    assert {name: n for name, n in found.items() if name.startswith("validation")} == {
        f"validation_{score}": 2 for score in scores
    }
    assert found["train_loss"] == found["seconds"] == found["run_seconds"] == 1
    assert {name for name in found if name.startswith("test")} == (
        {f"test_{score}" for score in scores} if split == "test" else set()
    )


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
        expected = ("relu", CONTROL_SEEDS) if name == CONTROL else ("relu", 0)
        assert all(same((name, 0), expected)), name
        assert not any(same((name, 0), (name, 1))[k] for k in drawn_anew), name
    assert not any(same((CONTROL, 0), ("relu", 0))[k] for k in drawn_anew)


def test_the_control_is_relu_under_other_seeds_in_all_that_it_measures():
    control, relu = (replace(SMALL, activation=a, seed=5) for a in (CONTROL, "relu"))
    measured = without_times(execute(control, None))
    assert measured == without_times(execute(replace(relu, seed=5 + CONTROL_SEEDS), None))
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
        assert execute(config, None).status == "finished"
        return Counter(count[True]), Counter(count[False])

    yield of
    hook.remove()


@pytest.mark.parametrize(("train", "last"), [(60_000, 55_000), (26_000, 21_000), (1437, 1150), (50, 40)])
def test_the_last_training_images_are_never_trained_on(passed, train, last):
    assert train - held_out(train) == last
    config = replace(SMALL, samples=train, batch_size=10_000, epochs=2, split="validation")
    trained, evaluated = passed(config, numbered(train, 7))
    assert trained == dict.fromkeys(range(1, last + 1), 2)
    assert evaluated == dict.fromkeys(range(last + 1, train + 1), 3)  # before the first epoch and after each


def test_no_more_is_trained_on_evaluated_or_tested_than_the_cell_says(passed):
    trained, evaluated = passed(replace(SMALL, samples=10, seed=9), numbered(100, 30))
    assert trained == dict.fromkeys(range(1, 11), 1)
    assert evaluated == {**dict.fromkeys(range(81, 91), 2), **dict.fromkeys(range(101, 111), 1)}


@pytest.mark.parametrize("seed", [0, configs.DIAGNOSED])
@pytest.mark.parametrize(("split", "times"), [("validation", 0), ("test", 1)])
@pytest.mark.parametrize("wrong_labels", [0.0, 0.4])
def test_the_test_set_is_read_once_by_a_scored_run_and_never_by_one_that_tunes(
    passed, seed, split, times, wrong_labels
):
    config = replace(SMALL, epochs=3, split=split, seed=seed, wrong_labels=wrong_labels)
    trained, evaluated = passed(config, numbered(100, 30))
    assert sum(trained[k] for k in range(101, 131)) == 0
    assert [evaluated[k] for k in range(101, 131)] == [times] * 30


@pytest.mark.parametrize("task", ["classifier", "fc_autoencoder"])
def test_nothing_but_the_final_score_depends_on_the_test_set(task, monkeypatch):
    config = replace(SMALL, task=task)
    plain = {split: execute(replace(config, split=split), None) for split in ("validation", "test")}
    spoilt = replace(DIGITS, test_images=torch.full_like(DIGITS.test_images, float("nan")))
    monkeypatch.setattr(configs, "_dataset", lambda name, root: spoilt)
    assert without_times(execute(replace(config, split="validation"), None)) == without_times(
        plain["validation"]
    )
    found = [
        [m for m in without_times(outcome) if not m.metric.startswith("test")]
        for outcome in (execute(config, None), plain["test"])
    ]
    assert found[0] == found[1]


def test_the_test_set_is_scored_once_after_the_last_epoch(monkeypatch):
    """By the loss that the network was trained with."""
    evaluated = []

    def spy(model, inputs, targets, loss):
        evaluated.append((loss, targets))
        return {"loss": float(len(evaluated)), "accuracy": -float(len(evaluated))}

    monkeypatch.setattr(configs, "evaluate", spy)
    outcome = execute(replace(SMALL, epochs=3, loss="brier"), None)
    scores = [tuple(m) for m in outcome.measurements if m.metric.startswith("test")]
    assert scores == [("test_loss", 3, 5.0, "1"), ("test_accuracy", 3, -5.0, "1")]
    assert {loss for loss, _ in evaluated} == {LOSSES["brier"].value}
    *validated, tested = (targets for _, targets in evaluated)
    assert torch.equal(tested, DIGITS.test_labels[:64])
    assert all(torch.equal(targets, DIGITS.train_labels[LAST:][:64]) for targets in validated)
    assert len(validated) == 4


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
    trained, *validated, tested = seen
    assert (trained != DIGITS.train_labels[:LAST]).sum() == int(0.4 * LAST)
    assert all(torch.equal(targets, DIGITS.train_labels[LAST:]) for targets in validated)
    assert torch.equal(tested, DIGITS.test_labels)


@pytest.mark.parametrize("activation", ["relu", "sgelu", CONTROL])
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
    torch.manual_seed(CONTROL_SEEDS if activation == CONTROL else 0)
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
        ({"split": "validation"}, set()),
        ({"activation": CONTROL}, INSIDE),
        ({"activation": "ada_sgelu"}, INSIDE | {"alpha 1"}),
        ({"task": "scratch_cnn"}, set()),
    ],
    ids=str,
)
def test_the_inside_of_few_scored_networks_is_recorded_before_and_after_every_epoch(change, expected):
    outcome = execute(replace(SMALL, samples=32, epochs=2, **change), None)
    inside = {
        m.metric: [] for m in outcome.measurements if m.metric.startswith(("activation", "gradient", "alpha"))
    }
    for m in outcome.measurements:
        if m.metric in inside:
            inside[m.metric].append(m.step)
    assert inside == {name: [0, 1, 2] for name in expected}


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
    pictures = execute(config, None).images
    assert {name: stack.shape for name, stack in pictures.items()} == {
        "input": (10, 28, 28),
        "reconstruction": (10, 28, 28),
    }
    first = [DIGITS.test_images[DIGITS.test_labels == digit][0, 0] for digit in range(10)]
    assert (torch.stack(first) * 255 - torch.from_numpy(pictures["input"]).float()).abs().max() <= 0.5
    assert execute(replace(config, seed=1), None).images == {}
    assert execute(replace(config, split="validation"), None).images == {}
    assert execute(SMALL, None).images == {}


def test_divergence_is_a_status_and_is_not_scored():
    config = replace(SMALL, optimizer="sgd", learning_rate=1e30, batch_norm=False, activation="swish")
    outcome = execute(config, None)
    assert outcome.status == "diverged"
    assert not any(name.startswith("test") for name in metrics(outcome))
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
