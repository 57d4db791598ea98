"""The gate's page, from rounds made by hand: what is on it, what is missing, and a file that is none."""

import json

import pandas as pd
import pytest
from scipy import stats

from bench.gate import output as gate_output
from bench.gate import verdicts as gate
from bench.gate.compare import Comparison
from bench.records.calibrations import CalibrationRun
from report.document.phrases import NOT_MEASURED
from report.pages import gate as page
from report.render import render
from tests.bench.gate.test_verdicts import noisy, rounds


@pytest.fixture
def found():
    frame = pd.concat(
        [
            rounds("bench/a.py::f[pca-new-impl-tall]", [], [1.0, 1.0], group="pca"),
            rounds("bench/a.py::f[svd-slow-impl-tall]", *noisy(1.3), group="svd"),
            rounds("bench/a.py::f[svd-same-impl-tall]", *noisy(1.0, seed=1), group="svd"),
        ]
    )
    verdicts = tuple(gate.judge(frame))
    return Comparison("b" * 40, "a" * 40, verdicts, ("something disturbed it",), frame, 90.0)


def written(tmp_path, found, calibration_runs=()):
    file = tmp_path / "verdicts.json"
    file.write_text(gate_output.as_json(found, calibration_runs))
    return file


def test_ratios_of_every_round_are_in_the_file(tmp_path, found):
    record = json.loads(written(tmp_path, found).read_text())
    slow = [r["ratio"] for r in record["ratios"] if "slow" in r["name"]]
    base, head = noisy(1.3)
    assert slow == pytest.approx(list(head / base))
    assert not [r for r in record["ratios"] if "new" in r["name"]]
    assert record["rounds"] == 7
    assert next(v for v in record["verdicts"] if "new" in v["name"])["ratio"] is None


def test_what_is_not_the_same_has_a_row(tmp_path, found):
    values = page.context(written(tmp_path, found))["sections"][0].values
    rows = {row[0]: row[1:] for row in values["verdicts"]}
    assert rows["svd-slow-impl-tall"][0] == "regressed"
    base, head = noisy(1.3)
    assert float(rows["svd-slow-impl-tall"][1]) == pytest.approx(stats.gmean(head / base), abs=5e-4)
    assert rows["pca-new-impl-tall"] == ["new", *[NOT_MEASURED] * 3, "0", "missing in base"]
    assert values["unchanged"] == 1
    assert [row[1] for row in values["verdicts"]] == ["regressed", "new"]  # the weightiest first


def test_the_figure_holds_means_and_rounds(tmp_path, found):
    figure = page.context(written(tmp_path, found))["sections"][0].values["distribution"]
    assert figure.table["round"].isna().sum() == 2
    assert figure.table["round"].notna().sum() == 14
    assert "1 regressed, 1 unchanged" in figure.alt


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_the_page_of_it(tmp_path, found, target):
    calibration_run = CalibrationRun(0.1, "svd", 0, "c0ffee", "a machine", 20, 19, {"unchanged": 1}, 7, 60.0)
    text = render.render_page(page.context(written(tmp_path, found, [calibration_run])), target)
    assert "something disturbed it" in text
    assert "19 of 20" in text
    assert "a machine; not this machine" in text


def test_without_a_calibration_and_without_a_benchmark_that_is_said(tmp_path):
    nothing = Comparison("b" * 40, "a" * 40, (), (), pd.DataFrame(columns=["round"]), 0.0)
    text = render.render_page(page.context(written(tmp_path, nothing)), "html")
    assert "No benchmark was measured on both sides." in text
    assert "python -m bench calibrate" in text


@pytest.mark.parametrize("text", ["{", "[]", '{"base": 1}'])
def test_a_file_that_is_none_is_named(tmp_path, text):
    (tmp_path / "verdicts.json").write_text(text)
    with pytest.raises(ValueError, match=r"Invalid comparison .*verdicts\.json"):
        page.context(tmp_path / "verdicts.json")
    with pytest.raises(
        ValueError, match=r"none\.json does not exist; `make compare BASE=<git ref>` writes it"
    ):
        page.context(tmp_path / "none.json")
