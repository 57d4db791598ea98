"""Question 6: cross-entropy against squared error and accuracy."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from impl.losses import brier_gradient, cross_entropy, cross_entropy_gradient, mse_gradient
from report.algebra.identities import outcome
from report.answers.q06.algebra import CLASSES, identities
from report.answers.q06.checks import (
    accuracy_slope,
    outliers,
    recovery,
    squared_gradient,
    tensor,
    times_slower,
)
from report.answers.q06.evidence import evidence
from report.document.answer import Answer, Values
from report.document.formats import number
from report.document.page import IMPRECISE, WRONG_RESULT, Erratum
from report.figures.losses import losses_and_gradients
from report.figures.svg import SvgFigure, svg_figure

VECTORS = {"first": (0.3, 0.3, 0.4), "second": (0.1, 0.1, 0.7)}
RIGHT = 2  # the class that the target [0, 0, 1] marks


def reading(vector: tuple[float, ...]) -> dict[str, object]:
    """Read a printed vector as probabilities and, through the softmax, as logits."""
    v = tensor(vector)
    softmax = torch.softmax(v, 0)
    return {
        "vector": v.numpy(),
        "sum": float(v.sum()),
        "as_probabilities": -float(v[RIGHT].log()),
        "softmax": softmax.numpy(),
        "as_logits": float(cross_entropy(v[None], torch.tensor([RIGHT]))),
        "free_index": [-float(p.log()) for p in v],
    }


def gradient_gaps() -> dict[str, float]:
    """Return the largest difference of each derived gradient from autograd, over logits up to ±8."""
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(50, 4, generator=generator, dtype=torch.float64)
    target = torch.randint(0, 4, (50,), generator=generator)
    one_hot = torch.nn.functional.one_hot(target, 4).double()

    def written_brier(z: Tensor, _: Tensor) -> Tensor:
        return (torch.softmax(z, 1) - one_hot).square().sum(1).mean()

    pairs = {
        "cross_entropy": (cross_entropy, cross_entropy_gradient),
        "brier": (written_brier, brier_gradient),
    }
    gaps = {}
    for name, (loss, gradient) in pairs.items():
        z = logits.clone().requires_grad_()
        (gradient_found,) = torch.autograd.grad(loss(z, target), z)
        gaps[name] = float((gradient_found - gradient(logits, target)).abs().max())
    z = logits[:, 0].clone().requires_grad_()
    (gradient_found,) = torch.autograd.grad((torch.sigmoid(z) - 1).square().sum(), z)
    gaps["sigmoid"] = float((gradient_found - squared_gradient(logits[:, 0])).abs().max())
    return gaps


def figure() -> SvgFigure:
    """Return the figure of losses and gradient sizes against the logit of the right class."""
    z = torch.linspace(-10, 10, 121, dtype=torch.float64)
    p = torch.sigmoid(z)
    curves = {
        "cross-entropy": (-torch.nn.functional.logsigmoid(z), torch.sigmoid(-z)),
        "squared error": ((1 - p).square(), squared_gradient(z).abs()),
    }
    frame = pd.concat(
        pd.DataFrame({"loss": name, "logit": z.numpy(), "value": value.numpy(), "gradient": slope.numpy()})
        for name, (value, slope) in curves.items()
    )
    return svg_figure(
        losses_and_gradients(frame),
        frame,
        name="q06-losses",
        title="Cross-entropy and squared error against the logit",
        alt="Left: for very negative logits cross-entropy rises as a straight line while squared error "
        "levels off. Right: there the gradient of cross-entropy stays near one and that of squared error "
        "falls exponentially.",
    )


def values() -> Values:
    """Compute the vectors, gradient checks, descents from a wrong start, accuracy's slope, and outliers."""
    recovered = recovery()
    outputs = tensor([0.01, 0.5, 0.99])
    linear = mse_gradient(outputs, torch.zeros_like(outputs)) * len(outputs) / outputs
    p = torch.sigmoid(torch.tensor([-4.0, 0.0, 4.0], dtype=torch.float64))
    return {
        "vectors": {name: reading(vector) for name, vector in VECTORS.items()},
        "gap": max(gradient_gaps().values()),
        "algebra": outcome(identities()),
        "classes": CLASSES,
        "figure_losses": figure(),
        "recovery": recovered,
        "slower": times_slower(recovered),
        "accuracy": accuracy_slope(),
        "outliers": outliers(),
        "linear_factor": linear.numpy(),
        "sigmoid_factor": (2 * p * (1 - p)).numpy(),
    }


def errata(v: Values) -> list[Erratum]:
    """Return the errata on the "logits", the index, accuracy's gradient, and output (1 - output)."""
    first, second = v["vectors"]["first"], v["vectors"]["second"]
    entries = []
    if abs(second["sum"] - 1) > 1e-9:
        entries.append(_logits_erratum(first, second))
    if np.ptp(first["free_index"]) > 0:
        entries.append(_index_erratum(first))
    if v["accuracy"]["accuracy"] == 0:
        entries.append(_accuracy_erratum(v["accuracy"]))
    if np.ptp(v["linear_factor"]) < 1e-9 < np.ptp(v["sigmoid_factor"]):
        entries.append(_factor_erratum(v))
    return entries


def _logits_erratum(first: Values, second: Values) -> Erratum:
    whole = "is a distribution" if abs(first["sum"] - 1) < 1e-9 else "is not a distribution either"
    return Erratum(
        "q06-logits",
        6,
        IMPRECISE,
        "Two models produce the logits [0.3, 0.3, 0.4] and [0.1, 0.1, 0.7].",
        "These are used as probabilities, not as logits, and the second is not a distribution.",
        rf"The first sums to \({number(first['sum'])}\) and {whole}; the second sums to "
        rf"\({number(second['sum'])}\). Read as logits, they give the right class the probabilities "
        rf"\({number(first['softmax'][RIGHT])}\) and \({number(second['softmax'][RIGHT])}\).",
    )


def _index_erratum(first: Values) -> Erratum:
    shown = ", ".join(number(x) for x in first["free_index"])
    return Erratum(
        "q06-index",
        6,
        WRONG_RESULT,
        r"The loss is \(-\sum t_i \log(p_k)\).",
        r"It is \(-\sum_k t_k \log p_k\), with one index.",
        r"With two indices the sum over \(i\) leaves \(k\) open: since \(\sum_i t_i = 1\), the expression is "
        rf"\(-\log p_k\) for any \(k\), for the first vector one of \({shown}\).",
    )


def _accuracy_erratum(slopes: dict[str, float]) -> Erratum:
    return Erratum(
        "q06-accuracy",
        6,
        IMPRECISE,
        "The gradient of cross-entropy is easy to compute, unlike that of accuracy.",
        "The gradient of accuracy is as easy to compute, but useless: it is zero wherever it exists.",
        "Accuracy changes only where two logits are equal. Over all logits of a random batch its largest "
        rf"difference quotient is \({number(slopes['accuracy'], 1)}\), and that of cross-entropy "
        rf"\({number(slopes['cross_entropy'], 2)}\).",
    )


def _factor_erratum(v: Values) -> Erratum:
    linear, sigmoid = v["linear_factor"], v["sigmoid_factor"]
    return Erratum(
        "q06-factor",
        6,
        IMPRECISE,
        r"The gradient of the squared error has a term \(\text{output}\,(1 - \text{output})\).",
        "The factor is the slope of a sigmoid output; with a linear output the gradient has no such factor.",
        rf"In the output itself the gradient is \({number(linear[0])}\,(y - t)\) at every \(y\). In the "
        rf"logit of a sigmoid its factor is \({number(sigmoid.max())}\) at \(z = 0\) and "
        rf"\({number(sigmoid.min())}\) at \(z = \pm 4\). "
        r"With \(K\) classes and a softmax the slope is a matrix, \(p_j\,(\delta_{jk} - p_k)\). "
        "Cross-entropy cancels it.",
    )


ANSWER = Answer(
    "Cross-entropy",
    "Why is cross-entropy the loss of choice for classification, rather than accuracy or squared error?",
    values,
    errata,
    evidence,
)
