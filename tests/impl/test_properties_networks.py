"""Networks of any size, their training and what is seen inside: what autograd and numpy say."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from impl import losses
from impl.activations.registry import ACTIVATIONS
from impl.backprop import MLP
from impl.convolution.layers import Flatten, Linear
from impl.descent.loop import minibatches
from impl.models import ConvAutoencoder, DeepClassifier, FcAutoencoder, MnistClassifier, ScratchCNN
from impl.training import initialization
from impl.training.diagnostics import diagnose
from impl.training.loop import evaluate, fit
from tests.draws import normal, seeds


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    activation=st.sampled_from([*ACTIVATIONS, "identity"]),
    rows=st.integers(1, 5),
    seed=seeds,
)
def test_backpropagation_is_what_autograd_finds(sizes, activation, rows, seed):
    network = MLP(
        sizes, activation, loss="mse", generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    x, y = normal(seed, rows, sizes[0]), normal(seed + 1, rows, sizes[-1])
    leaves = [
        p.requires_grad_() for layer in zip(network.weights, network.biases, strict=True) for p in layer
    ]
    expected = torch.autograd.grad(losses.mse(network.forward(x), y), leaves)
    for p in leaves:
        p.requires_grad_(False)
    loss, found = network.gradients(x, y)
    for a, b in zip([g for layer in found for g in layer], expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-10)
    before = [p.clone() for p in leaves]
    assert network.step(x, y, 0.25).item() == pytest.approx(loss.item())
    for p, old, gradient in zip(leaves, before, expected, strict=True):
        torch.testing.assert_close(p, old - 0.25 * gradient, rtol=1e-7, atol=1e-10)


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=3),
    activation=st.sampled_from([*ACTIVATIONS, "identity"]),
    rows=st.integers(1, 6),
    epochs=st.integers(0, 3),
    rate=st.floats(0, 0.2),
    seed=seeds,
    data=st.data(),
)
def test_training_is_descent_along_what_autograd_finds(sizes, activation, rows, epochs, rate, seed, data):
    size = data.draw(st.integers(1, rows))
    network = MLP(
        sizes, activation, loss="mse", generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    x, y = normal(seed, rows, sizes[0]), normal(seed + 1, rows, sizes[-1])
    other = copy.deepcopy(network)
    leaves = [p.requires_grad_() for p in (*other.weights, *other.biases)]
    descent, order = torch.optim.SGD(leaves, lr=rate), torch.Generator().manual_seed(seed)
    expected = []
    for _ in range(epochs):
        total = 0.0
        for inputs, targets in minibatches(x, y, size, order):
            loss = losses.mse(other.forward(inputs), targets)
            descent.zero_grad()
            loss.backward()
            descent.step()
            total += loss.item() * len(inputs)
        expected.append(total / rows)
    found = network.train(
        x,
        y,
        learning_rate=rate,
        epochs=epochs,
        batch_size=size,
        generator=torch.Generator().manual_seed(seed),
    )
    assert found == pytest.approx(expected, rel=1e-7)
    parameters = [*network.weights, *network.biases]
    torch.testing.assert_close(parameters, [p.detach() for p in leaves], rtol=1e-7, atol=1e-9)


@given(
    rows=st.integers(1, 9),
    size=st.integers(1, 10),
    epochs=st.integers(0, 4),
    last=st.integers(1, 3),
    seed=seeds,
)
def test_a_fit_sees_every_row_once_an_epoch_until_its_loss_is_no_number(rows, size, epochs, last, seed):
    x, y = normal(seed, rows, 2), torch.arange(rows, dtype=torch.float64)[:, None]
    torch.manual_seed(seed)
    model, observed, batches = torch.nn.Linear(2, 1).double(), [], []
    start, seen = copy.deepcopy(model), []

    def loss(output, target):
        batches.append(target[:, 0].tolist())
        seen.extend(batches[-1])
        bad = len(seen) > rows * last
        return F.mse_loss(output, target) * (math.nan if bad else 1)

    def observe():
        observed.append(len(seen))
        return {"seen": float(len(seen))}

    history = fit(
        model,
        (x, y),
        observe=observe,
        loss=loss,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.0),
        batch_size=size,
        horizons=range(1, epochs + 1),
        generator=torch.Generator().manual_seed(seed),
    )
    whole = min(epochs, last)
    assert history.diverged == (epochs > last)
    assert observed == [rows * epoch for epoch in range(whole + 1)]
    for epoch in range(whole):
        assert sorted(seen[rows * epoch : rows * (epoch + 1)]) == list(range(rows))
    assert {len(batch) for batch in batches} <= {min(size, rows), rows % size}
    initial, *trained = history.records.values()
    assert set(initial) == {"seen"}
    assert len(trained) == whole
    assert all(set(metrics) == {"train_loss", "seconds", "seen"} for metrics in trained)
    mean = F.mse_loss(start(x), y).item()
    assert [metrics["train_loss"] for metrics in trained] == pytest.approx([mean] * whole)
    times = [metrics["seconds"] for metrics in trained]
    assert times == sorted(times)


@given(rows=st.integers(1, 6), epochs=st.integers(1, 4), rate=st.floats(0.001, 0.2), seed=seeds)
def test_a_fit_is_descent_by_its_optimizer_on_its_loss(rows, epochs, rate, seed):
    x, y = normal(seed, rows, 2), normal(seed + 1, rows, 1)
    torch.manual_seed(seed)
    model = torch.nn.Linear(2, 1, bias=False).double()
    w = model.weight.detach().numpy().copy()
    history = fit(
        model,
        (x, y),
        observe=dict,
        loss=F.mse_loss,
        optimizer=torch.optim.SGD(model.parameters(), lr=rate),
        batch_size=rows,
        horizons=range(1, epochs + 1),
        generator=torch.Generator().manual_seed(seed),
    )
    for metrics in list(history.records.values())[1:]:
        off = x.numpy() @ w.T - y.numpy()
        assert metrics["train_loss"] == pytest.approx(np.square(off).mean())
        w = w - rate * 2 / rows * off.T @ x.numpy()
    np.testing.assert_allclose(model.weight.detach().numpy(), w, rtol=1e-9, atol=1e-9)


SHAPES = {
    MnistClassifier: (10,), DeepClassifier: (10,), ScratchCNN: (10,),
    FcAutoencoder: (1, 28, 28), ConvAutoencoder: (1, 28, 28),
}  # fmt: skip


@settings(max_examples=5)
@given(rows=st.integers(2, 4), seed=seeds)
@pytest.mark.parametrize("network", SHAPES)
def test_networks_take_any_number_of_images_and_do_not_mix_them(network, rows, seed):
    torch.manual_seed(seed)
    model = network(torch.nn.Tanh).eval()
    images = torch.rand(rows, 1, 28, 28)
    with torch.no_grad():
        whole = model(images)
        assert whole.shape == (rows, *SHAPES[network])
        torch.testing.assert_close(model(images[1:2]), whole[1:2], rtol=1e-4, atol=1e-5)
    assert Flatten()(images).shape == (rows, 784)


@given(rows=st.integers(1, 6), inputs=st.integers(1, 5), outputs=st.integers(1, 5), seed=seeds)
def test_a_linear_layer_is_a_product_and_a_sum(rows, inputs, outputs, seed):
    torch.manual_seed(seed)
    layer, x = Linear(inputs, outputs).double(), normal(seed, rows, inputs)
    expected = x.numpy() @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, atol=1e-12)


@given(rows=st.integers(1, 600), seed=seeds)
def test_an_evaluation_is_the_mean_over_samples_whatever_the_batches(rows, seed):
    x, target = (
        normal(seed, rows, 3),
        torch.randint(0, 3, (rows,), generator=torch.Generator().manual_seed(seed)),
    )
    found = evaluate(torch.nn.Identity(), x, target, losses.cross_entropy)
    each = -special.log_softmax(x.numpy(), axis=1)[np.arange(rows), target]
    assert found["loss"] == pytest.approx(each.mean())
    assert found["accuracy"] == pytest.approx((x.numpy().argmax(1) == target.numpy()).mean())


@given(scale=st.floats(0.1, 5), shift=st.floats(-2, 2))
def test_the_gain_makes_the_second_moment_one(scale, shift):
    def f(z):
        return scale * z + shift

    assert initialization.second_moment(f) == pytest.approx(scale**2 + shift**2)
    assert initialization.variance_gain(f) == pytest.approx(1 / math.hypot(scale, shift))


@given(gain=st.floats(0.1, 5), inputs=st.integers(50, 90), seed=seeds)
@settings(max_examples=10)
def test_initial_weights_have_the_variance_asked_for(gain, inputs, seed):
    model = torch.nn.Sequential(torch.nn.Linear(5, inputs), torch.nn.Linear(inputs, 200))
    initialization.initialize(model, gain, torch.Generator().manual_seed(seed))
    n = model[1].weight.numel()
    ratio = model[1].weight.var().item() * inputs / gain**2
    assert abs(ratio - 1) < 6 * math.sqrt(2 / n)
    assert not any(layer.bias.any() for layer in model)


@given(rows=st.integers(2, 6), seed=seeds)
@settings(max_examples=10)
def test_a_diagnosis_counts_every_activation(rows, seed):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    )
    x, target = torch.rand(rows, 4), torch.zeros(rows, dtype=torch.int64)
    found = dict(diagnose(model, x, target, losses.cross_entropy, torch.nn.ReLU))
    hidden = model[1](model[0](x))
    rms = [value for name, value in found.items() if name.startswith("activation rms")]
    assert len(rms) == 2
    assert rms[0] == pytest.approx(hidden.square().mean().sqrt().item(), rel=1e-4, abs=1e-6)
