"""The tutorial and the notebook's page, typed as they are written, in a folder of their own."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")


def blocks(kind, text):
    """Contents of the fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_tutorial_leads_where_it_says(tmp_path):
    for room in ("bench", "impl", "report", "templates"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "results").mkdir()
    shutil.copy(ROOT / "results" / "digits.sqlite", tmp_path / "results")
    (tmp_path / ".venv").symlink_to(sys.prefix)  # what `make setup` makes
    (bump,) = blocks(r"\{code-block\} python\n:caption: bump\.py\n", TUTORIAL)
    (tmp_path / "bump.py").write_text(bump)
    typed = [line[2:] for block in blocks("console", TUTORIAL) for line in block.splitlines()]
    assert typed[0] == "make setup"
    kept = ("PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "CXX", "TORCHINDUCTOR_CACHE_DIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    said = []
    for line in typed[1:]:
        if line is typed[-1]:  # what the tutorial asks to edit before
            (tmp_path / "bump.py").write_text(bump.replace("torch.tensor(0.1)", "torch.tensor(0.5)"))
        make, *words = line.split()
        command = ["make", "-o", ".venv/.ready", *words] if make == "make" else [".venv/bin/python", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout + done.stderr)
    card = json.loads((tmp_path / "build" / "verdict.json").read_text("utf-8"))
    # Another processor rounds otherwise: then the baselines are trained here, and the card says so.
    where = "are the reference" if card["arenas"][0]["borrowed"] else "were trained on this machine"
    assert f"The baselines {where}" in (tmp_path / "build" / "verdict.html").read_text("utf-8")
    assert {s["baseline"] for s in card["arenas"][0]["standings"]} == {"relu", "gelu", "swish"}
    assert all(line in " ".join("".join(said).split()) for line in card["lines"])
    for suffix in ("html", "md", "pdf"):
        assert (tmp_path / "build" / f"verdict.{suffix}").stat().st_size > 500
    page = (tmp_path / "build" / "report.html").read_text("utf-8")
    assert "Custom activation: Bump" in page
    assert list((tmp_path / "build" / "figures").glob("q11-*.png"))
    assert "bump.py:Bump@" in (tmp_path / "build" / "csv" / "runs.csv").read_text("utf-8")
    with closing(sqlite3.connect(tmp_path / "results" / "results.sqlite")) as store:
        names = store.execute("SELECT DISTINCT activation FROM run WHERE activation LIKE 'bump.py:Bump@%'")
        assert len(names.fetchall()) == 2


def test_the_notebook_has_frames_in_and_figures_out(monkeypatch):
    monkeypatch.chdir(ROOT)
    first, second = blocks("python", (ROOT / "docs" / "how-to" / "notebook.md").read_text("utf-8"))
    names = {}
    exec(first.replace("figures.accuracy", "shown = figures.accuracy"), names)
    assert isinstance(names["shown"], Figure)
    exec(second.replace("scored.pivot_table", "table = scored.pivot_table"), names)
    table = names["table"]
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["relu", "sgelu"]
    assert table.notna().all(axis=None)
