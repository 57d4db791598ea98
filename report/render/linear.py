"""Formulas as one line of Unicode, such as "∂L/∂W = Xᵀδ₁", to find and copy in the PDF."""

import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator

LETTERS = "abcdefghijklmnoprstuvwxyz"  # there is no raised q
SUPERSCRIPTS = dict(
    zip(f"0123456789+−=(){LETTERS}T⊤", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀ", strict=True)
)
SUBSCRIPTS = dict(
    zip("0123456789+−=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True)
)
# Behind the letter: WeasyPrint draws each character by itself, and a PDF has no combining accent alone.
ACCENTS = {"^": "ˆ", "ˆ": "ˆ", "¯": "ˉ", "‾": "ˉ", "~": "˜", "˜": "˜", "′": "′", "″": "″", "‴": "‴"}
SPACED = set("=≠≈≡∼<>≤≥≪≫∈∉⊂⊆∪∩+−±×÷⋅∘∗⊙⊗⊕→←↦⇒⇔∧∨⋯")
SIGNS = set("+−±")
LARGE = set("∑∏∫")
OPEN, CLOSE = "([{⟨⌊⌈/√∂∇", ")]}⟩⌋⌉,;.:!/"
SCRIPTED = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}

_RAISED, _LOWERED = "".join(SUPERSCRIPTS.values()), "".join({*SUBSCRIPTS.values(), *ACCENTS.values()})
_GROUP = "\0"  # what is in brackets
_BRACKETS = re.compile(r"\([^()]*\)|\[[^][]*\]|\|[^|]+\||‖[^‖]+‖")
_SYMBOL = rf"(?:[\d.]+|[^\W\d]|{_GROUP})[{_LOWERED}]*"
_ROOTABLE = re.compile(_SYMBOL)
_RAISABLE = re.compile(rf"{_SYMBOL}(?:[{_RAISED}{_LOWERED}]|[_^](?:\w|{_GROUP}))*")
_DIVISOR = re.compile(rf"√*[∂∇d]?(?:{_RAISABLE.pattern})")

# Around a name or a fraction stands a space, unless something else keeps it apart from its neighbours.
_APART, _NAMED = "\1", "\2"
_NEEDLESS = re.compile(
    rf"(?:^|(?<=[\s|‖{_APART}{_NAMED}{re.escape(OPEN + ''.join(SPACED))}]))[{_APART}{_NAMED}]+"
    rf"|[{_APART}{_NAMED}]+(?=[\s{re.escape(CLOSE)}]|$)|{_NAMED}(?=[(\[{{])"
)


def linear(element: ET.Element) -> str:
    """Return one line of a MathML element; parentheses group what a bar, a root or an exponent groups."""
    line = ""
    for piece in _pieces(element):
        text, base = _text(piece), _base(piece)
        before = line.rstrip(f" {_APART}{_NAMED}")
        if piece.tag == "mo" and text in SPACED:
            sign = text in SIGNS and (not before or before[-1] in SPACED.union(OPEN, ",;"))
            line += text if sign else f" {text} "
        elif piece.tag == "mo" and text in {",", ";"}:
            line += f"{text} "
        elif piece.tag == "mo" and piece.get("form") == "postfix":
            line = before + text
        elif piece.tag == "mfrac" and line.endswith(_NAMED):
            line += f"({text})"
        elif piece.tag == "mspace":
            line += _APART if piece.get("width") else ""  # a negative one has a margin
        elif piece.tag == "mfrac" or base in LARGE:
            line += _APART + text + _APART
        elif re.search(r"[_^]\w$", text):
            line += text + _APART
        elif _is_name(base):
            line += _APART + text + _NAMED
        else:
            line += text
    return re.sub(rf"[\s{_APART}{_NAMED}]+", " ", _NEEDLESS.sub("", line)).strip()


def _pieces(element: ET.Element) -> Iterator[ET.Element]:
    """Yield the parts of a row, and those of the rows in it."""
    if element.tag not in {"math", "mrow", "mstyle"}:
        yield element
    else:
        for child in element:
            yield from _pieces(child)


def _base(element: ET.Element) -> str:
    """Return the symbol or name that carries the scripts, or the element's own; "" for what is larger."""
    while element.tag in SCRIPTED or (element.tag == "mrow" and len(element) == 1):
        element = element[0]
    return _leaf(element) if element.tag in {"mi", "mo"} else ""


def _is_name(base: str) -> bool:
    return len(base) > 1 and base.isalpha()


def _leaf(element: ET.Element) -> str:
    text = element.text or ""
    return unicodedata.normalize("NFKC", text) if text.isalnum() else text  # 𝖳 is a T, and ℝ an R


def _text(element: ET.Element) -> str:
    parts = [linear(child) for child in element]
    match element.tag:
        case "mfrac":
            return f"{_factor(parts[0])}/{_grouped(parts[1], _DIVISOR)}"
        case "msqrt":
            return f"√{_grouped(_row(element), _ROOTABLE)}"
        case "mroot":
            return f"{_raised(parts[1])}√{_grouped(parts[0], _ROOTABLE)}"
        case "msub" | "munder":
            return _carrier(element[0]) + _lowered(parts[1])
        case "msup" | "mover":
            return _carrier(element[0]) + _raised(parts[1])
        case "msubsup" | "munderover":
            return _carrier(element[0]) + _lowered(parts[1]) + _raised(parts[2])
        case "mtable":
            return _table(element)
        case _:
            return " ".join(parts) or _leaf(element)


def _row(element: ET.Element) -> str:
    row = ET.Element("mrow")
    row.extend(element)
    return linear(row)


def _table(element: ET.Element) -> str:
    """Return "1, 2; 3, 4" of a matrix; cases and aligned equations have no comma between columns."""
    matrix = all(cell.get("columnalign") == "center" for cell in element.iter("mtd"))
    rows = [(", " if matrix else " ").join(_row(cell) for cell in row) for row in element]
    return "; ".join([*(row.rstrip(" ,;") for row in rows[:-1]), *rows[-1:]])


def _collapsed(text: str) -> str:
    """Return the text with one character for all in brackets."""
    while (shorter := _BRACKETS.sub(_GROUP, text)) != text:
        text = shorter
    return text


def _grouped(text: str, alone: re.Pattern[str]) -> str:
    return text if alone.fullmatch(_collapsed(text)) else f"({text})"


def _factor(text: str) -> str:
    """Return a numerator, in parentheses if it is a sum or a fraction itself."""
    return f"({text})" if re.search("[ /]", _collapsed(text)) else text


def _carrier(element: ET.Element) -> str:
    text, base = linear(element), _base(element)
    return text if base else _grouped(text, _RAISABLE)


def _lowered(text: str) -> str:
    return _script(text, SUBSCRIPTS, "_")


def _raised(text: str) -> str:
    return ACCENTS.get(text) or _script(text, SUPERSCRIPTS, "^")


def _script(text: str, table: dict[str, str], mark: str) -> str:
    """Return the script in Unicode's own characters or, if one of them is lacking, after a mark."""
    characters = text.replace(" ", "")
    if set(characters) <= set(table):
        return "".join(table[c] for c in characters)
    return mark + (text if len(text) == 1 else f"({text})")
