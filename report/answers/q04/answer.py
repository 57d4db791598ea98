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
    graph,
    loss,
    softmax_delta,
)
from report.answers.q04.loop import EPOCHS, RATE, SAMPLES, SEED, message, printed_order, shrinking, xor
from report.document.answer import Answer, Values
from report.document.formats import matrix, number
from report.document.page import IMPRECISE, WRONG_RESULT, Erratum


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
    gradients: object = [PARAMETERS.W1, PARAMETERS.W2]  # one for each layer
    return {
        "epochs": epochs,
        "update_error": message(lambda: gradients * RATE),  # type: ignore[operator]
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
    _, _, gradients = by_hand(p)
    softmax = softmax_delta(forward(p).Z2)
    checks = {
        "impl.backprop.MLP": by_network(p),
        f"central differences, h = {number(STEP, 1)}": by_differences(loss, p),
        "automatic differentiation": by_autograd(loss, p),
    }
    errors = {label: distance(gradients, other) for label, other in checks.items()}
    return {
        "x": X,
        "y": Y,
        "p": p,
        "graph": graph(p),
        "loss": float(loss(p)),
        "g": gradients,
        "checks": [[label, number(error, 1)] for label, error in errors.items()],
        "algebra": outcome(identities()),
        "largest_error": max(errors.values()),
        "softmax": softmax,
        "softmax_wrong": float((softmax.elementwise - softmax.autograd).abs().max()),
        "softmax_right": float((softmax.full - softmax.autograd).abs().max()),
        "precision": torch.finfo(torch.float64).eps,
        "bias_line": printed_bias_line(),
        "loop_": loop_values(),
    }


def loop_errata(v: Values) -> list[Erratum]:
    """Return the errata on the loop's count of epochs, permutation and update, from their execution."""
    run = v["loop_"]
    entries = []
    if run["range_error"]:
        entries.append(
            Erratum(
                "q04-range",
                4,
                WRONG_RESULT,
                "for epoch in range(len(epochs))",
                "for epoch in range(epochs)",
                f"The number of epochs is an integer, which has no length: “{run['range_error']}”.",
                "In question 4 the training loop stops with an error before its first step.",
            )
        )
    if run["left_out"]:
        sizes = run["sizes"]
        entries.append(
            Erratum(
                "q04-permutation",
                4,
                WRONG_RESULT,
                "indices = permutation(0, len(x_train)-1)",
                "indices = permutation(len(x_train))",
                "If the end is left out, as in Python's ranges, the last index is never drawn. Because "
                "x_train is replaced by its permutation, the set then shrinks in every epoch: of "
                f"{sizes[0]} samples, {sizes[-1]} are left after {len(sizes) - 1} epochs. Only if the end is "
                "included is the line right.",
            )
        )
    if run["update_error"]:
        entries.append(
            Erratum(
                "q04-update",
                4,
                WRONG_RESULT,
                "model.weights = model.weights - grad*lr",
                "theta -= lr * g, for every weight matrix and every bias of every layer",
                "The biases have gradients too, but the line never updates them. With one gradient for each "
                f"layer in a list, it also ends with an error: “{run['update_error']}”.",
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
                IMPRECISE,
                r"\(\frac{\partial L}{\partial B_2} = \delta_2 \delta_1 "
                r"= (W_2^{\mathsf T} \delta_2) \odot f_1'(Z_1)\), on one line.",
                r"\(\frac{\partial L}{\partial B_2} = \delta_2\), and on a line of its own "
                r"\(\delta_1 = (W_2^{\mathsf T} \delta_2) \odot f_1'(Z_1)\).",
                "A line break is missing. As printed, the product of the two errors is not defined, and "
                f"the right-hand side has {line['right_side'][0]} rows, the bias {line['left_side'][0]}.",
            )
        )
    if v["softmax_wrong"] > 1e3 * v["precision"]:
        entries.append(
            Erratum(
                "q04-softmax",
                4,
                WRONG_RESULT,
                r"\(\delta_2 = \frac{\partial L}{\partial Y_{pred}} \odot f_2'(Z_2)\), for any activation.",
                r"\(\delta_2 = J^{\mathsf T} \frac{\partial L}{\partial Y_{pred}}\) with the Jacobian \(J\) "
                r"of \(f_2\). The printed product is right only if \(J\) is diagonal.",
                "A classifier usually ends in a softmax, whose outputs each depend on all entries of "
                rf"\(Z_2\). In the example the printed formula gives \({matrix(softmax.elementwise, 3)}\), "
                rf"the Jacobian \({matrix(softmax.full, 3)}\), and so does automatic differentiation.",
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
