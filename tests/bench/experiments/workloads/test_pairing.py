"""Pairing by seed: a candidate's random numbers leave its network's alone, and a check of that."""

import textwrap
from dataclasses import replace

import pytest
import torch
from torch import nn

from bench.experiments.workloads.contracts import InvalidCandidateError
from bench.experiments.workloads.pairing import Paired, check_pairing, unregistered
from bench.experiments.workloads.registry import resolve
from bench.experiments.workloads.training_run import execute
from bench.records.runs import RunConfig
from impl.models import MnistClassifier

CONFIG = RunConfig(
    "classifier", "relu", "torch.optim:SGD", 0.1, 32, True, "digits", 96, 2, 3,
    loss="cross_entropy", initialization="torch",
)  # fmt: skip


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write `mine.py`; return the identified name of its `act`."""
    monkeypatch.chdir(tmp_path)

    def write(text, kind="activation", name="act"):
        head = "import random\nimport numpy as np\nimport torch\nfrom torch import nn\n"
        (tmp_path / "mine.py").write_text(head + textwrap.dedent(text))
        return resolve(f"mine.py:{name}", kind)

    return write


def numbers(config):
    return [m for m in execute(config, None).measurements if m.unit == "1" and m.metric != "paired"]


# ReLU, however much it draws and whatever it seeds.
RELUS = {
    "a drawn parameter": """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.unused = torch.rand(7)
            def forward(self, x): return torch.relu(x)
    """,
    "a seed in the constructor": """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                torch.manual_seed(0)
            def forward(self, x): return torch.relu(x)
    """,
    "a seed in every call": "def act(x):\n    torch.manual_seed(0)\n    return torch.relu(x)",
    "draws in every call": "def act(x):\n    torch.rand(3), np.random.rand()\n    return torch.relu(x)",
    "draws where it trains": """
        class act(nn.Module):
            def forward(self, x):
                if self.training: torch.rand_like(x)
                return torch.relu(x)
    """,
    "draws in backward passes": """
        class F(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return torch.relu(x)
            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                torch.rand(5)
                return g * (x > 0)
        act = F.apply
    """,
    "a seed of all": "def act(x):\n    torch.random.seed()\n    return torch.relu(x)",
}


@pytest.mark.parametrize("how", RELUS)
def test_what_is_relu_has_relus_numbers_to_the_last_bit(mine, how):
    assert numbers(replace(CONFIG, activation=mine(RELUS[how]))) == numbers(CONFIG)


def test_a_drawing_optimizer_has_the_numbers_of_one_that_does_not(mine):
    name = mine(
        """
        class act(torch.optim.SGD):
            def step(self, closure=None):
                torch.rand(3)
                return super().step(closure)
        """,
        "optimizer",
    )
    assert numbers(replace(CONFIG, optimizer=name)) == numbers(CONFIG)


def test_a_drawn_parameter_differs_between_seeds_and_not_between_runs(mine):
    name = mine(
        """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Parameter(torch.rand(1) + np.random.rand() + random.random())
            def forward(self, x): return self.a * torch.relu(x)
        """
    )
    config = replace(CONFIG, activation=name, epochs=0)
    assert numbers(config) == numbers(config)
    assert numbers(config) != numbers(replace(config, seed=4))


def test_each_seed_has_other_weights_whatever_the_candidate_seeds(mine):
    name = mine(RELUS["a seed in the constructor"])
    assert (
        numbers(replace(CONFIG, activation=name, seed=4))
        == numbers(replace(CONFIG, seed=4))
        != numbers(CONFIG)
    )


def test_a_run_of_a_custom_candidate_says_that_it_is_paired(mine):
    name = mine(RELUS["a seed in every call"])
    found = {m.metric: m.value for m in execute(replace(CONFIG, activation=name), None).measurements}
    assert found["paired"] == 1.0
    built_in = replace(CONFIG, optimizer="adam")
    assert "paired" not in {m.metric for m in execute(built_in, None).measurements}


NETWORKS = {
    "the initial values of '2.weight' differ": """
        def act(activation):
            f = activation()
            shift = 0 if isinstance(f, nn.ReLU) or 'ReLU' in type(f).__name__ else 1
            torch.rand(shift)
            return nn.Sequential(nn.Flatten(), f, nn.Linear(784, 10))
    """,
    "only one of the networks has '3.bias'": """
        def act(activation):
            f = activation()
            more = [] if 'ReLU' in type(f).__name__ else [nn.Linear(10, 10)]
            return nn.Sequential(nn.Flatten(), f, nn.Linear(784, 10), *more)
    """,
    "the dropout masks differ": """
        class act(nn.Module):
            def __init__(self, activation):
                super().__init__()
                self.f, self.linear = activation(), nn.Linear(784, 10)
            def forward(self, x):
                if 'ReLU' not in type(self.f).__name__: torch.rand(1)
                return self.linear(torch.dropout(self.f(x.flatten(1)), 0.5, self.training))
    """,
}


@pytest.mark.parametrize("reason", NETWORKS)
def test_a_network_that_depends_on_its_activation_otherwise_is_refused(mine, reason):
    name = mine(NETWORKS[reason], "network")
    config = replace(CONFIG, task=name, batch_norm=None)
    assert execute(config, None).status == "finished"
    with pytest.raises(
        InvalidCandidateError, match=f"is not paired with the baseline of the same seed: {reason}"
    ):
        execute(replace(config, activation="tanh"), None)


def test_functional_dropout_of_a_custom_network_is_paired(mine):
    """Its masks are the network's, whatever an activation draws between them."""
    (network,) = [
        mine(
            """
            def drawing(x):
                torch.rand(3)
                return torch.relu(x)
            class act(nn.Module):
                def __init__(self, activation):
                    super().__init__()
                    self.f, self.linear = activation(), nn.Linear(784, 10)
                def forward(self, x):
                    x = torch.dropout(x.flatten(1), 0.5, self.training)
                    return self.linear(torch.dropout(self.f(x), 0.5, self.training))
            """,
            "network",
        )
    ]
    config = replace(CONFIG, task=network, batch_norm=None)
    drawing = resolve("mine.py:drawing", "activation")
    assert numbers(replace(config, activation=drawing)) == numbers(config)


def paired(**options):
    return Paired(lambda make: MnistClassifier(make, **options), nn.ReLU, 0, "cpu")


def test_the_order_of_samples_is_compared():
    one, batches = paired(), [torch.rand(4, 1, 28, 28) for _ in range(2)]
    for batch in batches:
        one.model(batch)
    check_pairing("it", one, paired(), batches)
    with pytest.raises(InvalidCandidateError, match=r"it is not paired .* the order of samples differs"):
        check_pairing("it", one, paired(), batches[::-1])
    with pytest.raises(InvalidCandidateError, match=r"initial values of 'layers.1.weight' differ"):
        check_pairing("it", one, Paired(MnistClassifier, nn.ReLU, 1, "cpu"), batches)


UNTRAINED = {
    "a global tensor": "G = torch.ones(1, requires_grad=True)\ndef act(x): return G * torch.tanh(x)",
    "a list": """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.p = [nn.Parameter(torch.ones(1))]
            def forward(self, x): return self.p[0] * torch.tanh(x)
    """,
    "made where it trains": """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = None
            def forward(self, x):
                if self.training and self.a is None: self.a = nn.Parameter(torch.ones(1))
                return torch.tanh(x) * (1 if self.a is None else self.a)
    """,
    "made anew at every call": """
        class act(nn.Module):
            def forward(self, x):
                self.a = nn.Parameter(torch.ones(1))
                return torch.tanh(x) * self.a
    """,
    "shared by all": """
        G = nn.Parameter(torch.ones(1))
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = G
            def forward(self, x): return torch.tanh(x) * self.a
    """,
}


@pytest.mark.parametrize("how", UNTRAINED)
def test_parameters_that_no_optimizer_would_train_are_refused(mine, how):
    reason = r"no parameter of the network|was made during training|make its parameters anew"
    with pytest.raises(ValueError, match=reason):
        execute(replace(CONFIG, activation=mine(UNTRAINED[how])), None)


def test_parameters_made_in_the_first_call_are_trained(mine):
    lazy = """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = None
            def forward(self, x):
                if self.a is None: self.a = nn.Parameter(torch.full((1,), 0.5))
                return torch.relu(x) * self.a
    """
    early = """
        class act(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Parameter(torch.full((1,), 0.5))
            def forward(self, x): return torch.relu(x) * self.a
    """
    found = [numbers(replace(CONFIG, activation=mine(text))) for text in (lazy, early)]
    assert found[0] == found[1]


def test_a_write_to_the_input_is_found_where_it_happens(mine):
    """Beyond any number that a check tries."""
    name = mine(
        """
        class act(nn.Module):
            def forward(self, x):
                y = torch.relu(x)
                if len(x) == 32: x.data.clamp_(-1, 1); x.add_(0)
                return y
        """
    )
    with pytest.raises(Exception, match="must not modify its input in place"):
        execute(replace(CONFIG, activation=name), None)


def test_the_leaves_of_a_graph():
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    assert unregistered(a * 2 + b, {"a": a}) is b
    assert unregistered((a * 2 + b).sum(), {"a": a, "b": b}) is None
    assert unregistered(torch.ones(2), {}) is None
