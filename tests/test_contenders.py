"""What an activation's name leads to: the table, the control, a user's own, and what is none."""

import pytest
import torch
from torch import nn

from bench.contenders import CONTROL, CONTROL_SEEDS, function_of, identify, module_of, seed_of
from impl.activations import ACTIVATIONS

MINE = """
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
    assert module_of(CONTROL) is module_of("relu")
    assert identify(CONTROL) == CONTROL
    assert seed_of(CONTROL, 3) == 3 + CONTROL_SEEDS
    assert {seed_of(name, 3) for name in [*ACTIVATIONS, None, "package.mine:Half"]} == {3}


@pytest.mark.parametrize(("name", "expected"), [("Half", [-0.5, 1.0]), ("steep", [-3.0, 2.0])])
def test_ones_own_by_dotted_name(mine, name, expected):
    make = module_of(f"{place(mine)}:{name}")
    assert make()(torch.tensor([-1.0, 2.0])).tolist() == expected
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
        ("snake", f"unknown activation 'snake'; known: {', '.join(ACTIVATIONS)}, or one of yours as package"),
        ("relu@0123abcd", "unknown activation 'relu@0123abcd'; known: "),
        ("no_such_module:Half", "'no_such_module:Half': No module named 'no_such_module'"),
        ("{place}:Quarter", "'{place}:Quarter': module '{place}' has no attribute 'Quarter'"),
        ("{place}:NeedsSlope", "'{place}:NeedsSlope' cannot be made without arguments: "),
        ("{place}:constant", "'{place}:constant' cannot be made without arguments: 'int' object is not call"),
        ("{place}:number", "'{place}:number' makes a float; a torch.nn.Module was expected"),
    ],
)
def test_what_is_no_activation_is_an_error_that_says_why(mine, name, message):
    name, message = (text.format(place=place(mine)) for text in (name, message))
    for ask in (module_of, identify):
        with pytest.raises(ValueError, match="activation") as error:
            ask(name)
        assert message in str(error.value)


@pytest.mark.parametrize("name", [*ACTIVATIONS, CONTROL])
def test_as_a_function_at_its_initial_parameters(name):
    x = torch.linspace(-3, 3, 13, dtype=torch.float64).requires_grad_()
    found = function_of(name)(x)
    expected = ACTIVATIONS["relu" if name == CONTROL else name].f(x)
    assert not found.requires_grad
    torch.testing.assert_close(found, expected.detach(), rtol=1e-12, atol=1e-12)


def test_ones_own_with_parameters_as_a_function(monkeypatch, mine):
    x = torch.tensor([-1.0, 2.0], dtype=torch.float64)
    assert function_of("torch.nn:PReLU")(x).tolist() == [-0.25, 2.0]
    assert isinstance(module_of("torch.nn:PReLU")(), nn.PReLU)
