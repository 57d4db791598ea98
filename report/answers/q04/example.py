"""The small network of question 4: every gradient, and three independent checks of each."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from impl.activations import sigmoid, sigmoid_derivative
from impl.backprop import MLP
from report.document.formats import number
from report.figures.computation import Node, computation_graph
from report.figures.svg import SvgFigure, svg_figure

STEP = 1e-5  # of the central differences: about the cube root of float64's precision


class Parameters(NamedTuple):
    """W₁ (3, 2), B₁ (3, 1), W₂ (2, 3), B₂ (2, 1) of a 2-3-2 network, or the gradients in them."""

    W1: Tensor
    B1: Tensor
    W2: Tensor
    B2: Tensor


class Forward(NamedTuple):
    """Results of a forward pass, samples in columns."""

    Z1: Tensor
    A1: Tensor
    Z2: Tensor
    A2: Tensor


def _columns(rows: list[list[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


X = _columns([[1.0], [-2.0]])
Y = _columns([[1.0], [0.0]])
PARAMETERS = Parameters(
    _columns([[0.5, -0.5], [1.0, 0.5], [-1.0, 0.5]]),
    _columns([[0.0], [0.5], [1.0]]),
    _columns([[1.0, -1.0, 0.5], [0.5, 1.0, -1.0]]),
    _columns([[0.5], [-0.5]]),
)


def forward(p: Parameters) -> Forward:
    """Compute Z₁ = W₁X + B₁, A₁ = σ(Z₁), Z₂ = W₂A₁ + B₂, A₂ = σ(Z₂) for the one sample X."""
    Z1 = p.W1 @ X + p.B1
    A1 = sigmoid(Z1)
    Z2 = p.W2 @ A1 + p.B2
    return Forward(Z1, A1, Z2, sigmoid(Z2))


def graph(p: Parameters) -> SvgFigure:
    """Return the figure of the computation graph with every value and gradient."""
    delta1, delta2, _ = by_hand(p)
    Z1, A1, Z2, A2 = forward(p)
    quantities = {
        "X": (X, "", None),
        "Z₁": (Z1, "W₁X + B₁", delta1),
        "A₁": (A1, "σ(Z₁)", p.W2.T @ delta2),
        "Z₂": (Z2, "W₂A₁ + B₂", delta2),
        "A₂": (A2, "σ(Z₂)", A2 - Y),
        "L": (loss(p).reshape(1, 1), "½‖A₂ − Y‖²", torch.ones(1, 1)),
    }
    gradients = {"Z₁": "δ₁", "A₁": "W₂ᵀδ₂", "Z₂": "δ₂", "A₂": "A₂ − Y", "L": "∂L/∂L"}
    nodes, rows = [], []
    for name, (value, formula, gradient) in quantities.items():
        below = None if gradient is None else (gradients[name], entries(gradient))
        nodes.append(Node(f"{name} = {formula}" if formula else name, entries(value), below))
        rows += [(name, k, x.item()) for k, x in enumerate(value.flatten(), 1)]
        if gradient is not None:
            rows += [(gradients[name], k, x.item()) for k, x in enumerate(gradient.flatten(), 1)]
    return svg_figure(
        computation_graph(nodes),
        pd.DataFrame(rows, columns=["quantity", "entry", "value"]),
        name="q04-graph",
        title="Forward and backward pass of the example",
        alt="Six boxes in a row, from the input X by Z₁, A₁, Z₂ and A₂ to the loss L. Arrows to the right "
        "carry the values of the forward pass above the boxes, arrows to the left the gradients of the "
        "backward pass below them.",
    )


def entries(values: Tensor) -> list[str]:
    """Format the entries of a column (n, 1), to four decimals where they are not whole."""
    whole = bool((values == values.round()).all())
    return [number(x, fixed=0 if whole else 4) for x in values.flatten().tolist()]


def loss(p: Parameters) -> Tensor:
    """Return the squared error ½ Σ (A₂ - Y)², which for two outputs is their mean."""
    return (forward(p).A2 - Y).square().sum() / 2


def by_hand(p: Parameters) -> tuple[Tensor, Tensor, Parameters]:
    """Return δ₁ (3, 1), δ₂ (2, 1) and the four gradients, as the text writes them."""
    Z1, A1, Z2, A2 = forward(p)
    delta2 = (A2 - Y) * sigmoid_derivative(Z2)
    delta1 = (p.W2.T @ delta2) * sigmoid_derivative(Z1)
    return delta1, delta2, Parameters(delta1 @ X.T, delta1, delta2 @ A1.T, delta2)


def by_network(p: Parameters) -> Parameters:
    """Return the same gradients from `impl.backprop.MLP`, which has samples in rows."""
    mlp = MLP((2, 3, 2), output="sigmoid", loss="mse", generator=torch.Generator(), dtype=torch.float64)
    mlp.weights, mlp.biases = [p.W1, p.W2], [p.B1[:, 0], p.B2[:, 0]]
    _, ((dW1, dB1), (dW2, dB2)) = mlp.gradients(X.T, Y.T)
    return Parameters(dW1, dB1[:, None], dW2, dB2[:, None])


def by_differences(f: Callable[[Parameters], Tensor], p: Parameters) -> Parameters:
    """Return (f(θ + h) - f(θ - h)) / 2h for every entry θ of the parameters."""
    gradients = []
    for k, parameter in enumerate(p):
        gradient = torch.zeros_like(parameter)
        for i in range(parameter.numel()):
            shift = torch.zeros_like(parameter)
            shift.view(-1)[i] = STEP
            up, down = (
                f(p._replace(**{p._fields[k]: moved})) for moved in (parameter + shift, parameter - shift)
            )
            gradient.view(-1)[i] = (up - down) / (2 * STEP)
        gradients.append(gradient)
    return Parameters(*gradients)


def by_autograd(f: Callable[[Parameters], Tensor], p: Parameters) -> Parameters:
    """Return the gradients by torch's automatic differentiation."""
    leaves = Parameters(*(parameter.clone().requires_grad_() for parameter in p))
    return Parameters(*torch.autograd.grad(f(leaves), leaves))


def distance(a: Parameters, b: Parameters) -> float:
    """Return the largest difference between two sets of gradients."""
    return max(float((x - y).abs().max()) for x, y in zip(a, b, strict=True))


class Softmax(NamedTuple):
    """A softmax output p under cross-entropy with the one-hot Y: its Jacobian, and three forms of δ₂."""

    p: Tensor
    jacobian: Tensor
    full: Tensor
    elementwise: Tensor
    autograd: Tensor


def softmax_delta(z: Tensor) -> Softmax:
    """Return δ = Jᵀ ∂L/∂p, and ∂L/∂p ⊙ diag J as printed, for L = -Σ Y log p; z: (2, 1)."""
    leaf = z.clone().requires_grad_()
    (autograd,) = torch.autograd.grad(-(Y * torch.log_softmax(leaf, 0)).sum(), leaf)
    p = torch.softmax(z, 0)
    jacobian = torch.diag(p[:, 0]) - p @ p.T
    outer = -Y / p
    return Softmax(p, jacobian, jacobian.T @ outer, outer * jacobian.diagonal()[:, None], autograd)
