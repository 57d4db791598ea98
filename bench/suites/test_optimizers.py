"""Steps of each optimizer and its torch counterpart, and runs of each method to a target loss."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from bench.experiments.workloads import convergence
from bench.experiments.workloads.contracts import needs_closure
from bench.experiments.workloads.networks import NETWORKS
from bench.experiments.workloads.registry import optimizer_of
from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Alternatives, Interleaved, Timed
from bench.suites.setup_cache import cached
from impl.activations import ReLU
from impl.optimizers.registry import OPTIMIZERS, Make

PARAMETERS = {  # network -> description and number of its parameters
    "classifier": ("the classifier's parameters", 101_770),
    "fc_autoencoder": ("the fully connected autoencoder's parameters", 486_608),
    "conv_autoencoder": ("the convolutional autoencoder's parameters", 46_977),
}
STEPS = 10  # of one alternative at a time: parameters and state are in the cache if they fit


def parameters(network: str, device: str) -> list[nn.Parameter]:
    """Return the parameters of the network, each with a gradient."""
    model = NETWORKS[network].on(device, ReLU, True)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        gradient = torch.randn(parameter.shape, generator=generator).to(device)
        parameter.grad = torch.empty_like(parameter).copy_(gradient)
    return list(model.parameters())


def cases(custom: Sequence[str]) -> list[BenchmarkCase]:
    """Return every optimizer, its torch counterpart, and custom ones, on the classifier's parameters."""
    rules = [
        (name, implementation)
        for name, optimizer in OPTIMIZERS.items()
        for implementation in ("impl", "torch")
        if implementation == "impl" or optimizer.torch_counterpart
    ]
    return [
        BenchmarkCase("optimizer_step", name, implementation, *PARAMETERS["classifier"])
        for name, implementation in [*rules, *((name, "impl") for name in custom)]
    ]


@pytest.mark.candidates("optimizer", cases)
def test_step(timing: BenchmarkCase, timed: Timed, device: str) -> None:
    """Time one update of all parameters of the classifier; torch with its defaults."""
    make = (
        optimizer_of(timing.subject)
        if timing.implementation == "impl"
        else OPTIMIZERS[timing.subject].torch_counterpart
    )
    assert make
    step = make(parameters("classifier", device), 1e-9).step
    if timing.subject not in OPTIMIZERS and needs_closure(make):
        loss: Any = torch.zeros(())  # torch's annotation wants a float
        timed(lambda: step(lambda: loss))  # its own cost: gradients are there already
    else:
        timed(step)


def steps(optimizer: Optimizer) -> Callable[[], None]:
    """Return a call of STEPS steps, after a first one that creates the state and compiles."""
    optimizer.step()

    def run() -> None:
        for _ in range(STEPS):
            optimizer.step()

    return run


def twins(twin: Make, network: str, device: str) -> dict[str, Optimizer]:
    """Return torch's optimizer in those of its two fast forms that it has."""
    plain = twin(parameters(network, device), 1e-9)
    options = {k: v for k, v in plain.defaults.items() if k in ("lr", "momentum", "nesterov")}
    forms: dict[str, Optimizer] = {}
    for form in ("foreach", "fused"):
        if form in plain.defaults:
            again: Any = type(plain)
            forms[f"torch, {form}"] = again(parameters(network, device), **options, **{form: True})
    return forms


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("interleaved", name, "1 thread", words, size)
        for words, size in PARAMETERS.values()
        for name, optimizer in OPTIMIZERS.items()
        if optimizer.torch_counterpart
    ],
    ids=str,
)
def test_interleaved(
    timing: BenchmarkCase, interleaved: Interleaved, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interleave steps of ours with and without a compiler, and of torch's fast forms."""
    entry = OPTIMIZERS[timing.subject]
    network = next(name for name, (words, _) in PARAMETERS.items() if words == timing.input)
    assert entry.torch_counterpart
    alternatives: Alternatives = {"ours": steps(entry.make(parameters(network, device), 1e-9))}
    with monkeypatch.context() as patch:
        patch.setattr("impl.optimizers.flat_params.worth_compiling", lambda parameters: False)
        plain = entry.make(parameters(network, device), 1e-9)
        alternatives["ours without compiler"] = steps(plain)
    alternatives |= {
        name: steps(twin) for name, twin in twins(entry.torch_counterpart, network, device).items()
    }
    interleaved(alternatives, 1)


@pytest.mark.parametrize(
    "timing",
    [
        BenchmarkCase("time_to_target", label, "impl", "logistic regression on digits", method.batch_size)
        for label, method in convergence.METHODS.items()
    ],
    ids=str,
)
def test_time_to_target(timing: BenchmarkCase, benchmark: Any, timed: Timed) -> None:
    """Time a run to the target at the method's best learning rate, which the set-up determines."""
    method = convergence.METHODS[timing.subject]
    rate, steps = cached(convergence.fastest, method, 0)
    benchmark.extra_info.update(steps=steps, learning_rate=rate, samples=steps * method.batch_size)
    timed(lambda: convergence.trajectory(method.optimizer, rate, method.batch_size, steps, seed=0))
