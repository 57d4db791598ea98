"""The perceptron without autograd against autograd, finite differences, and problems it must learn."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from impl.activations.registry import ACTIVATIONS
from impl.backprop import MLP
from impl.losses import LOSSES


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def samples(count: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (N, 5) and targets (N, 3) that are probabilities, which every loss takes."""
    generator = seeded(1)
    x = torch.randn(count, 5, generator=generator, dtype=torch.float64)
    y = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return x, y / y.sum(1, keepdim=True)


def twin(network: MLP, activation: str, output: str) -> nn.Sequential:
    """The same network of torch's layers, with the same weights."""
    modules: list[nn.Module] = []
    for i, (W, B) in enumerate(zip(network.weights, network.biases, strict=True)):
        layer = nn.Linear(W.shape[1], W.shape[0]).double()
        layer.load_state_dict({"weight": W, "bias": B})
        name = activation if i < len(network.weights) - 1 else output
        modules += [layer, nn.Identity() if name == "identity" else ACTIVATIONS[name].module().double()]
    return nn.Sequential(*modules)


TORCH_LOSSES = {
    "cross_entropy": nn.functional.cross_entropy,
    "mse": nn.functional.mse_loss,
    "brier": lambda z, t: (torch.softmax(z, 1) - t).square().sum(1).mean(),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("sizes", "output"),
    [
        ((5, 3), "tanh"),
        ((5, 4, 3), "identity"),
        ((5, 4, 6, 3), "sigmoid"),
        ((5, 4, 6, 2, 3), "identity"),
    ],
)
def test_gradients_equal_autograd(sizes, output, activation, loss):
    x, y = samples()
    network = MLP(sizes, activation, output, loss, generator=seeded(), dtype=torch.float64)
    reference = twin(network, activation, output)
    outputs = reference(x)
    value = TORCH_LOSSES[loss](outputs, y)
    weights = [layer.weight for layer in reference[::2]]
    biases = [layer.bias for layer in reference[::2]]
    expected = torch.autograd.grad(value, weights + biases)

    actual_value, gradients = network.gradients(x, y)
    dW, dB = zip(*gradients, strict=True)
    torch.testing.assert_close(network.forward(x), outputs.detach(), rtol=0, atol=1e-12)
    assert actual_value.item() == pytest.approx(value.item(), abs=1e-12)
    for ours, theirs in zip(dW + dB, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@pytest.mark.parametrize("indices", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradient_at_once_equal_autograd(loss, indices):
    logits, target = samples()
    logits = (3 * logits[:, :3]).requires_grad_()
    one_hot = nn.functional.one_hot(target.argmax(1), 3).double()
    expected = TORCH_LOSSES[loss](logits, one_hot if indices else target)
    given = target.argmax(1) if indices and loss != "mse" else one_hot if indices else target
    value, gradient = LOSSES[loss].value_and_gradient(logits.detach(), given)
    torch.testing.assert_close(value, expected.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, logits)[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_equal_finite_differences(loss):
    x, y = samples()
    network = MLP((5, 4, 3), "sgelu", "sigmoid", loss, generator=seeded(), dtype=torch.float64)
    _, gradients = network.gradients(x, y)
    for parameters, which in ((network.weights, 0), (network.biases, 1)):
        for layer, parameter in enumerate(parameters):
            flat, step = parameter.view(-1), 1e-6
            for index in range(flat.numel()):
                flat[index] += step
                up = network.gradients(x, y)[0]
                flat[index] -= 2 * step
                down = network.gradients(x, y)[0]
                flat[index] += step
                slope = gradients[layer][which].reshape(-1)[index].item()
                assert slope == pytest.approx((up - down).item() / (2 * step), abs=1e-8)


def test_two_layers_by_the_equations_of_question_4():
    """One sample as a column, in numpy: δ₂ = ∂L/∂A₂ ⊙ f₂'(Z₂), δ₁ = (W₂ᵀ δ₂) ⊙ f₁'(Z₁) and their products."""
    x, y = samples(1)
    network = MLP((5, 4, 3), "sigmoid", "sigmoid", "mse", generator=seeded(), dtype=torch.float64)
    (W1, W2), (B1, B2) = ([p.numpy() for p in ps] for ps in (network.weights, network.biases))
    X, T = x.numpy().T, y.numpy().T
    A1 = 1 / (1 + np.exp(-(W1 @ X + B1[:, None])))
    A2 = 1 / (1 + np.exp(-(W2 @ A1 + B2[:, None])))
    delta2 = 2 * (A2 - T) / 3 * A2 * (1 - A2)
    delta1 = (W2.T @ delta2) * A1 * (1 - A1)
    loss, ((dW1, dB1), (dW2, dB2)) = network.gradients(x, y)
    assert loss.item() == pytest.approx(((A2 - T) ** 2).mean())
    for ours, theirs in [(dW1, delta1 @ X.T), (dB1, delta1[:, 0]), (dW2, delta2 @ A1.T), (dB2, delta2[:, 0])]:
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=1e-15)


@pytest.mark.parametrize("batch_size", [1, 3, 7])
def test_training_equals_torch_on_the_same_batches(batch_size):
    x, y = samples()
    network = MLP((5, 4, 3), "tanh", loss="cross_entropy", generator=seeded(), dtype=torch.float64)
    reference = twin(network, "tanh", "identity")
    optimizer, generator, expected = torch.optim.SGD(reference.parameters(), lr=0.3), seeded(5), []
    for _ in range(3):
        total = 0.0
        for batch in torch.randperm(7, generator=generator).split(batch_size):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(reference(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        expected.append(total / 7)
    losses = network.train(x, y, learning_rate=0.3, epochs=3, batch_size=batch_size, generator=seeded(5))
    assert losses == pytest.approx(expected, abs=1e-12)
    for W, layer in zip(network.weights, reference[::2], strict=True):
        torch.testing.assert_close(W, layer.weight.detach(), rtol=0, atol=1e-12)


def test_learns_exclusive_or():
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([0, 1, 1, 0])
    network = MLP((2, 8, 2), "tanh", generator=seeded())
    losses = network.train(x, y, learning_rate=0.1, epochs=300, generator=seeded(1))
    assert len(losses) == 300
    assert losses[-1] < 0.05
    assert network.forward(x).argmax(1).tolist() == y.tolist()


def test_learns_digits():
    digits = load_digits()
    x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    network = MLP((64, 32, 10), "sigmoid", generator=seeded())
    network.train(x[:1400], y[:1400], learning_rate=0.5, epochs=40, batch_size=16, generator=seeded(1))
    assert (network.forward(x[1400:]).argmax(1) == y[1400:]).float().mean() > 0.88


def test_weights_are_drawn_as_torch_draws_them():
    network = MLP((100, 200, 10), generator=seeded())
    assert [tuple(W.shape) for W in network.weights] == [(200, 100), (10, 200)]
    assert [tuple(B.shape) for B in network.biases] == [(200,), (10,)]
    assert network.weights[0].dtype == torch.float32
    for parameter in (network.weights[0], network.biases[0]):
        assert 0.09 < parameter.abs().max() <= 0.1
        assert abs(parameter.mean()) < 0.02
    assert torch.equal(MLP((100, 200, 10), generator=seeded()).weights[1], network.weights[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MLP((5,), generator=seeded()), r"Invalid sizes: got \[5\], expected two or more"),
        (lambda: MLP((5, 0, 3), generator=seeded()), r"Invalid sizes: got \[5, 0, 3\]"),
        (
            lambda: MLP((5, 3), "sigmoyd", generator=seeded()),
            "Unknown activation 'sigmoyd'; expected one of: identity, sigmoid.*Did you mean 'sigmoid'",
        ),
        (lambda: MLP((5, 3), output="softmax", generator=seeded()), "Unknown output activation 'softmax'"),
        (
            lambda: MLP((5, 3), loss="hinge", generator=seeded()),
            "Unknown loss 'hinge'; expected one of: cross_entropy",
        ),
        (
            lambda: MLP((5, 3), generator=seeded()).forward(torch.zeros(2, 4)),
            r"Invalid x: got shape \(2, 4\), expected \(N, 5\)",
        ),
        (lambda: MLP((5, 3), generator=seeded()).forward(torch.zeros(5)), r"Invalid x: got shape \(5,\)"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
