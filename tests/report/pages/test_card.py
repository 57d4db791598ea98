"""The card of a candidate: one value behind every word, two pages, and what is missing said."""

import json
from dataclasses import replace

import pytest

from bench.records.names import CLASSIFIER_SIZE
from bench.records.runs import BenchmarkCase, Measurement, RunResult
from bench.statistics.borrowing import Agreement
from bench.statistics.standing import BETTER, LEVEL, UNDECIDED
from report.pages import card as pages
from report.render.render import write_html
from tests import small_store as small

MINE = "mine.py:Act@01234567"


def runs(gain, seeds=20, names=("relu", "gelu", "swish")):
    """Baselines at 20 seeds, and the candidate."""
    found = [
        small.scored(0.8 + seed / 1000, seed=seed, activation=name) for name in names for seed in range(20)
    ]
    return [
        *found,
        *(small.scored(0.8 + gain + seed / 1000, seed=seed, activation=MINE) for seed in range(seeds)),
    ]


def timings(ratio):
    return [
        (
            BenchmarkCase(task, name, "impl", CLASSIFIER_SIZE, 16384, number),
            RunResult("finished", [Measurement("seconds", 0, value, "s")]),
        )
        for task in ("activation_forward", "activation_backward")
        for name, value in (("relu", 1e-5), ("gelu", 2e-5), (MINE, ratio * 1e-5))
        for number in range(5)
    ]


def shown(tmp_path, stored, reference=None):
    path, other = tmp_path / "here.sqlite", tmp_path / "reference.sqlite"
    small.snapshot(path, stored)
    if reference:
        small.snapshot(other, reference)
    return pages.card(path, other, MINE)


@pytest.mark.parametrize(
    ("gain", "seeds", "word", "sentence"),
    [
        (0.05, 20, BETTER, "better than ReLU (+5.00 points, +5.00 to +5.00)"),
        (0.0, 20, LEVEL, "level with ReLU (0.00 points, 0.00 to 0.00)"),
        (0.05, 5, UNDECIDED, "undecided against ReLU"),
        (0.05, 1, UNDECIDED, "undecided against ReLU (not measured)"),  # interrupted
    ],
)
def test_the_words_are_the_standings(tmp_path, gain, seeds, word, sentence):
    found = shown(tmp_path, runs(gain, seeds))
    (result,) = found.results
    assert {s.word for s in result.standings} == {word}
    early, late, cost, sound, still_open = pages.lines(found)
    assert early.startswith(f"Early (0.5 epochs): {sentence}")
    assert late.startswith(f"At the end (2 epochs): {sentence}")
    assert (still_open == "Undecided: nothing.") == (word != UNDECIDED)
    if word == UNDECIDED:
        assert "the same command adds up to 20 seeds" in still_open
    assert (cost, sound) == ("Cost: not measured.", "Sound: not measured.")
    plain = json.loads(json.dumps(pages.plain(found)))
    assert {s["word"] for s in plain["arenas"][0]["standings"]} == {word}
    assert plain["lines"] == pages.lines(found)
    written = json.loads(pages.texts(found)[".json"], parse_constant=pytest.fail)  # no NaN, no Infinity
    effects = [s["effect"] for s in written["arenas"][0]["standings"]]
    assert {e["unit"] for e in effects} == {"points"}
    assert [e["estimate"] for e in effects] == pytest.approx([100 * gain] * 6, abs=1e-4)
    if seeds == 1:
        assert {e["low"] for e in effects} == {None}
    text = pages.markdown(found)
    assert all(f"- {line}" in text for line in pages.lines(found))
    assert text.count(f"| {word} |") == 6


def test_baselines_come_from_a_reference_that_agrees(tmp_path):
    reference = runs(0, 0)
    found = shown(tmp_path, [reference[0], *runs(0.05)[60:]], reference)
    (result,) = found.results
    assert {s.baseline for s in result.standings} == {"relu", "gelu", "swish"}
    assert pages.borrowed(result) == (
        "The baselines are the reference's: 1 of its runs, drawn at random, gave the same "
        "numbers to the last bit here."
    )


def test_a_reference_that_differs_is_not_used(tmp_path):
    reference = runs(0, 0)
    here = [small.scored(0.9, seed=0), *runs(0.05)[60:]]
    found = shown(tmp_path, here, reference)
    (result,) = found.results
    assert [s.baseline for s in result.standings] == ["relu", "relu"]
    assert pages.borrowed(result).startswith("The baselines were trained on this machine: the reference")


@pytest.mark.parametrize(
    ("share", "images", "said"),
    [
        (0.0625, 3, "differed by up to 0.0625 of the spread between seeds here."),
        (0.5, 1, "differed by at most one test image here."),
        (0.0, 0, "gave the same test results here."),
    ],
)
def test_a_reference_that_is_close_is_used_and_the_distance_said(tmp_path, share, images, said):
    (result,) = shown(tmp_path, runs(0.05)).results
    close = replace(result, agreement=Agreement(3, 2, share, images))
    assert pages.borrowed(close).endswith(f"3 of its runs, drawn at random, {said}")


def test_cost_is_of_the_rounds_beside_the_baselines(tmp_path):
    found = shown(tmp_path, [*runs(0.05), *timings(3.0)])
    assert pages.lines(found)[2] == (
        "Cost, in times of ReLU: 3.00 (forward, 16384 elements) and 3.00 (backward, 16384 elements)."
    )
    values = pages.values(found)
    assert values["cost_columns"] == ["Pass and input", "Over ReLU", "Over GELU"]
    assert [row[1][:10] for row in values["cost"]] == ["3.00 (3.00"] * 2
    assert [row[2][:10] for row in values["cost"]] == ["1.50 (1.50"] * 2


@pytest.mark.parametrize("seeds", [20, 1])
def test_the_page_shows_figures_words_and_tables(tmp_path, seeds):
    found = shown(tmp_path, [*runs(0.05, seeds), *timings(3.0)])
    write_html(pages.context(found), tmp_path / "verdict.html")
    page = (tmp_path / "verdict.html").read_text("utf-8")
    assert page.index("card-differences-classifier") < page.index(pages.lines(found)[0][:50])
    for what in ("card-course-classifier", "card-worth-classifier", "card-cost", "card-table-classifier"):
        assert what in page
    assert 'aria-labelledby="summary"' not in page


def test_a_candidate_that_was_not_trained_is_an_error(tmp_path):
    small.snapshot(tmp_path / "here.sqlite", runs(0.05))
    with pytest.raises(ValueError, match=r"holds no runs of other; `python -m bench verdict` trains it"):
        pages.card(tmp_path / "here.sqlite", tmp_path / "none.sqlite", "other")


def test_the_controls_are_drawn_below(tmp_path):
    arms = [small.scored(0.8 + seed / 1000, seed=seed, activation="control") for seed in range(20)]
    found = shown(tmp_path, [*runs(0.05), *arms])
    figure = pages.values(found)["results"][0]["differences"]
    assert set(figure.table["series"]) == {"Act", "controls"}
    assert (figure.table["series"] == "controls").sum() == 2


def test_a_built_in_candidate_has_its_card(tmp_path):
    stored = [replace_activation(run, "mish") for run in runs(0.05)]
    small.snapshot(tmp_path / "here.sqlite", stored)
    found = pages.card(tmp_path / "here.sqlite", tmp_path / "none.sqlite", "mish")
    assert found.title == "Mish"
    assert pages.lines(found)[3] == "Sound: built in; this project's tests check it."


def replace_activation(run, name):
    config, result = run
    return (replace(config, activation=name) if config.activation == MINE else config), result


def test_two_variants_of_one_network_have_figures_of_their_own(tmp_path):
    variants = [
        small.scored(0.8 + seed / 1000, seed=seed, activation=name, batch_norm=norm)
        for norm in (True, False)
        for name in ("relu", "gelu", "swish", MINE)
        for seed in range(6)
    ]
    found = shown(tmp_path, variants)
    write_html(pages.context(found), tmp_path / "card.html")
    page = (tmp_path / "card.html").read_text()
    assert 'id="card-differences-classifier-with-batch-norm"' in page
    assert 'id="card-differences-classifier-without-batch-norm"' in page
    assert "a dot for each control" not in page


def test_controls_are_named_where_there_are_any(tmp_path):
    arms = [small.scored(0.8 + seed / 1000, seed=seed, activation="control") for seed in range(20)]
    write_html(pages.context(shown(tmp_path, [*runs(0.01), *arms])), tmp_path / "card.html")
    assert "a dot for each control" in (tmp_path / "card.html").read_text()
