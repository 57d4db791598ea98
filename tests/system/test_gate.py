"""The gate on a small repository of its own: a slowdown is caught and named, a comment passes."""

import io
import json
import re
import subprocess
import sys

import pytest
from rich.console import Console
from typer.testing import CliRunner

from bench.__main__ import app
from bench.gate import compare
from bench.gate import output as gate_output
from bench.gate import verdicts as gate
from bench.gate.rounds import RoundError

SUITE = """
from dataclasses import dataclass

import pytest

from impl.work import f


@pytest.mark.parametrize("size", [2000, 3000], ids=lambda n: f"loop-sum-impl-{n} numbers")
def test_loop(size, benchmark):
    benchmark(f, size)
"""
WORK = "def f(n):\n    return sum(range(n))\n"
PROJECT = """
[project]
name = "small"
dependencies = []
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "--import-mode=importlib"
"""
FILES = {
    "impl/__init__.py": "",
    "impl/work.py": WORK,
    "bench/__init__.py": "",
    "bench/conftest.py": "",
    "bench/test_loop.py": SUITE,
    "pyproject.toml": PROJECT,
    ".gitignore": "build/\n__pycache__/\n",
}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    root = tmp_path / "repository"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def run(root, ref="main", **options):
    return compare.compare(root, ref, root / "build" / "gate", say=lambda line: None, **options)


def test_a_slowdown_is_caught_and_named(repository):
    (repository / "impl" / "work.py").write_text(WORK.replace("range(n)", "range(3 * n)"))
    kept = repository / "build" / "gate" / "base-setup.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    found = run(repository)
    assert not kept.exists()  # what a comparison before kept was of other code
    times = [v for v in found.verdicts if v.metric == "seconds"]
    assert [v.verdict for v in times] == [gate.REGRESSED] * 2
    assert all(2 < v.ratio < 4.5 and v.group == "loop" for v in times)
    assert "the working tree has uncommitted changes" in found.notices
    assert found.count >= gate.FEWEST
    files = sorted((repository / "build" / "gate").glob("round-*.json"))
    assert len(files) == 2 * found.count
    assert (
        json.loads(files[0].read_text())["benchmarks"][0]["stats"]["rounds"] >= 10
    )  # pytest-benchmark's own
    markdown = gate_output.markdown(found)
    assert re.search(r"\| loop-sum-impl-2000 numbers \| regressed \| \d\.\d{3} \|", markdown)
    assert json.loads(gate_output.as_json(found))["verdicts"][0]["verdict"] == "regressed"
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(gate_output.terminal(found))
    assert "loop-sum-impl-3000 numbers" in console.export_text()
    assert (
        subprocess.run(["git", "worktree", "list"], cwd=repository, capture_output=True).stdout.count(b"\n")
        == 1
    )


def test_what_no_benchmark_runs_through_is_not_measured(repository):
    (repository / "README.md").write_text("words\n")
    found = run(repository)
    assert (found.verdicts, found.count) == ((), 0)
    assert "the change affects no benchmark" in found.notices


def test_a_benchmark_that_fails_on_a_side_is_named_and_the_others_are_judged(repository, monkeypatch):
    monkeypatch.setattr(compare, "MOST", 2)
    broken = "def f(n):\n    assert n != 3000\n    return sum(range(n))\n"
    (repository / "impl" / "work.py").write_text(broken)
    found = {v.name.split("[")[1]: v.verdict for v in run(repository).verdicts if v.metric == "seconds"}
    assert found["loop-sum-impl-3000 numbers]"] == gate.FAILED
    assert found["loop-sum-impl-2000 numbers]"] not in (gate.FAILED, gate.REMOVED)


def test_a_base_that_is_no_commit_is_named(repository):
    with pytest.raises(compare.GateError, match=r"unknown revision 'mian' \(BASE\); branches: main"):
        run(repository, "mian")


def test_a_group_that_no_benchmark_has(repository):
    with pytest.raises(
        compare.GateError, match=r"Unknown group 'lop'; expected one of: loop\. Did you mean 'loop'\?$"
    ):
        run(repository, only=["lop"], everything=True)


def test_a_side_that_cannot_be_collected_is_named_with_its_output(repository):
    (repository / "impl" / "work.py").write_text("def f(:\n")
    with pytest.raises(RoundError, match=r"cannot collect the benchmarks of head; see .*head-collected\.log"):
        run(repository, everything=True)


def test_heads_benchmarks_run_on_bases_code_too(repository, monkeypatch):
    monkeypatch.setattr(compare, "MOST", 2)
    (repository / "bench" / "test_loop.py").write_text(SUITE.replace("3000]", "3000, 4000]"))
    (repository / "impl" / "work.py").write_text("def g(n):\n    return sum(range(n))\nf = g\n")
    found = {v.name.split("[")[1]: v.verdict for v in run(repository).verdicts}
    assert "loop-sum-impl-4000 numbers]" in found
    assert gate.NEW not in found.values()


def test_base_is_not_lent_a_module_that_only_head_has(repository, monkeypatch):
    monkeypatch.setattr(compare, "MOST", 2)
    # of a name that the project itself has: an editable install would find that one
    (repository / "impl" / "svd.py").write_text(WORK.replace("def f", "def svd"))
    added = SUITE.replace("impl.work import f", "impl.svd import svd as f").replace("loop-sum", "added-sum")
    (repository / "bench" / "test_added.py").write_text(added)
    found = {v.name.split("[")[1]: v.verdict for v in run(repository).verdicts if v.metric == "seconds"}
    assert found["added-sum-impl-2000 numbers]"] == gate.NEW
    assert found["loop-sum-impl-2000 numbers]"] not in (gate.NEW, gate.FAILED)


def test_the_interpreter_is_shared_where_nothing_else_is_needed(repository, tmp_path):
    assert compare.interpreter(repository, repository, tmp_path, print)[0] == compare.Path(sys.executable)


@pytest.fixture
def commands(repository, monkeypatch):
    """The command line, run in the repository."""
    monkeypatch.chdir(repository)
    monkeypatch.setattr(compare, "MOST", 2)
    return lambda *arguments: CliRunner().invoke(app, ["compare", *arguments, "--rounds", "2"])


def test_what_cannot_be_said_ends_with_2_and_leaves_no_verdict_of_before(commands, repository):
    old = repository / "build" / "gate" / "verdicts.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    assert commands("mian").exit_code == 2
    assert not old.exists()


def test_only_regressed_fails_unless_strict(commands, repository):
    broken = "def f(n):\n    assert n != 3000\n    return sum(range(n))\n"
    (repository / "impl" / "work.py").write_text(broken)
    assert commands("main", "--tolerance", "9").exit_code == 0
    assert commands("main", "--tolerance", "9", "--strict").exit_code == 1
    record = json.loads((repository / "build" / "gate" / "verdicts.json").read_text())
    assert {v["tolerance"] for v in record["verdicts"]} == {9.0}
    assert record["rounds"] == 2
