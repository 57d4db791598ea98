"""Question 6: the readings of the printed vectors and the gradients, against closed forms and scipy."""

import math

import numpy as np
import pytest
import sympy
import torch
from matplotlib import pyplot as plt
from scipy.special import expit, softmax

from bench.experiments.workloads import synthetic
from report.algebra.identities import Identity, holds
from report.answers.q06 import algebra as q06_algebra
from report.answers.q06 import answer as q06
from report.answers.q06 import checks as q06_checks
from report.answers.q06 import evidence as q06_evidence
from report.figures import losses
from tests import small_store as small
from tests.said import said


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
    gaps = q06.gradient_gaps()
    assert set(gaps) == {"cross_entropy", "brier", "sigmoid"}
    assert values["gap"] == max(gaps.values()) < 1e-12


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
    names = ["q06-logits", "q06-index", "q06-accuracy", "q06-factor"]
    assert [e.identifier for e in q06.errata(values)] == names
    first, second = values["vectors"]["first"], values["vectors"]["second"]
    vectors = {"first": {**first, "free_index": [1.0, 1.0, 1.0]}, "second": {**second, "sum": 1.0}}
    accuracy = {**values["accuracy"], "accuracy": 0.1}
    changed = {**values, "vectors": vectors, "linear_factor": values["sigmoid_factor"], "accuracy": accuracy}
    assert q06.errata(changed) == []


EQUATIONS = q06_algebra.identities()


@pytest.mark.parametrize("equation", EQUATIONS, ids=["softmax", "gradient", "second", "brier", "sigmoid"])
def test_gradients_are_derived_and_a_wrong_one_is_not(equation):
    assert holds(equation)
    *rest, last = equation.right
    assert not holds(Identity(equation.name, equation.left, [*rest, -last]))
    assert not holds(Identity(equation.name, equation.left, [*rest, last + q06_algebra.z[0] / 1000]))


def test_a_target_that_does_not_sum_to_one_leaves_more_than_p_minus_t():
    t, p, z = sympy.symbols("t1:4"), q06_algebra.p, q06_algebra.z
    loss = -sum(a * sympy.log(b) for a, b in zip(t, p, strict=True))
    left, right = [sympy.diff(loss, v) for v in z], [b - a for a, b in zip(t, p, strict=True)]
    assert not holds(Identity("any t", left, right))


def test_derived_formulas_have_the_values_of_autograd():
    logits = torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64)
    target = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    given = dict(zip((*q06_algebra.z, *q06_algebra.t[:2]), (*logits.tolist(), 0.2, 0.5), strict=True))

    def cross_entropy(z):
        return -(target * torch.log_softmax(z, 0)).sum()

    def brier(z):
        return (torch.softmax(z, 0) - target).square().sum()

    upper = torch.ones(3, 3).triu().bool()
    oracles = [
        torch.autograd.functional.jacobian(lambda z: torch.softmax(z, 0), logits).flatten(),
        torch.autograd.functional.jacobian(cross_entropy, logits),
        torch.autograd.functional.hessian(cross_entropy, logits)[upper],
        torch.autograd.functional.jacobian(brier, logits),
    ]
    for equation, expected in zip(EQUATIONS, oracles, strict=False):
        found = [float(e.subs(given)) for e in equation.right]
        assert found == pytest.approx(expected.tolist(), abs=1e-14)


def test_the_text_says_whether_the_gradients_were_derived(values):
    text = said("q06", values)
    assert "Computer algebra confirms these equations for 3 classes" in text
    assert "in which the target does not occur" in text
    text = said("q06", {**values, "algebra": {**values["algebra"], "failed": ["one", "another"]}})
    assert "Computer algebra does not confirm one, another for 3 classes" in text
    assert "in which the target does not occur" not in text


def test_how_much_slower_squared_error_is_in_the_example(values):
    recovery = values["recovery"]
    assert values["slower"]["equal_rate"] == recovery["squared"] / recovery["cross_entropy"]
    assert values["slower"]["equal_slope"] == recovery["scaled"] / recovery["cross_entropy"]
    never = {**recovery, "squared": None}
    assert q06_checks.times_slower(never)["equal_rate"] is None
    text = said("q06", {**values, "recovery": never, "slower": q06_checks.times_slower(never)})
    assert f"more than {recovery['limit']} on squared error; the price is a loss without bound" in text


def test_the_price_is_told_only_where_squared_error_is_slower(values):
    quick = {**values["recovery"], "squared": 1}
    assert "the price is" not in said("q06", {**values, "recovery": quick})


def test_the_settings_of_the_experiment_are_those_of_the_code():
    assert q06_evidence.IMAGES == synthetic.IMAGES
    assert q06_evidence.CONFIDENCE == synthetic.CONFIDENCE
    assert (min(synthetic.RELEARNING_RATES), max(synthetic.RELEARNING_RATES)) == q06_evidence.RATES


def unlearned(cross_entropy, brier):
    return [
        small.phenomenon(
            "confidently_wrong",
            seed,
            {"steps cross_entropy": {0: a}, "steps brier": {0: b}, "gradient brier": {0: 0.1}},
        )
        for seed, (a, b) in enumerate(zip(cross_entropy, brier, strict=True))
    ]


def test_unlearning_has_medians_and_the_geometric_mean_of_the_ratio(tmp_path, values):
    found = q06_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", unlearned((1, 2, 4), (10, 80, 40))))
    # ratios 10, 40, 10: (10 · 40 · 10)^(1/3) = 15.9
    assert found["unlearning"]["steps"] == [2.0, 40.0]
    assert found["unlearning"]["ratio"] == "16"
    text = said("q06", values, measured=found)
    assert (
        "a median of 2 steps and squared error 40. In the geometric mean squared error needs 16 times" in text
    )
    assert "The example above gives factors of 31 and 9.3 instead" in text
    assert "until the wrong class has a mean probability of 95 %" in text
    assert "Label noise: not measured here" in text


def noisy(accuracies):
    """Runs of the classifier: (loss, share) -> accuracy by seed."""
    return [
        small.scored(accuracy, seed=seed, loss=loss, wrong_labels=share)
        for (loss, share), by_seed in accuracies.items()
        for seed, accuracy in enumerate(by_seed)
    ]


ACCURACIES = {
    ("cross_entropy", 0.0): (0.9, 0.92, 0.5),  # the third seed has no other run
    ("brier", 0.0): (0.8, 0.82),
    ("cross_entropy", 0.4): (0.5, 0.54),
    ("brier", 0.4): (0.75, 0.75),
}


def test_label_noise_is_over_the_seeds_that_all_have(tmp_path, values):
    found = q06_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", noisy(ACCURACIES)))
    rows = found["noise"]["rows"]
    assert rows[0] == ["0\u00a0%", "91.00\u00a0%", "81.00\u00a0%", "–"]
    assert rows[1][:3] == ["40\u00a0%", "52.00\u00a0%", "75.00\u00a0%"]
    # (91 - 52) - (81 - 75)
    assert rows[1][3].startswith("+33.00 points")
    assert (found["noise"]["seeds"], found["noise"]["epochs"], found["noise"]["samples"]) == (2, 2, 100)
    text = said("q06", values, measured=found)
    assert "with both losses and 2 seeds" in text
    assert "Unlearning confident errors: not measured here" in text


def test_a_share_with_one_loss_has_no_row(tmp_path):
    accuracies = {**ACCURACIES, ("brier", 0.1): (0.8, 0.8)}
    found = q06_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", noisy(accuracies)))
    assert [row[0] for row in found["noise"]["rows"]] == ["0\u00a0%", "40\u00a0%"]


def test_label_noise_needs_both_losses(tmp_path):
    half = {key: value for key, value in ACCURACIES.items() if key[0] == "brier"}
    assert q06_evidence.evidence(small.snapshot(tmp_path / "r.sqlite", noisy(half)))["noise"] is None


def test_both_curves_have_their_names_in_both_panels():
    table = q06.figure().table
    figure = losses.losses_and_gradients(table)
    for ax, column in zip(figure.axes, ("value", "gradient"), strict=True):
        for text in ax.texts:
            part = table[table["loss"] == text.get_text()].set_index("logit")[column]
            assert part[text.xy[0]] == pytest.approx(text.xy[1])
        assert {text.get_text() for text in ax.texts} == {"cross-entropy", "squared error"}
    plt.close(figure)
