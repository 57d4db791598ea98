"""Question 7: the printed formulas against each other and against the code, by computer algebra."""

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


def row(found: Check) -> list[str]:
    """One row of the table under COLUMNS."""
    return [
        found.label,
        "identically zero" if found.derived else "not zero",
        number(found.value, 1),
        number(found.slope, 1),
        "no parameter" if found.in_parameter is None else number(found.in_parameter, 1),
    ]


def summary(checks: list[Check]) -> dict[str, Any]:
    """Rows, the labels of those whose printed derivative or code is wrong, and the largest difference.

    Raises ValueError for a difference that is no number.
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
    """The check of every activation of the table."""
    return summary([check(name) for name in ACTIVATIONS])
