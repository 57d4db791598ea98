"""Question 11: derivatives and relations of GELU and SGELU, by computer algebra."""

import sympy

from impl.activations.registry import ACTIVATIONS
from report.algebra.identities import Identity, printed
from report.algebra.latex import ALPHA, read, x

ROOT = sympy.sqrt(2)


def relations() -> list[Identity]:
    """Return GELU's even part, SGELU from GELU and from Yu and Su's, and SGELU's second derivative."""
    gelu, sgelu, yu, ada = (
        read(ACTIVATIONS[name].latex) for name in ("gelu", "sgelu", "sgelu_yu", "ada_sgelu")
    )
    second = 4 / sympy.sqrt(sympy.pi) * (1 - x**2) * sympy.exp(-(x**2))
    return [
        Identity(
            r"\(\partial\,\mathrm{AdaSGELU} / \partial \alpha = \mathrm{SGELU}(x)\)",
            [sympy.diff(ada, ALPHA)],
            [sgelu],
        ),
        Identity(
            r"\(\mathrm{SGELU}''(x) = \frac{4}{\sqrt\pi}(1 - x^2)\,e^{-x^2}\)",
            [sympy.diff(sgelu, x, 2)],
            [second],
        ),
        Identity(r"\(\mathrm{GELU}(x) + \mathrm{GELU}(-x) = s(x)\)", [gelu + gelu.subs(x, -x)], [yu]),
        Identity(
            r"\(\mathrm{SGELU}(x) = \sqrt 2\,\mathrm{GELU}(\sqrt 2\,x) - x\)",
            [sgelu],
            [ROOT * gelu.subs(x, ROOT * x) - x],
        ),
        Identity(r"\(\mathrm{SGELU}(x) = s(\sqrt 2\,x) / \sqrt 2\)", [sgelu], [yu.subs(x, ROOT * x) / ROOT]),
    ]


def small_signals() -> list[Identity]:
    """Return SGELU's leading term at 0, and E[f(rZ)²]/r⁴ → 12/π: the term's coefficient squared times E[Z⁴].

    E[Z⁴] is the fourth derivative at 0 of the moment generating function exp(u²/2).
    """
    u = sympy.Symbol("u")
    leading = sympy.series(read(ACTIVATIONS["sgelu"].latex), x, 0, 3).removeO()
    fourth = sympy.diff(sympy.exp(u**2 / 2), u, 4).subs(u, 0)
    return [
        Identity(
            r"\(\mathrm{SGELU}(x) = \frac{2}{\sqrt\pi}\,x^2 + \dots\) near zero",
            [leading],
            [2 / sympy.sqrt(sympy.pi) * x**2],
        ),
        Identity(
            r"\(\mathrm{E}[\mathrm{SGELU}(rZ)^2] / r^4 \to \frac{12}{\pi}\) as \(r \to 0\)",
            [(leading / x**2) ** 2 * fourth],
            [12 / sympy.pi],
        ),
    ]


def identities() -> list[Identity]:
    """Return every equation of the answer."""
    return [*(printed(name) for name in ("gelu", "sgelu", "ada_sgelu")), *relations(), *small_signals()]
