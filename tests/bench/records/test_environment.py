"""What tells two environments apart."""

import ast
from dataclasses import replace

import pytest

from bench.records import environment


@pytest.fixture
def here():
    return environment.current("digits", "0" * 64)


@pytest.mark.parametrize(
    "change",
    [{"processor": "other"}, {"dataset_sha256": "1" * 64}, {"source_sha256": "2" * 64}, {"versions": "{}"}],
    ids=str,
)
def test_whatever_can_change_a_number_changes_the_key(here, change):
    assert replace(here, **change).key != here.key


def test_the_commit_alone_does_not(here):
    assert replace(here, commit_hash="other").key == here.key


MEASURED = (
    "impl/svd.py",
    "impl/data/idx.py",
    "bench/experiments/workloads/networks.py",
    "bench/suites/test_a.py",
)


def test_source_hash_sees_a_changed_file(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name in (*MEASURED, "bench/runner/training.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    before = environment.source_sha256()
    (tmp_path / "bench/runner/training.py").write_text("x = 2\n")
    assert environment.source_sha256() == before
    for name in MEASURED:
        (tmp_path / name).write_text("x = 2\n")
        assert environment.source_sha256() != before
        (tmp_path / name).write_text("x = 1\n")


def imported(path):
    """The files of ours that a file imports, and so on."""
    found, wanted = set(), [path]
    while wanted:
        if (current := wanted.pop()) in found:
            continue
        found.add(current)
        for node in ast.walk(ast.parse(current.read_text())):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            files = (environment.ROOT / f"{name.replace('.', '/')}.py" for name in names)
            wanted += [file for file in files if file.exists()]
    return found


def test_all_that_a_cell_runs_through_is_in_the_hash():
    hashed = {path for pattern in environment.MEASURING for path in environment.ROOT.glob(pattern)}
    used = imported(environment.ROOT / "bench/experiments/workloads/training_run.py")
    assert environment.ROOT / "impl/training/loop.py" in used
    assert used <= hashed
    assert all(list(environment.ROOT.glob(pattern)) for pattern in environment.MEASURING)


def test_no_git_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert environment.commit_hash() == "unknown"
