import mpmath
import numpy as np
import pandas as pd
import pytest

from bench.statistics import Difference
from report import claims
from report.answers import q11, q11_gaussian
from report.phrases import tally


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


@pytest.mark.parametrize(
    ("signs", "word"),
    [
        ([1, 1], "supported"),
        ([-1, -1], "contradicted"),
        ([0, 0], "undecided"),
        ([1, 0], "supported in part"),
        ([-1, 0], "contradicted in part"),
        ([1, -1, 0], "mixed"),
        ([], "not measured"),
    ],
)
def test_verdict(signs, word):
    assert claims.verdict(signs) == word


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(-0.1, 0.1, 1), (-0.3, 0.1, 0), (-0.1, -0.05, -1), (0.1, 0.2, 1)]
)
def test_on_par_is_a_margin_and_never_a_deficit(low, high, sign):
    assert claims.at_par(Difference(0.0, low, high, 3), margin=0.2) == sign


def test_tally():
    found = tally([1, 1, 0, -1], "slower", "faster")
    assert found == "slower in 2 of 4 cases, faster in 1 and undecided in 1"


@pytest.mark.parametrize(("better", "word"), [("sgelu", "contradicted"), ("relu", "supported")])
def test_a_claim_follows_the_sign_of_the_pairs(monkeypatch, better, word):
    def final(snapshot, task, metric, batch_norm):
        base = pd.Series(np.linspace(0.5, 0.6, 3))
        gain = pd.Series([0.1, 0.11, 0.12])
        high = {"sgelu": base + gain, "relu": base, "gelu": base}
        return pd.DataFrame(high if better == "sgelu" else {**high, "sgelu": base - gain})

    monkeypatch.setattr(claims, "final", final)
    assert claims.claims(None)[3].verdict == word  # without batch norm SGELU struggles
