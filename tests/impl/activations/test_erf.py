"""The rational functions against erf in double precision, and their coefficients against a fit made anew."""

import math

import numpy as np
import pytest
import torch
from numpy.polynomial import Chebyshev, Polynomial
from scipy import special

from impl.activations import erf

POINTS = 4000


def value_over_x(x):
    return special.erf(x) / x


def slope_over_x(x):
    return special.erf(x) / x + 2 / math.sqrt(math.pi) * np.exp(-(x**2))


def minimax(h, end, degrees):
    """R and Q (constant of Q: 1) that make the largest |R(s)/Q(s) / h(√s) - 1| on [0, end²] small, and it."""
    t = np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)
    wanted = h(np.sqrt((t + 1) / 2 * end**2))
    R_basis, Q_basis = (np.polynomial.chebyshev.chebvander(t, degree) for degree in degrees)
    lawson, denominator, best = np.ones(POINTS), np.ones(POINTS), (math.inf, None)
    matrix = np.hstack([R_basis, -wanted[:, None] * Q_basis[:, 1:]])
    for step in range(300):
        weight = np.sqrt(lawson) / wanted / np.abs(denominator)
        x = np.linalg.lstsq(matrix * weight[:, None], wanted * weight, rcond=None)[0]
        R, Q = x[: degrees[0] + 1], np.r_[1, x[degrees[0] + 1 :]]
        denominator = Q_basis @ Q
        error = np.abs(R_basis @ R / denominator / wanted - 1)
        best = min(best, (error.max(), (R, Q)), key=lambda pair: pair[0])
        if step > 10:
            lawson *= np.sqrt(error + 1e-30)
            lawson /= lawson.sum()
    worst, pair = best
    R, Q = (Chebyshev(c, domain=[0, end**2]).convert(kind=Polynomial, domain=[-1, 1]).coef for c in pair)
    return worst, R / Q[0], Q / Q[0]


@pytest.mark.parametrize(
    ("stored", "h"), [(erf.VALUE, value_over_x), (erf.SLOPE, slope_over_x)], ids=["value", "slope"]
)
def test_the_coefficients_are_those_of_a_minimax_fit(stored, h):
    # the slope's has one degree less above than below before the middle is taken out
    degrees = (len(stored.Q) - 1 - (stored is erf.SLOPE), len(stored.Q) - 1)
    worst, R, Q = minimax(h, stored.end, degrees)
    assert worst < 2e-8
    s = np.linspace(1e-6, stored.end**2, 1001)
    ours = stored.middle + Polynomial(stored.R)(s) / Polynomial(stored.Q)(s)
    # coefficients of a ratio are not well determined one by one; the ratio is
    np.testing.assert_allclose(ours, Polynomial(R)(s) / Polynomial(Q)(s), rtol=1.5e-7)
    np.testing.assert_allclose(stored.Q, Q, rtol=1e-3)
    np.testing.assert_array_equal(np.float32(stored.R), stored.R)
    np.testing.assert_array_equal(np.float32(stored.Q), stored.Q)


@pytest.mark.parametrize("coefficients", [erf.VALUE.Q, erf.SLOPE.R], ids=["even degree", "odd degree"])
def test_polynomial_is_the_sum_of_powers(coefficients):
    s = torch.linspace(0, 4, 101, dtype=torch.float64)
    expected = sum(c * s**k for k, c in enumerate(coefficients))
    torch.testing.assert_close(erf.polynomial(coefficients, s), expected)


def test_beyond_the_ends():
    x = torch.tensor([-1e30, -5.0, 5.0, 1e30, math.inf, -math.inf])
    torch.testing.assert_close(erf.x_erf_x(x), x.abs(), rtol=0, atol=0)
    torch.testing.assert_close(erf.x_erf_x_slope(x), x.sign(), rtol=2e-7, atol=0)
