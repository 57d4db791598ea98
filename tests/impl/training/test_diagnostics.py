"""Numbers of a network's inside against those worked out layer by layer."""

import pytest
import torch
from torch import nn

from impl.activations import AdaSGELU, ReLU
from impl.losses import mse
from impl.training.diagnostics import diagnose


def network(activation):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), activation(), nn.Dropout(0.5), nn.Linear(5, 2))


X = torch.randn(7, 3, generator=torch.Generator().manual_seed(1))
T = torch.randn(7, 2, generator=torch.Generator().manual_seed(2))


def test_layer_by_layer():
    model = network(ReLU)
    found = dict(diagnose(model, X, T, mse, ReLU))
    first, _, _, last = model
    h = (X @ first.weight.T + first.bias).clamp(min=0)
    y = h @ last.weight.T + last.bias
    d = 2 * (y - T) / y.numel()
    expected = {
        "activation mean 1": h.mean(),
        "activation rms 1": (h**2).mean() ** 0.5,
        "gradient norm 1": (((d @ last.weight) * (h > 0)).T @ X).norm(),
        "gradient norm 2": (d.T @ h).norm(),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value.item(), rel=1e-5), name


def test_alpha_is_told():
    model = network(AdaSGELU)
    with torch.no_grad():
        model[1].alpha.fill_(0.75)
    assert dict(diagnose(model, X, T, mse, AdaSGELU))["alpha 1"] == 0.75


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_as_it_was(training):
    model = nn.Sequential(network(ReLU), nn.BatchNorm1d(2)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    diagnose(model, X, T, mse, ReLU)
    assert model.training is training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_batch_norm_normalizes_by_the_batch_as_in_training():
    """Before training the running statistics are 0 and 1, and would let the signal through as it is."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), ReLU(), nn.Dropout(0.5), nn.Linear(5, 2)).eval()
    h = X @ model[0].weight.T + model[0].bias
    h = (h - h.mean(0)) / (h.var(0, unbiased=False) + 1e-5).sqrt()
    found = dict(diagnose(model, X, T, mse, ReLU))
    assert found["activation rms 1"] == pytest.approx((h.clamp(min=0) ** 2).mean().item() ** 0.5, rel=1e-5)
    assert model[1].track_running_stats
    assert model[1].num_batches_tracked == 0
    assert not any(module.training for module in model.modules())
