"""Question 9: operations of Swish and of the sigmoid, counted in their expressions."""

import sympy

from report.algebra.latex import sigmoid
from report.document.formats import count, number
from report.document.phrases import listed

DIGITS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NAMES = {"MUL": "multiplication", "ADD": "addition", "SUB": "subtraction"}
# What sympy calls the operations of a whole pass; a change of sign is counted with the subtractions.
KINDS = {"MUL": ("MUL",), "ADD": ("ADD",), "SUB": ("SUB", "NEG"), "EXP": ("EXP",), "DIV": ("DIV",)}
x, s, f, g = sympy.symbols("x sigma f g")

Operations = dict[str, int]


def counted(*expressions: sympy.Expr) -> sympy.Expr:
    """Return all operations of the expressions, as written, as a sum of sympy's names."""
    return sum((sympy.count_ops(e, visual=True) for e in expressions), sympy.Integer(0))


def operations(*expressions: sympy.Expr) -> Operations:
    """Count the multiplications, additions and subtractions of the expressions."""
    total = counted(*expressions)
    return {name: int(total.coeff(sympy.Symbol(name))) for name in NAMES}


def counts() -> dict[str, Operations]:
    """Count the operations beyond σ(x): forward x σ, then each derivative, which reuses σ and f."""
    return {
        "swish_forward": operations(x * s),
        "product": operations(s + sympy.Mul(x, s, 1 - s, evaluate=False)),
        "printed": operations(s + f * (1 - s)),
        "short": operations(f + s * (1 - f)),
        "sigmoid_derivative": operations(s * (1 - s)),
        "swish": operations(x * s, s + f * (1 - s)),
        "sigmoid": operations(s * (1 - s)),
    }


def in_words(operations: Operations) -> str:
    """Format operations: "two multiplications, one addition and one subtraction"."""
    return listed(f"{DIGITS[n]} {NAMES[name]}{'' if n == 1 else 's'}" for name, n in operations.items() if n)


# Pass -> ways to compute it: the expressions that one after the other make f, or g f' of an incoming g.
SIGMOID = {"forward": (sigmoid(x),), "backward": (g * (s * (1 - s)),)}
SWISH = {
    "forward": {
        r"\(x / (1 + e^{-x})\)": (x / (1 + sympy.exp(-x)),),
        r"\(x\,\sigma\)": (sigmoid(x), x * s),
    },
    "backward": {
        r"\(x\) kept": (sigmoid(x), g * (s + x * (s * (1 - s)))),
        r"\(\sigma\) and \(f\) kept": (g * (s + f * (1 - s)),),
    },
}


def total(expressions: tuple[sympy.Expr, ...]) -> int:
    """Count all operations."""
    return sum(sympy.count_ops(e) for e in expressions)


def passes() -> dict[str, float]:
    """Return each pass's operations of Swish over the sigmoid's, for the first form: that of one kernel.

    Torch's SiLU and our compiled loop divide once in the forward pass and keep only x for the backward pass.
    """
    return {name: total(next(iter(ways.values()))) / total(SIGMOID[name]) for name, ways in SWISH.items()}


def pass_rows() -> list[list[str]]:
    """Return rows: pass, operations by kind and in total, and their ratio to the sigmoid's."""
    return [
        row
        for name, ways in SWISH.items()
        for row in (
            _row(f"sigmoid, {name}", SIGMOID[name], name),
            *(_row(f"Swish, {name}, {words}", way, name) for words, way in ways.items()),
        )
    ]


def _row(label: str, expressions: tuple[sympy.Expr, ...], name: str) -> list[str]:
    operations = counted(*expressions)
    kinds = [sum(int(operations.coeff(sympy.Symbol(kind))) for kind in names) for names in KINDS.values()]
    if sum(kinds) != total(expressions):
        raise ValueError(f"{label}: unknown operations in {operations}; expected {', '.join(KINDS)}")
    return [label, *map(count, kinds), count(sum(kinds)), number(sum(kinds) / total(SIGMOID[name]))]
