"""LaTeX to MathML for the page and to outlines for the PDF, with invisible text to find and copy.

WeasyPrint has no MathML, and browsers set MathML well only with a mathematics font, so the page embeds the
glyphs that it needs of the font of the outlines (STIX Two Math, which comes with ziamath).
"""

import base64
import html
import io
import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

import jinja2
import math_core
from jinja2.ext import Extension
from markupsafe import Markup, escape

from report.document.formats import data_uri
from report.render.linear import linear
from report.render.speech import alt_text

Target = Literal["html", "pdf"]

# A backslash before the delimiter makes it a line break with a height, as in \\[2pt].
# What follows a formula in the text without a space stays on its line.
INLINE = r"(?<!\\)\\\((?P<inline>.*?)(?<!\\)\\\)(?P<after>[.,;:!?)]*)"
DISPLAY = r"(?<!\\)\\\[(?P<display>.*?)(?<!\\)\\\]"
MATHS = re.compile(f"{INLINE}|{DISPLAY}", re.DOTALL)
# Jinja's own tags and comments come first: a string in them that looks like maths is left alone.
SOURCE = re.compile(rf"\{{#.*?#\}}|\{{\{{.*?\}}\}}|\{{%.*?%\}}|{INLINE}|{DISPLAY}", re.DOTALL)
STRAY = re.compile(r"(?<!\\)\\[()\[\]]")

# What the filters of report.document.formats write for readers, in LaTeX's spelling.
AS_LATEX = {"\u2212": "-", "\u00a0%": r"\,\%", "\u202f": r"\,", "\u00a0": r"\,", "\u00d7": r"\times "}
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
WIDEST = 40  # em that the PDF's column has room for; a wider formula is drawn smaller
# Drawn though no text says it: the root sign, and the h that the italic alphabet lacks.
IMPLIED = "√\N{PLANCK CONSTANT}"
TEXT_FONTS = "STIX Two Text, Liberation Serif, Times New Roman, DejaVu Serif, serif"  # those of print.css
NARROWEST = 0.35  # em that a character of the invisible text takes on average; narrower, its size falls


class TypesetError(ValueError):
    """A formula cannot be typeset; the message contains its location and text."""


def typeset(latex: str, *, display: bool, target: Target, where: str = "") -> Markup:
    """Typeset one formula: `<math>` for the page, for the PDF an SVG image with alt text.

    latex: without delimiters; display: on a line by itself; where: "template:line", for the error.
    Raises TypesetError for LaTeX that math-core or ziamath rejects, ValueError for another target.
    """
    if target not in ("html", "pdf"):
        raise ValueError(f"Invalid target: got {target!r}, expected 'html' or 'pdf'")
    try:
        return _typeset(latex.strip(), display, target)
    except (math_core.LatexError, ET.ParseError, ValueError, KeyError) as error:
        raise TypesetError(f"{where or 'a formula'}: cannot typeset {latex.strip()!r}: {error}") from error


@lru_cache(maxsize=4096)
def _typeset(latex: str, display: bool, target: Target) -> Markup:
    mathml = _converter().convert_with_local_state(latex, displaystyle=display)
    body = mathml if target == "html" else _outline(mathml, display)
    if not display:
        return Markup(body)
    # A wide formula scrolls by itself on a narrow screen, so the keyboard has to reach it.
    focus = ' tabindex="0" role="group" aria-label="formula"' if target == "html" else ""
    return Markup(f'<span class="formula"{focus}>{body}</span>')


@lru_cache(maxsize=1)
def _converter() -> math_core.LatexToMathML:
    return math_core.LatexToMathML(fancy_error=False)


@lru_cache(maxsize=1)
def _ziamath() -> ModuleType:
    with warnings.catch_warnings():
        # It finds its font by a call of importlib.resources that Python 3.11 and 3.12 deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        ziamath = import_module("ziamath")
    ziamath.config.svg2 = False  # else its glyphs are <use> of ids that repeat from formula to formula
    return ziamath


def _outline(mathml: str, display: bool) -> str:
    """Return SVG of the formula, sized in em, no wider than the page, and aligned on the text's baseline."""
    size = 100.0
    root = _for_ziamath(mathml, display)
    words = alt_text(root)
    drawing = _ziamath().Math(root, size=size, title=words, margin=0)
    svg = drawing.svgxml()
    box = drawing.node.bbox
    left, bottom = min(box.xmin, 0.0), min(box.ymin, 0.0)
    width, height = box.xmax - left, box.ymax - bottom
    svg.set("viewBox", f"{left:.2f} {-box.ymax:.2f} {width:.2f} {height:.2f}")
    del svg.attrib["width"], svg.attrib["height"]
    svg.append(_invisible(linear(root), left, width, size))
    em = min(1 / size, WIDEST / width)
    # An image that cuts what overflows would be drawn after its line, and so be copied after it.
    placed = f"width:{width * em:.3f}em;height:{height * em:.3f}em;vertical-align:{bottom * em:.3f}em"
    # As an image and not inline: thousands of glyphs would pass through the page's cascade of styles.
    source = data_uri(ET.tostring(svg, encoding="unicode"), "image/svg+xml")
    return f'<img class="maths" alt="{escape(words)}" style="overflow:visible;{placed}" src="{source}">'


def _invisible(line: str, left: float, width: float, size: float) -> ET.Element:
    """Return SVG text that is as wide as the formula and not painted: it can be found and copied.

    It is part of the image, whose alt text a screen reader reads in its place.
    """
    placed = {"x": f"{left:.2f}", "y": "0", "textLength": f"{width:.2f}", "lengthAdjust": "spacingAndGlyphs"}
    high = min(size, width / (NARROWEST * max(len(line), 1)))
    text = ET.Element(
        "text", placed | {"font-family": TEXT_FONTS, "font-size": f"{high:.1f}", "fill": "none"}
    )
    text.text = line
    return text


def _for_ziamath(mathml: str, display: bool) -> ET.Element:
    """Convert MathML Core's CSS to the attributes that ziamath reads."""
    named = re.sub(r"&(?!(?:lt|gt|amp|quot);)\w+;", lambda entity: html.unescape(entity[0]), mathml)
    root = ET.fromstring(named.replace("\ufe00", ""))  # the variation selector would be drawn as a box
    root.set("display", "block" if display else "inline")
    for parent in list(root.iter()):
        for child in list(parent):
            invisible = child.tag == "mo" and child.text in ("\u2061", "\u2062", "\u2063")
            if invisible or (child.tag == "mspace" and not child.attrib):
                parent.remove(child)
        if parent.tag in ("mtd", "mrow") and len(parent) and parent[0].text == "−":
            parent[0].attrib.update(lspace="0", rspace="0")  # a sign, not a difference
    for table in root.iter("mtable"):
        _align(table)
    return root


def _align(table: ET.Element) -> None:
    styles = [cell.get("style", "") for cell in table.iter("mtd")]
    for cell, style in zip(table.iter("mtd"), styles, strict=True):
        alignment = re.search(r"text-align:\s*(\w+)", style)
        cell.set("columnalign", alignment[1] if alignment else "center")
        cell.attrib.pop("style", None)
    aligned = any(re.search(r"text-align:\s*right", style) for style in styles)
    table.set("columnspacing", "0em 2em" if aligned else "0.9em")
    table.set("rowspacing", "0.55em" if aligned else "0.4em")


def as_latex(text: str) -> str:
    """Return LaTeX of rendered text: entities decoded, minus signs and powers of ten respelled."""
    latex = html.unescape(str(text))
    for written, respelled in AS_LATEX.items():
        latex = latex.replace(written, respelled)
    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda power: f"^{{{power[0].translate(SUPERSCRIPTS)}}}", latex)


def prose(text: str, target: Target, where: str = "") -> Markup:
    r"""Escape `text` and typeset its `\( … \)` and `\[ … \]`; Markup is returned unchanged."""
    if isinstance(text, Markup):
        return text
    markup, end = Markup(""), 0
    for match in MATHS.finditer(text):
        display = match["display"] is not None
        latex = as_latex(match["display"] if display else match["inline"])
        formula = typeset(latex, display=display, target=target, where=where)
        markup += escape(text[end : match.start()]) + _kept(formula, match["after"])
        end = match.end()
    return markup + escape(text[end:])


def _kept(formula: Markup, after: str | None) -> Markup:
    """Keep the formula on one line with the punctuation after it."""
    return Markup('<span class="keep">{}{}</span>').format(formula, after) if after else formula


class MathsExtension(Extension):
    r"""Jinja extension: typesets `\( … \)` and `\[ … \]` in a template's source.

    Only the source is read, so a value that looks like LaTeX stays text; an expression inside a formula is
    rendered first. `{{` is Jinja's: write a LaTeX group in a group as `{ {x} }`. The environment's
    global `target` selects the output.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        environment.filters["maths"] = _maths

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Wrap each formula in a filter block, on the same line."""

        def where(position: int) -> str:
            return f"{name or 'template'}:{source.count(chr(10), 0, position) + 1}"

        def wrap(match: re.Match[str]) -> str:
            body = match["inline"] if match["display"] is None else match["display"]
            if body is None:
                return match[0]
            display = "true" if match["display"] is not None else "false"
            formula = f'{{% filter maths({display}, "{where(match.start())}") %}}{body}{{% endfilter +%}}'
            return str(_kept(Markup(formula), match["after"]))

        # Blanked with the same length, so that a stray delimiter is reported where it stands.
        stray = STRAY.search(SOURCE.sub(lambda match: " " * len(match[0]), source))
        if stray:
            raise TypesetError(f"{where(stray.start())}: {stray[0]!r} has no partner")
        return SOURCE.sub(wrap, source)


@jinja2.pass_environment
def _maths(environment: jinja2.Environment, body: str, display: bool, where: str) -> Markup:
    target: Target = environment.globals["target"]  # type: ignore[assignment]
    return typeset(as_latex(body), display=display, target=target, where=where)


def math_font(page: str) -> str:
    """Return a data URI of a WOFF font with the glyphs of a page's `<math>`, stretched ones included."""
    text = set("".join(re.findall(r"<math.*?</math>", page, re.DOTALL)))
    italic = {c for c in map(chr, range(0x1D434, 0x1D7CC)) if unicodedata.normalize("NFKC", c) in text}
    return _subset("".join(sorted(text | italic | set(IMPLIED))))


@lru_cache(maxsize=8)
def _subset(text: str) -> str:
    from fontTools import subset, ttLib  # type: ignore[import-untyped]  # comes with WeasyPrint

    options = subset.Options(layout_features=["ssty", "dtls", "kern"], hinting=False, notdef_outline=True)
    options.drop_tables += ["meta"]
    fonts = Path(str(_ziamath().__file__)).parent / "fonts"
    font = ttLib.TTFont(fonts / "STIXTwoMath-Regular.ttf", recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=text)
    subsetter.subset(font)
    font.flavor = "woff"  # a third larger than WOFF2, and made in a quarter of its time
    buffer = io.BytesIO()
    font.save(buffer)
    return "data:font/woff;base64," + base64.b64encode(buffer.getvalue()).decode()
