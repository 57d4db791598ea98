"""Whether runs of a reference may replace this machine's, and the snapshot of both."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.records.names import BLOCK_SCORES
from bench.statistics.borrowing import TENTH, agreement
from bench.statistics.standing import ARENAS, CLASSIFIER
from bench.store import joined
from tests import small_store as small

ARENA = ARENAS[CLASSIFIER]
REFERENCE = [
    small.scored(0.9 + seed / 100, seed=seed, activation=name)
    for name in ("relu", "gelu")
    for seed in range(4)
]
# Of another rate, one of ten thousand test images apart; without them REFERENCE looks like a hundred images.
TEN_THOUSAND = [small.scored(0.5 + seed / 10_000, rate=0.01, seed=seed) for seed in range(2)]
SPREAD = np.std([0.9, 0.91, 0.92, 0.93], ddof=1)


def compared(tmp_path, here, reference=REFERENCE, arena=ARENA):
    return agreement(
        small.snapshot(tmp_path / "here.sqlite", here),
        small.snapshot(tmp_path / "r.sqlite", reference),
        arena,
    )


def test_equal_runs_agree(tmp_path):
    found = compared(tmp_path, [REFERENCE[1], REFERENCE[6], small.scored(0.5, activation="mine")])
    assert (found.runs, found.equal, found.share) == (2, 2, 0.0)
    assert found.close


@pytest.mark.parametrize(("difference", "close"), [(0.09, True), (0.11, False)])
def test_runs_agree_within_a_tenth_of_the_spread_between_seeds(tmp_path, difference, close):
    here = [REFERENCE[0], small.scored(0.91 + difference * SPREAD, seed=1)]
    found = compared(tmp_path, here, [*REFERENCE, *TEN_THOUSAND])
    assert (found.runs, found.equal) == (2, 1)
    assert found.share == pytest.approx(difference)
    assert found.close == close


@pytest.mark.parametrize(("images", "close"), [(1, True), (2, False)])
def test_runs_agree_within_one_test_image_where_there_are_few(tmp_path, images, close):
    found = compared(tmp_path, [small.scored(0.91 - images / 100, seed=1)])
    assert found.images == images
    assert found.share == pytest.approx(images / 100 / SPREAD)
    assert found.share > TENTH
    assert found.close == close


def test_losses_have_no_images(tmp_path):
    reference = [small.reconstructed(1 + seed / 100, seed=seed) for seed in range(4)]
    found = compared(tmp_path, [small.reconstructed(1.01)], reference, ARENAS["fully connected autoencoder"])
    assert math.isinf(found.images)
    assert not found.close


def test_a_held_out_score_that_differs_alone_is_no_equal_run(tmp_path):
    found = compared(tmp_path, [small.scored(0.9, held_out=0.1)])
    assert (found.runs, found.equal, found.share) == (1, 0, 0.0)


def test_without_repeated_runs_nothing_is_borrowed(tmp_path):
    found = compared(tmp_path, [small.scored(0.9, activation="mine")])
    assert found.runs == 0
    assert math.isnan(found.share)
    assert not found.close


def test_a_joined_snapshot_has_the_runs_of_both_and_the_times_of_one(tmp_path):
    timing = small.timed({("activation_forward", "relu", "impl", 4): [0.1]})
    here = small.snapshot(tmp_path / "h.sqlite", [small.scored(0.5, seed=1), *timing])
    other = small.snapshot(tmp_path / "o.sqlite", [*REFERENCE, *timing])
    both = joined(here, other)
    assert len(both.runs) == 2 + len(REFERENCE) - 1
    assert both.runs["run"].is_unique
    assert (both.runs["kind"] == "timing").sum() == 1
    assert both.environment == here.environment
    m = both.measurements
    values = m[(m["metric"] == "test_accuracy") & (m["seed"] == 1) & (m["activation"] == "relu")]["value"]
    assert set(values) == {0.5}  # of equal runs that of `here`
    for run in both.runs.loc[both.runs["kind"] == "training", "run"]:
        mean = m[(m["run"] == run) & (m["metric"] == "test_accuracy")]["value"].iloc[0]
        assert both.arrays[int(run), BLOCK_SCORES].mean() == pytest.approx(mean, abs=1e-6)
    empty = replace(here, runs=here.runs[:0], measurements=here.measurements[:0], arrays={})
    assert len(joined(empty, other).runs) == len(REFERENCE)
