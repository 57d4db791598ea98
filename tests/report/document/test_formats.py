"""Numbers as readers see them; the expected strings are written by hand."""

import math

import numpy as np
import pytest

from report.document.formats import FILTERS, count, matrix, number

WRITTEN = [
    ("number", (1.23456,), {}, "1.23"),
    ("number", (-0.5,), {"digits": 2}, "−0.50"),
    ("number", (9.996,), {}, "10.0"),
    ("number", (1234.5,), {"digits": 5}, "1234.5"),
    ("number", (-1.2345e-7,), {}, "−1.23\u00a0×\u00a010⁻⁷"),
    ("number", (6e10,), {"digits": 1}, "6\u00a0×\u00a010¹⁰"),
    ("number", (0,), {}, "0.00"),
    ("number", (-0.001,), {"fixed": 2}, "0.00"),
    ("number", (np.float32(2.5),), {"fixed": 1}, "2.5"),
    ("percent", (0.8575,), {}, "85.8\u00a0%"),
    ("percent", (-0.5, 0), {}, "−50\u00a0%"),
    ("count", (60000,), {}, "60\u202f000"),
    ("count", (np.int64(-1234567),), {}, "−1\u202f234\u202f567"),
    ("duration", (3.1e-6,), {}, "3.1\u00a0µs"),
    ("duration", (0.9996,), {}, "1.0\u00a0s"),
    ("duration", (4.2e-10,), {}, "0.42\u00a0ns"),
    ("duration", (80,), {}, "1\u00a0min 20\u00a0s"),
    ("duration", (59.7,), {}, "1\u00a0min 0\u00a0s"),
    ("duration", (7500,), {}, "2\u00a0h 5\u00a0min"),
    ("duration", (0,), {}, "0.0\u00a0ns"),
    ("bytes", (512,), {}, "512\u00a0B"),
    ("bytes", (1234567,), {}, "1.23\u00a0MB"),
    ("matrix", ([[1, -2], [0, 3]],), {}, r"\begin{pmatrix} 1 & -2 \\ 0 & 3 \end{pmatrix}"),
    ("matrix", ([0.5, 1.0],), {"fixed": 1}, r"\begin{pmatrix} 0.5 \\ 1.0 \end{pmatrix}"),
]


@pytest.mark.parametrize(("name", "given", "options", "written"), WRITTEN)
def test_written(name, given, options, written):
    assert FILTERS[name](*given, **options) == written


@pytest.mark.parametrize("name", ["number", "percent", "count", "duration", "bytes"])
@pytest.mark.parametrize("given", [math.nan, math.inf, None, "3", True])
def test_what_is_no_number_is_an_error(name, given):
    with pytest.raises(ValueError, match="expected a finite number"):
        FILTERS[name](given)


@pytest.mark.parametrize("digits", range(1, 8))
def test_number_keeps_its_digits(digits):
    rng = np.random.default_rng(0)
    for x in rng.lognormal(sigma=9, size=50):
        text = (
            number(x, digits)
            .replace("\u00a0×\u00a010", "e")
            .translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
        )
        assert float(text) == pytest.approx(x, rel=0.5 * 10 ** (1 - digits))


def test_count_takes_whole_numbers():
    with pytest.raises(ValueError, match=r"2\.5, expected a whole number"):
        count(2.5)


@pytest.mark.parametrize("shape", [(), (0,), (2, 2, 2)])
def test_matrix_shapes(shape):
    with pytest.raises(ValueError, match="expected \\(rows, columns\\)"):
        matrix(np.zeros(shape))
