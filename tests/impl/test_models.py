import functools
import math

import pytest
import torch
from torch import nn

from impl.activations.registry import ACTIVATIONS
from impl.convolution import STRATEGIES, layers
from impl.data.datasets import load_digits
from impl.losses import cross_entropy
from impl.models import (
    SIDE,
    ConvAutoencoder,
    DeepClassifier,
    FcAutoencoder,
    MnistClassifier,
    ScratchCNN,
    sized,
)
from impl.optimizers.registry import OPTIMIZERS

MODELS = {
    "classifier": (MnistClassifier, (10,)),
    "deep_classifier": (DeepClassifier, (10,)),
    "fc_autoencoder": (FcAutoencoder, (1, 28, 28)),
    "conv_autoencoder": (ConvAutoencoder, (1, 28, 28)),
    "scratch_cnn": (ScratchCNN, (10,)),
}


def make(name, activation="relu", seed=0, **keywords):
    torch.manual_seed(seed)
    return MODELS[name][0](ACTIVATIONS[activation].module, **keywords)


def images(samples=3):
    return torch.rand(samples, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def kinds(module):
    return [type(layer).__name__ for layer in module.modules() if not list(layer.children())]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_shapes_and_gradients_with_every_activation(name, activation):
    model = make(name, activation)
    output = model(images())
    assert output.shape == (3, *MODELS[name][1])
    assert output.dtype == torch.float32
    output.square().mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_seed_gives_every_activation_the_same_weights(name, activation):
    reference, state = make(name).state_dict(), make(name, activation).state_dict()
    assert all(torch.equal(state[key], reference[key]) for key in reference)
    assert {key.rpartition(".")[2] for key in state.keys() - reference.keys()} <= {"alpha", "beta"}
    other = make(name, activation, seed=1).state_dict()
    assert not all(torch.equal(state[key], other[key]) for key in reference)


@pytest.mark.parametrize(
    ("batch_norm", "layers", "normalised"),
    [
        ("hidden", ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"], [128]),
        ("input", ["Flatten", "BatchNorm1d", "Linear", "ReLU", "Dropout", "Linear"], [784]),
        (None, ["Flatten", "Linear", "ReLU", "Dropout", "Linear"], []),
    ],
)
def test_classifier_layers(batch_norm, layers, normalised):
    model = make("classifier", batch_norm=batch_norm)
    assert kinds(model) == layers
    widths = [tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert widths == [(128, 784), (10, 128)]
    assert [
        layer.num_features for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)
    ] == normalised
    assert (
        [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)] == [0.5]
        if batch_norm
        else True
    )


def test_classifier_parameters():
    model = make("classifier", hidden=7, dropout=0.25)
    assert model.layers[1].weight.shape == (7, 784)
    assert model.layers[4].p == 0.25
    with pytest.raises(
        ValueError, match="Invalid batch_norm: got 'output', expected 'hidden', 'input' or None"
    ):
        make("classifier", batch_norm="output")


def test_deep_classifier_layers():
    model = make("deep_classifier")
    assert kinds(model) == ["Flatten", *(["Linear", "ReLU"] * 8), "Linear"]
    widths = [tuple(layer.weight.shape) for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert widths == [(128, 784), *[(128, 128)] * 7, (10, 128)]
    small = make("deep_classifier", depth=2, width=5)
    assert [layer.out_features for layer in small.modules() if isinstance(layer, nn.Linear)] == [5, 5, 10]


def test_fc_autoencoder_layers():
    model = make("fc_autoencoder")
    widths = [layer.in_features for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert widths == [784, 256, 128, 64, 128, 256]
    between = ["Linear", "ReLU", "BatchNorm1d"]
    assert kinds(model) == ["Flatten", *(between * 5), "Linear", "Sigmoid", "Unflatten"]
    normalised = [layer.num_features for layer in model.modules() if isinstance(layer, nn.BatchNorm1d)]
    assert normalised == [256, 128, 64, 128, 256]
    assert model.encoder(images()).shape == (3, 64)
    assert model.decoder[-3].out_features == 784


def test_fc_autoencoder_parameters():
    model = make("fc_autoencoder", widths=(20, 5), batch_norm=False)
    assert kinds(model) == ["Flatten", *(["Linear", "ReLU"] * 3), "Linear", "Sigmoid", "Unflatten"]
    assert model(images()).shape == (3, 1, 28, 28)


def test_conv_autoencoder_layers_as_printed():
    model = make("conv_autoencoder")
    block = ["Conv2d", "BatchNorm2d", "ReLU"]
    grow = ["BatchNorm2d", "ReLU", "ConvTranspose2d", "Upsample"]
    assert kinds(model.encoder) == [*block, "MaxPool2d", *block, "MaxPool2d", *block]
    assert kinds(model.decoder) == [*grow, *grow, *grow[:3], "Sigmoid"]
    widths = [
        (layer.in_channels, layer.out_channels, layer.kernel_size, layer.padding, layer.stride)
        for layer in model.modules()
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    channels = [(1, 16), (16, 32), (32, 64), (64, 32), (32, 16), (16, 1)]
    assert widths == [(*pair, (3, 3), (1, 1), (1, 1)) for pair in channels]
    normalised = [layer.num_features for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert normalised == [16, 32, 64, 64, 32, 16]
    assert model.encoder(images()).shape == (3, 64, 7, 7)


@pytest.mark.parametrize("name", ["fc_autoencoder", "conv_autoencoder"])
def test_reconstructions_are_pixels(name):
    output = make(name)(50 * images())
    assert 0 <= output.min() < output.max() <= 1


@pytest.mark.parametrize("name", ["fc_autoencoder", "conv_autoencoder", "deep_classifier"])
def test_activations_are_not_shared(name):
    model = make(name, "ada_sgelu")
    alphas = [name for name, _ in model.named_parameters() if name.endswith("alpha")]
    assert len(alphas) == kinds(model).count("AdaSGELU") > 1


def test_scratch_cnn_holds_only_our_layers():
    model = make("scratch_cnn")
    rooms = {type(layer).__module__ for layer in model.layers}
    assert rooms == {layers.__name__, "impl.activations"}


def torch_twin(channels, activation=nn.ReLU):
    first, second, third = channels
    return nn.Sequential(
        nn.Conv2d(1, first, 3, padding=1),
        activation(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=1),
        activation(),
        nn.MaxPool2d(2),
        nn.Conv2d(second, third, 3, padding=1),
        activation(),
        nn.Flatten(),
        nn.Linear(third * 7 * 7, 10),
    )


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "loops"])
def test_scratch_cnn_equals_its_torch_twin(strategy):
    model = make("scratch_cnn", "gelu", strategy=strategy).double()
    torch.manual_seed(0)
    twin = torch_twin((16, 32, 64), nn.GELU).double()
    ours, theirs = model(images().double()), twin(images().double())
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    ours.logsumexp(1).sum().backward()
    theirs.logsumexp(1).sum().backward()
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    assert all(torch.allclose(a.grad, b.grad, rtol=1e-10, atol=1e-10) for a, b in pairs)


def test_scratch_cnn_by_every_strategy():
    models = [make("scratch_cnn", channels=(1, 1, 1), strategy=strategy) for strategy in STRATEGIES]
    assert [{layer.strategy for layer in model.layers[:7:3]} for model in models] == [
        {name} for name in STRATEGIES
    ]
    with torch.no_grad():
        first, *others = [model(images(1)) for model in models]
    assert all(torch.allclose(first, other, atol=1e-5) for other in others)


def test_scratch_cnn_trains_as_its_torch_twin():
    """A hundred steps of Adam on the bundled digits in float64, ours by our Adam, torch's by torch's."""
    digits = load_digits()
    pictures, labels = digits.train_images.double(), digits.train_labels
    pictures = nn.functional.pad(pictures, (0, SIDE - pictures.shape[3], 0, SIDE - pictures.shape[2]))
    model = make("scratch_cnn", channels=(4, 8, 8)).double()
    twin = torch_twin((4, 8, 8)).double()
    twin.load_state_dict({key.removeprefix("layers."): value for key, value in model.state_dict().items()})
    ours, theirs = (
        OPTIMIZERS["adam"].make(model.parameters(), 1e-3),
        torch.optim.Adam(twin.parameters(), 1e-3),
    )
    for step in range(100):
        chosen = slice(16 * step % 1024, 16 * step % 1024 + 16)
        for network, optimizer, loss in (
            (model, ours, cross_entropy),
            (twin, theirs, nn.functional.cross_entropy),
        ):
            optimizer.zero_grad()
            loss(network(pictures[chosen]), labels[chosen]).backward()
            optimizer.step()
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-8)


CLASSIFIERS = (MnistClassifier, DeepClassifier)
WIDTHS = {
    MnistClassifier: [128],
    DeepClassifier: [128] * 8,
    FcAutoencoder: [256, 128, 64, 128, 256],
    ConvAutoencoder: [16, 32, 64, 64, 32, 16],
    ScratchCNN: [16, 32, 64],
}


class Maxout(nn.Module):
    """The larger of two affine functions of each feature."""

    def __init__(self, num_features, pieces=2):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, pieces * num_features).view(pieces, num_features))

    def forward(self, x):
        weight = self.weight.view(len(self.weight), 1, -1, *[1] * (x.dim() - 2))
        return (weight * x).amax(0)


class PerChannel(nn.PReLU):
    def __init__(self, channels):
        super().__init__(channels, 0.5)


class PReLU(nn.PReLU):
    def __init__(self, *, num_parameters):
        super().__init__(num_parameters)


@pytest.mark.parametrize("activation", [Maxout, PerChannel, PReLU, functools.partial(Maxout, pieces=3)])
@pytest.mark.parametrize("network", WIDTHS)
def test_an_activation_gets_the_width_of_the_layer_before_it(network, activation):
    model = network(activation)
    kind = getattr(activation, "func", activation)
    made = [layer for layer in model.modules() if isinstance(layer, kind)]
    assert [layer.weight.shape[-1] for layer in made] == WIDTHS[network]
    assert all(len(layer.weight) == 3 for layer in made if isinstance(activation, functools.partial))
    model(images()).square().mean().backward()  # every channel has its parameter
    assert all(layer.weight.grad.abs().sum() > 0 for layer in made)


@pytest.mark.parametrize("network", WIDTHS)
def test_other_activations_are_made_without_arguments(network):
    for activation in (nn.PReLU, lambda: nn.PReLU(), functools.partial(PerChannel, channels=1)):
        made = [layer for layer in network(activation).modules() if isinstance(layer, nn.PReLU)]
        assert [layer.num_parameters for layer in made] == [1] * len(WIDTHS[network])


def test_a_width_is_a_required_parameter_of_a_known_name():
    class Module(nn.Module):
        def __init__(self, *channels, num_features=None, **num_parameters):
            super().__init__()
            self.given = (channels, num_features, num_parameters)

    class Other(nn.Module):
        def __init__(self, width):
            super().__init__()

    assert sized(Module, 7).given == ((), None, {})
    with pytest.raises(TypeError, match="width"):
        sized(Other, 7)
    both = sized(lambda channels, num_features: nn.Linear(channels, num_features), 7)
    assert (both.in_features, both.out_features) == (7, 7)
    assert isinstance(sized(type("C", (nn.Module,), {"__signature__": 3}), 7), nn.Module)  # none is known


@pytest.mark.parametrize("inputs", [(13,), (1,), (3, 5, 7), (1, 28, 28), (4, 1, 1)])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("network", CLASSIFIERS)
def test_classifiers_take_any_inputs_and_outputs(network, inputs, outputs):
    model = network(nn.ReLU, inputs=inputs, outputs=outputs)
    assert model(torch.rand(4, *inputs)).shape == (4, outputs)
    linear = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert (linear[0].in_features, linear[-1].out_features) == (math.prod(inputs), outputs)


@pytest.mark.parametrize("inputs", [(13,), (3, 5, 7)])
def test_classifier_normalises_any_inputs(inputs):
    model = MnistClassifier(nn.ReLU, inputs=inputs, batch_norm="input")
    assert model.layers[1].num_features == math.prod(inputs)
    assert model(torch.rand(4, *inputs)).shape == (4, 10)


@pytest.mark.parametrize("inputs", [(13,), (1,), (3, 5, 7), (4, 28, 28)])
def test_fc_autoencoder_reconstructs_any_shape(inputs):
    x = torch.rand(4, *inputs)
    output = FcAutoencoder(nn.ReLU, inputs=inputs)(x)
    assert output.shape == x.shape
    assert 0 < output.min() < output.max() < 1


@pytest.mark.parametrize("inputs", [(1, 28, 28), (3, 32, 32), (4, 4, 8), (1, 12, 20)])
def test_convolutional_networks_take_images_of_sides_divisible_by_four(inputs):
    x = torch.rand(4, *inputs)
    assert ConvAutoencoder(nn.ReLU, inputs=inputs)(x).shape == x.shape
    assert ScratchCNN(nn.ReLU, inputs=inputs, outputs=3)(x).shape == (4, 3)


@pytest.mark.parametrize("inputs", [(13,), (28, 28), (1, 28, 30), (1, 30, 28), (1, 7, 7)])
@pytest.mark.parametrize("network", [ConvAutoencoder, ScratchCNN])
def test_convolutional_networks_refuse_other_inputs(network, inputs):
    with pytest.raises(
        ValueError, match=r"Invalid inputs: got \(.*\), expected \(C, H, W\) with H and W div"
    ):
        network(nn.ReLU, inputs=inputs)
