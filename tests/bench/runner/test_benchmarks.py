"""Benchmarks are measured whatever the environment; one that is not measured is a failed run."""

import itertools
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

import bench
from bench import __main__ as command_line
from bench.experiments.profiles import PROFILES
from bench.records.runs import BenchmarkCase
from bench.runner import benchmarks
from bench.store import latest

CONFTEST = """
import pytest

def pytest_addoption(parser):
    for name in ("device", "activation", "optimizer", "strategy"):
        parser.addoption(f"--{name}", action="append")

@pytest.hookimpl(tryfirst=True)
def pytest_benchmark_generate_machine_info():
    return {"processor": "not asked, which takes a second"}
"""
SUITE = """
import pytest
from bench.records.runs import BenchmarkCase

CASES = [BenchmarkCase("t", name, "impl", "i", 1) for name in ("first", "second", "third")]

@pytest.mark.parametrize("timing", CASES, ids=str)
def test_it(timing, benchmark, request):
    if timing.subject == "second":
        {second}
    benchmark(int)
"""
DESELECT = """
def pytest_collection_modifyitems(items):
    del items[-1:]
"""
QUICK = replace(PROFILES["quick"], times=lambda case: True)
CASES = [BenchmarkCase("t", name, "impl", "i", 1) for name in ("first", "second", "third")]


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Writes suites of three benchmarks, the second of which does something else."""
    suites = tmp_path / "installed" / "bench" / "suites"
    suites.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setitem(PROFILES, "quick", replace(QUICK, benchmark_rounds=1))
    monkeypatch.setattr(benchmarks, "shuffled", lambda cases, number: list(cases))
    monkeypatch.setattr(benchmarks, "disturbed", lambda used, wall: "")
    monkeypatch.setattr(benchmarks, "ROOT", tmp_path / "installed")
    monkeypatch.setattr(benchmarks, "CONFIG", tmp_path / "installed" / "pyproject.toml")

    def write(second="pass", conftest=""):
        (suites / "conftest.py").write_text(CONFTEST + conftest)
        (suites / "test_suite.py").write_text(SUITE.format(second=second))
        return tmp_path

    return write


@pytest.fixture(autouse=True)
def read_anew(monkeypatch):
    """Forgets the modules of the suites, so that each collection imports what was written last."""
    main = benchmarks.isolated_pytest.main

    def forgetting(*arguments):
        known = set(sys.modules)
        try:
            return main(*arguments)
        finally:
            for name in set(sys.modules) - known:
                del sys.modules[name]

    monkeypatch.setattr(benchmarks.isolated_pytest, "main", forgetting)


def run():
    """The command's exit status and output, and status and error of each benchmark by subject."""
    arguments = ["run", "--only", "benchmarks", "--dataset", "digits", "--results", "r.sqlite"]
    result = CliRunner().invoke(command_line.app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    runs = latest(benchmarks.Path("r.sqlite")).runs
    return result, {row.subject: (row.status, row.error) for row in runs.itertuples()}


def variable(name, value):
    return lambda folder, patch: patch.setenv(name, value)


def plugin_by_variable(folder, patch):
    (folder / "named_plugin.py").write_text(DESELECT)
    patch.syspath_prepend(folder)
    patch.setenv("PYTEST_PLUGINS", "named_plugin")


def installed_plugin(folder, patch):
    """As pip installs it: pytest loads whatever has an entry point."""
    (folder / "installed_plugin.py").write_text(DESELECT)
    information = folder / "installed_plugin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-plugin\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[pytest11]\nanything = installed_plugin\n")
    patch.syspath_prepend(folder)


def file_of_pytest(name, text, where="work"):
    return lambda folder, patch: (folder / where / name).write_text(text)


SURROUNDINGS = {
    "skipping": variable("PYTEST_ADDOPTS", "--benchmark-skip"),
    "disabled": variable("PYTEST_ADDOPTS", "--benchmark-disable"),
    "deselecting": variable("PYTEST_ADDOPTS", "-k nothing"),
    "only collecting": variable("PYTEST_ADDOPTS", "--collect-only"),
    "an unknown option": variable("PYTEST_ADDOPTS", "--no-such-option"),
    "a worker of xdist": variable("PYTEST_XDIST_WORKER", "gw0"),
    "a plugin named by a variable": plugin_by_variable,
    "an installed plugin": installed_plugin,
    "pytest.ini": file_of_pytest("pytest.ini", "[pytest]\naddopts = --benchmark-skip\n"),
    "conftest.py": file_of_pytest("conftest.py", DESELECT),
    "conftest.py above the installed copy": file_of_pytest("conftest.py", DESELECT, "."),
}


@pytest.mark.parametrize("surrounding", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_surroundings_change_nothing(suite, surrounding, monkeypatch):
    surrounding(suite(), monkeypatch)
    result, runs = run()
    assert runs == dict.fromkeys(("first", "second", "third"), ("finished", ""))
    assert (result.exit_code, "all runs are saved" in result.output) == (0, True)
    assert benchmarks.collect("cpu", {}) == tuple(CASES)


UNMEASURED = {
    "skipped": ("pytest.skip('no such device')", "", {"second": "skipped: no such device"}),
    "nothing timed": ("return", "", {"second": "nothing was timed"}),
    "failed": ("raise OSError('of no use')", "", {"second": "of no use"}),
    "deselected": ("pass", DESELECT, {"third": "not reached"}),
    "never reached": ("request.session.shouldfail = 'enough'", "", {"third": "not reached"}),
}


@pytest.mark.parametrize(("second", "conftest", "expected"), UNMEASURED.values(), ids=UNMEASURED)
def test_what_is_not_measured_is_counted_named_and_repeated(suite, second, conftest, expected):
    suite(second, conftest)
    result, runs = run()
    assert {subject: error for subject, (status, error) in runs.items() if status == "failed"} == expected
    assert len(runs) == 3
    assert result.exit_code == 1
    assert f"{len(expected)} failed, all other runs are saved." in result.output
    for subject, error in expected.items():
        assert f"failed: t-{subject}-impl-i: {error}" in result.output
    suite()
    result, runs = run()
    assert (result.exit_code, set(runs.values())) == (0, {("finished", "")})


def test_from_python_it_is_a_row_with_its_error(suite):
    suite("pytest.skip('no such device')")
    frame = bench.run("benchmarks", dataset="digits")
    assert frame[frame["status"] == "failed"]["error"].tolist() == ["skipped: no such device"]
    assert set(frame[frame["status"] == "finished"]["subject"]) == {"first", "third"}


@pytest.mark.parametrize("second", ["pytest.exit('enough')", "request.session.shouldstop = 'enough'"])
def test_suites_that_end_themselves_are_an_error_not_an_interruption(suite, second):
    suite(second)
    with pytest.raises(ValueError, match=r"cannot run the benchmarks: pytest ended with .*benchmarks\.log"):
        bench.run("benchmarks", dataset="digits")


@pytest.mark.parametrize("text", ["", "import nothing.of.the.name\n"])
def test_suites_without_benchmarks_are_an_error(suite, text):
    (suite() / "installed" / "bench" / "suites" / "test_suite.py").write_text(text)
    with pytest.raises(ValueError, match=r"(?s)cannot collect the benchmarks: .*(no tests|nothing\.of)"):
        bench.run("benchmarks", dataset="digits")


def test_each_round_is_a_process_in_another_order(suite, monkeypatch):
    suite("note(request)")
    path = benchmarks.ROOT / "bench" / "suites" / "test_suite.py"
    path.write_text(path.read_text() + NOTE)
    monkeypatch.setitem(PROFILES, "quick", replace(QUICK, benchmark_rounds=3))
    frame = bench.run("benchmarks", dataset="digits")
    assert frame["seed"].value_counts().index.sort_values().tolist() == [0, 1, 2]
    processes = benchmarks.Path("processes").read_text().split()
    assert len(processes) == len(set(processes)) == 3
    load = frame[frame["metric"] == "background_load"]
    assert len(load) == 9
    assert (load["value"] >= 0).all()
    assert load.groupby("seed")["value"].nunique().eq(1).all()


NOTE = """
def note(request):
    import os
    open("processes", "a").write(f"{os.getpid()} ")
"""


def test_compared_benchmarks_are_neighbours_in_every_order():
    cases = [
        BenchmarkCase("t", name, "impl", place, size)
        for name in "abcd"
        for place, size in (("i", 1), ("i", 64), ("j", 1))
    ]
    orders = [benchmarks.shuffled(cases, number) for number in range(8)]
    for order in orders:
        assert sorted(map(str, order)) == sorted(map(str, cases))
        groups = [(case.input, case.size) for case in order]
        assert sum(a != b for a, b in itertools.pairwise(groups)) == 2
    assert len({tuple(case.subject for case in order) for order in orders}) > 4
    assert len({tuple(case.size for case in order) for order in orders}) > 2
    assert orders[0] == benchmarks.shuffled(cases, 0)


def test_a_disturbed_round_is_repeated_and_said(suite, monkeypatch, capsys):
    suite()
    monkeypatch.setitem(PROFILES, "quick", replace(QUICK, benchmark_rounds=2))
    noise = iter(["others are busy", "", ""])
    monkeypatch.setattr(benchmarks, "disturbed", lambda used, wall: next(noise))
    frame = bench.run("benchmarks", dataset="digits")
    assert "Round 1 of the benchmarks: others are busy; repeating it." in " ".join(
        capsys.readouterr().err.split()
    )
    assert set(frame["status"]) == {"finished"}
    assert next(noise, "all asked") == "all asked"


def test_ctrl_c_is_an_interruption_that_fails_nothing(suite):
    suite("raise KeyboardInterrupt")
    result, runs = run()
    assert result.exit_code == 130
    assert runs == {"first": ("finished", "")}
