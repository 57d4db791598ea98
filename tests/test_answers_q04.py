"""Question 4's gradients against autograd and differences, its errata against lines that would be right."""

import numpy as np
import pytest
import torch

from report.answers import q04_example, q04_loop
from report.answers.q04 import ANSWER


@pytest.fixture(scope="module")
def values():
    return dict(ANSWER.values())


def test_gradients_are_those_of_autograd_and_of_differences(values):
    p = q04_example.PARAMETERS
    oracle = q04_example.by_autograd(q04_example.loss, p)
    for gradient, expected in zip(values["g"], oracle, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-14)
    assert q04_example.distance(oracle, q04_example.by_differences(q04_example.loss, p)) < 1e-9
    assert q04_example.distance(oracle, q04_example.by_network(p)) < 1e-14


def test_a_wrong_gradient_would_be_seen():
    p = q04_example.PARAMETERS
    gradients = q04_example.by_autograd(q04_example.loss, p)
    assert q04_example.distance(gradients, gradients._replace(B2=gradients.B2 * 1.01)) > 1e-4


def test_softmax_delta_is_p_minus_y_and_the_printed_formula_is_not(values):
    softmax = values["softmax"]
    torch.testing.assert_close(softmax.full, softmax.p - q04_example.Y)
    torch.testing.assert_close(softmax.autograd, softmax.p - q04_example.Y)
    assert values["softmax_wrong"] == pytest.approx(float(softmax.p[1]))  # the second entry is lost


def test_printed_permutation_loses_a_sample_each_epoch(values):
    n = values["loop_"]["samples"]
    assert values["loop_"]["sizes"] == list(range(n, -1, -1))
    assert values["loop_"]["left_out"] == [n - 1]
    assert set(values["loop_"]["right_sizes"]) == {n}
    assert sorted(q04_loop.printed_order(5, np.random.default_rng(0))) == [0, 1, 2, 3]


def test_printed_loop_is_out_of_samples_and_the_right_one_learns_more(values):
    xor = values["loop_"]["xor"]
    assert xor["printed_empty"] == len(q04_loop.XOR)
    assert xor["learned"] > xor["printed_learned"]


def test_messages_are_those_of_python():
    assert q04_loop.message(lambda: len(3)) == "TypeError: object of type 'int' has no len()"
    assert q04_loop.message(lambda: len([3])) is None


def test_errata_are_the_four(values):
    found = [e.identifier for e in ANSWER.errata(values)]
    assert found == ["q04-range", "q04-permutation", "q04-bias", "q04-softmax"]


def test_lines_that_ran_would_raise_no_erratum(values):
    right = {
        **values,
        "loop_": {**values["loop_"], "range_error": None, "left_out": []},
        "bias_line": {**values["bias_line"], "product": None},
        "softmax_wrong": values["softmax_right"],
    }
    assert ANSWER.errata(right) == []
