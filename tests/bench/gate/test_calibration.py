"""What a calibration counts, what it does not do again, and that a planted wait is as long as it says."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pandas as pd
import pytest

from bench.gate import calibration as calibrate
from bench.gate.rounds import Side
from bench.records import calibrations
from bench.rounds.plugins import slowdown as plant
from bench.statistics import rate
from tests.bench.gate.test_verdicts import noisy, rounds


def calibration_run(share=0.0, group="", regressed=0, improved=0, benchmarks=100, number=0):
    unchanged = benchmarks - regressed - improved
    return calibrations.CalibrationRun(
        share,
        group,
        number,
        "c0ffee",
        "a machine",
        benchmarks,
        regressed,
        {"unchanged": unchanged, "improved": improved},
        7,
        60.0,
    )


def test_rates_by_hand():
    calibration_runs = [
        calibration_run(regressed=1, improved=1),
        calibration_run(number=1),
        calibration_run(0.1, "a", 9, benchmarks=10),
        calibration_run(0.1, "b", 20, benchmarks=20),
    ]
    found = {r.label: (r.hits, r.cases) for r in calibrate.rates(calibration_runs)}
    assert found == {
        "false positives, of benchmarks": (2, 200),
        "false positives, of A/A runs that fail": (1, 2),
        "10% slowdown, detected": (29, 30),
    }


def test_wilsons_interval_by_hand():
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) for 0 of 20 and z = 1.959964: 0 to 0.1611
    found = rate("x", 0, 20)
    assert (found.low, found.high) == pytest.approx((0, 0.16113), abs=1e-5)


def test_every_share_is_planted_in_every_group_after_the_plain_runs():
    assert list(calibrate.plan(["a", "b"], [0.1, 0.2], 2)) == [
        (0.0, "", 0), (0.0, "", 1), (0.1, "a", 0), (0.1, "b", 0), (0.2, "a", 0), (0.2, "b", 0),
    ]  # fmt: skip


def test_a_calibration_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    asked = []

    def measured(sides, nodes, folder, deadline, allowed, notices, say):
        asked.append([option for option in sides[1].options if "=" in option])
        assert [type(side) for side in sides] == [Side, Side]
        ratio = 1.1 if "--slowdown-share=0.1" in sides[1].options else 1.0
        return pd.concat(rounds(node, *noisy(ratio, seed=k)) for k, node in enumerate(nodes["base"]))

    nodes = ["bench/test_a.py::test_f[a-x-impl-1]", "bench/test_b.py::test_f[b-x-impl-1]"]
    monkeypatch.setattr(calibrate, "collect", lambda side, suites, log: nodes)
    monkeypatch.setattr(calibrate, "rounds_of", measured)
    monkeypatch.setattr(calibrate, "git", lambda root, *arguments: "c0ffee")
    monkeypatch.setattr(calibrate, "tolerances", lambda root: {})
    store = tmp_path / "kept" / "calibration.json"
    first = calibrate.calibrate(tmp_path, tmp_path, store, [0.1], 1, lambda line: None)
    assert [(t.share, t.group, t.benchmarks, t.regressed) for t in first] == [
        (0, "", 2, 0),
        (0.1, "a", 1, 1),
        (0.1, "b", 1, 1),
    ]
    assert len(asked) == 3
    again = calibrate.calibrate(tmp_path, tmp_path, store, [0.1, 0.2], 1, lambda line: None)
    assert asked[3:] == [
        ["--slowdown-share=0.2", "--slowdown-group=a"],
        ["--slowdown-share=0.2", "--slowdown-group=b"],
    ]
    assert again[:3] == first


def test_a_planted_wait_is_a_share_of_the_calls_own_time(monkeypatch):
    now = [0.0]

    def clock():
        now[0] += 0.001
        return now[0]

    def work(seconds):
        now[0] += seconds
        return "done"

    monkeypatch.setattr(plant, "time", SimpleNamespace(perf_counter=clock))
    for share in (0.0, 0.5):
        now[0] = 0.0
        assert plant.slowed(work, share)(1.0) == "done"
        assert now[0] == pytest.approx(1 + share, abs=0.01)


def test_a_calibration_of_another_machine_is_not_gone_on_with(tmp_path):
    store = tmp_path / "calibration.json"
    store.write_text(json.dumps([asdict(calibration_run())]))
    with pytest.raises(ValueError, match=r"it is of a machine, this machine is .* Move the file away"):
        calibrate.calibrate(tmp_path, tmp_path, store, [0.1], 1, lambda line: None)


@pytest.mark.parametrize("text", ["[{", '[{"share": 1}]', "{}x"])
def test_a_damaged_calibration_is_named(tmp_path, text):
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(
        ValueError, match=r"Invalid calibration .*calibration\.json: .* Remove or restore the file"
    ):
        calibrations.load(tmp_path / "calibration.json", calibrations.CalibrationRun)
