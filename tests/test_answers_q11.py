import mpmath
import pytest

from report.answers import q11, q11_evidence, q11_gaussian, q11_reasons
from report.phrases import tally
from tests import small_store as small


def normal_mean(f):
    return float(mpmath.quad(lambda z: f(z) * mpmath.npdf(z), [-mpmath.inf, -1, 0, 1, mpmath.inf]))


def test_gains_against_mpmath():
    assert q11_gaussian.gain(q11.ACTIVATIONS["relu"].f) == pytest.approx(0.5, abs=1e-12)  # half of E[Z²]
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
    assert found == "slower in 2 of 4 cases, faster in 1 and undecided in 1"


def reasons_of(tmp_path, alphas):
    """Two layers of one network, looked into before training and after an epoch."""
    runs = []
    for name in ("relu", "ada_sgelu"):
        runs.append(small.tuning(0.9, 1e-3, activation=name))
        inside = {
            f"{series} {k}": {0: k / 10, 1: k / 5}
            for series in ("activation rms", "gradient norm")
            for k in (1, 2)
        }
        path = {"alpha 1": dict(enumerate(alphas))} if name == "ada_sgelu" else {}
        runs.append(small.run({"test_accuracy": 0.9, **inside, **path}, activation=name))
    return q11_reasons.reasons(small.snapshot(tmp_path / "r.sqlite", runs))


def test_reasons_show_ends_of_the_signal_and_the_path_of_alpha(tmp_path):
    found = reasons_of(tmp_path, [1.0, 1.25, 1.5])
    assert found["signals"][0] == ["classifier with batch norm, ReLU", "0.10", "0.20", "0.10", "0.20"]
    assert found["alphas"] == [["classifier with batch norm, layer 1", "1.00 → 1.25 → 1.50"]]
    assert dict(found["gains"])["ReLU"] == "1.41"
    assert found["figure"] is None  # of the deep network, which was not trained
    assert found["initial"] == []


def test_without_diagnostics_there_are_no_reasons(tmp_path):
    assert q11_reasons.reasons(small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)])) is None


def test_final_rows_show_the_chosen_rate_and_what_one_rate_gives(tmp_path):
    runs = [small.tuning(0.9, 3e-3), small.tuning(0.8, 1e-3), small.tuning(0.7, 1e-3, activation="sgelu")]
    for seed in range(3):
        runs += [small.scored(0.7 + seed / 100, 3e-3, seed), small.scored(0.5 + seed / 100, 1e-3, seed)]
        runs.append(small.scored(0.6 + seed / 100, 1e-3, seed, activation="sgelu"))
    snapshot = small.snapshot(tmp_path / "r.sqlite", runs)
    relu, sgelu = q11_evidence.final_rows(
        snapshot, "classifier", True, "classifier", lambda x: f"{100 * x:.0f}"
    )
    assert relu[:2] == ["ReLU", "0.003"]
    assert relu[2].startswith("71 (")
    assert relu[3:5] == ["not compared"] * 2
    assert relu[5].startswith("51 (")
    assert sgelu[1] == "0.001"
    assert sgelu[3].startswith("−10.00 points (−10.00 to −10.00), ")
