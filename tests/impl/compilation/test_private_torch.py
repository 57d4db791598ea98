"""What to do when a release of torch lacks a private name that the code uses."""

import importlib

import pytest

from impl.compilation.private_torch import PRIVATE


def found(name):
    """The object of a dotted name, whose first parts are modules."""
    module, *rest = name.split(".")
    value = importlib.import_module(module)
    for part in rest:
        module = f"{module}.{part}"
        value = getattr(value, part, None) or importlib.import_module(module)
    return value


@pytest.mark.parametrize("name", [name for name in PRIVATE if not name.endswith("_hooks")])
def test_torch_has_the_private_name(name):
    try:
        value = found(name)
    except ModuleNotFoundError:
        value = None
    assert value is not None, f"torch has no {name} any more: {PRIVATE[name]}"


@pytest.mark.parametrize("when", ["pre", "post"])
def test_torch_has_its_tables_of_hooks(when):
    name = f"torch.optim.optimizer._global_optimizer_{when}_hooks"
    tables = vars(importlib.import_module("torch.optim.optimizer"))
    assert name.rpartition(".")[2] in tables, f"torch has no {name} any more: {PRIVATE[name]}"
