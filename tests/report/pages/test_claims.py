"""The section on the claims: rows, plots of intervals, links to the comparisons."""

import re
from dataclasses import replace

import pytest

from bench.statistics import Effect
from report.evidence import claims
from report.evidence.specification import Specification
from report.pages import claims as claims_page
from report.render.numbering import numbered
from report.render.render import environment
from tests import judged
from tests.said import check_section


@pytest.mark.parametrize(
    ("pairs", "text"), [((), ""), ((5,), "5"), ((5, 20), "5 and 20"), ((5, 7, 20), "5 to 20")]
)
def test_numbers_of_pairs_are_told_shortly(pairs, text):
    assert claims_page.span(pairs) == text


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return judged.source(tmp_path_factory.mktemp("store") / "r.sqlite")


def test_both_sections_show_all_that_they_hold(source):
    for section in judged.sections(source, range(1, 12)):
        check_section(section)


def test_without_sources_there_is_no_section():
    assert judged.sections(None, range(1, 12)) == []


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_every_claim_has_a_row_that_leads_to_its_comparisons(source, target):
    env = environment(target)
    decided, method = judged.shown(source, range(1, 12))
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
    decided, _ = judged.shown(source, [11])
    assert {row["question"] for row in decided["claims"]} == {11}


def test_a_claims_row_counts_its_support_and_what_is_missing():
    cases = tuple(judged.case(pairs=n) for n in (5, 5, 7))
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
    verdict = claims.decide(claims.CLAIMS[0], [judged.case()])
    fragile = Specification("confirmed", 200, 0.5, "at 0.001", {"confirmed": 100, "undecided": 100})
    row = claims_page.claim_row(verdict, fragile)
    assert (row["agreement"], row["fragile"]) == ("50\u00a0%", "at 0.001")
    row = claims_page.claim_row(verdict, replace(fragile, agreement=0.949))
    assert (row["agreement"], row["fragile"]) == ("94\u00a0%", "at 0.001")
    row = claims_page.claim_row(verdict, replace(fragile, agreement=0.95))
    assert (row["agreement"], row["fragile"]) == ("95\u00a0%", "")


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
    found = replace(judged.case(), effect=Effect(estimate, low, high, 5, margin, relative, 0.9))
    plot = claims_page.interval_plot(found, sign)
    assert plot["side"] == side
    assert float(re.search(r'cx="([\d.]+)"', plot["plot"])[1]) == pytest.approx(dot, abs=0.051)


@pytest.mark.parametrize(("sign", "side", "tip"), [(1, "for the claim", 90), (-1, "against the claim", 0)])
def test_an_interval_beyond_the_plot_is_an_arrow(sign, side, tip):
    far = replace(judged.case(), effect=Effect(0.51, 0.5, 0.52, 5, 0.0, False, 0.9))
    plot = claims_page.interval_plot(far, sign)
    assert plot["side"] == side
    assert re.search(r'class="beyond" d="M(\d+) 6', plot["plot"])[1] == str(tip)
    assert "<circle" not in plot["plot"]


def test_without_an_interval_there_is_no_plot():
    found = replace(judged.case(), effect=Effect(0.1, float("nan"), float("nan"), 1, 0.0, False, 0.9))
    assert claims_page.interval_plot(found, 1) == {"plot": None, "side": ""}
