"""Question 5: Adam, the effect of its parts, and of ε inside the root."""

import numpy as np
import torch
from torch import nn

from impl.optimizers.optimizers import Adam
from report.algebra.identities import holds, outcome
from report.answers.q05.algebra import halves, weights
from report.answers.q05.evidence import evidence
from report.answers.q05.race import LEFT, race
from report.answers.q05.steps import SCALE, STEEPER, brakes, constant, epsilon, squares
from report.document.answer import Answer, Values
from report.document.formats import number
from report.document.page import IMPRECISE, WRONG_REASONING, WRONG_RESULT, Erratum

DEFAULTS = Adam([nn.Parameter(torch.zeros(1))]).defaults
BETA1, BETA2 = DEFAULTS["betas"]
EPS = DEFAULTS["eps"]
RATE, START = 0.1, 1.0


def two_steps() -> dict[str, object]:
    """Compute Adam's quantities for two steps on θ², and the largest difference from `impl`."""
    theta, m, v, quantities = START, 0.0, 0.0, []
    for t in (1, 2):
        g = 2 * theta
        m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g**2
        m_hat, v_hat = m / (1 - BETA1**t), v / (1 - BETA2**t)
        update = RATE * m_hat / (v_hat**0.5 + EPS)
        theta -= update
        quantities.append((g, m, v, m_hat, v_hat, update, theta))
    parameter = nn.Parameter(torch.tensor([START], dtype=torch.float64))
    optimizer = Adam([parameter], RATE)
    for _ in quantities:
        parameter.grad = 2 * parameter.detach()
        optimizer.step()
    symbols: tuple[str, ...] = (r"g_t", r"m_t", r"v_t", r"\hat m_t", r"\hat v_t")
    symbols += (r"\alpha\,\hat m_t / (\sqrt{\hat v_t} + \varepsilon)", r"\theta_t")
    return {
        "columns": ["Step", *(rf"\({name}\)" for name in symbols)],
        "rows": [[str(t), *(number(x, 4) for x in step)] for t, step in enumerate(quantities, 1)],
        "quantities": quantities,
        "gap": abs(parameter.item() - theta),
    }


def values() -> Values:
    """Compute two steps by hand, the effect of ε, steps along given gradients, and narrow valleys."""
    steps = constant()
    adagrad = steps["steps"]["adagrad"]
    times = np.arange(1, len(adagrad) + 1)
    return {
        "two_steps": two_steps(),
        "epsilon": epsilon(),
        "halves": outcome(halves()),
        "weights_sum": holds(weights()),
        "constant": steps,
        "brakes": brakes(),
        "squares": squares(),
        "race": race(),
        "adagrad_law": float(np.abs(adagrad * np.sqrt(times) - 1).max()),
        "adagrad_last": float(adagrad[-1]),
        "adagrad_steps": len(adagrad),
        "eps": EPS,
        "betas": (BETA1, BETA2),
        "rate": RATE,
        "start": START,
        "steeper": STEEPER,
        "scale": SCALE,
        "left": LEFT,
    }


def errata(v: Values) -> list[Erratum]:
    """Return the errata on ε's place, Adagrad, RMSProp's average, the boost, and the brakes."""
    entries = [_epsilon_erratum(v)]
    if v["adagrad_law"] < 1e-6:
        entries.append(_adagrad_erratum(v))
    s = v["squares"]
    if abs(s["state"] - s["squared"]) < abs(s["state"] - s["plain"]):
        entries.append(_rmsprop_erratum(s))
    if max(v["constant"]["steps"]["adam"]) <= 1:
        entries.append(_boost_erratum(v["constant"]["steps"]))
    if v["brakes"]["peak"] > v["brakes"]["before"]:
        entries.append(_brakes_erratum(v["brakes"]))
    return entries


def _epsilon_erratum(v: Values) -> Erratum:
    e = v["epsilon"]
    return Erratum(
        "q05-eps",
        5,
        WRONG_RESULT,
        r"The step is \(\alpha\,\hat m_t / \sqrt{\hat v_t + \varepsilon}\).",
        r"As published, it is \(\alpha\,\hat m_t / (\sqrt{\hat v_t} + \varepsilon)\), with \(\varepsilon\) "
        "outside the root.",
        rf"With \(\varepsilon = {number(v['eps'], 1)}\) the published step is half of \(\alpha\) at a "
        rf"constant gradient of \({number(e['outside'], 2)}\), the printed one already at "
        rf"\({number(e['inside'], 2)}\).",
        "In question 5 the ε of Adam stands inside the root instead of outside.",
    )


def _adagrad_erratum(v: Values) -> Erratum:
    return Erratum(
        "q05-vanishing",
        5,
        WRONG_REASONING,
        "Adagrad has the disadvantage of a vanishing gradient.",
        "Its step size vanishes, not the gradient.",
        rf"If the gradient is always \(1\), step \(t\) is \(\eta / \sqrt t\): "
        rf"\({number(v['adagrad_last'], 2)}\,\eta\) at step {v['adagrad_steps']}. A vanishing gradient is "
        "the product of small derivatives through many layers.",
    )


def _rmsprop_erratum(s: dict[str, float]) -> Erratum:
    return Erratum(
        "q05-rmsprop",
        5,
        WRONG_RESULT,
        "RMSProp uses the moving average of past gradients.",
        "RMSprop uses the moving average of their squares.",
        rf"After gradients \(+1, -1, +1, \dots\) its state is \({number(s['state'])}\); the moving "
        rf"average of the gradients is \({number(s['plain'], 1)}\), that of the squares "
        rf"\({number(s['squared'])}\). The "
        "average of the gradients themselves is Adam's momentum term.",
    )


def _boost_erratum(steps: dict[str, np.ndarray]) -> Erratum:
    adam, momentum = steps["adam"], steps["momentum"]
    return Erratum(
        "q05-boost",
        5,
        WRONG_REASONING,
        "After several steps in one direction, the numerator boosts the next step.",
        r"This is true of momentum, which sums gradients. Adam's \(m_t\) is an average, so its "
        "steps do not grow.",
        rf"Along a constant gradient, the longest of Adam's first {len(adam)} steps is "
        rf"\({number(float(max(adam)))}\,\alpha\). The steps of SGD with momentum grow to "
        rf"\({number(float(max(momentum)))}\) times the learning rate.",
    )


def _brakes_erratum(b: dict[str, float]) -> Erratum:
    return Erratum(
        "q05-brakes",
        5,
        IMPRECISE,
        "The denominator gives steep areas a lower learning rate, like the brakes of a bike on the way down.",
        r"The effective rate \(\alpha / (\sqrt{\hat v_t} + \varepsilon)\) is lower there, but the step is "
        "not shorter: the denominator normalizes the step and does not brake.",
        rf"Where the gradient becomes {STEEPER} times as large, Adam's step grows from "
        rf"\({number(b['before'])}\,\alpha\) to \({number(b['peak'], 2)}\,\alpha\), because \(\hat v\) "
        rf"follows more slowly than \(\hat m\). It then returns to \({number(b['settled'])}\,\alpha\).",
    )


ANSWER = Answer(
    "Adam",
    "How does Adam work, and what does each of its parts change?",
    values,
    errata,
    evidence,
)
