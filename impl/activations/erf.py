"""Rational approximations of x erf(x) and its derivative in float32: no exponential, one division each.

x erf(x) is even and its derivative odd, so functions of s = x² suffice; both reach their asymptote within
float32 before |x| = 4.4. R(s)/Q(s) + middle is the minimax fit in relative error (reweighted linear least
squares, Lawson 1961, weighted with the denominator of the step before, Loeb 1957), rounded to float32.
`tests/impl/activations/test_erf.py` repeats the fit and compares the errors with erf.

The constant `middle` lies near the middle of the ratio's range: rounding in R, Q and the division then
affects a part of the sum only.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Rational(NamedTuple):
    """A function s -> middle + R(s)/Q(s) on [0, end²]; coefficients from the constant upwards."""

    end: float
    middle: float
    R: tuple[float, ...]
    Q: tuple[float, ...]


# erf(x)/x; beyond the end x erf(x) is |x|, and erfc(3.9) = 3.5e-8
VALUE = Rational(
    3.9,
    0.3125,
    (
        0.8158791661262512,
        0.03297359123826027,
        0.017099663615226746,
        -0.0009223491069860756,
        -7.662009738851339e-05,
        -9.892915841192007e-06,
    ),
    (
        1.0,
        0.5014215111732483,
        0.11381936818361282,
        0.014914363622665405,
        0.0011573870433494449,
        3.827002728939988e-05,
    ),
)

# erf(x)/x + 2/√π exp(-x²); beyond the end the slope is ±1 within 4.5e-8
SLOPE = Rational(
    4.3,
    0.4375,
    (
        1.8192583322525024,
        -0.3880736231803894,
        0.07822209596633911,
        -0.009039530530571938,
        -0.0002109179476974532,
        -5.988964039715938e-05,
        -6.757139090041164e-06,
        -7.39553200901355e-08,
    ),
    (
        1.0,
        0.6136736869812012,
        0.17835703492164612,
        0.032283615320920944,
        0.00401321891695261,
        0.0003396625106688589,
        2.2648024241789244e-05,
        1.6904073163459543e-07,
    ),
)


# erf(x)/x over the denominator of the slope, where both are needed: off by at most 7e-7
VALUE_BY_SLOPE = (
    1.1283783912658691,
    0.31634533405303955,
    0.08322694897651672,
    0.011779343709349632,
    0.001209214678965509,
    9.487733041169122e-05,
    3.383629064046545e-06,
    -1.4659733871269509e-08,
    2.3230889434344704e-10,
)


def _horner(coefficients: tuple[float, ...], s: Tensor) -> Tensor:
    """Evaluate a polynomial of degree one or more at s by Horner's rule."""
    value = coefficients[-1] * s + coefficients[-2]
    for c in coefficients[-3::-1]:
        value = value * s + c
    return value


def polynomial(coefficients: tuple[float, ...], s: Tensor) -> Tensor:
    """Return c₀ + c₁ s + c₂ s² + … as (c₀ + c₂ s² + …) + s (c₁ + c₃ s² + …): it rounds less than Horner's."""
    even, odd = coefficients[0::2], coefficients[1::2]
    return _horner(even, s * s) + s * _horner(odd, s * s)


def rational(r: Rational, s: Tensor) -> Tensor:
    """Return middle + R(s)/Q(s), elementwise; float32 of any shape."""
    return polynomial(r.R, s) / polynomial(r.Q, s) + r.middle


def x_erf_x(x: Tensor) -> Tensor:
    """Return x erf(x), elementwise; float32 of any shape."""
    s = x * x
    return torch.where(x.abs() > VALUE.end, x.abs(), s * rational(VALUE, s))


def _slope_beyond(x: Tensor, ratio: Tensor) -> Tensor:
    """Return ±1 where |x| is past the end, else the ratio."""
    return torch.where(x > SLOPE.end, 1.0, torch.where(x < -SLOPE.end, -1.0, ratio))


def x_erf_x_slope(x: Tensor) -> Tensor:
    """Return erf(x) + 2/√π x exp(-x²), the derivative of x erf(x); float32 of any shape."""
    return _slope_beyond(x, x * rational(SLOPE, x * x))


def x_erf_x_slope_and_value(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return `x_erf_x_slope` and, for the gradient of a factor, x erf(x) with relative error 7e-7."""
    s = x * x
    part = 1 / polynomial(SLOPE.Q, s)
    slope = x * (polynomial(SLOPE.R, s) * part + SLOPE.middle)
    value = s * (polynomial(VALUE_BY_SLOPE, s) * part)
    return _slope_beyond(x, slope), torch.where(x.abs() > SLOPE.end, x.abs(), value)
