"""Read LaTeX as sympy expressions, so that what is checked is what is printed."""

import re

import sympy
from sympy.core.function import AppliedUndef

x = sympy.Symbol("x", real=True)
ALPHA, BETA = (sympy.Symbol(name, real=True) for name in ("alpha", "beta"))
VARIABLES = {x, ALPHA, BETA}


def sigmoid(z: sympy.Expr) -> sympy.Expr:
    """Return σ(z) = 1 / (1 + e^(-z))."""
    return 1 / (1 + sympy.exp(-z))


def bracket(condition: sympy.Basic) -> sympy.Expr:
    """Return Iverson's bracket: 1 where the condition holds, else 0."""
    return sympy.Piecewise((1, condition), (0, True))


NAMES = {
    **{str(symbol): symbol for symbol in VARIABLES},
    "sigma": sigmoid,
    "Phi": lambda z: (1 + sympy.erf(z / sympy.sqrt(2))) / 2,
    "varphi": lambda z: sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi),
    "bracket": bracket,
    "max": sympy.Max,
    "min": sympy.Min,
    "abs": sympy.Abs,
    "e": sympy.E,
}
# Groups in braces, from the innermost outwards.
GROUPS = {
    r"\\frac\{([^{}]*)\}\{([^{}]*)\}": r"((\1)/(\2))",
    r"\\sqrt\{([^{}]*)\}": r" sqrt(\1)",
    r"\\mathrm\{(\w+)\}": r" \1",
    r"\^\{([^{}]*)\}": r"^(\1)",
}
SPELLINGS = {
    r"\\l?vert\b(.*?)\\r?vert\b|\|([^|]*)\|": r" abs(\1\2)",
    r"\\left": " ",  # "α\left(" is a product, "tanh(" is none
    r"\\right|\\,": " ",
    r"\\le\b": "<=",
    r"\[([^][]*)\]": r" bracket(\1)",
    r"\\([A-Za-z]+)": r" \1",
    r"([A-Za-z]+)\^2\(([^()]*)\)": r"(\1(\2))^2",
    r"(?<=\d)(?=[A-Za-z])|(?<=[\w)])\s+(?=[\w(])|(?<=\))(?=[\w(])": "*",
}


def read(latex: str) -> sympy.Expr:
    r"""Parse the right-hand side of "f(x) = …", with ", \quad p = …" substituted.

    Raises ValueError for an unknown name, command or sign.
    """
    right, *where = latex.split(" = ", 1)[-1].split(r", \quad ")
    meanings = dict(definition.split(" = ", 1) for definition in where)
    names = NAMES | {name: _expression(text, NAMES) for name, text in meanings.items()}
    return _expression(right, names)


def _expression(latex: str, names: dict[str, object]) -> sympy.Expr:
    text, before = latex, ""
    while text != before:
        before = text
        for pattern, spelling in GROUPS.items():
            text = re.sub(pattern, spelling, text)
    for pattern, spelling in SPELLINGS.items():
        text = re.sub(pattern, spelling, text)
    if re.search(r"[\\{}_]", text):
        raise ValueError(f"the formula {latex!r} has a command that is not known: {text.strip()!r}")
    try:
        expression = sympy.sympify(text.strip(), locals=names)
    except (sympy.SympifyError, TypeError, AttributeError) as error:
        raise ValueError(f"the formula {latex!r} reads {text.strip()!r}, which is none") from error
    unknown = (expression.free_symbols - VARIABLES) | expression.atoms(AppliedUndef)
    if unknown:
        raise ValueError(f"the formula {latex!r} has unknown names: {', '.join(map(str, unknown))}")
    return expression
