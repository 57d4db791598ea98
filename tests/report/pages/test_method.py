"""The section on the method: comparisons, controls, rates, what was lost, the calibration of times."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from report.evidence import claims
from report.evidence.specification import Specification
from report.pages import claims as claims_page
from report.pages import method
from report.render.render import environment
from tests import judged
from tests import small_store as small


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return judged.source(tmp_path_factory.mktemp("store") / "r.sqlite")


def test_the_control_is_not_told_from_relu(source):
    early, late = method.control_rows(source.snapshot)
    assert (early[0], late[0]) == (
        "classifier with batch norm, 0.5 epochs",
        "classifier with batch norm, 2 epochs",
    )
    assert early[1:] == late[1:]
    assert late[1:4] == ["1", "8", "0"]


def test_rates_divergence_and_collapse_are_shown(source):
    ((network, words),) = method.rate_rows(source.snapshot)
    assert network == "classifier with batch norm"
    assert words.startswith("at 0.001: ")
    assert method.lost_rows(source.snapshot) == [
        ["classifier", "tanh", "adam", "0.01", "0", "1", "1"],
        ["classifier", "tanh", "adam", "0.03", "1", "0", "1"],
    ]


@pytest.mark.parametrize(
    ("unit", "margin", "text"),
    [
        ("points", -0.002, "1 comparison, against a margin of −0.20 points."),
        ("percent", 0.5, "1 comparison, against a margin of 50.0\u00a0%."),
        ("points", 0.0, "1 comparison."),
    ],
)
def test_a_table_tells_its_margin_in_the_unit_of_its_effects(unit, margin, text):
    found = judged.case(unit)
    found = replace(found, effect=replace(found.effect, margin=margin), diverged=2, collapsed=1)
    claim = claims.CLAIMS[0]
    table = method.comparisons_table(claims.decide(claim, [found]))
    assert table.caption == f"{claim.text} ({claim.metric}): {text}"
    ((what, _, pairs, better, verdict, rows),) = table.rows
    assert what == ("SGELU" if unit == "percent" else "SGELU − ReLU")
    assert (pairs, better) == ("5", "90\u00a0%")
    word = "below" if unit == "percent" else "above"
    assert (verdict, rows) == (f"{word}; 2 diverged; 1 collapsed", "3–5, 9")


def test_fragile_verdicts_show_what_other_analyses_say():
    verdict = claims.decide(claims.CLAIMS[0], [judged.case()])
    words = {"undecided": 80, "refuted": 20, "confirmed": 100}
    fragile = Specification("confirmed", 200, 0.5, "at 0.001", words)
    robust = replace(fragile, agreement=0.96)
    rows = method.turned_rows([(verdict, forks) for forks in (fragile, robust, None)])
    text = claims.CLAIMS[0].text
    assert rows == [[text, "confirmed 50\u00a0%", "refuted 10\u00a0%, undecided 40\u00a0%", "at 0.001"]]


def test_a_control_that_is_another_thing_is_told_apart(tmp_path):
    noise, runs = 0.002 * np.random.default_rng(0).normal(size=8), []
    for name, mean in {"relu": 0.90, "control": 0.93, "control 2": 0.90}.items():
        for seed, more in enumerate(noise if name == "relu" else noise[::-1]):
            runs.append(small.scored(mean + more, seed=seed, activation=name))
    _, late = method.control_rows(small.snapshot(tmp_path / "r.sqlite", runs))
    assert late[1:4] == ["2", "8", "1"]
    assert late[4].startswith("+3.00 points (")


def test_no_control_no_row(tmp_path):
    runs = [small.scored(0.9)]
    assert method.control_rows(small.snapshot(tmp_path / "r.sqlite", runs)) == []
    one = [small.scored(0.9, activation=name) for name in ("relu", "control")]
    assert method.control_rows(small.snapshot(tmp_path / "one.sqlite", one)) == []  # one seed has no spread


def test_the_tables_hold_every_comparison_of_the_claims_shown(source):
    decided, shown = judged.shown(source, [11])
    for verdict in claims.claim_verdicts(source.snapshot):
        table = shown["tables"].get(claims_page.claim_anchor(verdict))
        assert (table is not None) == (bool(verdict.comparisons) and verdict.claim.question == 11)
        assert table is None or len(table.rows) == len(verdict.comparisons)
    assert judged.shown(source, [3])[1]["tables"] == {}
    words = [row["verdict"] for row in decided["claims"] if not row["origin"]]
    said = re.sub(" (is|are) ", " ", decided["tally"])
    assert {f"{words.count(word)} {word}" for word in words} == set(re.split(", | and ", said))


def test_the_committed_calibration_of_times_is_shown(source, tmp_path, monkeypatch):
    file = tmp_path / "times.json"
    monkeypatch.setattr(calibrations, "TIMES", file)
    template = environment("html").get_template("method.html.j2")
    assert "python -m bench calibrate times" in template.render(judged.shown(source, range(1, 12))[1])
    told, same = [1.1, 1.11, 1.1, 1.12, 1.1], [1.0, 1.01, 0.99, 1.0, 1.01]
    ratios = {"told": told, **{f"same {k}": same for k in range(19)}}
    calibrations.save(file, [TimeCalibration("c0ffee", "a machine", [0.25, 1.5], ratios)])
    shown = judged.shown(source, range(1, 12))[1]
    found = shown["time_calibration"]
    assert (found["claims"].hits, found["claims"].cases, found["load"]) == (1, 20, (0.25, 1.5))
    text = " ".join(template.render(shown).split())
    assert "a machine; not this machine; commit c0ffee: as claims are decided, 1 of 20 benchmarks" in text
    assert "5.0 % (0.9 % to 23.6 %; at most 5 % are asked)" in text
