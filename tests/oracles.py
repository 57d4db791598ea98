"""The activations by their formulas, for mpmath: of x and of the parameter that some have."""

import mpmath


def sigma(x):
    return 1 / (1 + mpmath.exp(-x))


ORACLES = {
    "sigmoid": lambda x, _: sigma(x),
    "tanh": lambda x, _: mpmath.tanh(x),
    "relu": lambda x, _: max(x, mpmath.mpf(0)),
    "swish": lambda x, b: x * sigma(b * x),
    "gelu": lambda x, _: x * mpmath.ncdf(x),
    "sgelu": lambda x, _: x * mpmath.erf(x),
    "ada_sgelu": lambda x, a: a * x * mpmath.erf(x),
    "sgelu_yu": lambda x, _: x * mpmath.erf(x / mpmath.sqrt(2)),
    "lisht": lambda x, _: x * mpmath.tanh(x),
    "mish": lambda x, _: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "elu": lambda x, a: x if x > 0 else a * mpmath.expm1(x),
}
