"""Losses against torch and scikit-learn, their gradients against autograd."""

import math

import pytest
import torch
from sklearn.metrics import brier_score_loss
from torch.nn import functional as F

from impl.losses import LOSSES, brier, cross_entropy, cross_entropy_gradient, mse


def samples(classes: int = 4, count: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, class indices and probabilities."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(count, classes, generator=generator, dtype=torch.float64)
    indices = torch.randint(classes, (count,), generator=generator)
    probabilities = torch.rand(count, classes, generator=generator, dtype=torch.float64)
    return logits, indices, probabilities / probabilities.sum(1, keepdim=True)


ORACLES = {
    "cross_entropy": F.cross_entropy,
    "mse": F.mse_loss,
    "brier": lambda z, t: ((torch.softmax(z, 1) - t) ** 2).sum() / len(z),
}


@pytest.mark.parametrize("name", LOSSES)
def test_value_equals_oracle(name):
    logits, _, probabilities = samples()
    torch.testing.assert_close(
        LOSSES[name].value(logits, probabilities), ORACLES[name](logits, probabilities)
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("indices", [True, False])
def test_value_can_be_trained_with(name, indices):
    """Autograd through our own value gives our own gradient."""
    logits, classes, probabilities = samples()
    target = classes if indices and name != "mse" else probabilities
    logits.requires_grad_()
    (found,) = torch.autograd.grad(LOSSES[name].value(logits, target), logits)
    torch.testing.assert_close(found, LOSSES[name].gradient(logits.detach(), target), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_equals_autograd_of_oracle(name):
    logits, _, probabilities = samples()
    logits.requires_grad_()
    (expected,) = torch.autograd.grad(ORACLES[name](logits, probabilities), logits)
    actual = LOSSES[name].gradient(logits.detach(), probabilities)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_equals_finite_differences(name):
    logits, _, probabilities = samples(3, 2)
    step, loss = 1e-6, LOSSES[name]
    for index in range(logits.numel()):
        shift = torch.zeros(logits.numel(), dtype=torch.float64)
        shift[index] = step
        up, down = (loss.value(logits + s * shift.view_as(logits), probabilities) for s in (1, -1))
        slope = loss.gradient(logits, probabilities).flatten()[index].item()
        assert slope == pytest.approx((up - down).item() / (2 * step), abs=1e-8)


@pytest.mark.parametrize("name", ["cross_entropy", "brier"])
def test_class_indices_are_one_hot_probabilities(name):
    logits, indices, _ = samples()
    one_hot = F.one_hot(indices, logits.shape[1]).double()
    loss = LOSSES[name]
    torch.testing.assert_close(loss.value(logits, indices), loss.value(logits, one_hot))
    torch.testing.assert_close(loss.gradient(logits, indices), loss.gradient(logits, one_hot))


@pytest.mark.parametrize("name", LOSSES)
def test_arguments_are_left_alone(name):
    logits, _, probabilities = samples()
    before = logits.clone(), probabilities.clone()
    LOSSES[name].value(logits, probabilities)
    LOSSES[name].gradient(logits, probabilities)
    assert torch.equal(logits, before[0])
    assert torch.equal(probabilities, before[1])


def test_brier_equals_scikit_learn():
    logits, indices, _ = samples()
    p = torch.softmax(logits, 1).numpy()
    expected = brier_score_loss(indices.numpy(), p, labels=range(4), scale_by_half=False)
    assert brier(logits, indices).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_of_ten_thousand(dtype):
    """Right: -log 1 = 0; wrong: log(e^z + e^-z) + z = 2z for z = 1e4, though e^1e4 overflows."""
    logits = torch.tensor([[1e4, -1e4], [1e4, -1e4]], dtype=dtype)
    assert cross_entropy(logits[:1], torch.tensor([0])).item() == 0
    assert cross_entropy(logits[:1], torch.tensor([1])).item() == 2e4
    expected = torch.tensor([[0, 0], [0.5, -0.5]], dtype=dtype)
    torch.testing.assert_close(cross_entropy_gradient(logits, torch.tensor([0, 1])), expected)


def test_uniform_logits_cost_log_of_the_classes():
    assert cross_entropy(torch.zeros(3, 5), torch.tensor([0, 2, 4])).item() == pytest.approx(math.log(5))


@pytest.mark.parametrize(
    ("logits", "target"),
    [
        (torch.zeros(3), torch.tensor(0)),
        (torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64)),
        (torch.zeros(2, 3), torch.zeros(2)),
        (torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.int64)),
        (torch.zeros(0, 3), torch.zeros(0, 3)),
    ],
)
@pytest.mark.parametrize("name", ["cross_entropy", "brier"])
def test_shapes_that_do_not_fit_logits(name, logits, target):
    for function in (LOSSES[name].value, LOSSES[name].gradient):
        with pytest.raises(ValueError, match=r"Invalid shapes: got logits .*, expected \(N, K\) and"):
            function(logits, target)


def test_squared_error_does_not_broadcast():
    with pytest.raises(
        ValueError, match=r"Invalid shapes: got output \(4, 1\) and target \(4,\), expected one shape"
    ):
        mse(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("name", LOSSES)
def test_row_is_complete(name):
    row = LOSSES[name]
    assert all((row.label, row.latex, row.latex_gradient))
