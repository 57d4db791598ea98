"""What becomes of the objects that people name: activations that need a width, optimizers of every habit."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.experiments.workloads.conformance import optimizer as conformance
from bench.experiments.workloads.contracts import InvalidCandidateError, checked_rates, needs_closure
from bench.experiments.workloads.registry import ADAPTIVE, RATES, optimizer_of, rates_of, resolve
from bench.experiments.workloads.training_run import execute
from bench.records.runs import RunConfig

CONFIG = RunConfig(
    "classifier", "relu", "torch.optim:SGD", 0.1, 32, True, "digits", 96, 1, 0,
    loss="cross_entropy", initialization="torch",
)  # fmt: skip
MINE = """
import functools
import math
import torch
from torch import nn
from torch.optim import SGD, Optimizer

class Maxout(nn.Module):
    def __init__(self, num_features, slope=0.5):
        super().__init__()
        self.a = nn.Parameter(torch.full((num_features,), slope))
    def forward(self, x):
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return torch.maximum(x, self.a.view(shape) * x)

def prelu(num_parameters): return nn.PReLU(num_parameters)
channelled = lambda channels, init=0.1: nn.PReLU(channels, init)

class Sam(Optimizer):
    def __init__(self, params, lr, rho=0.05):
        super().__init__(params, dict(lr=lr, rho=rho))
    @torch.no_grad()
    def step(self, closure=None):
        assert closure is not None, "SAM needs a closure"
        loss = closure()
        group = self.param_groups[0]
        where = [(p, group["rho"] * p.grad.sign()) for p in group["params"]]
        for p, e in where: p.add_(e)
        closure()
        for p, e in where: p.sub_(e).sub_(p.grad, alpha=group["lr"])
        return loss

class Silent(SGD):
    def step(self, closure=None):
        return None if closure is None else super().step(closure)

class Modes(Optimizer):
    '''Trains at y, evaluates at x, which is far away.'''
    def __init__(self, params, lr):
        super().__init__(params, dict(lr=lr))
        self.training = False
    def train(self):
        if not self.training: self.shift(-1.0)
        self.training = True
    def eval(self):
        if self.training: self.shift(1.0)
        self.training = False
    @torch.no_grad()
    def shift(self, by):
        for g in self.param_groups:
            for p in g["params"]: p.add_(by)
    @torch.no_grad()
    def step(self, closure=None):
        assert self.training
        for g in self.param_groups:
            for p in g["params"]: p.add_(p.grad, alpha=-g["lr"])

class WarmUp(SGD):
    def __init__(self, params, lr):
        super().__init__(params, 0.0)
        self.peak, self.calls = lr, 0
    def step(self, closure=None):
        self.param_groups[0]["lr"] = self.peak * min(1, self.calls / 10)
        self.calls += 1
        return super().step(closure)

class Free(SGD):
    def __init__(self, params, momentum=0.5):
        super().__init__(params, 0.1, momentum=momentum)

class Prodigy(SGD):
    def __init__(self, params, lr=1.0, d0=1e-6):
        super().__init__(params, lr * 0.1)

class Odd(SGD):
    rates = (0.3, 0.1)

def number(params, lr): return 3
def large(params, lr=0.3): return SGD(params, lr)
def small(params, *, learning_rate=3e-4): return SGD(params, learning_rate)
def second(params, anything): return SGD(params, anything)
def wrapped(*args, **kwargs): return SGD(*args, **kwargs)
half = functools.partial(SGD, momentum=0.5)

class Partly(SGD):
    def step(self, closure=None):
        for p in self.param_groups[0]["params"][:1]: p.data.sub_(p.grad)
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    """The file in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)


def trained(**fields):
    return {m.metric: m.value for m in execute(replace(CONFIG, **fields), None).measurements if m.step}


@pytest.mark.parametrize(
    "name", ["mine.py:Maxout", "mine.py:prelu", "mine.py:channelled", "mine.py:Maxout(slope=0.1)"]
)
@pytest.mark.parametrize("task", ["classifier", "deep_classifier", "fc_autoencoder", "conv_autoencoder"])
def test_a_width_is_filled_in_by_every_network(name, task):
    loss = "mse" if "autoencoder" in task else "cross_entropy"
    fields = {"activation": resolve(name, "activation"), "task": task, "loss": loss, "samples": 40}
    assert execute(replace(CONFIG, **fields), None).status in ("finished", "collapsed")


def test_a_fixed_width_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"'torch.nn:PReLU\(8\)' raised RuntimeError.*parameter numbers = 8"):
        resolve("torch.nn:PReLU(8)", "activation")
    assert resolve("torch.nn:PReLU(128)", "activation")  # the width of the classifier


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("torch.optim:LBFGS", True),
        ("mine.py:Sam", True),
        ("mine.py:Silent", True),
        ("torch.optim:Adam", False),
    ],
)
def test_a_closure_is_given_where_it_is_needed(name, needed):
    assert needs_closure(optimizer_of(name)) == needed
    config = replace(CONFIG, optimizer=resolve(name, "optimizer"), learning_rate=0.01, epochs=3)
    losses = [m.value for m in execute(config, None).measurements if m.metric == "train_loss"]
    assert losses[2] < losses[0]


def test_a_closure_changes_no_number_of_what_would_do_without():
    """SGD that insists on a closure is SGD."""
    assert {
        k: v for k, v in trained(optimizer=resolve("mine.py:Silent", "optimizer")).items() if k != "seconds"
    } == {k: v for k, v in trained().items() if k != "seconds"}


def test_sam_by_hand():
    """Two evaluations a step with the same dropout masks, each gradient where it belongs."""
    p = [nn.Parameter(torch.tensor([1.0, -2.0]))]
    sam = optimizer_of("mine.py:Sam")(p, 0.1)

    def closure():
        sam.zero_grad()
        loss = (p[0] ** 2).sum()
        with torch.enable_grad():
            loss = (p[0] ** 2).sum()
            loss.backward()
        return loss

    sam.step(closure)
    assert p[0].tolist() == pytest.approx([1 - 0.1 * 2.1, -2 + 0.1 * 4.1])


def test_modes_are_switched_for_every_metric():
    """Steps are taken in training mode only, which the optimizer asserts, and scores are those at x."""
    name = resolve("mine.py:Modes", "optimizer")
    at_x = trained(optimizer=name, learning_rate=0.1)
    plain = trained(learning_rate=0.1)
    assert at_x["train_loss"] != plain["train_loss"]
    initial = {
        m.metric: m.value for m in execute(replace(CONFIG, optimizer=name), None).measurements if not m.step
    }
    untouched = {m.metric: m.value for m in execute(CONFIG, None).measurements if not m.step}
    batch_norm = replace(CONFIG, batch_norm=False)
    assert initial["validation_loss"] != untouched["validation_loss"]  # batch norms are measured anew
    bare = [
        {m.metric: m.value for m in execute(replace(batch_norm, **fields), None).measurements if not m.step}
        for fields in ({"optimizer": name}, {})
    ]
    assert bare[0]["validation_loss"] == bare[1]["validation_loss"]


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("torch.optim:SGD", RATES["sgd"]),
        ("torch.optim:Adagrad", RATES["adagrad"]),
        ("torch.optim:Adam", ADAPTIVE),
        ("torch.optim:NAdam", ADAPTIVE),
        ("mine.py:large", RATES["sgd"]),
        ("mine.py:small", ADAPTIVE),
        ("mine.py:second", ADAPTIVE),
        ("mine.py:wrapped", ADAPTIVE),
        ("mine.py:Odd", (0.1, 0.3)),
        ("mine.py:Free", (1.0,)),
        ("mine.py:Free(momentum=0.1)", (1.0,)),
        ("mine.py:Prodigy", (1.0,)),
        ("Adam(lr=0.02)", (0.02,)),
        ("adam", ADAPTIVE),
        ("sgd", RATES["sgd"]),
    ],
)
def test_the_rates_that_are_tried(name, rates):
    assert rates_of(name) == rates
    resolve(name, "optimizer")


@pytest.mark.parametrize(
    "name",
    [
        "mine.py:WarmUp",
        "mine.py:half",
        "mine.py:wrapped",
        "SGD(momentum=0.5)",
        "torch.optim:SGD(momentum=0.5)",
    ],
)
def test_what_steps_is_measured(name):
    identified = resolve(name, "optimizer")
    assert execute(replace(CONFIG, optimizer=identified), None).status == "finished"
    assert not [m for m in conformance(name) if m.metric.endswith("raises")]


def test_arguments_of_an_optimizer_are_its_own():
    torchs = trained(optimizer="torch.optim:SGD(momentum=0.5)")
    for name in ("SGD(momentum=0.5)", "mine.py:half"):
        ours = trained(optimizer=resolve(name, "optimizer"))
        assert ours["train_loss"] == pytest.approx(torchs["train_loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mine.py:Partly", r"step\(\) did not update every parameter in 200 steps"),
        ("mine.py:Sam(0.1)", "must have named arguments"),
        (
            "mine.py:Sam(roh=0.1)",
            "must be callable with .parameters, learning rate.: got an unexpected keyword",
        ),
        ("mine.py:number", "must return a torch.optim.Optimizer, got int"),
        ("mine.py:math", "must be callable with .parameters, learning rate., got module"),
    ],
)
def test_what_is_no_optimizer(name, message):
    with pytest.raises(ValueError, match=message):
        resolve(name, "optimizer")


@pytest.mark.parametrize(
    "rates", [(), (0.1, 0.1), (0.0,), (-1.0,), (float("nan"),), (float("inf"),), 7, ("a",), range(1, 30)]
)
def test_invalid_rates(rates):
    with pytest.raises(InvalidCandidateError, match=r"it has invalid rates .* expected 1 to 20 different"):
        checked_rates("it", rates)
