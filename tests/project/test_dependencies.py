"""What is installed is what is pinned, without known holes, and nothing that runs what it reads is used."""

import ast
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PINS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PINNED = {
    pin.name: next(iter(pin.specifier)).version
    for pin in map(Requirement, (line for line in PINS if line[:1].isalnum()))
}

# First releases without a hole that could be reached from here, and what it was.
MENDED = {
    "weasyprint": ("70", "a page could embed files of this machine as attachments"),
    "Jinja2": ("3.1.6", "a template could leave the sandbox by the attr filter"),
    "torch": ("2.10", "torch.load ran code with weights_only=True"),
}

# What runs code that it reads: data, stores and users' settings are never given to these.
RUNS_CODE = {
    *("pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"),
    *("torch.load", "numpy.load", "np.load", "pd.read_pickle", "pandas.read_pickle", "yaml.load"),
    *("eval", "exec"),
}


@pytest.mark.parametrize("package", MENDED)
def test_no_version_with_a_known_hole_is_pinned(package):
    first, hole = MENDED[package]
    assert Version(PINNED[package]) >= Version(first), hole


@pytest.mark.parametrize("package", PINNED)
def test_what_is_installed_is_what_is_pinned(package):
    try:
        installed = version(package)
    except PackageNotFoundError:
        pytest.skip("not of this platform")
    assert Version(installed).public == PINNED[package]


def used(path):
    """Dotted names that a file imports or calls."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)
            case ast.Call(func=function):
                yield ast.unparse(function)


def test_nothing_that_runs_what_it_reads_is_used():
    files = [path for room in ("bench", "impl", "report") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 100
    assert {(path.name, name) for path in files for name in used(path) if name in RUNS_CODE} == set()
