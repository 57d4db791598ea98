"""Imports are declared; installed versions are pinned, without known holes; ruff rejects unsafe loaders."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PINS = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
PINNED = {
    pin.name: next(iter(pin.specifier)).version
    for pin in map(Requirement, (line for line in PINS if line[:1].isalnum()))
}

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
NEEDED = PROJECT["dependencies"]
DEVELOPMENT = [*NEEDED, *PROJECT["optional-dependencies"]["dev"]]
REQUIREMENTS = {
    **dict.fromkeys(("impl", "bench", "report", "templates", "examples"), NEEDED),
    **dict.fromkeys(("tests", "docs"), DEVELOPMENT),
}
DISTRIBUTIONS = packages_distributions()


def imported(path):
    """Top-level names of the modules that a Python file imports, wherever in it, relative ones aside."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def undeclared(folder, requirements):
    """Modules that files of a folder import from packages that no requirement names, and the files."""
    declared = {canonicalize_name(Requirement(line).name) for line in requirements}
    found = {}
    for path in sorted(folder.rglob("*.py")):
        own = {module.stem for module in (*ROOT.iterdir(), *path.parent.glob("*.py"))}
        for module in set(imported(path)) - sys.stdlib_module_names - own:
            if not declared & {canonicalize_name(name) for name in DISTRIBUTIONS.get(module, ())}:
                found.setdefault(module, []).append(path.name)
    return found


@pytest.mark.parametrize("folder", REQUIREMENTS)
def test_what_is_imported_is_declared(folder):
    assert not undeclared(ROOT / folder, REQUIREMENTS[folder])


def test_an_import_that_only_others_declare_is_found(tmp_path):
    """tornado comes with distributed, PIL (pillow) with matplotlib."""
    (tmp_path / "own.py").write_text(
        "import json\nimport numpy.linalg\nfrom . import other\nimport tornado.web\n"
    )
    (tmp_path / "late.py").write_text(
        "import own\nfrom sklearn import svm\ndef f():\n    from PIL import Image\n"
    )
    assert undeclared(tmp_path, NEEDED) == {"PIL": ["late.py"], "tornado": ["own.py"]}
    assert undeclared(tmp_path, [*NEEDED, "Pillow>=1", "tornado; python_version > '3'"]) == {}


@pytest.mark.parametrize("requirement", [*DEVELOPMENT, *PROJECT["optional-dependencies"]["parquet"]])
def test_what_is_declared_is_pinned(requirement):
    assert canonicalize_name(Requirement(requirement).name) in map(canonicalize_name, PINNED)


# First releases without a hole that could be reached from here, and what it was.
MENDED = {
    "weasyprint": ("70", "a page could embed files of this machine as attachments"),
    "Jinja2": ("3.1.6", "a template could leave the sandbox by the attr filter"),
    "torch": ("2.10", "torch.load ran code with weights_only=True"),
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


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import pickle\n\npickle.loads(b'')\n", "S301"),
        ("eval('1')\n", "S307"),
        ("import torch\n\ntorch.load('file')\n", "TID251"),
        ("import numpy as np\n\nnp.load('file')\n", "TID251"),
        ("import joblib\n", "TID251"),
    ],
)
def test_ruff_rejects_loaders_that_run_code(line, rule):
    """`make lint` holds the rule; its configuration must go on naming these loaders."""
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "-"]
    name = f"--stdin-filename={ROOT / 'bench' / 'loader.py'}"
    result = subprocess.run([*ruff, name], cwd=ROOT, input=line, capture_output=True, text=True)
    assert f" {rule} " in result.stdout
