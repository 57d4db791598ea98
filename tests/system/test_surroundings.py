"""What the machine lacks or has otherwise: what can work does, with the same numbers; else it is said."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_store import numbers
from tests.system.conftest import CHROMIUM

ROOT = Path(__file__).resolve().parents[2]
RUN = ("bench", "run", "--only", "losses", "--seeds", "1", "--epochs", "1")
REPORT = (
    "report",
    "build",
    "--only",
    "q05",
    "--results",
    "results/results.sqlite",
    "--reference",
    "none.sqlite",
)
FEWEST = 8 * 5  # candidates, at five rates each; grids may be extended

# What a process begins with, before anything of ours is imported.
NO_NETWORK = """
import sys

def refuse(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "localhost", "127.0.0.1", "0.0.0.0"):
        raise OSError(101, "Network is unreachable")
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        if not arguments[1][0].startswith("127."):
            raise OSError(101, "Network is unreachable")

sys.addaudithook(refuse)
"""
ONE_CORE = """
import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
"""
NO_PANGO = """
import cffi

dlopen = cffi.FFI.dlopen

def without(self, name, *flags):
    if name and "pango" in name:
        raise OSError(f"cannot load library {name!r}")
    return dlopen(self, name, *flags)

cffi.FFI.dlopen = without
"""


@pytest.fixture
def python(tmp_path):
    """Runs `python -m` in a folder, where every process begins with `first` and has another environment."""

    def run(*arguments, first="", folder=tmp_path, code=0, **environment):
        begins = tmp_path / "begins"
        begins.mkdir(exist_ok=True)
        (begins / "sitecustomize.py").write_text(first)
        given = {**os.environ, "PYTHONPATH": os.pathsep.join([str(begins), str(ROOT)]), **environment}
        result = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env={name: value for name, value in given.items() if value is not None},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        said = (result.stdout + result.stderr).decode("utf-8", "replace")
        assert result.returncode == code, said
        assert "Traceback" not in said
        return said

    return run


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """Numbers of a run as it usually is."""
    folder = tmp_path_factory.mktemp("usual")
    store = folder / "results" / "results.sqlite"
    subprocess.run(
        [sys.executable, "-m", *RUN, "--dataset", "digits"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    runs, measured = numbers(store)
    assert set(runs) <= {"finished", "collapsed"}
    assert len({key for key, *_ in measured}) == sum(runs.values()) >= FEWEST
    return runs, measured


CONFIG = """
import json

from bench.experiments.workloads.training_run import execute
from bench.records.runs import RunConfig
from impl.compilation.inductor import KERNELS

outcome = execute(RunConfig("classifier", "sgelu", "adam", 1e-3, 32, True, "digits", 256, 1, 0), None)
losses = [m.value for m in outcome.measurements if m.metric == "train_loss"]
print(json.dumps([outcome.status, losses, sorted({kernel.reason for kernel in KERNELS.values()})]))
"""


def test_without_a_compiler_the_same_is_computed_more_slowly(tmp_path):
    def train(**environment):
        found = subprocess.run(
            [sys.executable, "-c", CONFIG],
            cwd=ROOT,
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
        )
        return json.loads(found.stdout.splitlines()[-1])

    nothing = tmp_path / "bin"
    nothing.mkdir()
    status, losses, reasons = train(PATH=str(nothing), CXX="g++", TORCHINDUCTOR_CACHE_DIR=str(tmp_path))
    assert status == "finished"
    assert reasons == ["no compiler for cpu"]
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("no C++ compiler here to compare with; on Debian: sudo apt-get install -y g++")
    status, compiled, reasons = train()
    assert (status, reasons) == ("finished", [""])
    assert losses == pytest.approx(compiled, rel=1e-3)


def test_without_pango_the_page_is_made_and_one_line_for_each_system_says_what_to_do(python, tmp_path):
    said = python("report", "build", "--only", "q05", "--results", "none.sqlite", first=NO_PANGO)
    assert (tmp_path / "build" / "report.html").stat().st_size > 10_000
    assert not (tmp_path / "build" / "report.pdf").exists()
    assert "no PDF: cannot load library" in said
    assert "Debian, Ubuntu: sudo apt-get install -y libpango-1.0-0" in said


@pytest.mark.parametrize(("required", "code", "word"), [(None, 0, "1 skipped"), ("1", 1, "1 error")])
def test_without_a_browser_its_tests_say_what_to_install(python, tmp_path, required, code, word):
    if any(Path("/usr/bin", name).exists() for name in CHROMIUM):
        (tmp_path / "bin").mkdir()
    one = "tests/system/test_page.py::test_themes_differ"
    options = ("-q", "-rsE", "-p", "no:cacheprovider", one)
    said = python(
        "pytest", *options, folder=ROOT, code=code, PATH=str(tmp_path / "bin"), REQUIRE_CHECKERS=required
    )
    assert "no browser to look at the page with; on Debian: sudo apt-get install -y chromium" in said
    assert word in said


def test_all_that_can_be_odd_at_once_changes_no_number(usual, tmp_path):
    """No network, one core, another locale, no home, no terminal, in a folder of odd letters; by make."""
    here = tmp_path / "so to say — größer, 数"
    for room in ("bench", "impl", "report", "templates"):
        shutil.copytree(ROOT / room, here / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, here)
    (here / ".venv").symlink_to(sys.prefix)
    (here / "sitecustomize.py").write_text(NO_NETWORK + ONE_CORE)
    # Of what these tests were started with, nothing else: a DATA_ROOT in it is not this folder's.
    kept = ("PATH", "LD_LIBRARY_PATH", "TMPDIR", "CXX", "TORCHINDUCTOR_CACHE_DIR")
    odd = {
        **{name: os.environ[name] for name in kept if name in os.environ},
        **{"PYTHONPATH": str(here), "HOME": os.devnull, "LC_ALL": "C", "LANG": "C"},
    }

    def run(*command):
        made = subprocess.run(
            command, cwd=here, env=odd, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        said = (made.stdout + made.stderr).decode("utf-8", "replace")
        assert made.returncode == 0, said
        assert "Traceback" not in said
        return said

    said = run("make", "-o", ".venv/.ready", "bench", "ONLY=losses", "SEEDS=1", "EPOCHS=1")
    assert "MNIST is not in data and could not be downloaded (" in said
    assert "using scikit-learn" in said
    assert numbers(here / "results" / "results.sqlite") == usual
    said = run(".venv/bin/python", "-m", *REPORT)
    assert (here / "build" / "report.html").exists()
    assert (here / "build" / "report.pdf").exists() == ("no PDF" not in said)
