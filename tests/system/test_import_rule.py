"""The import rule rejects violations, and importing a module prints and starts nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("impl", "bench", "report")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def lint(root):
    """Run import-linter with the project's contracts on the tree under `root`."""
    program = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports; "
    program += "sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the packages, in which a test may break the rule."""
    root = tmp_path_factory.mktemp("tree")
    for package in (*PACKAGES, "templates"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_the_rule_holds(tree):
    result = lint(tree)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("impl/names.py", "import bench.store"),
        ("impl/losses.py", "from report import figures"),
        ("bench/api.py", "from report.render import render"),
        ("report/pages/summary.py", "from bench.runner import training"),
        ("bench/store/schema.py", "import torch"),
        ("bench/records/runs.py", "import sklearn.datasets"),
    ],
)
def test_the_rule_rejects_a_violation(tree, path, line):
    source = (tree / path).read_text("utf-8")
    try:
        (tree / path).write_text(f"{source}\n{line}\n")
        assert lint(tree).returncode == 1
    finally:
        (tree / path).write_text(source)


def test_importing_prints_nothing_and_starts_nothing():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if not path.name.startswith(("__", "test_"))
    ]
    program = f"import threading, {', '.join(modules)}; print(threading.active_count())"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("1\n", "")
