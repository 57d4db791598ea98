"""The calibration of effects: the committed one is complete, as asked, and is what the code gives."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.statistics import simulation
from bench.statistics.simulation import Count, adjusted, simulate
from bench.store import latest
from tests.simulated import AUTOENCODER, CLASSIFIER, WORKLOADS

ROOT = Path(__file__).resolve().parents[3]
MEASURED, COMMITTED = simulation.load(ROOT / simulation.STORE)
BY_KEY = {cell.key: cell for cell in COMMITTED}


def test_the_committed_calibration_is_complete():
    assert [cell.key for cell in COMMITTED] == simulation.plan()
    assert min(cell.families for cell in COMMITTED) >= 1000


def test_the_committed_calibration_has_the_deviations_of_the_reference():
    assert simulation.workloads_of(latest(ROOT / simulation.REFERENCE)) == MEASURED


@pytest.mark.parametrize("cell", COMMITTED, ids=lambda cell: "-".join(map(str, cell.key)))
def test_the_rule_covers_as_often_as_promised(cell):
    """Simultaneously between 95 and 99.5 %, within binomial error; false alarms at most 5 %."""
    for count in (cell.effects.covered, cell.effects.covered_singly):
        low, high = count.interval
        assert high >= 0.95
        assert low <= 0.995
    assert cell.effects.false.interval[0] <= 0.05
    assert cell.effects.false_families.interval[0] <= 0.05


def test_rates_cost_both_sides_of_a_comparison_the_same():
    for cell in COMMITTED:
        candidates, baseline = cell.lost
        assert abs(candidates - baseline) < 0.05 * cell.effects.width


def close(one, other):
    """Whether two counts have the same probability: within 3.5 standard errors of their difference."""
    p = (one.hits + other.hits) / (one.cases + other.cases)
    return abs(one.share - other.share) <= 3.5 * math.sqrt(p * (1 - p) * (1 / one.cases + 1 / other.cases))


@pytest.mark.parametrize("name", MEASURED)
def test_the_code_gives_the_committed_calibration(name):
    """With other random numbers; single comparisons of one family are no independent cases."""
    expected = BY_KEY[name, 5, 4]
    found = simulation.calibrate(MEASURED[name], 5, 4, range(10**6, 10**6 + 60), resamples=expected.resamples)
    for rule in ("effects", "paired_t"):
        one, other = getattr(found, rule), getattr(expected, rule)
        for field in ("covered", "false_families"):
            assert close(getattr(one, field), getattr(other, field)), (rule, field)
        for field in ("covered_singly", "detected", "false"):
            count = getattr(one, field)
            fewer = Count(round(count.share * 60), 60)
            assert close(fewer, getattr(other, field)), (rule, field)
        assert one.width == pytest.approx(other.width, rel=0.15)


def test_the_documentation_shows_the_calibration():
    page = (ROOT / "docs" / "explanation" / "verdict-rule.md").read_text("utf-8")
    assert simulation.table(COMMITTED) in page


def test_counts_by_hand():
    truth = np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    middle = np.array([[0.5, 1.0], [0.1, 3.0], [0.9, -2.0]])
    alone, together = np.full((3, 2), 0.4), np.full((3, 2), 1.5)
    verdict = np.array([[0, 1], [-1, -1], [0, 1]])
    rule = simulation._rule(truth, np.stack([middle, alone, together, verdict], axis=1))
    assert rule.covered == Count(1, 3)
    assert rule.covered_singly == Count(3, 6)
    assert rule.detected == Count(1, 3)
    assert rule.false == Count(2, 3)
    assert rule.false_families == Count(2, 3)
    assert rule.width == 1.5


def test_wilsons_interval_of_a_count():
    assert Count(0, 20).interval == pytest.approx((0, 0.16113), abs=1e-5)  # as in test_calibration.py
    assert Count(5, 20).share == 0.25


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_simulated_candidates_differ_by_their_true_effects_at_their_best_rates(workload):
    true = np.array([0.3, 0.0])
    grids, losses = simulate(workload, 400, true, np.random.default_rng(0))
    assert np.sort(losses).tolist() == [sorted(workload.components.rates)] * 2
    runs = [g.test.mean(axis=2)[loss.argmin()] for g, loss in zip(grids, losses, strict=True)]
    x, y = -np.log(runs) if workload.relative else runs
    c = workload.components
    images = (c.image**2 + c.rate_image**2 + c.residual**2 / 400) / workload.blocks
    error = math.sqrt(2 * images + np.var(x - y) / 400)
    assert (x - y).mean() == pytest.approx(0.3, abs=3 * error)
    for g, loss in zip(grids, losses, strict=True):
        gap = g.validation.mean(axis=1).max() - g.validation.mean(axis=1)
        assert gap == pytest.approx(loss, abs=0.1)


@pytest.mark.parametrize("relative", [False, True])
def test_the_paired_t_test_is_scipys(relative):
    workload = AUTOENCODER if relative else CLASSIFIER
    grids, _ = simulate(workload, 8, np.array([0.3, 0.1, 0.0]), np.random.default_rng(0))
    tuning = [simulation._seeds(g, slice(6, None)) for g in grids]
    test = [simulation._seeds(g, slice(6)) for g in grids]
    middle, alone, together, verdict = simulation._by_paired_t(test, tuning, workload)
    runs = [g.test[g.validation[:, 6:].mean(axis=1).argmax(), :6].mean(axis=1) for g in grids]
    runs = np.log(runs) if relative else np.array(runs)
    results = [stats.ttest_rel(x, runs[2]) for x in runs[:2]]
    p = adjusted([r.pvalue for r in results])
    for k, result in enumerate(results):
        low, high = result.confidence_interval(0.95)
        assert (middle[k] - alone[k], middle[k] + alone[k]) == pytest.approx((low, high))
        low, high = result.confidence_interval(0.975)
        assert (middle[k] - together[k], middle[k] + together[k]) == pytest.approx((low, high))
        assert verdict[k] == (np.sign(middle[k]) if p[k] < 0.05 else 0)


@pytest.fixture
def small(monkeypatch):
    """A plan of two cells of four families, without a reference."""
    monkeypatch.setattr(simulation, "SIMULATED", dict.fromkeys(WORKLOADS))
    monkeypatch.setattr(simulation, "reference", lambda: WORKLOADS)
    monkeypatch.setattr(simulation, "SEEDS", (4,))
    monkeypatch.setattr(simulation, "COMPARISONS", (2,))
    monkeypatch.setattr(simulation, "FAMILIES", 4)


def test_a_calibration_resumes_with_the_cells_that_are_missing(tmp_path, small, monkeypatch, capsys):
    store = tmp_path / "results" / "calibration.json"
    simulation.main(store)
    _, first = simulation.load(store)
    assert [cell.key for cell in first] == [(name, 4, 2) for name in WORKLOADS]
    assert simulation.table(first) in capsys.readouterr().out
    content = json.loads(store.read_text())
    content["cells"] = content["cells"][:1]
    store.write_text(json.dumps(content))
    asked = []
    calibrate = simulation.calibrate

    def counted(workload, *arguments):
        asked.append(workload.name)
        return calibrate(workload, *arguments)

    monkeypatch.setattr(simulation, "calibrate", counted)
    simulation.main(store)
    assert asked == [AUTOENCODER.name]
    assert simulation.load(store) == (WORKLOADS, first)


@pytest.mark.parametrize("text", ["[{", "{}", '{"cells": [{"seeds": 1}]}'])
def test_a_damaged_calibration_is_named(tmp_path, text):
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(
        ValueError, match=r"Invalid calibration .*calibration\.json: .* Remove or restore the file"
    ):
        simulation.load(tmp_path / "calibration.json")


def test_a_calibration_of_other_runs_is_not_resumed(tmp_path, small, monkeypatch):
    store = tmp_path / "calibration.json"
    simulation.main(store)
    monkeypatch.setitem(WORKLOADS, CLASSIFIER.name, replace(CLASSIFIER, effect=0.2))
    with pytest.raises(ValueError, match=r"it is of other runs. Remove it to calibrate again"):
        simulation.main(store)


@pytest.mark.parametrize("seed", range(3))
def test_holm_agrees_with_statsmodels(seed, monkeypatch):
    monkeypatch.setattr("gc.collect", lambda: 0)  # which it calls each time, a third of a second here
    p = np.random.default_rng(seed).uniform(size=30) ** 4
    p[[3, 7, 11]] = p[3], 1.0, p[3]  # equal ones and one at the end
    assert adjusted(p) == pytest.approx(multipletests(p, method="holm")[1], rel=1e-12)
