"""Question 7: the printed formulas against one another and against the code, by computer algebra."""

from typing import Any

from impl.activations.registry import ACTIVATIONS
from report.algebra.identities import DIGITS, PARAMETER, POINTS, ROUNDING, Check, check
from report.document.formats import number

COLUMNS = [
    "Activation",
    r"Sympy's \(f'\) less the printed one",
    r"Code of \(f\)",
    r"Code of \(f'\)",
    r"Code of \(\partial f / \partial \alpha\), \(\partial f / \partial \beta\)",
]


def row(result: Check) -> list[str]:
    """Return one row of the table under COLUMNS."""
    return [
        result.label,
        "identically zero" if result.derived else "not zero",
        number(result.value, 1),
        number(result.slope, 1),
        "no parameter" if result.in_parameter is None else number(result.in_parameter, 1),
    ]


def summary(checks: list[Check]) -> dict[str, Any]:
    """Return rows, the labels of wrong derivatives or code, and the largest difference.

    Raises ValueError for a difference that is not a number.
    """
    errors = {c.label: max(c.value, c.slope, c.in_parameter or 0.0) for c in checks}
    return {
        "columns": COLUMNS,
        "rows": [row(c) for c in checks],
        "total": len(checks),
        "underived": [c.label for c in checks if not c.derived],
        "off": [label for label, error in errors.items() if error >= ROUNDING],
        "largest": max(errors.values()),
        "points": len(POINTS),
        "span": float(POINTS.max()),
        "digits": DIGITS,
        "parameter": PARAMETER,
    }


def algebra() -> dict[str, Any]:
    """Check every built-in activation."""
    return summary([check(name) for name in ACTIVATIONS])
