"""Question 8: why descent zigzags for inputs that are all positive, and the cost."""

from functools import partial
from typing import Any

import numpy as np
import sympy
import torch
from torch import Tensor

from impl.descent.objectives import Objective, sigmoid_neuron
from report.algebra.identities import Identity, holds
from report.algebra.latex import sigmoid
from report.answers.q08.descent import INPUTS, MINIMUM, START, descents, hessian, objectives
from report.answers.q08.evidence import evidence
from report.document.answer import Answer, Values
from report.document.formats import number, percent
from report.document.page import WRONG_REASONING, Erratum

BATCHES = (1, 2, 4, 8, 16, 32, 64)
DRAWS = 4000
SAMPLE = ((0.2, 0.9), 0.8)  # one input and its target, for the hand calculation
DELTAS = (0.3, -0.2)  # errors of two neurons of one layer
WEIGHTS = 3  # of the neuron whose gradient is derived by computer algebra
tensor = partial(torch.tensor, dtype=torch.float64)


def gradient() -> Identity:
    """Return ∂L/∂w_i of L = (σ(wᵀx) - y)² as sympy derives it, with δ x_i where δ = 2 (a - y) a (1 - a)."""
    w, x, y = sympy.symbols(f"w:{WEIGHTS}"), sympy.symbols(f"x:{WEIGHTS}"), sympy.Symbol("y")
    a = sigmoid(sum(weight * part for weight, part in zip(w, x, strict=True)))
    delta = 2 * (a - y) * a * (1 - a)
    return Identity(
        "gradient", [sympy.diff((a - y) ** 2, weight) for weight in w], [delta * part for part in x]
    )


def by_hand() -> dict[str, Any]:
    """Compute one sample's gradient at w = 0 factor by factor, and its difference from `impl`'s."""
    (x, y), w = SAMPLE, (0.0, 0.0)
    a = 1 / (1 + np.exp(-np.dot(w, x)))
    delta = 2 * (a - y) * a * (1 - a)
    objective = sigmoid_neuron(tensor([x]), tensor([y]))
    by_impl = objective.gradient(tensor(w), objective.inputs, objective.targets).numpy()
    gradient = delta * np.array(x)
    return {
        "x": x,
        "y": y,
        "a": float(a),
        "delta": float(delta),
        "gradient": gradient,
        "gap": float(np.abs(by_impl - gradient).max()),
    }


def each_gradient(objective: Objective, w: Tensor) -> Tensor:
    """Return the gradients (N, d) of every sample alone at w (d,)."""
    rows = zip(objective.inputs, objective.targets, strict=True)
    return torch.stack([objective.gradient(w, x[None], y[None]) for x, y in rows])


def one_sign(gradients: Tensor, batch: int, generator: torch.Generator) -> float:
    """Return the share of random batches whose mean gradient has one sign; gradients: (N, d)."""
    chosen = torch.randint(len(gradients), (DRAWS, batch), generator=generator)
    means = gradients[chosen].mean(1)
    return float(((means > 0).all(1) | (means < 0).all(1)).double().mean())


def agreement() -> dict[str, list[float]]:
    """Return the share of batches with gradients of one sign, by batch size and inputs, at MINIMUM/2.

    Halfway along the difference of the weights the outputs of samples err to both sides.
    """
    w = MINIMUM / 2
    return {
        name: [
            one_sign(each_gradient(objective, w), batch, torch.Generator().manual_seed(2))
            for batch in BATCHES
        ]
        for name, objective in objectives().items()
    }


def layer() -> np.ndarray:
    """Return the weight gradient δ xᵀ (2, 2) of a layer of two neurons: a row for each neuron."""
    return np.outer(DELTAS, SAMPLE[0])


def values() -> Values:
    """Compute the signs of samples and batches, and descents with positive and zero-centred inputs."""
    positive = objectives()[INPUTS[0]]
    signs = each_gradient(positive, START).sign()
    agreeing = agreement()
    return {
        "hand": by_hand(),
        "derived": holds(gradient()),
        "weights": WEIGHTS,
        "per_sample": float((signs[:, 0] == signs[:, 1]).double().mean()),
        "samples": len(signs),
        "agreement": agreeing,
        "agreement_rows": [
            [str(b), *(percent(agreeing[name][i]) for name in INPUTS)] for i, b in enumerate(BATCHES)
        ],
        "batches": BATCHES,
        "halfway": MINIMUM.numpy() / 2,
        "draws": DRAWS,
        "layer": layer(),
        "deltas": DELTAS,
        "conditions": {name: hessian(objective)[1] for name, objective in objectives().items()},
        "eigenvectors": {name: hessian(objective)[0] for name, objective in objectives().items()},
        "descents": descents(),
        "start": START.numpy(),
        "minimum": MINIMUM.numpy(),
    }


def errata(v: Values) -> list[Erratum]:
    """Return the errata on "always in the same direction", and on what makes training slow."""
    entries = []
    if v["per_sample"] == 1 and min(v["agreement"][INPUTS[0]]) < 1:
        entries.append(_always_erratum(v))
    d = v["descents"]
    if d["slow"]["steps_ratio"] < 1.1 and d["slow"]["detour_ratio"] > 1.25:
        entries.append(_slow_erratum(d))
    return entries


def _always_erratum(v: Values) -> Erratum:
    rows = v["layer"]
    return Erratum(
        "q08-always",
        8,
        WRONG_REASONING,
        "Inputs from a sigmoid are strictly positive, so the updates to all weights always have the same "
        "direction.",
        "Only the weights of one neuron share the sign of their updates, and only for one sample.",
        rf"For a batch, the errors \(\delta_n\) differ in sign: in the example above "
        rf"{percent(v['agreement'][INPUTS[0]][-1])} of random batches of {BATCHES[-1]} have a gradient of "
        rf"one sign. Within a layer, two neurons with the errors \({number(DELTAS[0], 1)}\) and "
        rf"\({number(DELTAS[1], 1)}\) move in opposite directions: the gradients in the first weight are "
        rf"\({number(rows[0, 0], 2)}\) and \({number(rows[1, 0], 2)}\). The inputs of the first layer have "
        "passed through no sigmoid.",
    )


def _slow_erratum(d: Values) -> Erratum:
    slow, best, full = d["slow"], d["best"]["single"], d["best"]["full"]
    return Erratum(
        "q08-slow",
        8,
        WRONG_REASONING,
        "Updates in one direction make training slow, because weights of one layer may need to move in "
        "different directions.",
        "The shared direction lengthens the path but costs few steps; positive inputs cost steps because "
        "they allow only a smaller learning rate.",
        rf"At a learning rate of {slow['rate']:g} the path is {number(slow['detour_ratio'], 2)} times as "
        rf"long as with zero-centred inputs, but takes {number(slow['steps_ratio'], 2)} times the steps. "
        rf"At their best rates the two need {best[0]['steps']:.0f} and {best[1]['steps']:.0f} steps. With "
        rf"full batches, whose steps may take any direction, they still need {full[0]['steps']:.0f} and "
        rf"{full[1]['steps']:.0f}.",
    )


ANSWER = Answer(
    "The sigmoid and the zigzag",
    "Why does descent zigzag when a neuron's inputs come out of a sigmoid?",
    values,
    errata,
    evidence,
)
