"""Formulas come out in both targets, errors say where, and only a template's own maths is typeset."""

import base64
import html
import io
import re
import traceback
import xml.etree.ElementTree as ET

import jinja2
import pypdf
import pytest
from fontTools.ttLib import TTFont
from markupsafe import Markup

from impl.activations.registry import ACTIVATIONS
from report.render import system_libraries
from report.render.typeset import MathsExtension, TypesetError, math_font, prose, typeset

SVG = "{http://www.w3.org/2000/svg}"
TARGETS = ("html", "pdf")
FORMULAS = {
    "pmatrix": r"A = \begin{pmatrix} 3 & 2 \\ 2 & -2 \end{pmatrix}",
    "bmatrix": r"\begin{bmatrix} \frac{\sqrt{2}}{2} & 0 \\ -1 & 5 \end{bmatrix}",
    "cases": r"f(x) = \begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    "aligned": r"\begin{aligned} m_t &= \beta_1 m_{t-1} \\ v_t &= \beta_2 v_{t-1} + g_t^2 \end{aligned}",
    "erf": r"\frac{x}{2}\left(1 + \operatorname{erf}\left(\frac{x}{\sqrt{2}}\right)\right)",
    "backprop": r"\delta_2 = \frac{\partial L}{\partial Y} \odot f_2'(Z_2)",
    "norm": r"\|A\|_F = \sqrt{\sum_{i=1}^{n} \sum_j A_{ij}^2} < \infty",
    "adam": r"\theta \leftarrow \theta - \alpha \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}",
    "sets": r"U \Sigma V^{\mathsf T} \in \mathbb{R}^{m \times n}, \mathcal{N}(0, 1)",
} | {name: activation.latex for name, activation in ACTIVATIONS.items()}
SPOKEN = {  # by hand
    r"\frac{x}{2}": "x over 2",
    r"\sqrt{x} + 1": "the square root of x, plus 1",
    r"\sigma_1^2 = 25": "sigma sub 1 squared equals 25",
    r"e^{-x^2}": "e to the power minus x squared",
    r"\sum_{i=1}^{n} x_i": "sum from i equals 1 to n of x sub i",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}": "open parenthesis 2 rows: 1, 2; 3, 4 close parenthesis",
    r"A^\top": "A transposed",
    r"f'(x)": "f prime open parenthesis x close parenthesis",
}


def environment(target="html", **templates):
    loader = jinja2.DictLoader(templates)
    strict = jinja2.StrictUndefined
    env = jinja2.Environment(loader=loader, autoescape=True, undefined=strict, extensions=[MathsExtension])
    env.globals["target"] = target
    return env


def render(source, target="html", **values):
    return environment(target, page=source).get_template("page").render(values)


def outline(markup):
    return ET.fromstring(base64.b64decode(re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', markup)[1]))


def words(markup):
    return html.unescape(re.search(r'<img class="maths" alt="([^"]*)"', markup)[1])


@pytest.mark.parametrize("display", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_page_gets_mathml(name, display):
    markup = typeset(FORMULAS[name], display=display, target="html")
    root = ET.fromstring(re.sub(r"&(?!lt|gt|amp)\w+;", "", markup))
    maths = root if root.tag == "math" else root[0]
    assert maths.tag == "math"
    assert maths.get("display") == ("block" if display else None)


@pytest.mark.parametrize("display", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_pdf_gets_outlines_with_words(name, display):
    markup = typeset(FORMULAS[name], display=display, target="pdf")
    svg = outline(markup)
    assert svg.tag == f"{SVG}svg"
    assert len(svg.findall(f".//{SVG}path")) > 2
    assert "\\" not in words(markup)
    assert not [e for e in svg.iter() if e.get("id") or e.tag == f"{SVG}use"]


@pytest.mark.parametrize("display", [False, True])
@pytest.mark.parametrize("name", FORMULAS)
def test_outlines_carry_their_line_unpainted_and_as_wide_as_the_formula(name, display):
    svg = outline(typeset(FORMULAS[name], display=display, target="pdf"))
    [text] = svg.iter(f"{SVG}text")
    left, _, width, _ = map(float, svg.get("viewBox").split())
    assert text.get("fill") == "none"
    assert (float(text.get("x")), float(text.get("textLength"))) == pytest.approx((left, width), abs=0.01)
    assert float(text.get("font-size")) <= 100
    assert text.text


@pytest.mark.skipif(not system_libraries.loads(), reason="WeasyPrint's libraries are missing")
def test_formulas_can_be_found_in_the_pdf_where_they_stand():
    import weasyprint

    source = (
        r"The gate \(\operatorname{SGELU}(x) = \frac{x}{2}\), so \[\frac{\partial L}{\partial W_1}\] ends."
    )
    document = weasyprint.HTML(string=render(f'<html lang="en"><title>t</title><p>{source}', "pdf"))
    page = pypdf.PdfReader(io.BytesIO(document.write_pdf(pdf_variant="pdf/ua-1"))).pages[0]
    # pypdf guesses spaces from the widths, so they are left out.
    assert "".join(page.extract_text().split()) == "ThegateSGELU(x)=x/2,so∂L/∂W₁ends."
    figures = re.findall(rb"/Figure\s*<</MCID \d+>>\s*BDC(.*?)EMC", page.get_contents().get_data(), re.DOTALL)
    assert len(figures) == 2
    assert all(b"3 Tr" in figure for figure in figures)  # part of the image, which has an alternative text


@pytest.mark.parametrize("latex", SPOKEN)
def test_the_alternative_is_spoken(latex):
    assert words(typeset(latex, display=False, target="pdf")) == SPOKEN[latex]


def test_a_formula_at_the_end_of_a_line_keeps_the_space_behind_it():
    env = environment(page="the \\(x\\)\nfirst")
    env.trim_blocks = env.lstrip_blocks = True
    assert env.get_template("page").render().endswith("</math>\nfirst")


@pytest.mark.parametrize("target", TARGETS)
def test_punctuation_stays_with_its_formula(target):
    for done in (render(r"At \(x\), and \(y\) too.", target), prose(r"At \(x\), and \(y\) too.", target)):
        assert len(re.findall(r'<span class="keep">.*?,</span> and', done)) == 1
        assert done.count("keep") == 1
        assert done.endswith(" too.")


def em(latex, of, **how):
    return float(re.search(rf"{of}:(-?[\d.]+)em", typeset(latex, target="pdf", **how))[1])


def test_outline_hangs_on_the_baseline():
    assert em("x", "vertical-align", display=False) == pytest.approx(0, abs=0.02)
    assert em("x_1", "vertical-align", display=False) < -0.1


def test_inline_sums_are_lower_than_displayed_ones():
    inline, displayed = (em(r"\sum_{i=1}^n", "height", display=d) for d in (False, True))
    assert inline < displayed


def test_too_wide_an_outline_is_drawn_smaller():
    wide = "+".join(["x"] * 100)
    assert em(wide, "width", display=True) == pytest.approx(40, abs=0.01)


def test_aligned_equations_leave_no_gap_before_the_relation():
    def width(latex):
        return em(latex, "width", display=True)

    aligned = width(r"\begin{aligned} x &= y \\ x &= y \end{aligned}")
    assert aligned == pytest.approx(width("x = y"), abs=0.3)
    matrix = width(r"\begin{matrix} x & y \\ x & y \end{matrix}")
    assert matrix > width("xy") + 0.7


@pytest.mark.parametrize("target", TARGETS)
def test_error_names_place_and_formula(target):
    with pytest.raises(TypesetError, match=r"page:3: cannot typeset '\\\\frac\{1'"):
        render("one\n\ntext \\(\\frac{1\\)", target)


def test_unknown_target():
    with pytest.raises(ValueError, match="Invalid target: got 'docx', expected 'html' or 'pdf'"):
        typeset("x", display=False, target="docx")


def test_expression_inside_maths_is_rendered_first():
    page = render(r"\(\sigma_1 = {{ s }}\)", s="−1.2\u00a0×\u00a010⁻⁵")
    assert "<mn>1.2</mn>" in page
    assert re.search(r"<msup><mn>10</mn><mrow><mo[^>]*>−</mo><mn>5</mn></mrow></msup>", page)


def test_escaped_signs_reach_the_parser_unescaped():
    page = render(r"\(a < b\) \[ {{ m }} \]", m=r"\begin{pmatrix} 1 & 2 \end{pmatrix}")
    assert "<mo>&lt;</mo>" in page
    assert page.count("<mtd>") == 2
    assert "<mi>p</mi>" not in page


def test_values_are_never_typeset():
    assert render("{{ v }}", v=r"\(x\) <b>") == r"\(x\) &lt;b&gt;"


def test_comments_and_tags_are_left_alone():
    assert render(r"""{# \( #}{{ "\\(x\\)" }}""") == r"\(x\)"


def test_line_break_with_height_is_not_a_delimiter():
    page = render("\\[ \\begin{aligned} a &= b \\\\[2pt] c &= d \\end{aligned} \\]")
    assert page.count("<mtr>") == 2


@pytest.mark.parametrize("stray", [r"\(", r"\)", r"\[", r"\]"])
def test_delimiter_without_partner(stray):
    with pytest.raises(TypesetError, match=r"page:2: .* has no partner"):
        render(r"\(x\)" + "\n" + stray)


def test_line_numbers_stay_right():
    source = "\\[ a \n b \\]\n{{ nothing }}"
    with pytest.raises(jinja2.UndefinedError) as caught:
        render(source)
    frames = traceback.extract_tb(caught.tb)
    assert [frame.lineno for frame in frames if frame.name == "top-level template code"] == [3]


@pytest.mark.parametrize("target", TARGETS)
def test_prose_escapes_and_typesets(target):
    done = prose(r"a < b, \(x_1 < 2\) & <i>so</i>", target)
    assert done.startswith("a &lt; b, <")
    assert done.endswith(" &amp; &lt;i&gt;so&lt;/i&gt;")
    assert ("<math" if target == "html" else '<img class="maths"') in done
    assert prose(Markup("<b>x</b>"), target) == "<b>x</b>"


def test_font_holds_what_the_page_needs():
    page = typeset(r"\frac{\sqrt{x}}{h} \in \mathbb{R}", display=True, target="html")
    data = math_font(page).removeprefix("data:font/woff;base64,")
    font = TTFont(io.BytesIO(base64.b64decode(data)))
    # x and h are set as italic letters, of which h has its own place.
    assert {ord(c) for c in "√ℝ∈𝑥ℎ"} <= set(font.getBestCmap())
    assert ord("Ω") not in font.getBestCmap()
    assert font["MATH"].table.MathVariants.VertGlyphCount > 0
    assert math_font(page) == math_font(page + "<p>more text</p>")
