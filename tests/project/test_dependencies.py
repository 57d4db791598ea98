"""Installed versions are the pinned ones, without known vulnerabilities; ruff rejects unsafe loaders."""

import subprocess
import sys
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
