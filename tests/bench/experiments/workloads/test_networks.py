"""Which network fits which data set, and what it is made of there."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.experiments.workloads.networks import MNIST_SHAPE, NETWORKS, DataShape
from impl.data.datasets import Dataset, load_digits, load_npz
from impl.losses import LOSSES
from tests.small_npz import TEST, TRAIN, features, images, write

AUTOENCODERS = {"fc_autoencoder", "conv_autoencoder"}
CONVOLUTIONAL = {"scratch_cnn", "conv_autoencoder"}


def unit_features():
    arrays = features()
    return {**arrays, **{name: arrays[name] % 1 for name in ("x_train", "x_test")}}


def values(count):
    y = {"y_train": torch.rand(TRAIN, count).numpy(), "y_test": torch.rand(TEST, count).numpy()}
    return {**features(), **y}


# By data set: its arrays, its shape, and the networks that do not fit.
DATA = {
    "features": (features(), DataShape((3,), 2, 2, False), CONVOLUTIONAL | AUTOENCODERS),
    "features in [0, 1]": (unit_features(), DataShape((3,), 2, 2, True), CONVOLUTIONAL),
    "one value": (values(1), DataShape((3,), 1, None, False), CONVOLUTIONAL | AUTOENCODERS),
    "three values": (values(3), DataShape((3,), 3, None, False), CONVOLUTIONAL | AUTOENCODERS),
    "grey": (images(12, 8), DataShape((1, 12, 8), 2, 2, True), set()),
    "colour": (images(3, 8, 8), DataShape((3, 8, 8), 2, 2, True), set()),
    "odd sides": (images(9, 8), DataShape((1, 9, 8), 2, 2, True), CONVOLUTIONAL),
    "not scaled": (images(8, 8, dtype="uint16"), DataShape((1, 8, 8), 2, 2, False), AUTOENCODERS),
}


@pytest.fixture(params=DATA)
def case(request, tmp_path):
    arrays, shape, misfits = DATA[request.param]
    return load_npz(write(tmp_path / "mine.npz", arrays)), shape, misfits


def test_the_shape_of_a_data_set(case):
    dataset, shape, _ = case
    assert DataShape.of(dataset) == shape


def test_every_network_that_fits_trains_and_every_other_says_why_not(case):
    dataset, shape, misfits = case
    assert {name for name, network in NETWORKS.items() if network.misfit(shape)} == misfits
    x, y = dataset.train_images[:8], dataset.train_labels[:8]
    for name, network in NETWORKS.items():
        if name in misfits:
            assert network.label in network.misfit(shape)
            assert "\n" not in network.misfit(shape)
            continue
        model = network.on("cpu", nn.ReLU, True, shape)
        expected = "mse" if network.reconstructs or dataset.classes is None else "cross_entropy"
        assert network.loss_on(shape) == expected
        output, target = model(x), x if network.reconstructs else y
        loss = LOSSES[network.loss_on(shape)].value(output, target)
        oracle = nn.functional.cross_entropy if expected == "cross_entropy" else nn.functional.mse_loss
        torch.testing.assert_close(loss, oracle(output, target))
        loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("value", [-0.001, 1.001])
@pytest.mark.parametrize("part", ["train_images", "test_images"])
def test_one_input_outside_the_unit_interval_counts(part, value):
    x = torch.rand(4, 3)
    outside = x.clone()
    outside[2, 1] = value
    dataset = Dataset("mine.npz", x, torch.zeros(4), x, torch.zeros(4), "", "", 2)
    assert DataShape.of(dataset).in_unit_interval
    assert not DataShape.of(replace(dataset, **{part: outside})).in_unit_interval


def test_bundled_digits_have_mnists_shape():
    assert DataShape.of(load_digits()) == MNIST_SHAPE == DataShape((1, 28, 28), 10, 10, True)
    assert not any(network.misfit(MNIST_SHAPE) for network in NETWORKS.values())
    assert all(network.loss_on(MNIST_SHAPE) == network.loss for network in NETWORKS.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_without_a_shape_a_network_is_mnists(name):
    states = []
    for shape in ((), (MNIST_SHAPE,)):
        torch.manual_seed(0)
        states.append(NETWORKS[name].on("cpu", nn.ReLU, True, *shape).state_dict())
    assert all(torch.equal(states[0][key], value) for key, value in states[1].items())
    assert NETWORKS[name].on("cpu", nn.ReLU, True)(torch.rand(2, 1, 28, 28)).shape[0] == 2
