"""Question 6: the readings of the printed vectors and the gradients, against closed forms and scipy."""

import math

import numpy as np
import pytest
from scipy.special import expit, softmax

from report.answers import q06, q06_checks


@pytest.fixture(scope="module")
def values():
    return q06.values()


@pytest.mark.parametrize("name", q06.VECTORS)
def test_both_readings_of_a_vector(values, name):
    found, vector = values["vectors"][name], np.array(q06.VECTORS[name])
    assert found["sum"] == pytest.approx(vector.sum())
    assert found["as_probabilities"] == pytest.approx(-math.log(vector[2]))
    assert found["as_logits"] == pytest.approx(-math.log(softmax(vector)[2]))


def test_the_second_vector_is_no_distribution(values):
    assert values["vectors"]["first"]["sum"] == pytest.approx(1)
    assert values["vectors"]["second"]["sum"] == pytest.approx(0.9)


def test_gradients_agree_with_automatic_differentiation(values):
    assert max(values["gaps"].values()) < 1e-12


def test_recovery_is_that_of_a_plain_loop(values):
    def steps(slope):
        z, n = q06_checks.WRONG_START, 0
        while z <= 0:
            z, n = z + slope(expit(z)), n + 1
        return n

    recovery = values["recovery"]
    assert recovery["cross_entropy"] == steps(lambda p: 1 - p)
    assert recovery["squared"] == steps(lambda p: 2 * p * (1 - p) ** 2)
    # 2 p (1 - p)² is largest at p = 1/3
    assert recovery["steepest"] == pytest.approx(8 / 27, rel=1e-6)
    assert recovery["scaled"] == steps(lambda p: 27 / 4 * p * (1 - p) ** 2)


def test_accuracy_is_flat_and_cross_entropy_is_not(values):
    assert values["accuracy"]["accuracy"] == 0
    # the largest entry of (p - t)/N is below 1/N for N = 50
    assert 0.01 < values["accuracy"]["cross_entropy"] < 1 / 50


def test_shares_of_the_pull(values):
    p = q06_checks.SMALL[-1]
    assert values["outliers"]["share"] == pytest.approx((1 - p) / (1 - p + 99 * 0.01))
    squared = 2 * p * (1 - p) ** 2
    assert values["outliers"]["squared_share"] == pytest.approx(squared / (squared + 99 * 2 * 0.99 * 1e-4))


def test_errata_follow_from_the_values(values):
    assert [e.identifier for e in q06.errata(values)] == ["q06-logits", "q06-index", "q06-factor"]
    first, second = values["vectors"]["first"], values["vectors"]["second"]
    vectors = {"first": {**first, "free_index": [1.0, 1.0, 1.0]}, "second": {**second, "sum": 1.0}}
    changed = {**values, "vectors": vectors, "linear_factor": values["sigmoid_factor"]}
    assert q06.errata(changed) == []
