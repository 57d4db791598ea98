"""The section on the claims: rows of claims and comparisons, the control, links."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bench.records import calibrations
from bench.records.calibrations import TimeCalibration
from bench.statistics import Effect
from report.document.answer import Source
from report.evidence import claims
from report.evidence.comparisons import Comparison
from report.evidence.specification import Specification
from report.pages import claims as claims_page
from report.render.numbering import numbered
from report.render.render import environment
from tests import small_store as small
from tests.said import check_section


def case(unit="points", estimate=0.0123, relative=False, pairs=5, runs=(3, 4, 5, 9)):
    found = Effect(estimate, estimate - 0.01, estimate + 0.01, pairs, 0.0, relative, 0.9)
    return Comparison("sgelu", "relu", "", found, unit, runs)


@pytest.mark.parametrize(
    ("pairs", "text"), [((), ""), ((5,), "5"), ((5, 20), "5 and 20"), ((5, 7, 20), "5 to 20")]
)
def test_numbers_of_pairs_are_told_shortly(pairs, text):
    assert claims_page.span(pairs) == text


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Eight seeds of three activations and a control, which differs from ReLU by chance alone."""
    noise, runs = 0.002 * np.random.default_rng(0).normal(size=8), []
    for name, mean in {"relu": 0.90, "control": 0.90, "gelu": 0.91, "sgelu": 0.95}.items():
        # The control has the same accuracies in another order.
        for seed, more in enumerate(noise if name != "control" else noise[::-1]):
            runs.append(small.scored(mean + more, seed=seed, activation=name))
    runs.append(small.scored(0.1, rate=1e-2, seed=0, activation="tanh", status="collapsed"))
    runs.append(small.scored(0, rate=3e-2, seed=0, activation="tanh", status="diverged"))
    path = tmp_path_factory.mktemp("store") / "r.sqlite"
    return Source("here", "Measured here", small.snapshot(path, runs))


def test_the_control_is_not_told_from_relu(source):
    early, late = claims_page.control_rows(source.snapshot)
    assert (early[0], late[0]) == (
        "classifier with batch norm, 0.5 epochs",
        "classifier with batch norm, 2 epochs",
    )
    assert early[1:] == late[1:]
    assert late[1:4] == ["1", "8", "0"]


def test_rates_divergence_and_collapse_are_shown(source):
    ((network, words),) = claims_page.rate_rows(source.snapshot)
    assert network == "classifier with batch norm"
    assert words.startswith("at 0.001: ")
    assert claims_page.lost_rows(source.snapshot) == [
        ["classifier", "tanh", "adam", "0.01", "0", "1", "1"],
        ["classifier", "tanh", "adam", "0.03", "1", "0", "1"],
    ]


def shown(source, questions):
    """The values of the verdicts and of how they are made."""
    (decided,), (method,) = claims_page.sections(source, questions)
    return decided.values, method.values


def test_both_sections_show_all_that_they_hold(source):
    for (section,) in claims_page.sections(source, range(1, 12)):
        check_section(section)


def test_without_sources_there_is_no_section():
    assert claims_page.sections(None, range(1, 12)) == ([], [])


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_every_claim_has_a_row_that_leads_to_its_comparisons(source, target):
    env = environment(target)
    decided, method = shown(source, range(1, 12))
    page = env.get_template("claims.html.j2").render(decided)
    page += env.get_template("method.html.j2").render(method)
    known = re.sub("\ue002(student|agarwal)\ue003|[\ue007-\ue009]", "", page)
    page = numbered(known)
    for claim in claims.CLAIMS:
        assert f'id="claim-{claim.identifier}"' in page
    links = set(re.findall(r'href="#(comparisons-[\w-]+)"', page))
    assert links <= set(re.findall(r'id="([\w-]+)"', page))
    assert bool(links) == (target == "html")  # on paper they are a file
    assert ("here-comparisons.csv" in page) == (target == "pdf")
    assert page.count(">not measured</b>") >= 20
    assert page.count('class="interval"') == sum(row["plot"] is not None for row in decided["claims"]) > 0


def test_a_report_of_some_questions_has_their_claims_only(source):
    decided, _ = shown(source, [11])
    assert {row["question"] for row in decided["claims"]} == {11}


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
    found = replace(found, effect=replace(found.effect, margin=margin), diverged=2, collapsed=1)
    claim = claims.CLAIMS[0]
    table = claims_page.comparisons_table(claims.decide(claim, [found]))
    assert table.caption == f"{claim.text} ({claim.metric}): {text}"
    ((what, _, pairs, better, verdict, rows),) = table.rows
    assert what == ("SGELU" if unit == "percent" else "SGELU − ReLU")
    assert (pairs, better) == ("5", "90\u00a0%")
    word = "below" if unit == "percent" else "above"
    assert (verdict, rows) == (f"{word}; 2 diverged; 1 collapsed", "3–5, 9")


def test_a_claims_row_counts_its_support_and_what_is_missing():
    cases = tuple(case(pairs=n) for n in (5, 5, 7))
    claim = replace(claims.CLAIMS[0], sign=1, named=4)
    row = claims_page.claim_row(claims.decide(claim, cases), None)
    assert row["tally"] == "3 for, 0 against, 0 inconclusive, 1 not measured"
    assert (row["seeds"], row["between"]) == ("5 and 7", "SGELU − ReLU")
    assert row["anchor"] == "comparisons-q03-early"
    assert row["agreement"] == row["fragile"] == ""
    alone = claims_page.claim_row(claims.decide(replace(claim, named=1), cases[:1]), None)
    nothing = claims_page.claim_row(claims.decide(claim, ()), None)
    assert alone["tally"] == nothing["tally"] == nothing["effect"] == nothing["seeds"] == ""


def test_a_claims_row_says_how_many_analyses_agree():
    verdict = claims.decide(claims.CLAIMS[0], [case()])
    fragile = Specification("confirmed", 200, 0.5, "at 0.001", {"confirmed": 100, "undecided": 100})
    row = claims_page.claim_row(verdict, fragile)
    assert (row["agreement"], row["fragile"]) == ("50\u00a0%", "at 0.001")
    row = claims_page.claim_row(verdict, replace(fragile, agreement=0.96))
    assert row["fragile"] == ""


def test_fragile_verdicts_show_what_other_analyses_say():
    verdict = claims.decide(claims.CLAIMS[0], [case()])
    words = {"undecided": 80, "refuted": 20, "confirmed": 100}
    fragile = Specification("confirmed", 200, 0.5, "at 0.001", words)
    rows = claims_page.turned_rows([verdict] * 3, [fragile, replace(fragile, agreement=0.96), None])
    text = claims.CLAIMS[0].text
    assert rows == [[text, "confirmed 50\u00a0%", "refuted 10\u00a0%, undecided 40\u00a0%", "at 0.001"]]


def test_a_control_that_is_another_thing_is_told_apart(tmp_path):
    noise, runs = 0.002 * np.random.default_rng(0).normal(size=8), []
    for name, mean in {"relu": 0.90, "control": 0.93, "control 2": 0.90}.items():
        for seed, more in enumerate(noise if name == "relu" else noise[::-1]):
            runs.append(small.scored(mean + more, seed=seed, activation=name))
    _, late = claims_page.control_rows(small.snapshot(tmp_path / "r.sqlite", runs))
    assert late[1:4] == ["2", "8", "1"]
    assert late[4].startswith("+3.00 points (")


def test_no_control_no_row(tmp_path):
    runs = [small.scored(0.9)]
    assert claims_page.control_rows(small.snapshot(tmp_path / "r.sqlite", runs)) == []
    one = [small.scored(0.9, activation=name) for name in ("relu", "control")]
    assert (
        claims_page.control_rows(small.snapshot(tmp_path / "one.sqlite", one)) == []
    )  # one seed has no spread


@pytest.mark.parametrize(
    ("limits", "sign", "margin", "relative", "side", "dot"),
    [
        ((0.01, 0.02, 0.03), 1, 0.0, False, "for the claim", 45 * (1 + 2 / 5)),
        ((0.01, 0.02, 0.03), -1, 0.0, False, "against the claim", 45 * (1 - 2 / 5)),
        ((-0.01, 0.01, 0.03), 1, 0.0, False, "on both sides", 45 * (1 + 0.5 / 5)),
        ((-0.01, 0.01, 0.03), 1, -0.02, False, "for the claim", 45 * (1 + 1.5 / 5)),
        ((1.0, 3.0, 7.0), 1, 0.0, True, "for the claim", 45 * (1 + 2 / 5)),  # 2, 4 and 8 times
    ],
)
def test_a_plot_shows_the_interval_in_half_widths_from_its_margin(limits, sign, margin, relative, side, dot):
    low, estimate, high = limits
    found = replace(case(), effect=Effect(estimate, low, high, 5, margin, relative, 0.9))
    plot = claims_page.interval_plot(found, sign)
    assert plot["side"] == side
    assert float(re.search(r'cx="([\d.]+)"', plot["plot"])[1]) == pytest.approx(dot, abs=0.051)


@pytest.mark.parametrize(("sign", "side", "tip"), [(1, "for the claim", 90), (-1, "against the claim", 0)])
def test_an_interval_beyond_the_plot_is_an_arrow(sign, side, tip):
    far = replace(case(), effect=Effect(0.51, 0.5, 0.52, 5, 0.0, False, 0.9))
    plot = claims_page.interval_plot(far, sign)
    assert plot["side"] == side
    assert re.search(r'class="beyond" d="M(\d+) 6', plot["plot"])[1] == str(tip)
    assert "<circle" not in plot["plot"]


def test_without_an_interval_there_is_no_plot():
    found = replace(case(), effect=Effect(0.1, float("nan"), float("nan"), 1, 0.0, False, 0.9))
    assert claims_page.interval_plot(found, 1) == {"plot": None, "side": ""}


def test_the_tables_hold_every_comparison_of_the_claims_shown(source):
    decided, method = shown(source, [11])
    assert decided["tables"] is method["tables"]
    for verdict in claims.claim_verdicts(source.snapshot):
        table = decided["tables"].get(claims_page.claim_anchor(verdict))
        assert (table is not None) == (bool(verdict.comparisons) and verdict.claim.question == 11)
        assert table is None or len(table.rows) == len(verdict.comparisons)
    assert shown(source, [3])[0]["tables"] == {}
    words = [row["verdict"] for row in decided["claims"] if not row["origin"]]
    said = re.sub(" (is|are) ", " ", decided["tally"])
    assert {f"{words.count(word)} {word}" for word in words} == set(re.split(", | and ", said))


def test_the_committed_calibration_of_times_is_shown(source, tmp_path, monkeypatch):
    file = tmp_path / "times.json"
    monkeypatch.setattr(calibrations, "TIMES", file)
    template = environment("html").get_template("method.html.j2")
    assert "python -m bench calibrate times" in template.render(shown(source, range(1, 12))[1])
    told, same = [1.1, 1.11, 1.1, 1.12, 1.1], [1.0, 1.01, 0.99, 1.0, 1.01]
    ratios = {"told": told, **{f"same {k}": same for k in range(19)}}
    calibrations.save(file, [TimeCalibration("c0ffee", "a machine", [0.25, 1.5], ratios)])
    method = shown(source, range(1, 12))[1]
    found = method["time_calibration"]
    assert (found["claims"].hits, found["claims"].cases, found["load"]) == (1, 20, (0.25, 1.5))
    text = " ".join(template.render(method).split())
    assert "a machine; not this machine; commit c0ffee: as claims are decided, 1 of 20 benchmarks" in text
    assert "5.0 % (0.9 % to 23.6 %; at most 5 % are asked)" in text
