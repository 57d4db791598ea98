"""The section on the claims: rows of claims and comparisons, the control, links."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.statistics import PairedTest
from report.document.answer import Source
from report.evidence import claims
from report.evidence.comparisons import Comparison
from report.pages import claims as claims_page
from report.render.numbering import numbered
from report.render.render import environment
from tests import small_store as small


def case(unit="points", estimate=0.0123, relative=False, pairs=5, runs=(3, 4, 5, 9)):
    found = PairedTest(estimate, estimate - 0.01, estimate + 0.01, pairs, 0.01, 0.9, 0.8, 0.0, relative)
    return Comparison("sgelu", "relu", "", found, unit, runs)


@pytest.mark.parametrize(
    ("pairs", "text"), [((), ""), ((5,), "5"), ((5, 20), "5 and 20"), ((5, 7, 20), "5 to 20")]
)
def test_numbers_of_pairs_are_told_shortly(pairs, text):
    assert claims_page.span(pairs) == text


def test_the_comparison_of_least_support_is_shown():
    judged = tuple(claims.Verdict(case(), p, sign) for p, sign in [(0.001, 1), (0.2, 0), (0.03, 1)])
    verdict = claims.ClaimVerdict(claims.CLAIMS[0], "undecided", judged, (1, 0, 1))
    assert claims_page.decisive(verdict) is judged[1]
    assert (
        claims_page.decisive(claims.ClaimVerdict(claims.CLAIMS[0], "confirmed", judged[::2], (1, 1)))
        is judged[2]
    )
    assert claims_page.decisive(claims.ClaimVerdict(claims.CLAIMS[0], "not measured", (), ())) is None


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Six seeds of three activations and the control, which differs from ReLU by chance alone."""
    rng, runs = np.random.default_rng(0), []
    for name, mean in {"relu": 0.90, "control": 0.90, "gelu": 0.91, "sgelu": 0.95}.items():
        runs.append(small.tuning(0.9, 1e-3, activation=name))
        runs += [small.scored(mean + 0.002 * rng.normal(), seed=seed, activation=name) for seed in range(6)]
    runs.append(small.scored(0, rate=3e-2, seed=0, activation="tanh", status="diverged"))
    path = tmp_path_factory.mktemp("store") / "r.sqlite"
    return Source("here", "Measured here", small.snapshot(path, runs))


def test_the_control_is_undecided_and_false_alarms_are_few(source):
    at, alarms = claims_page.control(source.snapshot, "classifier")
    assert at.direction == 0
    assert alarms.rate <= alarms.uncorrected < 0.1
    (row,) = claims_page.control_rows(source.snapshot)
    assert row[0] == "classifier"
    assert "inconclusive" in row


def test_rates_and_divergence_are_shown(source):
    ((task, words),) = claims_page.tuning_rows(source.snapshot)
    assert task == "classifier"
    assert words.startswith("at 0.001 (edge of the grid): ")
    (row,) = claims_page.diverged_rows(source.snapshot)
    assert row == ["classifier", "tanh", "adam", "0.03", "1 of 1"]


def test_without_sources_there_is_no_section():
    assert claims_page.section([], range(1, 12)) is None


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_every_claim_has_a_row_that_leads_to_its_comparisons(source, target):
    shown = claims_page.section([source], range(1, 12))
    page = environment(target).get_template("claims.html.j2").render(shown)
    references = "".join(re.findall("\ue002[\\w-]+\ue003", page))
    known = re.sub("\ue002(student|bca|holm|mann|agarwal)\ue003", "", page)
    page = numbered(known)
    assert references
    for claim in claims.CLAIMS:
        assert f'id="claim-{claim.identifier}"' in page
    links = set(re.findall(r'href="#(family-[\w-]+)"', page))
    assert links <= set(re.findall(r'id="([\w-]+)"', page))
    # on paper they are a file, whose column says which are meant
    assert bool(links) == (target == "html")
    assert ("<td>classifier</td>" in page) == (target == "pdf")
    assert ("here-comparisons.csv" in page) == (target == "pdf")
    assert page.count("not measured here") >= 20


def test_a_report_of_some_questions_has_their_claims_only(source):
    shown = claims_page.section([source], [11])
    assert {row["question"] for row in shown["claims"]} == {11}


@pytest.mark.parametrize(
    ("unit", "margin", "text"),
    [
        ("points", -0.002, "1 comparison, against a margin of −0.20 points."),
        ("percent", 0.5, "1 comparison, against a margin of 50.0\u00a0%."),
        ("points", 0.0, "1 comparison."),
    ],
)
def test_a_table_tells_its_margin_in_the_unit_of_its_effects(unit, margin, text):
    found = case(unit)
    found = replace(found, test=replace(found.test, margin=margin), diverged=2)
    table = claims_page.family_table("on par", [claims.Verdict(found, 0.00001, 1)])
    assert table.caption == f"On par: {text}"
    ((what, _, pairs, p, improved, verdict, rows),) = table.rows
    assert what == "SGELU" if unit == "percent" else "SGELU − ReLU"
    assert (pairs, p, improved) == ("5", "< 0.0001", "90\u00a0%")
    assert (verdict, rows) == ("above; 2 diverged", "3–5, 9")


def test_of_what_contradicts_a_claim_the_most_certain_is_shown():
    judged = tuple(claims.Verdict(case(), p, -1) for p in (0.03, 0.001, 0.02))
    verdict = claims.ClaimVerdict(claims.CLAIMS[0], "refuted", judged, (-1, -1, -1))
    assert claims_page.decisive(verdict) is judged[1]


def test_a_claims_row_counts_its_support_and_what_is_missing(source):
    judged = tuple(claims.Verdict(case(pairs=n), 0.01, 1) for n in (5, 5, 7))
    row = claims_page.claim_row(
        claims.ClaimVerdict(claims.CLAIMS[0], "undecided", judged, (1, 1, 1), missing=1), source
    )
    assert row["tally"] == "3 for, 0 against, 0 inconclusive, 1 not measured"
    assert (row["seeds"], row["between"]) == ("5 and 7", "SGELU − ReLU")
    assert row["anchor"] == "family-early-descent-here"
    alone = claims_page.claim_row(
        claims.ClaimVerdict(claims.CLAIMS[0], "confirmed", judged[:1], (1,)), source
    )
    nothing = claims_page.claim_row(
        claims.ClaimVerdict(claims.CLAIMS[0], "not measured", (), (), missing=4), source
    )
    assert alone["tally"] == nothing["tally"] == nothing["effect"] == nothing["seeds"] == ""


def test_a_control_that_is_another_thing_is_significant(tmp_path):
    rng, runs = np.random.default_rng(0), []
    for name, mean in {"relu": 0.90, "control": 0.93}.items():
        runs.append(small.tuning(0.9, 1e-3, activation=name))
        runs += [small.scored(mean + 0.002 * rng.normal(), seed=seed, activation=name) for seed in range(6)]
    (row,) = claims_page.control_rows(small.snapshot(tmp_path / "r.sqlite", runs))
    assert row[4] == "significant"
    assert row[-1] == "not measured"  # no other activation that pairing could have helped


def test_no_control_no_row(tmp_path):
    runs = [small.tuning(0.9, 1e-3), small.scored(0.9)]
    assert claims_page.control_rows(small.snapshot(tmp_path / "r.sqlite", runs)) == []
    one = [
        run
        for name in ("relu", "control")
        for run in (small.tuning(0.9, 1e-3, activation=name), small.scored(0.9, activation=name))
    ]
    assert (
        claims_page.control_rows(small.snapshot(tmp_path / "one.sqlite", one)) == []
    )  # one seed has no spread


def test_the_verdicts_of_other_sources_stand_beside(source, tmp_path):
    other = Source("other", "Elsewhere", small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)]))
    shown = claims_page.section([source, other], [11])
    (beside,) = shown["others"]
    assert beside["label"] == "Elsewhere"
    assert set(beside["verdicts"].values()) == {"not measured"}
    assert beside["verdicts"].keys() == {row["identifier"] for row in shown["claims"]}
    page = environment("html").get_template("claims.html.j2").render(shown)
    assert '<th scope="col">Elsewhere</th>' in page


def test_the_tables_hold_every_comparison_of_the_families_shown(source):
    shown = claims_page.section([source], [11])
    families = {claim.family for claim in claims.CLAIMS if claim.question == 11}
    for family, cases in claims.families(source.snapshot).items():
        table = shown["tables"].get(claims_page.family_anchor(family, "here"))
        assert (table is not None) == (bool(cases) and family in families)
        assert table is None or len(table.rows) == len(cases)
    assert claims_page.section([source], [3])["tables"] == {}
    words = [row["verdict"] for row in shown["claims"]]
    assert {f"{words.count(word)} {word}" for word in words} == set(re.split(", | and ", shown["tally"]))


def test_the_committed_calibration_of_times_is_shown(source, tmp_path, monkeypatch):
    file = tmp_path / "times.json"
    monkeypatch.setattr(calibrations, "TIMES", file)
    template = environment("html").get_template("claims.html.j2")
    assert "python -m bench calibrate times" in template.render(claims_page.section([source], range(1, 12)))
    told, same = [1.1, 1.11, 1.1, 1.12, 1.1], [1.0, 1.01, 0.99, 1.0, 1.01]
    ratios = {"told": told, **{f"same {k}": same for k in range(19)}}
    calibrations.save(file, [TimeCalibration("c0ffee", "a machine", [0.25, 1.5], ratios)])
    shown = claims_page.section([source], range(1, 12))["time_calibration"]
    assert (shown["claims"].hits, shown["claims"].cases, shown["load"]) == (1, 20, (0.25, 1.5))
    text = " ".join(template.render(claims_page.section([source], range(1, 12))).split())
    assert "a machine; not this machine; commit c0ffee: as claims are decided, 1 of 20 benchmarks" in text
    assert "5.0 % (0.9 % to 23.6 %; at most 5 % are asked)" in text
