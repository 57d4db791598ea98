"""Ones own network on ones own data from the command line to its section of the page, worked out anew."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORK = "examples/residual_mlp.py:make"
SNAKE = "examples/snake.py:Snake(a=2.0)"


def python(*arguments):
    subprocess.run([sys.executable, *map(str, arguments)], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The results of a network on the breast-cancer data under two seeds."""
    folder = tmp_path_factory.mktemp("own")
    python("examples/breast_cancer.py", folder / "cancer.npz")
    python(
        *("-m", "bench", "run", "--dataset", folder / "cancer.npz", "--results", folder / "r.sqlite"),
        *("--network", NETWORK, "--activation", SNAKE, "--only", "network"),
        *("--seeds", "2", "--epochs", "2", "--workers", "2"),
    )
    return folder / "r.sqlite"


@pytest.fixture(scope="module")
def runs(store):
    """Every training run with its measurements by name, by pandas alone; of several steps the last."""
    with closing(sqlite3.connect(store)) as connection:
        query = "SELECT * FROM run JOIN measurement ON run.id = run WHERE kind = 'training' ORDER BY step"
        m = pd.read_sql_query(query, connection)
    values = m.pivot_table(index="run", columns="metric", values="value", aggfunc="last")
    fields = m.drop_duplicates("run").set_index("run")
    return fields[["task", "activation", "learning_rate", "seed", "loss", "dataset", "status"]].join(values)


@pytest.fixture(scope="module")
def page(store):
    """The sections of custom candidates: their texts, and the rows of their tables by caption."""
    folder = store.parent / "build"
    nowhere = store.parent / "none.sqlite"
    python(
        *("-m", "report", "build", "--results", store, "--reference", nowhere, "--output", folder),
        *("--format", "html"),
    )
    html = (folder / "report.html").read_text()
    sections = {}
    for found in re.findall(
        r'<section class="answer" aria-labelledby="custom-.*?</section>', html, re.DOTALL
    ):
        tables = {}
        for table in re.findall(r"<table.*?</table>", found, re.DOTALL):
            caption = text(re.search(r"<caption.*?</caption>", table, re.DOTALL)[0])
            rows = [
                [text(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)]
                for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
            ]
            tables[re.sub(r"Table \d+\. (\(quick profile\) )?", "", caption)] = rows[1:]
        kind = re.search(r"Custom (\w+):", text(found))[1]
        sections[kind] = text(found), tables
    return sections


def text(html):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", html))).strip()


def test_every_activation_was_trained_like_in_any_experiment(runs):
    trained = runs[runs["loss"].notna()]
    assert set(trained["task"].str.partition("@")[0]) == {NETWORK}
    assert set(trained["dataset"].str.partition("@")[0]) == {"cancer.npz"}
    names = {"relu", "gelu", "control", SNAKE}
    assert set(trained["activation"].str.partition("@")[0]) == names
    for _, part in trained.groupby("activation"):
        assert len(part[part["seed"] == 0]) >= 5  # the grid, perhaps extended
        assert set(part["seed"]) == {0, 1}
    assert trained["status"].isin(["finished", "collapsed"]).all()
    assert (trained["paired"] == 1).all()
    assert set(trained["loss"]) == {"cross_entropy"}
    # The network learns: 357 of 569 tumours are benign.
    assert trained["test_accuracy"].max() > 0.85


def test_its_section_has_the_scores_at_the_chosen_rates(page, runs):
    words, tables = page["network"]
    rows = {row[0]: row[1:] for row in tables["Scores of each activation in make."]}
    trained = runs[runs["loss"].notna()]
    for name, label in (("relu", "ReLU"), ("gelu", "GELU"), ("control", "ReLU again (control)")):
        part = trained[trained["activation"] == name]
        held_out = part.groupby("learning_rate")["validation_accuracy"]
        means = held_out.mean()[held_out.count() == 2]
        rate = min(means[means == means.max()].index)
        scores = part[part["learning_rate"] == rate]["test_accuracy"]
        shown, seeds, score, _ = rows[label]
        assert (float(shown), seeds) == (rate, "2")
        mean, spread = map(float, score.split(" ± "))
        assert mean == pytest.approx(scores.mean(), rel=2e-3)
        assert spread == pytest.approx(scores.std(), rel=6e-3, abs=1e-9)
    assert f"Each of the {len(trained)} runs was compared with the run of ReLU under the same seed" in words
    assert "How good is the custom network examples/residual_mlp.py:make@" in words


def test_the_activation_has_a_section_with_its_arguments(page, runs):
    words, tables = page["activation"]
    assert "Custom activation: Snake(a=2.0)" in words
    rows = {row[0] for row in tables["Results of networks with Snake(a=2.0) compared with its baselines."]}
    assert "Make, against ReLU" in rows
