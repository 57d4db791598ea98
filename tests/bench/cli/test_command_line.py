"""The command line: what it lists and exports, how a profile is narrowed, and what it says to a mistake."""

import importlib.util
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bench import __main__ as command_line
from bench.cli import status as cli_status
from bench.experiments.catalog import RATES, STAGES
from bench.experiments.profiles import PROFILES, narrowed, plans
from bench.experiments.workloads.registry import identify
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.environment import Environment
from bench.records.names import CONTROLS
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
from bench.runner import benchmarks
from bench.runner import training as runner
from bench.store import Store
from impl.data import load_digits

HERE = Environment('a, "b" c', 2, 1024, "Linux", "3.11", "{}", "cpu", 1, "s", "digits", "d", "c")
CONFIG = RunConfig("classifier", "relu", "adam", 1e-3, 128, True, "digits", 100, 2, 7, loss="cross_entropy")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder without a reference, a store or data."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(command_line.app, list(arguments), terminal_width=300)


def told(result):
    """What was said, without the box around it."""
    return re.sub(r"[│\s]+", " ", result.output)


def listed(*arguments):
    """Return the runs that `bench status --json` lists, and the totals of all stages."""
    result = invoke("status", "--json", "--dataset", "digits", *arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    return report["runs"], report["stages"][-1]


def test_status_lists_every_run_and_their_sum(elsewhere):
    rows, total = listed("--only", "deep_classifier,losses")
    made = {
        p.name: p
        for p in plans(
            narrowed(PROFILES["quick"], ["deep_classifier", "losses"], None, None),
            "digits",
            1437,
            PROFILES["quick"].activations,
        )
    }
    expected = {config.config_hash for p in made.values() for config in p.runs({}, guess=True)}
    assert {row["config_hash"] for row in rows} == expected
    assert len(rows) == total["left"]
    assert total["to_take"] == pytest.approx(sum(row["seconds"] for row in rows))
    assert not list(elsewhere.iterdir())


def test_status_counts_what_experiments_share_once():
    """As a run does: both contain ReLU under Adam with batch norm."""
    one, other = (
        listed("--only", name, "--activation", "relu")[1]["left"] for name in ("classifier", "optimizers")
    )
    both = listed("--only", "classifier,optimizers", "--activation", "relu")[1]["left"]
    budget = PROFILES["quick"].experiments["optimizers"]
    # Each guesses that two rates go on, the classifier under more seeds.
    assert one + other - both == len(RATES["adam"]) * budget.first + 2 * (budget.seeds - budget.first)


def test_status_with_seeds_epochs_and_activations(monkeypatch):
    monkeypatch.setattr(cli_status, "slowdown", lambda reference: 1.0)
    arguments = ("--only", "deep_classifier", "--seeds", "4", "--activation", "sgelu")
    rows, total = listed(*arguments, "--epochs", "6")
    assert {row["activation"] for row in rows} == {"relu", "gelu", CONTROLS[0], "sgelu"}
    assert total["left"] == 4 * (len(RATES["adam"]) + 2 * 3)
    assert {row["seed"] for row in rows} == {0, 1, 2, 3}
    # Three times the two epochs, but as many horizons and evaluations before training.
    assert 1.5 < total["to_take"] / listed(*arguments)[1]["to_take"] < 3


def test_status_of_everything_and_of_cheap_stages():
    everything, cheap, network = (
        listed(*only)[1]["left"]
        for only in ((), ("--only", "benchmarks,conv_autoencoder"), ("--only", "conv_autoencoder"))
    )
    assert everything > cheap > network > 0


def test_a_custom_activation_in_the_current_directory_has_the_hash_of_its_file(elsewhere, monkeypatch):
    name = f"mine_{abs(hash(elsewhere))}"
    (elsewhere / f"{name}.py").write_text("from torch.nn import Softplus as Mine\n")
    monkeypatch.setattr("sys.path", [p for p in __import__("sys").path if p])
    rows, _ = listed("--only", "deep_classifier", "--activation", f"{name}:Mine")
    activations = {row["activation"] for row in rows if row["stage"] == "deep_classifier"}
    assert activations == {"relu", "gelu", CONTROLS[0], identify(f"{name}:Mine")}


@pytest.mark.parametrize("command", ["run", "status"])
@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--profile", "fast"], "Unknown profile 'fast'; expected one of: quick, reference"),
        (["--activation", "relu,snake"], "Unknown activation 'snake'; expected one of: sigmoid, tanh, relu"),
        (["--activation", "nowhere.to.be:Found"], "activation 'nowhere.to.be:Found': No module named 'nowh"),
        (["--activation", "torch.nn:Threshold"], "'torch.nn:Threshold' must be callable without arguments"),
        (["--activation", "builtins:dict"], "'builtins:dict' must return a torch.nn.Module, got dict"),
        (["--only", "losses,gains"], f"Unknown stage 'gains'; expected one of: {', '.join(STAGES)}"),
        (["--seeds", "0"], "Invalid value for '--seeds': Input should be greater than or equal to 1"),
        (["--epochs", "-1"], "Invalid value for '--epochs': Input should be greater than or equal to 1"),
        (["--epochs", "two"], "Invalid value for '--epochs': Input should be a valid integer"),
    ],
)
def test_unknown_names_are_errors_that_list_the_known(command, option, message, elsewhere):
    result = invoke(command, "--results", "r.sqlite", *option)
    assert result.exit_code == 2
    assert message in told(result)
    assert not list(elsewhere.iterdir())


def test_no_workers_is_an_error():
    result = invoke("run", "--workers", "0")
    assert result.exit_code == 2
    assert "Invalid value for '--workers': Input should be greater than or equal to 1" in told(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--device", "tpu"], "Unknown device 'tpu'"),
        (["run", "--data-root", "nowhere"], str(Path("nowhere/MNIST/raw/train-images-idx3-ubyte"))),
        (["status", "--dataset", "../mnist"], "Invalid dataset name: got '../mnist'"),
        (
            ["status", "--dataset", "FashionMNIST"],
            "expected the directory data/FashionMNIST/raw; data holds none",
        ),
        (["export", "--results", "r.sqlite"], "r.sqlite contains no runs; `make bench` measures"),
        (["ratios", "--results", "r.sqlite"], "r.sqlite contains no runs; `make bench` measures"),
        (["export", "--results", "."], ". is a folder, not a results database; name a file with --results"),
    ],
)
def test_what_a_user_can_mend_is_one_line(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as exit_:
        command_line.cli()
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert captured.out == ""


def test_a_run_makes_what_it_was_narrowed_to(monkeypatch, elsewhere):
    """The options reach the plans, and what failed is said at the end."""
    asked = {}

    def run_plans(session, plans, others, seconds, executor):
        asked.update(plans={p.name: p for p in plans}, others=others)
        session.record(CONFIG, RunResult("failed", error="RuntimeError('of no use')"))

    monkeypatch.setattr(runner, "run_plans", run_plans)
    monkeypatch.setattr(runner, "on_dask", lambda *options: asked.update(options=options))
    monkeypatch.setattr(benchmarks, "run_benchmarks", lambda *_: pytest.fail("no benchmarks were asked for"))
    result = invoke(
        *("run", "--dataset", "digits", "--only", "fc_autoencoder,synthetic", "--activation", "mish"),
        *("--seeds", "3", "--epochs", "9", "--workers", "5", "--results", "new/r.sqlite"),
    )
    assert result.exit_code == 1
    assert list(asked["plans"]) == ["fc_autoencoder"]
    made = asked["plans"]["fc_autoencoder"]
    budget = PROFILES["quick"].experiments["fc_autoencoder"]
    assert made.budget == replace(budget, seeds=3, company=3, epochs=9)
    assert [config.activation for config in made.candidates] == ["relu", "gelu", CONTROLS[0], "mish"]
    assert {config.seed for config in asked["others"]} == {0, 1, 2}
    root, device, _, workers, scheduler = asked["options"]
    assert (root, device, workers, scheduler) == (None, "cpu", 5, None)
    runs = 4 * (5 + 2 * 2) + 3 * len(
        SYNTHETIC
    )  # at five rates, then tuned and untuned; all under three seeds
    head = "new/r.sqlite: profile quick, data set digits, "
    assert f"{head}1 failed, {runs} not reached, all other runs are saved." in result.output
    assert "not reached: fc_autoencoder mish adam mse at 0.001 seed 2" in result.output
    assert f"failed: {CONFIG}: RuntimeError('of no use')" in result.output
    assert load_digits().notice.split(",")[0] in result.output


def test_export_gives_the_stores_numbers(elsewhere):
    values = [0.1 + 0.2, 1e-300, 12345678.901234567, float("inf"), -0.0]
    measured = [Measurement("test_loss", step, value, "1") for step, value in enumerate(values)]
    configs = [CONFIG, replace(CONFIG, seed=8, activation=None, learning_rate=1 / 3, batch_norm=None)]
    with Store(Path("r.sqlite")) as store:
        where = store.environment_id(HERE)
        for config in configs:
            store.record(where, "quick", config, RunResult("finished", measured))
        failed = replace(CONFIG, seed=9)
        store.record(where, "quick", failed, RunResult("failed", error='it said, "no"\nand went'))
        timing = BenchmarkCase("forward", "relu", "impl", "4 elements, all 0", 4)
        store.record(where, "quick", timing, RunResult("finished", [Measurement("seconds", 0, 1e-7, "s")]))
    result = invoke("export", "csv", "--results", "r.sqlite")
    assert result.exit_code == 0
    assert "csv: 4 runs, 11 measurements" in result.output
    with closing(sqlite3.connect("r.sqlite")) as connection:
        connection.row_factory = sqlite3.Row
        stored = [dict(row) for row in connection.execute("SELECT * FROM run ORDER BY id")]
        numbers = connection.execute(
            "SELECT run, metric, step, value, unit FROM measurement ORDER BY run, metric, step"
        ).fetchall()

    def read(name):
        return pd.read_csv(f"csv/{name}.csv", keep_default_na=False)

    assert list(read("measurements").itertuples(index=False, name=None)) == [tuple(row) for row in numbers]
    runs = read("runs")
    assert len(runs) == 4
    for found, row in zip(runs.to_dict("records"), stored, strict=True):
        row |= {"run": row.pop("id"), "processor": HERE.processor}
        assert set(found) == set(row) - {"environment", "profile", "sha256"}
        for name, value in found.items():
            expected = "" if row[name] is None else row[name]
            same = float(value) == expected if isinstance(expected, (int, float)) else value == expected
            assert same, (name, value, expected)
    assert runs["error"].tolist()[2] == 'it said, "no"\nand went'
    where = read("environment").set_index("what")["value"].to_dict()
    assert where == {name: str(value) for name, value in {**asdict(HERE), "profile": "quick"}.items()}


def test_export_reads_numpy_and_pandas_back_alike(elsewhere):
    """Also with pandas' own reading of missing fields, a round trip of every finite number."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=200) * 10.0 ** rng.integers(-8, 8, size=200)
    with Store(Path("r.sqlite")) as store:
        measured = [Measurement("test_loss", step, float(v), "1") for step, v in enumerate(values)]
        store.record(store.environment_id(HERE), "quick", CONFIG, RunResult("finished", measured))
    assert invoke("export", "--results", "r.sqlite").exit_code == 0
    found = pd.read_csv("build/csv/measurements.csv")
    np.testing.assert_array_equal(found["value"], values)


def test_export_as_parquet_or_what_it_needs(elsewhere):
    measured = [Measurement("test_loss", step, value, "1") for step, value in enumerate([1 / 3, np.inf])]
    with Store(Path("r.sqlite")) as store:
        where = store.environment_id(HERE)
        store.record(where, "quick", CONFIG, RunResult("finished", measured))
        store.record(where, "quick", replace(CONFIG, seed=9), RunResult("failed", error="why"))
    result = invoke("export", "--results", "r.sqlite", "--format", "parquet")
    if not importlib.util.find_spec("pyarrow"):
        assert str(result.exception) == "Parquet requires pyarrow: pip install '.[parquet]'"
        return
    assert result.exit_code == 0, result.output
    found = pd.read_parquet("build/parquet/measurements.parquet")
    assert found[["metric", "step", "value"]].to_numpy().tolist() == [
        ["test_loss", 0, 1 / 3],
        ["test_loss", 1, np.inf],
    ]
    runs = pd.read_parquet("build/parquet/runs.parquet")
    assert runs[["seed", "status", "error"]].to_numpy().tolist() == [
        [7, "finished", ""],
        [9, "failed", "why"],
    ]
    where = pd.read_parquet("build/parquet/environment.parquet").set_index("what")["value"]
    assert where["cores"] == "2"


def test_an_unknown_format_is_an_error_that_lists_the_known(elsewhere):
    result = invoke("export", "--format", "xlsx")
    assert result.exit_code == 2
    assert "Unknown format 'xlsx'; expected one of: csv, parquet" in told(result)
