"""Alt text of formulas, for a screen reader where the PDF has only outlines."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

SYMBOLS = {
    "=": "equals", "+": "plus", "−": "minus", "-": "minus", "×": "times", "⋅": "times", "/": "divided by",
    "<": "is less than", ">": "is greater than", "≤": "is at most", "≥": "is at least", "≠": "is not",
    "≈": "is about", "∈": "in", "⊙": "elementwise times", "∂": "partial", "∇": "gradient of", "∑": "sum",
    "∏": "product", "∫": "integral", "√": "root", "∞": "infinity", "→": "to", "←": "becomes",
    "±": "plus or minus",
    "(": "open parenthesis", ")": "close parenthesis", "[": "open bracket", "]": "close bracket",
    "{": "open brace", "}": "close brace", "|": "bar", "∥": "double bar", "‖": "double bar", "′": "prime",
    "″": "double prime", "‴": "triple prime", "⊤": "transposed", "𝖳": "transposed", ",": ",",
    "…": "and so on",
    "⋯": "and so on", "⋮": "and so on", "⋱": "and so on", "ˆ": "hat", "^": "hat", "¯": "bar", "‾": "bar",
    "˜": "tilde", "~": "tilde",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "η": "eta",
    "θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "τ": "tau", "φ": "phi", "ϕ": "phi",
    "ω": "omega", "Σ": "capital sigma", "Φ": "capital phi", "Δ": "capital delta", "Ω": "capital omega",
    "ℝ": "the reals",
}  # fmt: skip
POWERS = {"2": "squared", "3": "cubed", "⊤": "transposed", "𝖳": "transposed"}


def _row(parts: list[str]) -> str:
    return " ".join(part for part in parts if part)


def _power(parts: list[str], raw: str) -> str:
    if raw in POWERS:
        return POWERS[raw]
    return parts[-1] if parts[-1].endswith("prime") else f"to the power {parts[-1]}"


def _table(element: ET.Element) -> str:
    rows = [", ".join(_speak(cell) for cell in row) for row in element]
    return f"{len(rows)} rows: " + "; ".join(rows)


FORMS: dict[str, Callable[[list[str], str], str]] = {
    "mfrac": lambda p, raw: f"{p[0]} over {p[1]}," if " " in p[0] + p[1] else f"{p[0]} over {p[1]}",
    "msqrt": lambda p, raw: f"the square root of {_row(p)},",
    "mroot": lambda p, raw: f"the root of degree {p[1]} of {p[0]},",
    "msub": lambda p, raw: f"{p[0]} sub {p[1]}",
    "msup": lambda p, raw: f"{p[0]} {_power(p, raw)}",
    "msubsup": lambda p, raw: f"{p[0]} sub {p[1]} {_power(p, raw)}",
    "munder": lambda p, raw: f"{p[0]} over {p[1]} of",
    "mover": lambda p, raw: f"{p[0]} {p[1]}",
    "munderover": lambda p, raw: f"{p[0]} from {p[1]} to {p[2]} of",
}


def alt_text(element: ET.Element) -> str:
    """Return plain English of a MathML element, such as "x over the square root of 2"."""
    return re.sub(r"(?:\s*,)+", ",", _speak(element)).strip(" ,")


def _speak(element: ET.Element) -> str:
    if element.tag == "mtable":
        return _table(element)
    if len(element) == 0:
        text = (element.text or "").strip()
        return SYMBOLS.get(text, text)
    parts = [_speak(child) for child in element]
    raw = "".join(element[-1].itertext())
    return FORMS[element.tag](parts, raw) if element.tag in FORMS else _row(parts)
