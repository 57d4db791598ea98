"""Number formats: the filters with which templates write values, in text and in formulas."""

import base64
import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

MINUS = "\u2212"
NO_BREAK = "\u00a0"
THIN = "\u202f"  # narrow and no-break, between groups of three digits
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
# Beyond these exponents plain digits are harder to read than a power of ten.
PLAIN = range(-4, 6)


def _finite(x: Any, name: str) -> float:
    value = float(x) if isinstance(x, int | float | np.number) and not isinstance(x, bool) else math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{name} was given {x!r}, expected a finite number; say `missing` where there is none"
        )
    return value


def _signed(text: str) -> str:
    """Return `text` with a true minus sign, and none before a zero."""
    return text.replace("-", MINUS) if any(c in "123456789" for c in text) else text.replace("-", "")


def number(x: Any, digits: int = 3, fixed: int | None = None) -> str:
    """Format `x` with `digits` significant digits or `fixed` decimals, as a power of ten where suitable.

    Raises ValueError for what is not a finite number.
    """
    value = _finite(x, "number")
    if fixed is not None:
        return _signed(f"{value:.{fixed}f}")
    mantissa, exponent = f"{value:.{max(digits - 1, 0)}e}".split("e")
    if int(exponent) in PLAIN:
        return _signed(f"{value:.{max(digits - 1 - int(exponent), 0)}f}")
    return f"{_signed(mantissa)}{NO_BREAK}×{NO_BREAK}10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def percent(x: Any, digits: int = 1) -> str:
    """Format a fraction as a percentage with `digits` decimals: one half is "50.0 %"."""
    hundredths = 100 * _finite(x, "percent")
    return f"{_signed(f'{hundredths:.{digits}f}')}{NO_BREAK}%"


def count(n: Any) -> str:
    """Format an integer in groups of three digits: "60 000". Raises ValueError for what is not whole."""
    value = _finite(n, "count")
    if value != int(value):
        raise ValueError(f"count was given {n!r}, expected a whole number")
    return _signed(f"{int(value):,}").replace(",", THIN)


def _scaled(value: float, units: tuple[tuple[float, str], ...], digits: int) -> str:
    """Format `value` in the largest unit of which it holds at least one, after rounding to `digits`."""
    rounded = float(f"{abs(value):.{digits - 1}e}")
    factor, unit = next((u for u in units if rounded >= u[0]), units[-1])
    return f"{number(value / factor, digits)}{NO_BREAK}{unit}"


SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
BYTES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def duration(seconds: Any, digits: int = 2) -> str:
    """Format seconds in a suitable unit: "3.1 µs", "1 min 20 s", "2 h 5 min"."""
    value = _finite(seconds, "duration")
    if abs(value) < 59.5:
        return _scaled(value, SECONDS, digits)
    sign, whole = MINUS if value < 0 else "", round(abs(value))
    if whole >= 3600:
        whole = round(whole / 60)
        return f"{sign}{whole // 60}{NO_BREAK}h {whole % 60}{NO_BREAK}min"
    return f"{sign}{whole // 60}{NO_BREAK}min {whole % 60}{NO_BREAK}s"


def size(n_bytes: Any, digits: int = 3) -> str:
    """Format bytes in decimal units: "1.20 MB" is 1 200 000 bytes."""
    value = _finite(n_bytes, "bytes")
    return (
        f"{count(value)}{NO_BREAK}B"
        if abs(value) < 1000 and value == int(value)
        else _scaled(value, BYTES, digits)
    )


def matrix(a: Any, fixed: int = 2) -> str:
    r"""Return LaTeX of a matrix, `\begin{pmatrix} …`; a: (rows, columns), or (rows,) for a column.

    Whole entries are written without decimals when all are whole. Raises ValueError for other shapes.
    """
    array = np.asarray(a, dtype=float)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"matrix was given shape {np.shape(a)}, expected (rows, columns) or (rows,)")
    whole = bool(np.allclose(array, np.round(array), rtol=0, atol=1e-9))
    rows = (
        " & ".join(number(x, fixed=0 if whole else fixed).replace(MINUS, "-") for x in row) for row in array
    )
    return r"\begin{pmatrix} " + r" \\ ".join(rows) + r" \end{pmatrix}"


def data_uri(text: str, media_type: str) -> str:
    """Return the text as a data URI."""
    return f"data:{media_type};base64,{base64.b64encode(text.encode()).decode()}"


def integrity(script: str) -> str:
    """Return the hash that allows this script in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "percent": percent,
    "count": count,
    "duration": duration,
    "bytes": size,
    "matrix": matrix,
    "data_uri": data_uri,
    "integrity": integrity,
}
