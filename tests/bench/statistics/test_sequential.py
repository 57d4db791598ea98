"""Confidences of looks, against published boundaries and simulated looks."""

import numpy as np
import pytest
from scipy import stats

from bench.statistics.sequential import LOOKS, confidences


@pytest.mark.parametrize(
    ("looks", "last"), [((1,), 1.960), ((1, 2), 1.977), ((1, 2, 3), 2.004), ((1, 2, 3, 4, 5), 2.040)]
)
def test_boundaries_are_the_published_ones(looks, last):
    """O'Brien and Fleming's constants for equally spaced looks: Jennison & Turnbull (2000), table 2.3."""
    found = [stats.norm.ppf((1 + level) / 2) for level in confidences(looks)]
    expected = [last * np.sqrt(looks[-1] / look) for look in looks]
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("looks", [LOOKS, (6, 10), (3, 20)])
def test_all_looks_together_cover_as_often_as_promised(looks):
    rng, runs = np.random.default_rng(0), 200_000
    z = np.cumsum(rng.standard_normal((runs, looks[-1])), axis=1)[:, np.array(looks) - 1] / np.sqrt(looks)
    outside = np.abs(z) > stats.norm.ppf((1 + np.array(confidences(looks))) / 2)
    assert outside.any(axis=1).mean() == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / runs))
