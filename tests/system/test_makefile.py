"""What a user types: targets, variables, and what make says to a Python that is too old."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Makefile").read_text()


VARIABLES = re.findall(r"^([A-Z_]+) \?=", TEXT, re.MULTILINE)


def make(*arguments, cwd=ROOT):
    """Run make as from a fresh shell, also where the tests themselves were started by make."""
    ours = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", *VARIABLES}
    env = {name: value for name, value in os.environ.items() if name not in ours}
    return subprocess.run(["make", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def elsewhere(tmp_path):
    """A checkout with a Makefile and the files it depends on, and nothing installed."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_make_alone_prints_every_target_on_a_line_of_its_own():
    phony = re.search(r"^\.PHONY: (.*)$", TEXT, re.MULTILINE)[1].split()
    lines = make().stdout.splitlines()
    assert [line.split()[1] for line in lines] == phony
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("PROFILE=reference", '--profile "reference"'),
        ("DATA_ROOT=/some where", '--data-root "/some where"'),
        ("DEVICE=cuda", '--device "cuda"'),
        ("WORKERS=3", '--workers "3"'),
        ("SCHEDULER=tcp://host:1", '--scheduler "tcp://host:1"'),
        ("ACTIVATION=relu,sgelu", '--activation "relu,sgelu"'),
    ],
)
def test_variables_reach_the_command_line(variable, option):
    assert option in make("--dry-run", "report", variable).stdout


def test_a_comparison_needs_a_base():
    assert 'bench compare "v1"' in make("--dry-run", "compare", "BASE=v1").stdout
    assert make("compare", "BASE=", "-o", ".venv/.ready").returncode == 2


@pytest.mark.parametrize(
    ("measured", "built", "wanted", "reported"),
    [(0, 0, 0, True), (1, 0, 1, True), (0, 2, 2, True), (2, 0, 2, False)],
)
def test_runs_that_failed_do_not_keep_the_report_from_being_made(
    elsewhere, measured, built, wanted, reported
):
    """make itself ends with 2 for whatever failed; what its recipe ended with it says."""
    python = elsewhere / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$*" in *bench*) exit {measured};; *) echo "$*" > reported; exit {built};; esac\n'
    )
    python.chmod(0o755)
    made = make("report", "RUN=./python", "-o", ".venv/.ready", cwd=elsewhere)
    assert made.returncode == (2 if wanted else 0)
    assert not wanted or f"Error {wanted}" in made.stderr
    assert (elsewhere / "reported").exists() == reported
    assert not reported or (elsewhere / "reported").read_text() == "-m report build --export\n"


def test_variables_left_alone_are_not_passed():
    said = make("--dry-run", "report").stdout
    assert '--profile "quick"' in said
    for option in ("--data-root", "--workers", "--scheduler", "--activation"):
        assert option not in said


def test_too_old_a_python_is_one_line_that_names_the_remedy(elsewhere):
    old = elsewhere / "old-python"
    # runs the Makefile's own check with the version replaced
    old.write_text('#!/bin/sh\nshift\nexec python3 -c "import sys; sys.version_info = (3, 9, 0); $*"\n')
    old.chmod(0o755)
    result = make("setup", "PYTHON=./old-python", cwd=elsewhere)
    assert result.returncode != 0
    assert "Invalid Python: ./old-python is 3.9, expected 3.11 or newer" in result.stderr
    assert not (elsewhere / ".venv").exists()


def test_setup_installs_again_only_when_a_dependency_file_changed(elsewhere):
    ready = elsewhere / ".venv" / ".ready"
    ready.parent.mkdir()
    ready.touch()
    assert "pip" not in make("--dry-run", "setup", cwd=elsewhere).stdout
    (elsewhere / "constraints.txt").touch()
    assert "pip install" in make("--dry-run", "setup", cwd=elsewhere).stdout
