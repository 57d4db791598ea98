"""The wheel alone, unpacked outside the repository, builds a report."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = ("digits.sqlite", "reference.sqlite")
PACKAGES = ("bench", "impl", "report", "templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this tree, unpacked; made from a copy, for setuptools leaves folders behind."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "results").mkdir()
    for name in (*REFERENCES, "time_calibration.json"):
        shutil.copy(ROOT / "results" / name, source / "results")
    (source / "results" / "results.sqlite").write_text("of this machine")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--wheel-dir", str(made), str(source)], check=True, capture_output=True)
    (file,) = made.glob("*.whl")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(made / "unpacked")
    return made / "unpacked"


def files(folder):
    found = (path for package in PACKAGES for path in (folder / package).rglob("*"))
    return {p.relative_to(folder).as_posix() for p in found if p.is_file() and "__pycache__" not in p.parts}


def test_the_wheel_holds_every_file_of_every_package(wheel):
    assert files(wheel) == files(ROOT)
    assert {f"{package}/py.typed" for package in ("bench", "impl", "report")} <= files(wheel)


def test_the_wheel_carries_the_references_that_a_verdict_borrows_from(wheel, tmp_path):
    assert {path.name for path in (wheel / "results").iterdir()} == set(REFERENCES)
    where = "from bench.cli.verdict import _reference; print(_reference('digits').environment['dataset'])"
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.stdout == "digits\n", done.stderr


def test_a_report_is_made_from_it(wheel, tmp_path):
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    command = [
        sys.executable,
        "-m",
        "report",
        "build",
        "--only",
        "q10",
        "--format",
        "html",
        "--output",
        "here",
    ]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '<h2 id="q10"' in (tmp_path / "here" / "report.html").read_text()
    where = "from report.render.render import TEMPLATES; print(TEMPLATES)"
    found = subprocess.run(
        [sys.executable, "-c", where], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert found.stdout.strip() == str(wheel / "templates")
