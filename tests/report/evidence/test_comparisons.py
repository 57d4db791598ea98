"""Families of comparisons against differences taken by hand."""

import numpy as np
import pytest
from scipy import stats

from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
from bench.statistics.training_runs import EARLY, LAST, OPTIMIZED, network
from report.evidence import claims, comparisons
from tests import small_store as small


def both(case):
    return case.a, case.b


def candidates(field, accuracies, rate=1e-3, **fields):
    """By the field's value the test accuracies of seeds 0, 1, … at one rate."""
    for value, scores in accuracies.items():
        for seed, score in enumerate(scores):
            yield small.scored(score, rate, seed, **{field: value}, **fields)


def explored(task="classifier", batch_norm=True):
    return comparisons.exploratory(task, batch_norm)


def test_activations_are_compared_seed_by_seed_with_both_baselines(tmp_path):
    accuracies = {"relu": (0.5, 0.6, 0.7), "gelu": (0.5, 0.5, 0.5), "sgelu": (0.6, 0.8, 0.7)}
    snapshot = small.snapshot(tmp_path / "r.sqlite", candidates("activation", accuracies))
    found = {both(case): case for case in explored()(snapshot)}
    assert set(found) == {("gelu", "relu"), ("sgelu", "relu"), ("sgelu", "gelu")}
    case = found["sgelu", "relu"]
    assert case.effect.estimate == pytest.approx(np.mean([0.1, 0.2, 0.0]))
    assert (case.effect.pairs, case.unit) == (3, "points")
    runs = snapshot.runs.set_index("run")
    seeds = runs.loc[list(case.runs), ["activation", "seed"]].itertuples(index=False, name=None)
    assert sorted(seeds) == [(name, seed) for name in ("relu", "sgelu") for seed in range(3)]
    assert explored("classifier", False)(snapshot) == []


def test_the_comparisons_of_a_claim_cover_together_and_no_others(tmp_path):
    """By hand: Student's interval of each lies inside that of both, and this inside that of all."""
    rng = np.random.default_rng(0)
    names = ("relu", "gelu", "sgelu", "tanh", "mish")
    accuracies = {name: 0.5 + 0.01 * rng.normal(size=8) for name in names}
    snapshot = small.snapshot(tmp_path / "r.sqlite", candidates("activation", accuracies))
    pairs = comparisons.against(["sgelu"])
    named = comparisons.Trained(network("classifier", True), "activation", pairs)(snapshot)
    assert [both(case) for case in named] == [("sgelu", "relu"), ("sgelu", "gelu")]
    wide = {both(case): case.effect for case in explored()(snapshot)}
    for case in named:
        d = accuracies["sgelu"] - accuracies[case.b]
        alone = stats.ttest_1samp(d, 0).confidence_interval(0.95)
        assert case.effect.low < alone.low < alone.high < case.effect.high
        assert wide[both(case)].low < case.effect.low


def test_losses_are_compared_as_ratios(tmp_path):
    losses = {"relu": (0.5, 0.25), "sgelu": (0.25, 0.5)}
    runs = [
        small.reconstructed(loss, seed=seed, activation=name)
        for name, of_name in losses.items()
        for seed, loss in enumerate(of_name)
    ]
    (case,) = explored("fc_autoencoder")(small.snapshot(tmp_path / "r.sqlite", runs))
    assert case.effect.relative
    assert case.effect.estimate == pytest.approx(0.0)  # the geometric mean of 2 and 1/2, less 1


def test_runs_are_compared_at_the_horizon(tmp_path):
    runs = [
        small.scored(late, seed=seed, activation=name, early=early + seed / 100)
        for name, early, late in (("relu", 0.4, 0.9), ("sgelu", 0.6, 0.8))
        for seed in range(2)
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    for horizon, difference in ((EARLY, 0.2), (LAST, -0.1)):
        family = comparisons.Trained(network("classifier", True), "activation", [("sgelu", "relu")], horizon)
        (case,) = family(snapshot)
        assert case.effect.estimate == pytest.approx(difference)


def test_another_metric_is_compared_over_seeds(tmp_path):
    accuracies = {"sigmoid": (0.5, 0.4), "tanh": (0.75, 0.75)}  # training losses 1.5, 1.6 and 1.25
    snapshot = small.snapshot(tmp_path / "r.sqlite", candidates("activation", accuracies))
    family = comparisons.Trained(
        network("classifier", True), "activation", [("sigmoid", "tanh")], metric="train_loss"
    )
    (case,) = family(snapshot)
    assert 1 + case.effect.estimate == pytest.approx((1.5 * 1.6) ** 0.5 / 1.25)
    assert case.unit == "ratio"


def test_what_diverged_or_collapsed_is_counted(tmp_path):
    accuracies = {"relu": (0.5, 0.6, 0.7, 0.6), "sgelu": (0.6, 0.7, 0.6)}
    runs = [
        *candidates("activation", accuracies),
        small.scored(0.1, seed=3, activation="sgelu", status="collapsed"),
    ]
    (case,) = explored()(small.snapshot(tmp_path / "r.sqlite", runs))
    assert (case.diverged, case.collapsed, case.effect.pairs) == (0, 1, 4)
    runs[-1] = small.scored(0.1, seed=3, activation="sgelu", status="diverged")
    (case,) = explored()(small.snapshot(tmp_path / "s.sqlite", runs))
    # Seeds 1 and 3 choose for 0 and 2, and no rate is without a diverged run among them.
    assert case.effect.pairs == case.effect.direction == 0
    assert "no eligible learning rate" in case.effect.reason


def test_optimizers_against_adam_with_a_margin(tmp_path):
    runs = list(candidates("optimizer", {"adam": (0.5, 0.6), "sgd": (0.6, 0.6), "rmsprop": (0.4, 0.6)}))
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    pairs = [("adam", "sgd"), ("adam", "rmsprop"), ("adam", "adagrad")]
    found = comparisons.Trained(OPTIMIZED, "optimizer", pairs, margin=-0.002)(snapshot)
    assert {both(case): case.effect.estimate for case in found} == {
        ("adam", "sgd"): pytest.approx(-0.05), ("adam", "rmsprop"): pytest.approx(0.05),
    }  # fmt: skip
    assert {case.effect.margin for case in found} == {-0.002}


def test_every_pair_is_compared_once():
    assert comparisons.against(["relu", "gelu", "sgelu"]) == [
        ("gelu", "relu"), ("sgelu", "relu"), ("sgelu", "gelu"),
    ]  # fmt: skip


def test_wrong_labels_cost_a_difference_of_differences(tmp_path):
    runs = [
        *candidates("loss", {"cross_entropy": (0.9, 0.8), "brier": (0.9, 0.8)}),
        *candidates("loss", {"cross_entropy": (0.5, 0.5), "brier": (0.8, 0.6)}, wrong_labels=0.4),
    ]
    (case,) = comparisons.label_noise(small.snapshot(tmp_path / "r.sqlite", runs))
    assert case.where == "40% wrong labels"
    assert case.effect.estimate == pytest.approx(np.mean([0.4 - 0.1, 0.3 - 0.2]))


def test_initial_weights_each_activation_against_itself(tmp_path):
    plain = {"batch_norm": False}
    runs = [
        *candidates(
            "initialization", {"torch": (0.5, 0.6), "variance": (0.7, 0.7)}, activation="sgelu", **plain
        ),
        *candidates("initialization", {"torch": (0.5, 0.6), "variance": (0.4, 0.5)}, **plain),
    ]
    found = {
        case.a: case
        for case in comparisons.initialization(["sgelu", "relu"])(small.snapshot(tmp_path / "r.sqlite", runs))
    }
    assert found["sgelu"].effect.estimate == pytest.approx(0.15)
    assert found["relu"].effect.estimate == pytest.approx(-0.1)


def descent(rate, batch_size, seed, excess, status="finished"):
    cell = RunConfig("logistic_regression", None, "sgd", rate, batch_size, None, "digits", 100, 1, seed)
    return cell, RunResult(status, [Measurement("excess_loss", step, v, "1") for step, v in excess.items()])


def test_each_descent_has_the_rate_that_is_best_at_the_point_looked_at(tmp_path):
    runs = [
        *(descent(0.1, 1, seed, {0: 1.0, 100: 0.1, 500: 0.09}) for seed in (0, 1)),
        *(descent(0.01, 1, seed, {0: 1.0, 100: 0.4, 500: 0.02}) for seed in (0, 1)),
        *(descent(1.0, 1, seed, {0: 1.0, 50: 0.001}, "diverged") for seed in (0, 1)),
        *(descent(1.0, 100, seed, {0: 1.0, 100: 0.8, 500: 0.01}) for seed in (0, 1)),
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    (early,), (late,) = comparisons.descents(1.0)(snapshot), comparisons.descents(None)(snapshot)
    assert 1 + early.effect.estimate == pytest.approx(0.1 / 0.8)
    assert 1 + late.effect.estimate == pytest.approx(0.02 / 0.01)


def test_synthetic_experiments_pooled_and_step_by_step(tmp_path):
    runs = [
        small.phenomenon("double_well", seed, {"stay": {0: 0.0, 1: 0.0}, "go": {0: 0.0, 1: value}})
        for seed, value in enumerate((1.0, 1.0, 0.0))
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    (pooled,) = comparisons.observed("double_well", "go", "stay", "share", steps=(0, 1), pool=True)(snapshot)
    assert pooled.effect.estimate == pytest.approx(1 / 3)
    assert pooled.runs == (1, 2, 3)
    each = comparisons.observed("double_well", "go", 0.0, "percent", steps=(0, 1), margin=0.5)(snapshot)
    assert [case.effect.estimate for case in each] == [0.0, pytest.approx(2 / 3)]
    assert comparisons.observed("double_well", "nothing", "stay", "share")(snapshot) == []
    (change,) = comparisons.between_steps("double_well", ("go",), "cosine")(snapshot)
    assert change.effect.estimate == pytest.approx(-2 / 3)


def test_times_are_ratios_of_medians(tmp_path):
    def timing(subject, way, seconds):
        rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
        return BenchmarkCase("activation_forward", subject, way, "4 elements", 4), RunResult("finished", rows)

    runs = [timing("swish", "impl", [4.0, 6.0, 5.0]), timing("sigmoid", "impl", [2.0, 9.0, 2.0])]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    pairs = [(("swish", way), ("sigmoid", way)) for way in ("impl", "torch")]
    (case,) = comparisons.times({"activation_forward": "forward"}, pairs)(snapshot)
    assert 1 + case.effect.estimate == pytest.approx(5 / 2)
    assert (case.where, case.runs) == ("forward, 4 elements", (1, 2))


def test_batches_are_counted_in_whole_samples(tmp_path):
    rows = [Measurement("seconds", step, 1e-3, "s") for step in range(3)]
    runs = [
        (BenchmarkCase("convolution_forward", subject, way, "1→16 at 28×28", 64), RunResult("finished", rows))
        for subject, way in (("unfold", "impl"), ("native", "torch"))
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", [*runs, small.scored(0.5)])
    (case,) = {c.identifier: c for c in claims.CLAIMS}["q10-torch"].family(snapshot)
    assert case.runs == (1, 2)
    assert case.where == "forward, 1→16 at 28×28, batch of 64"
    assert {c.identifier: c for c in claims.CLAIMS}["q10-vectorised"].family(
        snapshot
    ) == []  # the loops were not timed


def test_wrong_labels_rest_on_the_seeds_that_all_four_sides_have(tmp_path):
    runs = [
        *candidates("loss", {"cross_entropy": (0.9, 0.8, 0.5, 0.5), "brier": (0.9, 0.8, 0.7)}),
        *candidates("loss", {"cross_entropy": (0.5, 0.5, 0.3), "brier": (0.8, 0.6)}, wrong_labels=0.4),
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    (case,) = comparisons.label_noise(snapshot)
    assert case.effect.pairs == 2
    used = snapshot.runs.set_index("run").loc[list(case.runs)]
    assert sorted(used["seed"]) == [0] * 4 + [1] * 4


def test_wrong_labels_need_both_losses(tmp_path):
    runs = [
        *candidates("loss", {"cross_entropy": (0.9, 0.8), "brier": (0.9, 0.8)}),
        *candidates("loss", {"cross_entropy": (0.5, 0.5)}, wrong_labels=0.4),
    ]
    assert comparisons.label_noise(small.snapshot(tmp_path / "r.sqlite", runs)) == []


def test_a_rate_at_which_one_seed_diverged_is_not_the_best(tmp_path):
    runs = [
        *(descent(0.1, 1, seed, {0: 1.0, 100: 0.2}) for seed in (0, 1)),
        descent(1.0, 1, 0, {0: 1.0, 100: 0.001}),
        descent(1.0, 1, 1, {0: 1.0}, "diverged"),
        *(descent(1.0, 100, seed, {0: 1.0, 100: 0.8}) for seed in (0, 1)),
    ]
    (case,) = comparisons.descents(None)(small.snapshot(tmp_path / "r.sqlite", runs))
    assert 1 + case.effect.estimate == pytest.approx(0.2 / 0.8)
    assert sorted(case.runs) == [1, 2, 5, 6]


def test_one_descent_alone_is_no_comparison(tmp_path):
    snapshot = small.snapshot(tmp_path / "r.sqlite", [descent(0.1, 1, 0, {0: 1.0, 100: 0.2})])
    assert comparisons.descents(1.0)(snapshot) == comparisons.descents(None)(snapshot) == []


def test_other_experiments_on_the_network_are_kept_out(tmp_path):
    runs = [
        *candidates("wrong_labels", {0.4: (0.1,)}, activation="sgelu"),
        *candidates("loss", {"brier": (0.1,)}, activation="sgelu"),
        *candidates("initialization", {"variance": (0.1,)}, activation="sgelu"),
        *candidates("optimizer", {"sgd": (0.1,)}, activation="sgelu"),
        *candidates("activation", {"relu": (0.5,), "sgelu": (0.6,)}),
    ]
    (case,) = explored()(small.snapshot(tmp_path / "r.sqlite", runs))
    assert case.effect.estimate == pytest.approx(0.1)


def test_synthetic_experiments_are_compared_with_each_other_by_ratio_and_by_batch(tmp_path):
    runs = [
        small.phenomenon("zigzag", seed, {"long": {0: a}, "short": {0: b}})
        for seed, (a, b) in enumerate([(4.0, 2.0), (8.0, 1.0)])
    ]
    runs += [small.phenomenon("gradient_signs", 0, {"one sign": {1: 1.0, 2: 0.9, 8: 0.7}})]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    (case,) = comparisons.observed("zigzag", "long", "short", "ratio", relative=True)(snapshot)
    assert 1 + case.effect.estimate == pytest.approx(4.0)  # the geometric mean of 2 and 8
    each = comparisons.observed("gradient_signs", "one sign", 0.0, "percent", steps=(2, 8), margin=0.5)(
        snapshot
    )
    assert [(c.where, c.effect.estimate) for c in each] == [("batches of 2", 0.9), ("batches of 8", 0.7)]
    assert {(c.effect.margin, c.runs) for c in each} == {(0.5, (3,))}
    assert comparisons.between_steps("zigzag", ("nothing",), "cosine")(snapshot) == []
