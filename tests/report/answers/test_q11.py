import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch
from torch import nn

from bench.records.runs import Measurement
from impl.data import datasets
from impl.models import FcAutoencoder
from impl.training.initialization import second_moment
from report.algebra.identities import Identity, holds, outcome
from report.algebra.latex import x
from report.answers.q11 import algebra as q11_algebra
from report.answers.q11 import answer as q11
from report.answers.q11 import autoencoders as q11_autoencoders
from report.answers.q11 import evidence as q11_evidence
from report.answers.q11 import gaussian as q11_gaussian
from report.answers.q11 import horizons as q11_horizons
from report.answers.q11 import reasons as q11_reasons
from report.answers.q11 import signal as q11_signal
from report.document.phrases import tally
from tests import small_store as small
from tests.said import said


def normal_mean(f):
    return float(mpmath.quad(lambda z: f(z) * mpmath.npdf(z), [-mpmath.inf, -1, 0, 1, mpmath.inf]))


def test_gains_against_mpmath():
    assert second_moment(q11.ACTIVATIONS["relu"].f) == pytest.approx(0.5, abs=1e-12)  # half of E[Z²]
    gelu, sgelu = (lambda z: (z * mpmath.ncdf(z)) ** 2), (lambda z: (z * mpmath.erf(z)) ** 2)
    assert q11_gaussian.gelu_facts()["gain"] == pytest.approx(normal_mean(gelu))
    assert q11_gaussian.sgelu_facts()["gain"] == pytest.approx(normal_mean(sgelu))


def test_gelu_left_of_zero():
    found = q11_gaussian.gelu_facts()
    x = mpmath.findroot(lambda z: mpmath.ncdf(z) + z * mpmath.npdf(z), -0.75)
    assert found["minimum_x"] == pytest.approx(float(x), abs=1e-6)
    assert found["minimum"] == pytest.approx(float(x * mpmath.ncdf(x)), abs=1e-12)
    squared = lambda z: (mpmath.ncdf(z) + z * mpmath.npdf(z)) ** 2  # noqa: E731
    left = float(mpmath.quad(lambda z: squared(z) * mpmath.npdf(z), [-mpmath.inf, -1, 0]))
    assert found["share"] == pytest.approx(left / normal_mean(squared))


def test_sgelu_by_hand():
    found = q11_gaussian.sgelu_facts()
    assert found["even"]
    assert found["share"] == pytest.approx(0.5)  # an odd derivative, squared, is even
    assert found["steepest"] == pytest.approx(float(mpmath.erf(1) + 2 / mpmath.sqrt(mpmath.pi) / mpmath.e))
    assert max(found[name] for name in ("symmetrised", "from_gelu", "from_yu", "probability")) < 1e-12
    assert found["apart"] > 0.1  # the two SGELUs are not one


def test_parity_tells_the_three_kinds_apart():
    found = {name: q11_gaussian.parity(q11.ACTIVATIONS[name].f) for name in ("sgelu", "tanh", "gelu")}
    assert found == {"sgelu": "even", "tanh": "odd", "gelu": "neither"}


def test_the_printed_network_repeats_one_pair():
    assert q11.doubled() == 1


def test_each_erratum_only_where_it_is_so():
    g = q11_gaussian.gelu_facts()
    found = {"g": g, "doubled": 1}
    assert [e.identifier for e in q11.errata(found)] == ["q11-negative", "q11-rare", "q11-doubled"]
    blind = {**g, "share": 0.0, "gate_left": g["gate_right"]}  # no slope there, and a gate that is even
    assert q11.errata({"g": blind, "doubled": 0}) == []


def test_tally():
    found = tally([1, 1, 0, -1], "slower", "faster")
    assert found == ["slower in 2 of 4 cases", "faster in 1", "inconclusive in 1"]


def with_more(run, values):
    """A run with more metrics: by step a number."""
    config, outcome = run
    more = [Measurement(metric, step, v, "1") for metric, by in values.items() for step, v in by.items()]
    return config, replace(outcome, measurements=[*outcome.measurements, *more])


def test_the_course_of_alpha_is_the_mean_over_seeds_by_layer_and_epoch(tmp_path):
    runs = [
        with_more(
            small.scored(0.9, activation="ada_sgelu", seed=seed),
            {"alpha 1": {0: 1.0, 1: 1.25 + seed / 10}, "alpha 2": {0: 1.0, 1: 0.5}},
        )
        for seed in (0, 1)
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", [*runs, small.scored(0.9)])
    found = {(row.layer, row.step): row.value for row in q11_reasons.alphas(snapshot).itertuples()}
    assert found == pytest.approx({(1, 0): 1.0, (1, 1): 1.3, (2, 0): 1.0, (2, 1): 0.5})
    assert set(q11_reasons.alpha_figure(snapshot).table["network"]) == {"classifier with batch norm"}
    without = small.snapshot(tmp_path / "none.sqlite", [small.scored(0.9)])
    assert q11_reasons.alpha_figure(without) is None


def test_signals_of_the_fully_connected_autoencoder_by_numpy():
    """The first seed's network, layer by layer with numpy; means over seeds are near those of one."""
    images = datasets.load("digits", None).train_images[: q11_signal.IMAGES].flatten(1).double().numpy()
    erf = np.vectorize(math.erf)
    sizes = []
    for seed in range(q11_signal.SEEDS):
        torch.manual_seed(seed)
        model = FcAutoencoder(nn.Identity)
        h, of_layers = images, []
        linears = [m for m in model.modules() if isinstance(m, nn.Linear)]
        for linear in linears[:-1]:
            z = h @ linear.weight.detach().double().numpy().T + linear.bias.detach().double().numpy()
            h = z * erf(z)
            of_layers.append(np.sqrt((h**2).mean()))
            h = (h - h.mean(0)) / np.sqrt(h.var(0) + 1e-5)
        sizes.append(of_layers)
    frame = q11_signal.by_layer()
    part = frame[
        (frame["series"] == "RMS of activations")
        & (frame["panel"] == q11_signal.FC)
        & (frame["activation"] == "sgelu")
    ].sort_values("layer")
    np.testing.assert_allclose(part["value"], np.mean(sizes, axis=0), rtol=1e-4)


def test_the_text_says_how_the_signal_changes():
    values = q11.values()
    signal = values["signal"]
    first_to_last = q11_signal.shrinkage(q11_signal.by_layer(), q11_signal.FC, "sgelu")
    assert signal["fc"] == first_to_last
    assert signal["deep"] < signal["relu"] < 1
    text = said("q11", {**values, "signal": {**signal, "fc": 0.5, "scaled": 0.001, "deep": 0.01}})
    assert "do not help: it falls to" in text
    assert "SGELU's signal shrinks (factor 0.50)" in text
    assert dict(map(tuple, signal["gains"]))["ReLU"] == "1.41"


def test_final_rows_show_the_chosen_rate_and_differences(tmp_path):
    runs = []
    for seed in range(3):
        runs += [
            small.scored(0.7 + seed / 100, 3e-3, seed, held_out=0.9),
            small.scored(0.5 + seed / 100, 1e-3, seed, held_out=0.8),
            small.scored(0.6 + seed / 100, 1e-3, seed, activation="sgelu"),
            small.scored(0.7 + (seed == 1) / 10, 1e-3, seed, activation="gelu"),
        ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    relu, gelu, sgelu = q11_evidence.final_rows(
        snapshot, "classifier", True, "classifier with batch norm", lambda x: f"{100 * x:.0f}"
    )
    assert relu[:2] == ["ReLU", "0.003"]
    assert relu[2].startswith("71 (")
    assert relu[3:] == ["71", *["not compared"] * 2]
    assert gelu[4].startswith("+2.33 (")
    assert gelu[4].endswith(")")  # undecided
    assert sgelu[1] == "0.001"
    assert sgelu[4].startswith("−10.00 (−10.00 to −10.00), below")


def test_losses_are_summarized_by_geometric_mean_and_median(tmp_path):
    runs = [small.reconstructed(loss, seed=seed) for seed, loss in enumerate((0.01, 0.02, 0.08, 0.04))]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    (row,) = q11_evidence.final_rows(
        snapshot, "fc_autoencoder", True, "fully connected autoencoder", lambda x: f"{1000 * x:.2f}"
    )
    assert row[2].startswith("28.28 (")  # the fourth root of 64
    assert row[3] == "30.00"


def test_every_network_of_the_question_is_asked_whether_it_finished(tmp_path):
    runs = [
        small.scored(0, activation="sgelu", task="deep_classifier", batch_norm=None, status="diverged"),
        *(small.scored(0, seed=seed, task="fc_autoencoder", loss="mse", status="failed") for seed in (0, 1)),
        small.reconstructed(0.1, seed=2),
        small.scored(0, task="scratch_cnn", batch_norm=None, status="diverged"),  # of question 10
        small.scored(0.9),
    ]
    assert q11_autoencoders.troubles(small.snapshot(tmp_path / "r.sqlite", runs)) == [
        "2 of 3 runs of the fully connected autoencoder failed",
        "1 of 1 runs of the GELU paper's classifier diverged",
    ]


def test_initial_weights_are_told_with_their_verdict(tmp_path):
    plain, runs = {"activation": "sgelu", "batch_norm": False}, []
    for kind, accuracy in (("torch", 0.5), ("variance", 0.6)):
        runs += [small.scored(accuracy, seed=seed, initialization=kind, **plain) for seed in range(9)]
    assert q11_reasons.initial_rows(small.snapshot(tmp_path / "r.sqlite", runs)) == [
        ["classifier without batch norm, SGELU", "+10.00 points (+10.00 to +10.00)", "better"]
    ]


def test_an_autoencoder_has_its_losses_and_its_pictures(tmp_path):
    runs, shown = [], np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    for name, loss in (("relu", 0.2), ("sgelu", 0.4)):  # under the second seed twice that
        for seed in range(2):
            cell, outcome = small.reconstructed(loss * (1 + seed), activation=name, seed=seed)
            pictures = {"input": shown, "reconstruction": shown + (name == "relu")} if seed == 0 else {}
            runs.append((cell, replace(outcome, arrays={**outcome.arrays, **pictures})))
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    found = q11_autoencoders.autoencoder(snapshot, "fc_autoencoder")
    relu, sgelu = found["rows"]
    assert relu[0] == "ReLU"
    assert relu[2:4] == ["283 (3.46 to 23122)", "300"]  # thousandths
    assert sgelu[4].startswith("2.00 (")
    assert found["seeds"] == 2
    assert "the inputs, then their reconstructions with ReLU and SGELU" in found["figure"].svg
    pictures = q11_autoencoders.pictures(snapshot, "fc_autoencoder")
    assert list(pictures) == ["input", "ReLU", "SGELU"]
    np.testing.assert_array_equal(pictures["ReLU"], shown + 1)
    assert q11_autoencoders.autoencoder(snapshot, "conv_autoencoder") is None


def test_curves_of_the_classifier_are_means_over_seeds_from_the_first_horizon(tmp_path):
    runs = []
    for name in ("relu", "control"):
        for seed, accuracy in enumerate((0.5, 0.7)):
            runs.append(small.scored(0.9, held_out=accuracy, activation=name, seed=seed))
    frame = q11_evidence.averaged(small.snapshot(tmp_path / "r.sqlite", runs))
    assert set(frame["activation"]) == {"relu"}  # the control is no candidate of the figure
    assert set(frame["step"]) == {0.5, 1, 2}
    means = frame[frame["step"] == 2].set_index("metric")["mean"].to_dict()
    assert means[q11_evidence.METRICS["validation_accuracy"]] == pytest.approx(60.0)
    assert means[q11_evidence.METRICS["validation_loss"]] == pytest.approx(0.4)


EQUATIONS = q11_algebra.identities()


@pytest.mark.parametrize("k", range(len(EQUATIONS)))
def test_equations_are_derived_and_wrong_ones_are_not(k):
    equation = EQUATIONS[k]
    assert holds(equation)
    assert not holds(Identity(equation.name, equation.left, [2 * side for side in equation.right]))


def test_derived_sides_have_the_values_of_mpmath():
    second, even, from_gelu = (equation.right[0] for equation in q11_algebra.relations()[1:4])
    for point in (-1.7, -0.3, 0.6, 2.2):
        curvature = mpmath.diff(lambda z: z * mpmath.erf(z), point, 2)
        assert float(second.subs(x, point)) == pytest.approx(float(curvature), rel=1e-8)
        sides = point * mpmath.ncdf(point) - point * mpmath.ncdf(-point)
        assert float(even.subs(x, point)) == pytest.approx(float(sides), rel=1e-12)
        assert float(from_gelu.subs(x, point)) == pytest.approx(point * math.erf(point), rel=1e-12)
    for r in (0.02, 0.01):
        mean = normal_mean(lambda z, r=r: (r * z * mpmath.erf(r * z)) ** 2)
        assert mean / r**4 == pytest.approx(float(q11_algebra.small_signals()[1].right[0]), rel=5 * r**2)


def test_the_text_says_whether_the_equations_were_derived():
    values = q11.values()
    assert f"Sympy confirms all {len(EQUATIONS)} equations" in said("q11", values)
    wrong = outcome([Identity("the first", [EQUATIONS[0].left[0]], [0])])
    assert "the equations of this answer but the first" in said("q11", {**values, "algebra": wrong})


def test_the_advantage_is_drawn_at_every_horizon_beside_the_largest_control(tmp_path):
    early = {"relu": 0.4, "gelu": 0.5, "sgelu": 0.6, "control": 0.43, "control 2": 0.39}
    late = {"relu": 0.8, "gelu": 0.9, "sgelu": 0.7, "control": 0.81, "control 2": 0.78}
    runs = [
        small.scored(late[name], seed=seed, activation=name, early=early[name])
        for name in late
        for seed in range(4)
    ]
    frame = q11_horizons.by_horizon(small.snapshot(tmp_path / "r.sqlite", runs))
    assert set(frame["network"]) == {"classifier with batch norm (accuracy, points)"}
    found = {(row.baseline, row.epochs): (row.value, row.control) for row in frame.itertuples()}
    expected = {
        ("ReLU", 0.5): (20, 3), ("ReLU", 1): (-10, 2), ("ReLU", 2): (-10, 2),
        ("GELU", 0.5): (10, 3), ("GELU", 1): (-20, 2), ("GELU", 2): (-20, 2),
    }  # fmt: skip
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key] == pytest.approx(values, abs=1e-4)
    figure = q11_horizons.advantages_figure(small.snapshot(tmp_path / "s.sqlite", runs)).svg
    assert "SGELU minus ReLU, classifier with batch norm (accuracy, points): 20, in the end −10" in figure


def test_losses_by_horizon_are_per_cent(tmp_path):
    runs = [
        small.reconstructed(loss, seed=seed, activation=name)
        for name, loss in (("relu", 0.1), ("ada_sgelu", 0.15))
        for seed in range(4)
    ]
    frame = q11_horizons.by_horizon(small.snapshot(tmp_path / "r.sqlite", runs))
    assert set(frame["network"]) == {"fully connected autoencoder (loss, %)"}
    assert frame["value"].tolist() == pytest.approx([50.0] * 3, rel=1e-5)


def test_results_by_rate_are_means_over_the_seeds_of_the_rate(tmp_path):
    runs = [
        small.scored(accuracy + seed / 100, rate, seed)
        for rate, accuracy, seeds in ((1e-3, 0.5, 4), (1e-2, 0.7, 2), (1e-1, 0.3, 1))
        for seed in range(seeds)
    ]
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    frame = q11_horizons.by_rate(snapshot).set_index("rate")
    assert frame["mean"].to_dict() == pytest.approx({1e-3: 51.5, 1e-2: 70.5, 1e-1: 30.0})
    assert "ReLU at 0.01 in the classifier" in q11_horizons.sensitivity_figure(snapshot).svg
    alone = small.snapshot(tmp_path / "one.sqlite", runs[:6])
    assert q11_horizons.sensitivity_figure(alone) is None
