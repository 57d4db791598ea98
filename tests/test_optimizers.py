"""Update rules against torch's own optimizers and against steps worked by hand."""

import copy
import math

import pytest
import torch
from torch import nn

from impl.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, RMSprop

LEARNING_RATE = 0.02


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 1) -> torch.Tensor:
    """Train on fresh batches of noise; all parameters as one vector."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        x = torch.randn(16, 4, generator=generator, dtype=torch.float64)
        t = torch.randint(3, (16,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(model.parameters()).detach()


@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if entry.twin])
def test_equals_its_torch_twin(name):
    entry, ours, theirs = OPTIMIZERS[name], network(), network()
    expected = trained(theirs, entry.twin(theirs.parameters(), LEARNING_RATE), 200)
    actual = trained(ours, entry.make(ours.parameters(), LEARNING_RATE), 200)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)
    assert (actual - nn.utils.parameters_to_vector(network().parameters())).abs().max() > 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_dict_goes_on_where_it_was(name):
    entry, whole, resumed = OPTIMIZERS[name], network(), network()
    optimizer = entry.make(whole.parameters(), LEARNING_RATE)
    trained(whole, optimizer, 5)
    weights, state = copy.deepcopy(whole.state_dict()), copy.deepcopy(optimizer.state_dict())
    expected = trained(whole, optimizer, 5, seed=2)

    resumed.load_state_dict(weights)
    fresh = entry.make(resumed.parameters(), 1.0)
    fresh.load_state_dict(state)
    assert torch.equal(trained(resumed, fresh, 5, seed=2), expected)


@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if entry.twin])
def test_loads_the_state_of_its_twin(name):
    entry, theirs, ours = OPTIMIZERS[name], network(), network()
    twin = entry.twin(theirs.parameters(), LEARNING_RATE)
    trained(theirs, twin, 5)
    ours.load_state_dict(theirs.state_dict())
    optimizer = entry.make(ours.parameters(), LEARNING_RATE)
    optimizer.load_state_dict(copy.deepcopy(twin.state_dict()))
    expected = trained(theirs, twin, 5, seed=2)
    torch.testing.assert_close(trained(ours, optimizer, 5, seed=2), expected, rtol=0, atol=1e-12)


def one_step(make, gradient: float) -> float:
    """How far one step from 0 goes."""
    theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
    theta.grad = torch.tensor(gradient, dtype=torch.float64)
    make([theta], 1.0).step()
    return -theta.item()


@pytest.mark.parametrize("gradient", [3.0, -0.5, 1e-4, 1e-8])
def test_first_step_of_adam_by_hand(gradient):
    """m̂ = g and v̂ = g² at t = 1, so the step is g/(|g| + ε) as published, g/√(g² + ε) as printed."""
    eps = 1e-8
    assert one_step(OPTIMIZERS["adam"].make, gradient) == pytest.approx(gradient / (abs(gradient) + eps))
    inside = one_step(OPTIMIZERS["adam_eps_inside"].make, gradient)
    assert inside == pytest.approx(gradient / math.sqrt(gradient**2 + eps))


def test_eps_inside_the_root_shortens_small_gradients():
    """At |g| = √ε the printed form goes 1/√2 of a step, the published one 1/(1 + √ε): nearly a whole one."""
    assert one_step(OPTIMIZERS["adam_eps_inside"].make, 1e-4) == pytest.approx(1 / math.sqrt(2))
    assert one_step(OPTIMIZERS["adam"].make, 1e-4) == pytest.approx(1 / (1 + 1e-4))


def test_second_steps_by_hand():
    """Gradients 1 then 2, η = 1: v = 0.9 + 2 for momentum, G = 1 + 4 for Adagrad, v = ρ(1 - ρ) + 4(1 - ρ)."""
    rho = 0.75
    expected = {
        "momentum": (lambda p, lr: SGD(p, lr, momentum=0.9), 1 + 2.9),
        "adagrad": (lambda p, lr: Adagrad(p, lr, eps=0), 1 + 2 / math.sqrt(5)),
        "rmsprop": (
            lambda p, lr: RMSprop(p, lr, alpha=rho, eps=0),
            1 / math.sqrt(1 - rho) + 2 / math.sqrt((1 - rho) * (rho + 4)),
        ),
    }
    for name, (make, distance) in expected.items():
        theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
        optimizer = make([theta], 1.0)
        for gradient in (1.0, 2.0):
            theta.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
        assert -theta.item() == pytest.approx(distance), name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_closure_groups_and_missing_gradients(name):
    used, slow, unused = (nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(3))
    optimizer = OPTIMIZERS[name].make([{"params": [used, unused]}, {"params": [slow], "lr": 0.0}], 0.1)

    def closure():
        optimizer.zero_grad()
        loss = (used**2 + slow**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4
    assert (used < 1).all()
    assert torch.equal(slow, torch.ones_like(slow))
    assert torch.equal(unused, torch.ones_like(unused))
    assert unused not in optimizer.state


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, -0.1), "lr -0.1"),
        (lambda p: SGD(p, math.nan), "lr nan"),
        (lambda p: SGD(p, 0.1, momentum=1.0), "momentum 1.0"),
        (lambda p: Adagrad(p, 0.1, eps=-1.0), "eps -1.0"),
        (lambda p: RMSprop(p, 0.1, alpha=1.5), "alpha 1.5"),
        (lambda p: Adam(p, 0.1, betas=(0.9, 1.0)), "beta 1.0"),
        (lambda p: Adam(p, 0.1, betas=(0.9,)), "betas"),
        (lambda p: Adam([{"params": p, "lr": -1.0}], 0.1), "lr -1.0"),
    ],
)
def test_hyperparameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make([nn.Parameter(torch.zeros(1))])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_entry_is_complete(name):
    entry = OPTIMIZERS[name]
    assert all((entry.label, entry.latex, entry.reference))
