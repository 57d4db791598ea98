"""What is missing is said with its remedy; only what nothing works without is an error."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from impl.compilation import inductor
from report.__main__ import app
from report.render import system_libraries
from report.tools import doctor

NAMES = [
    "Python", "torch", "MNIST", "store", "C++ compiler", "GPU", "results", "disk", "PDF", "fonts", "chromium",
]  # fmt: skip


@pytest.fixture
def whole(tmp_path, monkeypatch):
    """A machine that has everything but a GPU and MNIST."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(system_libraries, "loads", lambda: True)
    monkeypatch.setattr(inductor, "compiler", lambda device: "/usr/bin/g++")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(
        doctor.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout="Some Serif\nSome Sans\n")
    )
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, ["doctor", *arguments], catch_exceptions=False)


def found(*arguments, code=0):
    result = invoke("--json", *arguments)
    assert result.exit_code == code, result.output
    return {finding["name"]: finding for finding in json.loads(result.stdout)}


def test_what_is_optional_may_be_missing(whole):
    there = found()
    assert sorted(there) == sorted(NAMES)
    assert {name for name, finding in there.items() if not finding["ok"]} == {"MNIST", "GPU"}
    assert all(finding["remedy"] for finding in there.values() if not finding["ok"])
    assert not list(whole.iterdir())


@pytest.mark.parametrize(
    ("target", "answer", "name", "code", "remedy"),
    [
        (
            "report.render.system_libraries.loads",
            lambda: False,
            "PDF",
            0,
            "apt-get install -y libpango-1.0-0",
        ),
        ("impl.compilation.inductor.compiler", lambda device: None, "C++ compiler", 0, "g++"),
        ("report.tools.doctor.shutil.which", lambda name: None, "chromium", 0, "chromium"),
        ("report.tools.doctor.shutil.which", lambda name: None, "fonts", 0, "fonts-liberation"),
        (
            "report.tools.doctor.shutil.disk_usage",
            lambda path: SimpleNamespace(free=2**29 - 1),
            "disk",
            1,
            "free at least 512 MiB",
        ),
        ("report.tools.doctor.sys.version_info", (3, 10, 4), "Python", 1, "make setup PYTHON="),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(whole, monkeypatch, target, answer, name, code, remedy):
    monkeypatch.setattr(target, answer)
    finding = found(code=code)[name]
    assert (finding["ok"], finding["required"]) == (False, bool(code))
    assert remedy in finding["remedy"]


def test_results_that_cannot_be_written_are_an_error(whole, monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    finding = found("--results", "kept/r.sqlite", code=1)["results"]
    assert finding["found"] == "Permission denied"
    assert "chmod u+w kept" in finding["remedy"]


def test_a_data_root_without_mnist_and_a_store_that_is_none_are_errors(whole):
    there = found("--data-root", "nowhere", code=1)
    assert "nowhere/MNIST/raw/train-images-idx3-ubyte" in there["MNIST"]["found"]
    (whole / "r.sqlite").write_text("this is no store, and longer than the head of one would be " * 9)
    there = found("--results", "r.sqlite", code=1)
    assert "r.sqlite" in there["store"]["found"]
    assert "move it away" in there["store"]["remedy"]


def test_mnist_that_is_there_is_found(whole, contents):
    raw = whole / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in contents.items():
        (raw / name).write_bytes(content)
    assert (found()["MNIST"]["ok"], found()["MNIST"]["found"]) == (True, "in data")


def test_without_torch_the_rest_is_told(whole, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    there = found(code=1)
    assert (there["torch"]["ok"], there["torch"]["remedy"]) == (False, "make setup")
    assert {"Python", "disk", "PDF", "fonts"} <= set(there)


def test_a_line_each_for_people_without_a_terminal(whole):
    lines = invoke().stdout.splitlines()
    assert len(lines) == len(NAMES)
    (mnist,) = [line for line in lines if "MNIST  " in line]
    assert mnist.startswith("missing ")
    assert "remedy: make bench DATA_ROOT=<folder of MNIST/raw>" in mnist
    required = doctor.Finding("disk", False, "full", "space", True, "free space")
    assert (required.status, replace(required, required=False).status) == ("MISSING", "missing")
