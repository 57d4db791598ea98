"""What the checks find of functions, rules and convolutions whose faults are known."""

import math

import pytest
import torch

from bench.experiments.catalog import RATES, conformance_checks, plan
from bench.experiments.profiles import PROFILES
from bench.experiments.workloads.conformance import CHECKS, LAYERS, TASKS, measured
from bench.experiments.workloads.registry import ADAPTIVE, resolve
from bench.experiments.workloads.training_run import execute
from bench.records.runs import ConformanceCheck, RunConfig

MINE = """
import torch
from torch import nn
from torch.nn.functional import conv2d
from torch.optim import SGD

def square(x):
    return x * x

class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return 3 * x
    @staticmethod
    def setup_context(ctx, inputs, output):
        pass
    @staticmethod
    def backward(ctx, g):
        return 2 * g

def wrong(x):
    return Wrong.apply(x)

def hides(x):
    return torch.nan_to_num(x, nan=0.0)

def single(x):
    if x.dtype != torch.float32:
        raise TypeError("float32 only")
    return torch.tanh(x)

class Up(SGD):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.data.add_(p.grad if p.grad is not None else 1, alpha=group["lr"])

class Forgets(SGD):
    rates = (0.5, 0.1, 0.2, 0.3, 0.4)
    def __init__(self, params, lr):
        super().__init__(params, lr)
        self.calls = 0
    def step(self, closure=None):
        self.calls += 1
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data.add_(p.grad / p.grad.norm(), alpha=-group["lr"] / self.calls)

class Few(SGD):
    rates = (0.1, 0.2)

class Odd(SGD):
    rates = 7

def still(params, lr):
    return SGD(params, 0.0)

def no_rule(params, lr):
    return [*params]

def raises(params, lr):
    raise KeyError("of no use")

number = 3

def stride_less(input, weight, geometry):
    return conv2d(input, weight, None, 1, geometry.padding, geometry.dilation, geometry.groups)

def flipped(input, weight, geometry):
    g = geometry
    return conv2d(input, weight.flip(2, 3), None, g.stride, g.padding, g.dilation, g.groups)

def cut(input, weight, geometry):
    return conv2d(input, weight.detach(), None, 1, geometry.padding)

def unpadded(input, weight, geometry):
    return conv2d(input, weight)

def two(input, weight):
    return conv2d(input, weight)
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def found(kind, name):
    return {m.metric: m.value for m in CHECKS[TASKS[kind]](name)}


def test_relu_by_hand_and_gelus_limits():
    relu = found("activation", "relu")
    assert all(relu[f"keeps {dtype}"] == 1 for dtype in ("float32", "float64", "bfloat16"))
    assert relu["gradcheck"] == 1
    assert (relu["value at inf"], relu["value at -inf"]) == (math.inf, 0)
    assert (relu["slope at inf"], relu["slope at -inf"]) == (1, 0)
    assert relu["value at nan is NaN"] == 1
    assert "value at nan" not in relu
    assert (relu["finite up to"], relu["finite down to"]) == (1e32, 1e-32)


@pytest.mark.parametrize("name", ["sgelu", "ada_sgelu", "torch.nn:PReLU"])
def test_activations_with_and_without_parameters_are_sound(name):
    sound = found("activation", name)
    assert all(sound[m] == 1 for m in sound if m.startswith("keeps ") or m == "gradcheck")


@pytest.mark.parametrize(
    ("name", "metric", "value"),
    [
        ("square", "finite up to", 1e16),  # 1e32² is more than float32 holds
        ("square", "finite down to", 1e-32),
        ("square", "slope at -inf", -math.inf),
        ("wrong", "gradcheck", 0),
        ("wrong", "keeps float64", 1),
        ("hides", "value at nan", 0),
        ("single", "keeps float32", 1),
        ("single", "keeps bfloat16 raises", 1),
        ("single", "gradcheck raises", 1),
    ],
)
def test_what_is_wrong_with_an_activation_is_found(mine, name, metric, value):
    assert found("activation", f"{mine}:{name}")[metric] == value


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adagrad", "rmsprop"])
def test_our_rules_are_sound(name):
    sound = found("optimizer", name)
    for metric, value in sound.items():
        assert value < 1 if metric.startswith("quadratic") else value == 1, metric


def test_gradient_descents_share_of_the_quadratic_is_in_closed_form():
    """θ ← (1 - ηλ) θ, so Σλ(1 - ηλ)²ⁿ / Σλ is left."""
    curvatures = [10 ** (-2 * k / 7) for k in range(8)]
    sound = found("optimizer", "sgd")
    for rate in RATES["sgd"]:
        left = sum(c * (1 - rate * c) ** 200 for c in curvatures) / sum(curvatures)
        assert sound[f"quadratic at {rate:g}"] == pytest.approx(left, rel=1e-6)


def test_what_is_wrong_with_a_rule_is_found(mine):
    up, forgets = (found("optimizer", f"{mine}:{name}") for name in ("Up", "Forgets"))
    assert all(up[f"quadratic at {rate:g}"] > 1 for rate in RATES["sgd"])
    assert up["leaves what has no gradient"] == 0
    assert forgets["resumes"] == 0
    assert forgets["finite at zero gradient"] == 0
    assert [m for m in forgets if m.startswith("quad")] == [f"quadratic at 0.{k}" for k in range(1, 6)]


def test_a_strategy_of_the_table_is_exact_and_faults_are_found_where_they_are(mine):
    errors = found("strategy", "windows")
    assert len([m for m in errors if m.startswith("error of ")]) == 3 * len(LAYERS)
    assert all(value < 1e-12 for m, value in errors.items() if m.startswith("error"))
    stride = found("strategy", f"{mine}:stride_less")
    assert [m for m in stride if m.startswith("error") and (m.endswith("raises") or stride[m] > 1e-9)] == [
        "error of output, stride 2 raises",  # of another shape
        "error of input gradient, stride 2",
        "error of weight gradient, stride 2",
    ]
    flipped = found("strategy", f"{mine}:flipped")
    assert flipped["error of output, one pixel"] == 0
    assert flipped["error of output, padding 1"] > 0.1
    assert flipped["error of input gradient, stride 2"] > 0.1


def test_what_a_probe_raises_is_a_finding():
    assert measured("x", lambda: 1 / 0)[:3] == ("x raises", 0, 1)
    assert measured("x", lambda: math.nan)[:3] == ("x is NaN", 0, 1)
    assert measured("x", lambda: torch.tensor(2.5))[:3] == ("x", 0, 2.5)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("optimizer", "lion", "Unknown optimizer 'lion'; expected one of: sgd, momentum"),
        (
            "optimizer",
            "{mine}:number",
            r"must be callable with \(parameters, learning rate\), got int",
        ),
        ("optimizer", "{mine}:square", r"raised TypeError\("),
        ("optimizer", "{mine}:no_rule", "must return a torch.optim.Optimizer, got list"),
        ("optimizer", "{mine}:raises", r"raised KeyError\('of no use'\)"),
        ("optimizer", "{mine}:still", r"step\(\) did not update every parameter in 200 steps"),
        ("optimizer", "{mine}:Odd", "has invalid rates 7; expected 1 to 20 different positive numbers"),
        ("strategy", "fft", "Unknown strategy 'fft'; expected one of: loops, unfold"),
        ("strategy", "{mine}:number", r"must be callable with \(input, weight, geometry\), got int"),
        ("strategy", "{mine}:two", r"must be callable with \(input, weight, geometry\)"),
        ("strategy", "{mine}:cut", "must be differentiable: no gradient reaches its input"),
        (
            "strategy",
            "{mine}:unpadded",
            r"must return shape \(2, 4, 8, 8\) of torch.float32 for .*, got \(2, 4, 6, 6\)",
        ),
        ("activation", "{mine}:two", "must be callable without arguments"),
        ("activation", "{mine}:single", None),
        ("optimizer", "{mine}:Forgets", None),
        ("optimizer", "{mine}:Few", None),
        ("strategy", "{mine}:flipped", None),
    ],
)
def test_what_is_nothing_of_the_kind_is_one_line_that_says_what_came(mine, kind, name, message):
    name = name.format(mine=mine)

    def ask():
        resolve(name, kind)

    if message is None:
        return ask()
    with pytest.raises(ValueError, match=message) as error:
        ask()
    assert str(error.value).count("\n") == 0
    assert f"{kind} {name!r}" in str(error.value)
    return None


def test_a_trial_is_a_cell_of_its_own_key_that_a_worker_can_run(mine):
    own = {
        kind: [f"{mine}:{name}"] for kind, name in zip(TASKS, ("square", "Forgets", "flipped"), strict=True)
    }
    made = conformance_checks(own, "digits")
    assert [config.task for config in made] == list(CHECKS)
    assert len({config.config_hash for config in made}) == 3
    assert str(made[0]) == f"activation_conformance {mine}:square"
    outcome = execute(made[0], None)
    assert outcome.status == "finished"
    numbers = {m.metric: m.value for m in outcome.measurements if m.metric != "run_seconds"}
    assert numbers == found("activation", f"{mine}:square")


def test_keys_of_cells_are_what_they_were():
    """As the reference store has them."""
    config = RunConfig(
        "classifier", "relu", "adam", 1e-3, 128, True, "digits", 100, 2, 7, loss="cross_entropy"
    )
    assert config.config_hash == KEY
    assert ConformanceCheck(**vars(config)).config_hash != KEY


KEY = "106e2cbb5d8b28a8"  # SHA-256 of the fields as JSON, by hand


def test_an_own_optimizer_is_compared_beside_the_others_at_its_own_rates(mine):
    budget = PROFILES["quick"].experiments["optimizers"]
    names = [f"{mine}:Forgets", f"{mine}:still"]
    made = plan("optimizers", budget, "digits", 1437, ["relu"], names)
    assert [config.optimizer for config in made.candidates] == [*RATES, *names]
    tried = {config.optimizer: [] for config in made.candidates}
    for config in made.runs({}):
        tried[config.optimizer].append(config.learning_rate)
    assert tried[names[0]] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert tried[names[1]] == list(ADAPTIVE)
    other = plan("classifier", budget, "digits", 1437, ["relu"], names)
    assert {config.optimizer for config in other.candidates} == {"adam"}
