"""Page 1, from nothing and from a store of a few runs, whose numbers are worked out anew."""

import re
from dataclasses import replace

import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.statistics.training_runs import EARLY, LAST
from report.document.answer import Source
from report.document.page import IMPRECISE, SEVERITIES, WRONG_REASONING, WRONG_RESULT, Erratum
from report.evidence import headline
from report.evidence.claims import claim_verdicts
from report.evidence.specification import Specification
from report.evidence.verdicts import better
from report.pages.summary import cost, figure, fragile, summary, wrong
from tests import small_store as small
from tests.said import numbers_by_sentence

ERRATA = [
    Erratum("a", 1, WRONG_RESULT, "printed", "right", "why", "Two is two."),
    Erratum("b", 2, WRONG_RESULT, "printed", "right", "why"),
    Erratum("c", 2, IMPRECISE, "printed", "right", "why"),
]
BELIEVE, DOUBT, COST, WRONG = (
    "What to believe",
    "What not to believe yet",
    "What it costs",
    "What the assignment got wrong",
)
# Seeds differ by more than activations do, which pairing takes out.
SEEDS = [0.01 * (seed % 4) + 0.001 * seed for seed in range(12)]


def both(scores, make=small.scored, **fields):
    """Runs of activations, each at a level, under twelve seeds; levels differ a little from seed to seed."""
    for k, (name, level) in enumerate(scores.items()):
        for seed, more in enumerate(SEEDS):
            jitter = 0.0004 * ((seed * (k + 2)) % 5 - 2)
            yield make(level + more + jitter, seed=seed, activation=name, **fields)


def timing(subject, way, seconds, elements, task="activation_forward"):
    rows = [Measurement("seconds", step, seconds, "s") for step in range(3)]
    case = BenchmarkCase(task, subject, way, f"{elements} elements", elements)
    return small.by_round((case, RunResult("finished", rows)))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    better_ = {"relu": 0.5, "gelu": 0.56, "sgelu": 0.6, "ada_sgelu": 0.56, "control": 0.501}
    worse = {"relu": 0.2, "gelu": 0.2, "sgelu": 0.5, "ada_sgelu": 0.2}  # losses
    runs = [
        *both(better_),
        *both(worse, small.reconstructed),
        *(run for elements in (16384, 2**20) for run in timing("sgelu", "impl", 3e-3, elements)),
        *timing("gelu", "torch", 2e-3, 16384),
        *timing("gelu", "torch", 3e-3, 2**20),
    ]
    return small.snapshot(tmp_path_factory.mktemp("store") / "r.sqlite", runs)


@pytest.fixture(scope="module")
def found(snapshot):
    return summary(Source("here", "Measured here", snapshot), ERRATA)


def test_with_nothing_measured_page_1_says_so():
    assert summary(None, ERRATA) == {
        BELIEVE: "Nothing is measured yet; make bench would do it.",
        WRONG: "It has 2 wrong results and 1 imprecise statement. Two is two.",
    }


def test_each_sentence_names_winner_baseline_and_size(found):
    text = found[BELIEVE]
    start = "In the classifier with batch norm, SGELU and AdaSGELU beat ReLU early: +10."
    assert text.startswith(start)
    assert "SGELU beats GELU: +4." in text
    assert "In the fully connected autoencoder, SGELU loses to ReLU and GELU early: 2." in text
    assert "AdaSGELU" not in text.partition("fully connected")[2].split(". ")[0]


def test_no_sentence_has_more_than_two_numbers(found):
    numbers = numbers_by_sentence(" ".join(found.values()))
    assert len(numbers) > 10
    assert max(map(len, numbers.values())) == 2


def test_networks_without_runs_are_named(found):
    missing = "There is no result yet of the classifier without batch norm and the convolutional autoencoder."
    assert missing in found[DOUBT]


def test_page_1_and_the_claims_show_the_same_comparisons(snapshot):
    claims = {
        "classifier with batch norm": "q11-better",
        "classifier without batch norm": "q11-batch-norm",
        "fully connected autoencoder": "q11-fc",
        "convolutional autoencoder": "q11-conv",
    }
    verdicts = {v.claim.identifier: v for v in claim_verdicts(snapshot)}
    compared = 0
    for words, identifier in claims.items():
        for horizon, name in ((EARLY, f"{identifier}-early"), (LAST, identifier)):
            shown = {(f.comparison.a, f.comparison.b): f for f in headline.findings(snapshot, words, horizon)}
            for c in verdicts[name].comparisons:
                assert shown[c.a, c.b].comparison.effect == c.effect
                words_of = {1: ("better", "level"), -1: ("worse", "level"), 0: ("level", "undecided")}
                assert shown[c.a, c.b].word in words_of[better(c)]
                compared += 1
    assert compared == 2 * 4 * 2


def test_intervals_without_batch_norm_cover_adasgelu_too(tmp_path):
    levels = {"relu": 0.5, "gelu": 0.56, "sgelu": 0.6, "ada_sgelu": 0.56}
    store = small.snapshot(tmp_path / "r.sqlite", list(both(levels, batch_norm=False)))
    verdict = next(v for v in claim_verdicts(store) if v.claim.identifier == "q11-batch-norm")
    shown = {
        (f.comparison.a, f.comparison.b): f.comparison.effect
        for f in headline.findings(store, "classifier without batch norm")
    }
    assert len(shown) == 4
    assert {(c.a, c.b): c.effect for c in verdict.comparisons} == {
        pair: effect for pair, effect in shown.items() if pair[0] == "sgelu"
    }


def test_a_difference_no_larger_than_a_control_is_not_believed(tmp_path):
    levels = {"relu": 0.5, "gelu": 0.5, "sgelu": 0.52, "ada_sgelu": 0.56, "control": 0.53}
    store = small.snapshot(tmp_path / "r.sqlite", list(both(levels)))
    said = summary(Source("here", "Here", store), [])
    doubt = (
        r"SGELU beats ReLU and GELU at the end: \+2\.\d+ and \+2\.\d+ points, "
        "but ReLU differs from itself by as much"
    )
    assert re.search(doubt, said[DOUBT])
    assert "AdaSGELU beats ReLU and GELU at the end: +5.93" in said[BELIEVE]


def test_early_and_late_verdicts_are_told_apart_and_alike_ones_together(tmp_path):
    levels = {"relu": 0.5, "gelu": 0.52, "sgelu": 0.54, "ada_sgelu": 0.54}
    early = {"relu": 0.1, "gelu": 0.2, "sgelu": 0.4, "ada_sgelu": 0.5}
    runs = [
        make
        for name, level in levels.items()
        for make in both(
            {name: level}, lambda x, e=early[name], **k: small.scored(x, early=e + k["seed"] / 1e3, **k)
        )
    ]
    said = summary(Source("here", "Here", small.snapshot(tmp_path / "r.sqlite", runs)), [])
    assert "change them. None would turn into the opposite." in said[DOUBT]
    assert re.match(
        r"In the classifier with batch norm, SGELU and AdaSGELU beat ReLU and GELU early: "
        r"\+20\.00 to \+40\.00 points of accuracy\. They beat ReLU and GELU at the end: \+\d\.\d\d to ",
        said[BELIEVE],
    )


def test_fragile_verdicts_are_counted():
    robust = Specification("confirmed", 200, 1.0, "", {"confirmed": 200})
    turned = replace(robust, agreement=0.5, words={"confirmed": 100, "refuted": 100})
    last = "fragile: another horizon, rate or interval would change them."
    assert fragile([robust]) == []
    assert fragile([turned, robust]) == [
        f"Of 2 verdicts on trained networks, 1 are {last}",
        "Of these 1 would turn into the opposite.",
    ]
    assert fragile([turned, turned])[0] == f"All 2 verdicts on trained networks are {last}"


def test_the_cost_is_that_of_the_networks_size_first(snapshot):
    assert cost(snapshot) == (
        "For the classifier's layer, SGELU takes 1.5 times as long as torch's GELU forward. "
        "For a million elements, SGELU takes 1.0 times as long forward."
    )


def test_errata_are_counted_by_severity_and_nothing_is_said_of_none():
    assert wrong([]) == "Nothing."
    assert wrong([Erratum("d", 3, WRONG_REASONING, "", "", "")] * 2) == "It has 2 wrong arguments."
    each = [Erratum("d", 3, severity, "", "", "") for severity in SEVERITIES]
    assert wrong(each) == "It has 1 wrong result and 1 wrong argument. It also has 1 imprecise statement."


def test_the_figure_shows_both_horizons_and_the_largest_control(snapshot):
    table = figure(snapshot).table
    assert set(table["panel"]) == {"classifier with batch norm", "fully connected autoencoder"}
    part = table[table["panel"] == "classifier with batch norm"]
    assert set(part["shade"]) == {"early", "at the end"}
    assert "ReLU again (largest control)" in set(part["row"])
    last = part[(part["shade"] == "at the end") & (part["row"] == "SGELU against ReLU")]
    assert float(last["value"].iloc[0]) == pytest.approx(10, abs=0.1)
    losses = table[table["panel"] == "fully connected autoencoder"]
    row = losses[(losses["row"] == "SGELU against ReLU") & (losses["shade"] == "at the end")]
    ratios = [(0.5 + more) / (0.2 + more) for more in SEEDS]
    assert min(ratios) < float(row["value"].iloc[0]) < max(ratios)
    assert (table["low"] <= table["value"]).all()


def test_nothing_trained_no_figure(tmp_path):
    store = small.snapshot(tmp_path / "r.sqlite", timing("gelu", "torch", 2e-3, 16384))
    assert figure(store) is None
