import math

import mpmath
import pytest
import sympy

from report.answers import q09


def test_all_forms_of_the_derivative_equal_sympy_s():
    assert q09.identities() == dict.fromkeys(("product", "printed", "short", "sigmoid"), True)


def test_minimum_against_mpmath():
    x = mpmath.findroot(lambda z: mpmath.diff(lambda y: y / (1 + mpmath.exp(-y)), z), -1.3)
    found = q09.extremes()
    assert found["x"] == pytest.approx(float(x), abs=1e-12)
    assert found["search_x"] == pytest.approx(float(x), abs=1e-6)
    assert found["f"] == pytest.approx(float(1 + x), abs=1e-12)  # e^x + 1 + x = 0, so σ = 1 + 1/x
    assert found["slope"] == pytest.approx(0, abs=1e-12)
    assert found["f"] == pytest.approx(-float(mpmath.lambertw(math.exp(-1))), abs=1e-12)


def test_limits():
    found = {name: int(limit) for name, limit in q09.limits().items()}
    assert found == {"left": 0, "right_share": 1, "left_slope": 0, "right_slope": 1}


def test_operations_as_counted_by_hand():
    found = q09.counts()
    assert found["swish"] == {"MUL": 2, "ADD": 1, "SUB": 1}  # x·σ; σ + f·(1 − σ)
    assert found["sigmoid"] == {"MUL": 1, "ADD": 0, "SUB": 1}  # σ·(1 − σ)
    assert found["product"] == {"MUL": 2, "ADD": 1, "SUB": 1}  # σ + x·σ·(1 − σ)
    x, y = sympy.symbols("x y")
    assert q09.operations(x * y, x + y) == {"MUL": 1, "ADD": 1, "SUB": 0}


def test_erratum_only_where_the_count_differs_from_the_printed_one():
    assert [e.identifier for e in q09.errata({"counts": q09.counts()})] == ["q09-count"]
    assert q09.errata({"counts": q09.PRINTED}) == []
