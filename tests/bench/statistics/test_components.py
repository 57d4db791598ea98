"""Deviations that were simulated are found again."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from bench.statistics import Grid, simulation
from bench.statistics.components import components_of
from bench.statistics.simulation import simulate
from tests.simulated import CLASSIFIER, WORKLOADS


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_components_are_estimated_from_runs(workload):
    wanted = replace(workload.components, tail=0.0, tail_scale=1.0)
    grids, _ = simulate(replace(workload, components=wanted), 80, np.zeros(12), np.random.default_rng(1))
    found = asdict(components_of(grids, relative=workload.relative))
    assert found.pop("rates") == pytest.approx(sorted(wanted.rates), abs=0.02)
    for name, value in found.items():
        assert value == pytest.approx(getattr(wanted, name), rel=0.25), name


def test_components_leave_out_rates_with_missing_runs():
    grids, _ = simulate(CLASSIFIER, 20, np.zeros(3), np.random.default_rng(2))
    expected = components_of(grids, relative=False)
    wider = []
    for g in grids:
        extra = np.full((1, 20), math.nan)
        test = np.concatenate([g.test, np.full((1, 20, 100), math.nan)])
        wider.append(Grid(np.arange(6.0), g.seeds, np.concatenate([g.validation, extra]), test))
    assert components_of(wider, relative=False) == expected
    alone = components_of(grids[:1], relative=False)
    assert (alone.shared_seed, alone.shared_image) == (0, 0)
    c = CLASSIFIER.components
    assert alone.image == pytest.approx(math.hypot(c.shared_image, c.image), rel=0.25)


def test_components_of_too_few_runs_are_refused():
    grids, _ = simulate(CLASSIFIER, 4, np.zeros(2), np.random.default_rng(3))
    with pytest.raises(ValueError, match=r"Invalid grid: got 5 complete rates, 1 seeds, 100 blocks"):
        components_of([simulation._seeds(grids[0], slice(1))], relative=False)
    with pytest.raises(ValueError, match=r"Invalid grids: got shapes \[\(3, 100\), \(4, 100\)\]"):
        components_of([grids[0], simulation._seeds(grids[1], slice(3))], relative=False)
