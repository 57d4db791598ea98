"""From Python: the same runs and numbers as the command line's, as one frame, without a file."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import bench
from bench import __main__ as command_line
from bench.experiments import catalog, profiles
from bench.experiments.workloads.training_run import execute
from bench.records.runs import Measurement, RunConfig, RunResult
from bench.runner import benchmarks
from bench.store import latest
from tests.small_store import CONFIG, HERE, numbers, snapshot

ROOT = Path(__file__).resolve().parents[2]
SMALL = catalog.Budget(1, 1, 64, batch_size=32)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """A folder without anything, and a profile of 64 samples."""
    monkeypatch.chdir(tmp_path)
    profile = replace(profiles.PROFILES["quick"], experiments={"deep_classifier": SMALL})
    monkeypatch.setitem(profiles.PROFILES, "quick", profile)


def small_run(**options):
    return bench.run("deep_classifier", activations=["relu", "tanh"], dataset="digits", **options)


def test_runs_are_those_that_the_command_line_lists_and_numbers_those_of_each_cell():
    frame = small_run()
    listed = CliRunner().invoke(
        command_line.app,
        ["status", "--json", "--dataset", "digits", "--only", "deep_classifier", "--activation", "tanh"],
    )
    named = [
        row["config_hash"]
        for row in json.loads(listed.stdout)["runs"]
        if row["activation"] in ("relu", "tanh")
    ]
    assert len(named) == 2 * len(catalog.RATES["adam"])
    assert set(frame["key"]) >= set(named)
    runs = frame.drop_duplicates("run").astype(object).where(lambda f: f.notna(), None)
    for row in runs.sample(3, random_state=0).to_dict("records"):
        config = RunConfig(**{f.name: row[f.name] for f in fields(RunConfig)})
        expected = [m for m in execute(replace(config, batch_norm=None), None).measurements if m.unit != "s"]
        own = frame[(frame["run"] == row["run"]) & (frame["unit"] != "s")]
        found = own[["metric", "step", "value", "unit"]].itertuples(index=False, name=None)
        assert sorted(found) == sorted(map(tuple, expected))


def test_the_frame_is_the_store_row_by_row_and_nothing_is_left_without_a_name(tmp_path):
    frame = small_run(results="r.sqlite")
    with closing(sqlite3.connect("r.sqlite")) as connection:
        query = "SELECT run, metric, step, value, unit FROM measurement ORDER BY run, metric, step"
        stored = connection.execute(query).fetchall()
    found = frame[["run", "metric", "step", "value", "unit"]].sort_values(["run", "metric", "step"])
    assert list(found.itertuples(index=False, name=None)) == stored
    pd.testing.assert_frame_equal(bench.load("r.sqlite"), frame)
    before = sorted(tmp_path.iterdir())
    small_run()
    assert sorted(tmp_path.iterdir()) == before


def test_a_named_store_is_gone_on_with(monkeypatch):
    small_run(results="r.sqlite")
    monkeypatch.setattr("bench.runner.training.execute", lambda *_: pytest.fail("it is in the store"))
    assert len(small_run(results="r.sqlite")) > 0


def test_worker_processes_give_the_same_numbers():
    small_run(results="here.sqlite")
    small_run(results="workers.sqlite", workers=2)
    assert numbers("here.sqlite") == numbers("workers.sqlite")


def test_a_run_that_raises_is_a_row_that_says_why(monkeypatch):
    def fails(config, *_):
        if config.activation == "tanh":
            raise RuntimeError("of no use")
        return RunResult("finished", [Measurement("validation_accuracy", 1, 0.5, "1")])

    monkeypatch.setattr("bench.runner.training.execute", fails)
    frame = small_run()
    failed = frame[frame["status"] == "failed"]
    assert set(failed["activation"]) == {"tanh"}
    assert failed[["metric", "step", "value", "unit"]].isna().all(axis=None)
    assert set(failed["error"]) == {"RuntimeError('of no use')"}
    assert (frame[frame["activation"] == "relu"]["value"] == 0.5).all()


def test_benchmarks_are_run_by_pytest(monkeypatch):
    asked = []
    monkeypatch.setattr(benchmarks, "run_benchmarks", lambda recorder, *rest: asked.append(rest))
    tables = {"optimizers": ["adam"], "strategies": ["unfold"]}
    assert bench.run("benchmarks", dataset="digits", **tables).empty
    ((device, profile, log, own, _),) = asked
    assert (device, profile.benchmark_rounds, log.name) == ("cpu", 3, "benchmarks.log")
    assert not any(own.values())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: bench.run("clasifier"),
            "Unknown stage 'clasifier'; expected one of: benchmarks, convergence",
        ),
        (
            lambda: bench.run("classifier", profile="slow"),
            "Unknown profile 'slow'; expected one of: quick, reference",
        ),
        (lambda: bench.run("classifier", activations=["rleu"]), "Unknown activation 'rleu'"),
        (lambda: bench.run("classifier", device="tpu"), "Unknown device 'tpu'"),
    ],
)
def test_unknown_names_are_errors_that_list_the_known(call, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        call()


def test_load_takes_what_was_measured_last(tmp_path):
    runs = [(replace(CONFIG, seed=s), RunResult("finished", [Measurement("m", 0, s, "1")])) for s in (1, 2)]
    snapshot(
        tmp_path / "s.sqlite", [(CONFIG, RunResult("finished", [Measurement("m", 0, 9.0, "1")]))], "older"
    )
    snapshot(tmp_path / "s.sqlite", runs, "newer")
    frame = bench.load(tmp_path / "s.sqlite")
    assert frame[["seed", "metric", "value"]].to_numpy().tolist() == [[1, "m", 1.0], [2, "m", 2.0]]
    assert frame.attrs["profile"] == "newer"
    assert frame.attrs["environment"]["commit_hash"] == HERE.commit_hash


def test_load_without_a_store_or_without_a_measurement(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.sqlite does not exist"):
        bench.load("no.sqlite")
    snapshot(tmp_path / "empty.sqlite", [])
    with pytest.raises(ValueError, match=r"empty\.sqlite contains no runs"):
        bench.load("empty.sqlite")


def test_pandas_reads_a_store_in_one_line():
    (code,) = re.findall(
        r"```python\n(import pandas as pd, sqlite3.*?)```",
        (ROOT / "docs/reference/store.md").read_text(),
        re.S,
    )
    *before, line = code.strip().splitlines()
    path = ROOT / "results" / "reference.sqlite"
    names = {}
    exec("\n".join(before), names)
    found = eval(line.replace("results/reference.sqlite", str(path)), names)
    held = latest(path)
    found = found[found["run"].isin(held.runs["run"])]  # a store may hold several environments
    assert len(found) == len(held.measurements)
    assert found["value"].sum() == pytest.approx(held.measurements["value"].sum())


PROGRAM = """
import sys, json
for name in {blocked}:
    sys.modules[name] = None
{imports}
print(json.dumps(sorted(name for name in {heavy} if sys.modules.get(name))))
"""


def loaded(imports, blocked=(), heavy=()):
    """Which of the heavy modules are there after the imports, the blocked being not importable."""
    program = PROGRAM.format(imports=imports, blocked=list(blocked), heavy=list(heavy))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_impl_needs_neither_matplotlib_nor_dask_nor_weasyprint():
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "impl").rglob("*.py")]
    modules = [".".join(path.parts) for path in paths if path.stem != "__init__"]
    blocked = ("matplotlib", "dask", "distributed", "weasyprint", "seaborn", "bench", "report", "pytest")
    assert len(modules) > 20
    assert loaded(f"import {', '.join(modules)}", blocked) == []


def test_importing_the_packages_loads_nothing_before_it_is_asked_for():
    heavy = ("torch", "pandas", "dask", "distributed", "matplotlib", "weasyprint", "pytest")
    assert loaded("import bench, impl, report; from report import figures", heavy=heavy) == []
    assert loaded("from bench import load", heavy=heavy) != []
    with pytest.raises(AttributeError, match="module 'bench' has no attribute 'runn'"):
        _ = bench.runn
