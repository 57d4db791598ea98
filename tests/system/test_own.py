"""Ones own activation from the command line to its section of the page, whose numbers are worked out anew."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.store import Store

ROOT = Path(__file__).resolve().parents[2]
SNAKE = "examples/snake.py:Snake"
BASELINES = ("relu", "gelu", "sgelu")
SAMPLES = 40
RUN = (
    *("bench", "run", "--dataset", "digits", "--activation", SNAKE, "--only", "classifier"),
    *("--seeds", "2", "--epochs", "1", "--workers", "2"),
)


def python(*arguments):
    subprocess.run([sys.executable, "-m", *map(str, arguments)], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """What the command line measured, and times that are written down for it: the benchmarks take minutes."""
    path = tmp_path_factory.mktemp("own") / "here.sqlite"
    python(*RUN, "--results", path)
    rng, own = np.random.default_rng(0), identified(path)
    with Store(path) as opened:
        (environment,) = opened.connection.execute("SELECT id FROM environment").fetchone()
        for way in ("forward", "backward"):
            for name, level in zip((own, *BASELINES), (3e-5, 1e-5, 3e-5, 9e-5), strict=True):
                seconds = level * rng.uniform(0.9, 1.1, SAMPLES)
                for seed, value in enumerate(seconds):
                    case = BenchmarkCase(f"activation_{way}", name, "impl", "16384 elements", 16384, seed)
                    rows = [Measurement("seconds", 0, value, "s")]
                    opened.record(environment, "quick", case, RunResult("finished", rows))
    return path


def identified(path):
    with closing(sqlite3.connect(path)) as connection:
        ((name,),) = connection.execute(
            "SELECT DISTINCT subject FROM run WHERE task = 'activation_conformance'"
        )
    return name


@pytest.fixture(scope="module")
def section(store):
    """The tables of the section by their captions, rows of texts, and its text."""
    folder = store.parent / "build"
    nowhere = store.parent / "none.sqlite"
    python(
        "report", "build", "--results", store, "--reference", nowhere, "--output", folder, "--format", "html"
    )
    page = (folder / "report.html").read_text()
    (found,) = re.findall(r'<section class="answer" aria-labelledby="custom-.*?</section>', page, re.DOTALL)
    tables = {}
    for table in re.findall(r"<table.*?</table>", found, re.DOTALL):
        caption, *rows = (
            [
                text(config)
                for config in re.findall(r"<(?:caption|th|td)[^>]*>(.*?)</(?:caption|th|td)>", row, re.DOTALL)
            ]
            for row in re.findall(r"<caption.*?</caption>|<tr>.*?</tr>", table, re.DOTALL)
        )
        tables[re.sub(r"Table \d+\. (\(quick profile\) )?", "", caption[0])] = rows[1:]
    return tables, text(found)


def text(html):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", html))).strip()


@pytest.fixture(scope="module")
def measured(store):
    """Every measurement with its run, by pandas alone."""
    with closing(sqlite3.connect(store)) as connection:
        return pd.read_sql_query("SELECT * FROM run JOIN measurement ON run.id = run", connection)


def signed(x):
    return f"{x:+.2f}".replace("-", "−") if round(x, 2) else "0.00"


def accuracies(measured, name, batch_norm):
    """Test accuracy by seed at the rate with the best held-out accuracy of those that all seeds ran."""
    own = measured[(measured["activation"] == name) & (measured["batch_norm"] == batch_norm)]
    own = own[own["task"] == "classifier"]
    own = own[(own["step"] == 1) & (own["initialization"] == "torch")]
    held_out = own[own["metric"] == "validation_accuracy"].groupby("learning_rate")["value"]
    means = held_out.mean()[held_out.count() == 2]
    rate = means[means == means.max()].index.min()
    tested = own[(own["metric"] == "test_accuracy") & (own["learning_rate"] == rate)]
    return tested.set_index("seed")["value"].sort_index()


@pytest.mark.parametrize(
    ("batch_norm", "network"), [(1, "Classifier with batch norm"), (0, "Classifier without batch norm")]
)
def test_differences_and_their_verdicts_are_those_of_the_stored_accuracies(
    section, measured, store, batch_norm, network
):
    own = identified(store)
    rows = {
        row[0]: row[1:] for row in section[0]["Results of networks with Snake compared with its baselines."]
    }
    for baseline, words in (("relu", "ReLU"), ("gelu", "GELU")):
        d = accuracies(measured, own, batch_norm) - accuracies(measured, baseline, batch_norm)
        effect, count, verdict = rows[f"{network}, against {words}"]
        assert effect.startswith(f"{signed(100 * d.mean())} points (")
        low, high = (float(x.replace("−", "-")) for x in re.findall(r"[+−]?\d+\.\d+", effect)[1:])
        assert low <= round(100 * d.mean(), 2) <= high
        assert (count, len(d)) == ("2", 2)
        assert verdict == ("better" if low > 0 else "worse" if high < 0 else "inconclusive")


def test_costs_are_ratios_of_the_stored_times(section, measured, store):
    times = measured[(measured["kind"] == "timing") & (measured["metric"] == "seconds")]
    means = np.exp(np.log(times["value"]).groupby([times["task"], times["subject"]]).mean())
    rows = section[0]["Time of Snake as a multiple of each baseline's."]
    assert [row[0] for row in rows] == ["Forward, 16384 elements", "Backward, 16384 elements"]
    for way, row in zip(("forward", "backward"), rows, strict=True):
        for baseline, config, verdict in zip(
            BASELINES, row[1:], ("slower", "inconclusive", "faster"), strict=True
        ):
            ratio = means[f"activation_{way}", identified(store)] / means[f"activation_{way}", baseline]
            shown, low, high, said = re.fullmatch(
                r"([\d.]+) times \(([\d.]+) to ([\d.]+)\), (\w+)", config
            ).groups()
            assert shown == f"{ratio:#.3g}"
            assert float(low) < ratio < float(high)
            assert said == verdict
    assert "slower in 2 of 6 cases, faster in 2 and inconclusive in 2" in section[1]


def test_what_it_is_and_what_the_check_found(section, measured, store):
    name, digest = identified(store).split("@")
    assert name == SNAKE
    checked = {row[0]: row[1:] for row in section[0]["Conformance checks of Snake."]}
    assert checked["Keeps shape and type of bfloat16"] == ["yes", "passed"]
    assert checked["Gradient agrees with differences, float64"] == ["yes", "passed"]
    assert checked["Value at ∞"] == ["NaN", "not required"]  # the sine of infinity is no number
    assert checked["Value at NaN"] == ["NaN", "passed"]
    assert f"How good is the custom activation {name}@{digest}?" in section[1]
    assert "No run of it failed or diverged." in section[1]
    assert "Each comparison has 2 pairs of runs" in section[1]
