"""Two stores side by side, from runs made by hand: a ratio only where both measured."""

import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.document.phrases import NOT_MEASURED
from report.pages import compare
from report.render import render
from tests import small_store as small


def timing(subject, seconds):
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    return BenchmarkCase("activation_forward", subject, "impl", "64 elements", 64), RunResult(
        "finished", rows
    )


def trained(accuracies, **fields):
    return [small.scored(a, seed=s, activation="sgelu", **fields) for s, a in enumerate(accuracies)]


@pytest.fixture
def stores(tmp_path):
    contents = {
        "a": [
            timing("relu", [1.0] * 5),
            timing("gelu", [1.0] * 5),
            timing("elu", [4.0]),
            *trained([0.5, 0.6]),
        ],
        "b": [
            timing("relu", [3.0] * 5),
            timing("mish", [1.0] * 5),
            timing("elu", [2.0]),
            *trained([0.6, 0.8]),
        ],
    }
    for name, runs in contents.items():
        small.snapshot(tmp_path / f"{name}.sqlite", runs)
    return [tmp_path / f"{name}.sqlite" for name in contents]


def test_a_ratio_stands_only_where_both_measured(stores):
    context = compare.context(*stores)
    rows = {row[0]: row[1:] for row in context["sections"][0].values["times"]["activation forward"]}
    assert rows["ReLU, ours, 64 elements"][2] == "3.00"
    assert rows["GELU, ours, 64 elements"][1:] == [NOT_MEASURED] * 2
    assert rows["Mish, ours, 64 elements"][::2] == [NOT_MEASURED] * 2
    assert rows["ELU, ours, 64 elements"][2] == "0.500"
    assert context["summary"]["Times"].startswith("2 of 4 benchmarks were measured in both")


def test_networks_differ_seed_by_seed(stores):
    [row] = compare.context(*stores)["sections"][0].values["networks"]
    assert row[0].startswith("classifier, SGELU, Adam, with batch norm, 2 epochs of 100 images, digits")
    assert row[1:3] == ["55.0 (2 seeds)", "70.0 (2 seeds)"]
    assert row[3].startswith("+15.00 (")


def test_other_effort_is_another_row(stores, tmp_path):
    small.snapshot(tmp_path / "c.sqlite", trained([0.9, 0.9], epochs=3))
    rows = compare.context(stores[0], tmp_path / "c.sqlite")["sections"][0].values["networks"]
    assert [row[3] for row in rows] == [NOT_MEASURED] * 2


def test_what_differs_in_where_they_were_measured_is_said(stores):
    rows = {row[0]: row[3] for row in compare.context(*stores)["sections"][0].values["where"]}
    assert rows["Processor"] == "same"
    assert rows["Benchmarks"] == "same"


def test_a_store_without_anything_is_named(stores, tmp_path):
    with pytest.raises(ValueError, match=r"none\.sqlite holds no measurements"):
        compare.context(stores[0], tmp_path / "none.sqlite")


def test_the_page_of_it_holds_both(stores):
    page = render.render_page(compare.context(*stores), "html")
    assert "A is a.sqlite" in page
    assert "3.00" in page
