"""What is refused before anything is run, what data permit, and the runs of custom networks."""

import pytest
import torch
from torch import nn

from bench.experiments.catalog import NETWORK, STAGES
from bench.experiments.profiles import PROFILES
from bench.experiments.request import request
from bench.experiments.workloads.networks import DataShape
from bench.experiments.workloads.registry import network_of
from bench.experiments.workloads.training_run import execute
from impl.data.datasets import Dataset, load_digits

QUICK = PROFILES["quick"]
NET = """
import torch
from torch import nn

def make(activation, inputs=(1, 28, 28), outputs=10, width=16):
    size = torch.Size(inputs).numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(size, width), activation(width), nn.Linear(width, outputs))

def lazy(activation):
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), activation(), nn.LazyBatchNorm1d(), nn.Linear(8, 10))

def mirror(f):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), f(8), nn.Linear(8, 784), nn.Unflatten(1, SIDE))

SIDE = (1, 28, 28)

class Net(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.f, self.last = activation(), nn.Linear(784, 10)
    def forward(self, x): return self.last(self.f(x.flatten(1)))

def without(activation): return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
def seven(activation): return nn.Sequential(nn.Flatten(), activation(), nn.Linear(784, 7))
def wide(activation): return nn.Sequential(nn.Flatten(), activation(), nn.Linear(700, 10))
def none(): return nn.Linear(1, 1)
def number(activation): return 3
def pair(activation): return Pair(activation)
class Pair(Net):
    def forward(self, x): return super().forward(x), x
class Needs(nn.PReLU):
    def __init__(self, num_features): super().__init__(num_features)
"""


@pytest.fixture(autouse=True)
def net(tmp_path, monkeypatch):
    """The file of networks in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)


def features(classes=3):
    """40 training and 10 test samples of five features."""
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    y = torch.arange(50) % classes if classes else x[:, :2] * 2
    return Dataset("mine.npz", x[:40], y[:40], x[40:], y[40:], "0", "", classes)


def asked(only=(NETWORK,), **candidates):
    names = {"activation": ["relu", "gelu"], **candidates}
    return request(QUICK, only, names, seeds=1, epochs=1)


@pytest.mark.parametrize(
    ("name", "loss", "dataset"),
    [
        ("make", "cross_entropy", load_digits),
        ("make(width=4)", "cross_entropy", features),
        ("make", "mse", lambda: features(None)),
        ("lazy", "cross_entropy", load_digits),
        ("mirror", "mse", load_digits),
        ("Net", "cross_entropy", load_digits),
    ],
)
def test_a_network_is_an_experiment_like_the_others(name, loss, dataset, monkeypatch):
    """Each activation at each rate and seed, with the loss that follows from its output."""
    data = dataset()
    (plan,), _ = asked(network=[f"net.py:{name}"]).runs(data)
    assert {c.activation for c in plan.candidates} == {"relu", "gelu"}
    assert {c.loss for c in plan.candidates} == {loss}
    assert all(c.task.startswith(f"net.py:{name}@") for c in plan.candidates)
    monkeypatch.setattr("bench.experiments.workloads.training_run._dataset", lambda *_: data)
    metrics = {m.metric for m in execute(plan.candidates[0], None).measurements}
    assert ("test_accuracy" in metrics) == (loss == "cross_entropy")
    assert {"test_loss", "paired"} <= metrics


def test_a_networks_module_is_the_one_it_makes():
    torch.manual_seed(0)
    shape = DataShape((5,), 3, 3)
    model = network_of("net.py:make(width=4)", shape).on("cpu", nn.Tanh, False, shape)
    x = torch.randn(2, 5)
    expected = model[3](torch.tanh(model[1](x)))
    assert torch.equal(model(x), expected)
    assert expected.shape == (2, 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("without", "'net.py:without' must contain the activations that it is given, got none"),
        (
            "seven",
            r"'net.py:seven' returns outputs of shape \(7,\) for each sample, expected \(10,\)",
        ),
        ("pair", "'net.py:pair' returns outputs of shape tuple for each sample"),
        (
            "wide",
            r"'net.py:wide' does not take inputs of shape \(N, 1, 28, 28\): mat1 and mat2",
        ),
        ("none", r"'net.py:none' must be callable with \(activation\), got function"),
        ("number", "'net.py:number' must return a torch.nn.Module, got int"),
        ("make(16)", "must have named arguments"),
        ("make(depth=3)", "got an unexpected keyword argument 'depth'"),
    ],
)
def test_what_is_no_network(name, message):
    with pytest.raises(ValueError, match=message) as error:
        asked(network=[f"net.py:{name}"]).runs(load_digits())
    assert "\n" not in str(error.value)


def test_an_activation_that_needs_a_width_in_a_network_that_gives_none():
    asked(network=["net.py:make"], activation=["net.py:Needs"]).runs(load_digits())
    with pytest.raises(ValueError, match=r"by activation\(\), expected activation\(width\)"):
        asked(network=["net.py:Net"], activation=["net.py:Needs"]).runs(load_digits())


def test_a_candidate_is_tried_in_the_networks_that_it_is_for():
    fixed = {"activation": ["torch.nn:PReLU(128)"]}
    asked(["classifier"], **fixed).runs(load_digits())
    with pytest.raises(
        ValueError, match=r"PReLU\(128\)@\w+ fails in fc_autoencoder: RuntimeError.*size = 256"
    ):
        asked(["classifier", "fc_autoencoder"], **fixed).runs(load_digits())


def test_data_leave_out_what_they_do_not_permit():
    everything = request(QUICK, STAGES, {"activation": ["relu"]})
    for data, left in (
        (load_digits(), set()),
        (features(), {"fc_autoencoder", "conv_autoencoder", "scratch_cnn", "synthetic"}),
        (features(None), {"fc_autoencoder", "conv_autoencoder", "scratch_cnn", "synthetic", "losses"}),
    ):
        assert {reason.split()[2].strip(":") for reason in everything.left_out(data)} == left
        plans, others = everything.runs(data)
        assert {plan.name for plan in plans} == set(QUICK.experiments) - left - {NETWORK}
        assert any(config.task == "zigzag" for config in others) == (not left)


def test_rates_are_for_custom_optimizers():
    names = {"activation": ["relu"], "optimizer": ["torch.optim:SGD"]}
    (plan,), _ = request(QUICK, ["optimizers"], names, rates=(0.5, 0.25)).runs(load_digits())
    rates = {}
    for config in plan.runs({}):
        rates.setdefault(config.optimizer.partition("@")[0], []).append(config.learning_rate)
    assert rates["torch.optim:SGD"] == [0.25, 0.5]
    assert len(rates["adam"]) == 5
    with pytest.raises(ValueError, match="Invalid rates: got no custom optimizer"):
        request(QUICK, ["optimizers"], {}, rates=(0.1,))


def test_a_network_without_its_stage():
    with pytest.raises(ValueError, match="Invalid stages: got classifier, expected network among them"):
        asked(["classifier"], network=["net.py:make"])


def test_the_same_name_twice_is_one_candidate():
    names = ["torch.nn:SiLU", "torch.nn:SiLU()", "Swish", "swish"]
    wanted = request(QUICK, ["classifier"], {"activation": names})
    assert [name.partition("@")[0] for name in wanted.activations] == ["torch.nn:SiLU", "swish"]
