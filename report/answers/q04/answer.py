"""Question 4: the training loop and backpropagation."""

import numpy as np
import torch

from report.algebra.identities import outcome
from report.answers.q04.algebra import identities
from report.answers.q04.example import (
    PARAMETERS,
    STEP,
    X,
    Y,
    by_autograd,
    by_differences,
    by_hand,
    by_network,
    distance,
    forward,
    loss,
    softmax_delta,
)
from report.answers.q04.loop import EPOCHS, SAMPLES, SEED, message, printed_order, shrinking, xor
from report.document.answer import Answer, Values
from report.document.formats import matrix, number
from report.document.page import Erratum


def printed_bias_line() -> dict[str, object]:
    """Evaluate the printed run-on line ∂L/∂B₂ = δ₂ δ₁ = (W₂ᵀ δ₂) ⊙ f₁'(Z₁) literally."""
    delta1, delta2, _ = by_hand(PARAMETERS)
    return {
        "product": message(lambda: delta2 @ delta1),
        "elementwise": message(lambda: delta2 * delta1),
        "right_side": tuple(delta1.shape),
        "left_side": tuple(PARAMETERS.B2.shape),
    }


def loop_values() -> dict[str, object]:
    """Execute the lines of the printed loop."""
    epochs: object = EPOCHS
    rng = np.random.default_rng(SEED)
    printed = printed_order(SAMPLES, rng)
    return {
        "epochs": epochs,
        "range_error": message(lambda: range(len(epochs))),  # type: ignore[arg-type]
        "samples": SAMPLES,
        "left_out": sorted(set(range(SAMPLES)) - set(printed.tolist())),
        "sizes": shrinking(SAMPLES, printed_order),
        "right_sizes": shrinking(SAMPLES, lambda n, generator: generator.permutation(n)),
        "numpy_length": len(np.random.default_rng(0).permutation(0, SAMPLES - 1)),
        "xor": xor(),
    }


def values() -> Values:
    """Compute and check the gradients, compare the softmax with the printed δ₂, and execute the loop."""
    p = PARAMETERS
    delta1, delta2, gradients = by_hand(p)
    softmax = softmax_delta(forward(p).Z2)
    checks = {
        "impl.backprop.MLP": by_network(p),
        f"central differences, h = {number(STEP, 1)}": by_differences(loss, p),
        "automatic differentiation": by_autograd(loss, p),
    }
    errors = {label: distance(gradients, other) for label, other in checks.items()}
    _, difference_error, autograd_error = errors.values()
    return {
        "x": X,
        "y": Y,
        "p": p,
        "pass_": forward(p),
        "loss": float(loss(p)),
        "output_gradient": forward(p).A2 - Y,
        "delta1": delta1,
        "delta2": delta2,
        "g": gradients,
        "checks": [[label, number(error, 1)] for label, error in errors.items()],
        "algebra": outcome(identities()),
        "difference_error": difference_error,
        "autograd_error": autograd_error,
        "softmax": softmax,
        "softmax_wrong": float((softmax.elementwise - softmax.autograd).abs().max()),
        "softmax_right": float((softmax.full - softmax.autograd).abs().max()),
        "precision": torch.finfo(torch.float64).eps,
        "bias_line": printed_bias_line(),
        "loop_": loop_values(),
    }


def loop_errata(v: Values) -> list[Erratum]:
    """Return the errata on the count of epochs and on the permutation, from their execution."""
    run = v["loop_"]
    entries = []
    if run["range_error"]:
        entries.append(
            Erratum(
                "q04-range",
                4,
                "for epoch in range(len(epochs))",
                "for epoch in range(epochs)",
                "The number of epochs is an integer, which has no length: executed, the line ends with "
                f"“{run['range_error']}”.",
            )
        )
    if run["left_out"]:
        sizes = run["sizes"]
        entries.append(
            Erratum(
                "q04-permutation",
                4,
                "indices = permutation(0, len(x_train)-1)",
                "indices = permutation(len(x_train)): every index once.",
                "Ranges leave their end out, so the last index is never drawn: of "
                f"{run['samples']} samples the one with index {run['left_out'][0]} is left out. Because "
                "x_train is replaced by its permutation, the set shrinks again in every epoch, "
                f"from {sizes[0]} to {sizes[1]} to {sizes[2]}, "
                f"and after {len(sizes) - 1} epochs {sizes[-1]} samples are left.",
            )
        )
    return entries


def gradient_errata(v: Values) -> list[Erratum]:
    """Return the errata on the bias gradient's run-on line and on δ₂'s assumption."""
    line, softmax = v["bias_line"], v["softmax"]
    entries = []
    if line["product"] and line["right_side"] != line["left_side"]:
        entries.append(
            Erratum(
                "q04-bias",
                4,
                r"\(\frac{\partial L}{\partial B_2} = \delta_2 \delta_1 "
                r"= (W_2^{\mathsf T} \delta_2) \odot f_1'(Z_1)\), on one line.",
                r"\(\frac{\partial L}{\partial B_2} = \delta_2\), and on a line of its own "
                r"\(\delta_1 = (W_2^{\mathsf T} \delta_2) \odot f_1'(Z_1)\).",
                "A line break is missing. As it stands, the product is not defined "
                f"(“{line['product']}”), and the right-hand side has {line['right_side'][0]} rows where the "
                f"bias has {line['left_side'][0]}.",
            )
        )
    if v["softmax_wrong"] > 1e3 * v["precision"]:
        entries.append(
            Erratum(
                "q04-softmax",
                4,
                r"\(\delta_2 = \frac{\partial L}{\partial Y_{pred}} \odot f_2'(Z_2)\), for any activation.",
                r"\(\delta_2 = J^{\mathsf T} \frac{\partial L}{\partial Y_{pred}}\) with the Jacobian \(J\) "
                r"of \(f_2\); the printed product is the case of an elementwise \(f_2\), whose \(J\) is "
                "diagonal.",
                "A classifier usually ends in a softmax, each output of which depends on all entries of "
                rf"\(Z_2\). In the example the printed formula gives \({matrix(softmax.elementwise, 3)}\), "
                rf"the Jacobian \({matrix(softmax.full, 3)}\), which automatic differentiation confirms to "
                rf"\({number(v['softmax_right'], 1)}\).",
            )
        )
    return entries


def errata(v: Values) -> list[Erratum]:
    """Return the errata on the loop and on the gradients."""
    return [*loop_errata(v), *gradient_errata(v)]


ANSWER = Answer(
    "The training loop and backpropagation",
    "How does a network learn from its samples, and how do the gradients of all its layers come about?",
    values,
    errata,
)
