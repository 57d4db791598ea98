"""What tells two environments apart."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import torch

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


def test_source_hash_sees_a_changed_file(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name in ("impl/a.py", "bench/cells.py", "bench/test_a.py", "bench/runner.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    before = environment.source_sha256()
    (tmp_path / "bench/runner.py").write_text("x = 2\n")
    assert environment.source_sha256() == before
    for name in ("impl/a.py", "bench/cells.py", "bench/test_a.py"):
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
    used = imported(environment.ROOT / "bench" / "cells.py")
    assert Path(environment.ROOT / "impl" / "training.py") in used
    assert used <= hashed
    assert all(list(environment.ROOT.glob(pattern)) for pattern in environment.MEASURING)


def test_no_git_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    assert environment.commit_hash() == "unknown"


def test_cuda_without_a_gpu_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="finds no usable GPU; use cpu"):
        environment.device_name("cuda")


def test_unknown_device_lists_the_known():
    with pytest.raises(ValueError, match="Unknown device 'gpu0'; expected one of: cpu, cuda"):
        environment.device_name("gpu0")
