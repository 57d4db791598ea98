"""What an activation's name leads to: the table, the control, a user's own, and what is none."""

import pytest
import torch
from torch import nn

from bench.experiments.workloads.registry import (
    CONTROL_SEEDS,
    check,
    function_of,
    identify,
    module_of,
    seed_of,
)
from bench.records.names import CONTROLS
from impl.activations.registry import ACTIVATIONS

MINE = """
from functools import partial

import torch
from torch import nn

class Half(nn.Module):
    def forward(self, x):
        return x / 2

def steep():
    return nn.LeakyReLU(3.0)

class NeedsSlope(nn.Module):
    def __init__(self, slope):
        super().__init__()

def number():
    return 3.5

constant = 7

def third(x):
    return x / 3

def leaky(x, slope=0.5):
    return torch.where(x > 0, x, slope * x)

quarter = partial(torch.mul, other=0.25)

torchs = partial(torch.sub, other=1)

class Scaled:
    def __call__(self, x):
        return 5 * x

scaled = Scaled()

def two(x, y):
    return x + y

def raises(x):
    raise RuntimeError("of no use")

def sums(x):
    return x.sum()

def doubled(x):
    return x.double()

def writes(x):
    return x.mul_(2)

def listed(x):
    return [x]

def signs(x):
    return x.detach().sign()

def constant_of(x):
    return torch.ones_like(x, requires_grad=True)

def nans(x):
    return x * float("nan")
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The file of a user's own activations: in `package.mine`, with a name that no other test imports."""
    package = tmp_path / f"package_{abs(hash(tmp_path))}"
    package.mkdir()
    (package / "__init__.py").touch()
    path = package / "mine.py"
    path.write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    return path


def place(path):
    return f"{path.parent.name}.{path.stem}"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_names_of_the_table(name):
    assert module_of(name) is ACTIVATIONS[name].module
    assert identify(name) == name


def test_the_control_is_relu_and_its_name_stays_its_own():
    assert module_of(CONTROLS[0]) is module_of("relu")
    assert identify(CONTROLS[0]) == CONTROLS[0]
    assert seed_of(CONTROLS[0], 3) == 3 + CONTROL_SEEDS
    assert {seed_of(name, 3) for name in [*ACTIVATIONS, None, "package.mine:Half"]} == {3}


OWN = {
    "Half": [-0.5, 1.0],
    "steep": [-3.0, 2.0],
    "third": [-1 / 3, 2 / 3],
    "leaky": [-0.5, 2.0],
    "quarter": [-0.25, 0.5],
    "scaled": [-5.0, 10.0],
    "torchs": [-2.0, 1.0],
}


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize(("name", "expected"), OWN.items())
def test_ones_own_by_module_or_by_file(mine, by_file, name, expected):
    """A class, a function that makes a module, and functions of a tensor of every make."""
    full = f"{mine if by_file else place(mine)}:{name}"
    make = module_of(full)
    check(full)
    assert identify(full).partition("@")[0] == full
    torch.testing.assert_close(make()(torch.tensor([-1.0, 2.0])), torch.tensor(expected))
    assert make() is not make()


def test_ones_own_is_identified_by_its_text(mine):
    name = f"{place(mine)}:Half"
    found = identify(name)
    plain, _, digest = found.partition("@")
    assert plain == name
    assert len(digest) == 8
    assert identify(name) == identify(found) == found
    assert module_of(found) is module_of(name)
    assert identify(f"{place(mine)}:steep") != found
    mine.write_text(MINE.replace("x / 2", "x / 3"))
    assert identify(name) != found
    assert identify(found) == identify(name)  # of the text as it is now
    mine.write_text(MINE)
    assert identify(name) == found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "snake",
            f"Unknown activation 'snake'; expected one of: {', '.join(ACTIVATIONS)}, control",
        ),
        (":Half", "Unknown activation ':Half'"),
        ("no/such.py:Half", "'no/such.py:Half': FileNotFoundError("),
        (".module:Half", "'.module:Half': TypeError("),
        (
            "{place}:two",
            "'{place}:two' must be callable without arguments or with one tensor, but requires y; add",
        ),
        ("relu@0123abcd", "Unknown activation 'relu@0123abcd'; expected one of: "),
        ("no_such_module:Half", "'no_such_module:Half': No module named 'no_such_module'"),
        ("{place}:Quarter", "'{place}:Quarter': module '{place}' has no attribute 'Quarter'"),
        (
            "{place}:NeedsSlope",
            "'{place}:NeedsSlope' must be callable without arguments or with one tensor, but requires slope",
        ),
        (
            "{place}:constant",
            "'{place}:constant' must be callable without arguments or with one tensor, got int",
        ),
        ("{place}:number", "'{place}:number' must return a torch.nn.Module, got float"),
    ],
)
def test_what_is_no_activation_is_an_error_that_says_why(mine, name, message):
    name, message = (text.format(place=place(mine)) for text in (name, message))
    for ask in (module_of, identify):
        with pytest.raises(ValueError, match="activation") as error:
            ask(name)
        assert message in str(error.value)


@pytest.mark.parametrize(
    "text", ["def f(x) return x", "import nothing_of_the_name", "x = y", "raise SystemExit(3)"]
)
def test_a_file_that_cannot_be_read_is_an_error_each_time(tmp_path, text):
    path = tmp_path / "broken.py"
    path.write_text(text)
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"activation '{path}:f': "):
            module_of(f"{path}:f")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "of no use"),
        (
            "sums",
            r"must return shape \(4, 128\) of torch.float32 for .*, got \(\) of torch.float32",
        ),
        ("doubled", r"must return shape .*, got \(4, 128\) of torch.float64"),
        ("writes", "must not modify its input in place"),
        ("listed", "must return a tensor, got list"),
        ("signs", "must be differentiable: no gradient reaches its input"),
        ("constant_of", "must be differentiable: no gradient reaches its input"),
    ],
)
def test_what_would_not_train_what_it_says_is_refused(mine, name, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        check(f"{place(mine)}:{name}")


def test_what_gives_no_numbers_is_for_training_to_find(mine):
    name = f"{place(mine)}:nans"
    assert module_of(name)()(torch.ones(3)).isnan().all()
    check(name)


@pytest.mark.parametrize("name", [*ACTIVATIONS, CONTROLS[0]])
def test_as_a_function_at_its_initial_parameters(name):
    x = torch.linspace(-3, 3, 13, dtype=torch.float64).requires_grad_()
    found = function_of(name)(x)
    expected = ACTIVATIONS["relu" if name in CONTROLS else name].f(x)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected.detach(), rtol=1e-12, atol=1e-12)


def test_ones_own_with_parameters_as_a_function(monkeypatch, mine):
    x = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    assert function_of("torch.nn:PReLU")(x).tolist() == [-0.25, 2.0]
    assert isinstance(module_of("torch.nn:PReLU")(), nn.PReLU)
