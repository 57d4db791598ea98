"""The line of a formula is what one would type by hand, and it keeps every letter and digit."""

import re
import unicodedata
from collections import Counter

import math_core
import pytest

from impl.activations.registry import ACTIVATIONS
from report.render.linear import ACCENTS, SUBSCRIPTS, SUPERSCRIPTS, linear
from report.render.typeset import _for_ziamath

LINES = {  # by hand
    r"\operatorname{SGELU}(x) = x \operatorname{erf}(x)": "SGELU(x) = x erf(x)",
    r"\frac{x}{2}\left(1 + \operatorname{erf}\frac{x}{\sqrt 2}\right)": "x/2 (1 + erf(x/√2))",
    r"\frac{a + b}{2c} - \frac{1}{1 + e^{-x}}": "(a + b)/(2c) − 1/(1 + e⁻ˣ)",
    r"\frac{\partial L}{\partial W_1} = \delta_1 X^\top": "∂L/∂W₁ = δ₁Xᵀ",
    r"\frac{\|A_1\|_F^2}{\|A\|_F^2}": "‖A₁‖_F²/‖A‖_F²",
    r"\sqrt{x} + \sqrt{x^2} + \sqrt{\varepsilon / 3}": "√x + √(x²) + √(ε/3)",
    r"(\sqrt{x})^2 + \sqrt{x}^2": "(√x)² + (√x)²",
    r"\sum_{i=1}^{n} \sigma_i u_i v_i^{\mathsf T}": "∑ᵢ₌₁ⁿ σᵢuᵢvᵢᵀ",
    r"L = -\sum_k t_k \log p_k": "L = −∑ₖ tₖ log pₖ",
    r"m_t = \beta_1 m_{t-1} + (1 - \beta_1)\, g_t": "mₜ = β₁mₜ₋₁ + (1 − β₁) gₜ",
    r"\theta - \alpha \frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}": "θ − α mˆₜ/(√vˆₜ + ε)",
    r"e^{-x^2} q^q x_{\max}": "e^(−x²)q^q xₘₐₓ",
    r"(X^\top X)^{-1} X^\top y": "(XᵀX)⁻¹Xᵀy",
    r"\tanh^2(x) + f''(-x)": "tanh²(x) + f″(−x)",
    r"A = \begin{pmatrix} 3 & 2 \\ 2 & -2 \end{pmatrix}": "A = (3, 2; 2, −2)",
    r"\begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}": "{x if x > 0; 0 otherwise",
    r"\begin{aligned} a &= b, \\ c &= -d. \end{aligned}": "a = b; c = −d.",
    r"U \Sigma V^{\mathsf T} \in \mathbb{R}^{m \times n}, \mathcal{N}(0, 1)": "UΣVᵀ ∈ R^(m × n), N(0, 1)",
    r"\mathbb{E}\|g - \nabla L\|^2": "E‖g − ∇L‖²",
    r"1.5 \times 10^{-8}": "1.5 × 10⁻⁸",
    r"a \odot (-b) = \pm 1": "a ⊙ (−b) = ±1",
    r"\sqrt[3]{x + 1}": "³√(x + 1)",
}  # fmt: skip


def line(latex):
    return linear(_for_ziamath(mathml(latex), display=True))


def mathml(latex):
    return math_core.LatexToMathML(fancy_error=False).convert_with_local_state(latex, displaystyle=True)


def symbols(text):
    """Letters and digits, however small or ornate."""
    plain = unicodedata.normalize("NFKC", text)
    return Counter(c for c in plain if c.isalnum() and c not in "ˆˉ")


@pytest.mark.parametrize("latex", LINES)
def test_it_reads_as_typed_by_hand(latex):
    assert line(latex) == LINES[latex]


@pytest.mark.parametrize("latex", [*LINES, *(activation.latex for activation in ACTIVATIONS.values())])
def test_every_letter_and_digit_is_kept_in_one_line(latex):
    said = line(latex)
    assert symbols(said) == symbols(
        "".join(_for_ziamath(mathml(latex), display=True).itertext()).replace("⊤", "T")
    )
    assert not re.search(r"[\\\n\0\1\2]|  |^ | $", said)


@pytest.mark.parametrize("table", [SUPERSCRIPTS, SUBSCRIPTS])
def test_small_characters_are_those_that_unicode_derives_from_the_large(table):
    for large, small in table.items():
        folded = unicodedata.normalize("NFKC", small)
        assert folded == unicodedata.normalize("NFKC", large.replace("⊤", "T"))


def test_no_character_combines_with_another():
    assert not [c for c in (*ACCENTS.values(), *SUPERSCRIPTS.values()) if unicodedata.combining(c)]
