"""Every example in a docstring gives what it says, and whatever is offered from Python has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
API = ("bench.api", "report.figures")
IMPL = sorted((ROOT / "impl").rglob("*.py"))
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in IMPL]
MODULES += API

# Modules of which all that is public, other than tables and records, is to be called by users.
OFFERED = (
    *("impl.activations.functional", "impl.optimizers.optimizers", "impl.losses", "impl.svd", "impl.pca"),
    *("impl.convolution.functional", "impl.convolution.pooling", "impl.models", "impl.training.loop"),
    *("impl.backprop", *API),
)
NO_EXAMPLE = {
    *("SVD", "Loss", "OptimizerEntry", "StrategyEntry", "History"),  # rows and results
    *("as_matrix", "checked_rank", "largest_positive", "check_bias", "frame"),  # for others of the package
}


def examples(name):
    """The docstrings of a module's own that hold an example."""
    module = importlib.import_module(name)
    return module, [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, found = examples(name)
    for test in found:
        test.globs["torch"] = torch  # as in torch's own examples
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for test in found:
            said = []
            assert not runner.run(test, out=said.append).failed, "".join(said)


@pytest.mark.parametrize("name", OFFERED)
def test_what_is_offered_has_an_example(name):
    module, found = examples(name)
    shown = {test.name.removeprefix(f"{name}.") for test in found}
    public = {
        attribute
        for attribute, value in vars(module).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == name
        and not attribute.startswith("_")
    }
    assert public - shown - NO_EXAMPLE == set()
