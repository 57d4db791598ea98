"""Multilayer perceptron with hand-written gradients (question 4), without autograd."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from impl.descent.loop import minibatches
from impl.losses import LOSSES
from impl.names import invalid, lookup


class _Function(NamedTuple):
    """An elementwise f and its chain rule."""

    f: Callable[[Tensor], Tensor]
    chain: Callable[[Tensor, Tensor, Tensor], Tensor]  # (∂L/∂A, Z, A = f(Z)) -> ∂L/∂A ⊙ f'(Z)


def _of_z(derivative: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Return the chain rule through a derivative that is a function of Z."""
    return lambda dA, Z, A: dA * derivative(Z)


_FUNCTIONS = {
    "identity": _Function(lambda z: z, lambda dA, Z, A: dA),
    **{name: _Function(row.f, _of_z(row.derivative)) for name, row in ACTIVATIONS.items()},
    # derivatives from the output, without another exponential
    "sigmoid": _Function(ACTIVATIONS["sigmoid"].f, lambda dA, Z, A: dA * A * (1 - A)),
    "tanh": _Function(ACTIVATIONS["tanh"].f, lambda dA, Z, A: dA * (1 - A.square())),
}


class MLP:
    """Fully connected layers and a loss, with the gradients in all weights and biases written out.

        Zₗ = Wₗ Aₗ₋₁ + Bₗ,  Aₗ = fₗ(Zₗ),  A₀ = X
        δ₂ = ∂L/∂A₂ ⊙ f₂'(Z₂)        ∂L/∂W₂ = δ₂ A₁ᵀ    ∂L/∂B₂ = δ₂
        δ₁ = (W₂ᵀ δ₂) ⊙ f₁'(Z₁)      ∂L/∂W₁ = δ₁ Xᵀ     ∂L/∂B₁ = δ₁

    Further layers repeat the last line. The code has samples in rows, as torch: Zₗ = Aₗ₋₁ Wₗᵀ + Bₗ,
    ∂L/∂Wₗ = δₗᵀ Aₗ₋₁, ∂L/∂Bₗ is the sum of δₗ over the batch, and ∂L/∂A includes the 1/N of a mean.

    Args:
        sizes: units of the input, hidden and output layers.
        activation: f of the hidden layers, a name in `impl.activations.ACTIVATIONS` or "identity".
        output: f of the last layer; "identity" for a loss on logits.
        loss: a name in `impl.losses.LOSSES`.
        generator: source of the initial weights, uniform within ±1/√in as in `torch.nn.Linear`.
        dtype: dtype of weights and biases.

    Attributes:
        weights: (out, in) of each layer.
        biases: (out,) of each layer.

    Raises:
        ValueError: fewer than two sizes, a size below 1, or an unknown name.

    Example:
        >>> g = torch.Generator().manual_seed(0)
        >>> network = MLP([2, 8, 1], "tanh", "sigmoid", "mse", generator=g)
        >>> x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
        >>> y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])  # exclusive or
        >>> losses = network.train(x, y, learning_rate=2.0, epochs=2000, batch_size=4, generator=g)
        >>> network.forward(x).round().flatten()
        tensor([0., 1., 1., 0.])

    References:
        Rumelhart, Hinton & Williams (1986).
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "sigmoid",
        output: str = "identity",
        loss: str = "cross_entropy",
        *,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(invalid("sizes", list(sizes), "two or more numbers >= 1"))
        hidden = lookup("activation", activation, _FUNCTIONS)
        self.functions = [hidden] * (len(sizes) - 2) + [lookup("output activation", output, _FUNCTIONS)]
        self.loss = lookup("loss", loss, LOSSES)
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for fan_in, fan_out in pairwise(sizes):
            draws = torch.rand(fan_out, fan_in + 1, generator=generator, dtype=dtype)
            layer = (2 * draws - 1) / fan_in**0.5
            self.weights.append(layer[:, 1:].contiguous())
            self.biases.append(layer[:, 0].contiguous())

    def _layers(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return all Zₗ, and all Aₗ after A₀ = x."""
        if x.ndim != 2 or x.shape[1] != self.weights[0].shape[1]:
            raise ValueError(invalid("x", f"shape {tuple(x.shape)}", f"(N, {self.weights[0].shape[1]})"))
        Z: list[Tensor] = []
        A = [x]
        for W, B, function in zip(self.weights, self.biases, self.functions, strict=True):
            Z.append(torch.addmm(B, A[-1], W.T))
            A.append(function.f(Z[-1]))
        return Z, A

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs.

        Args:
            x: (N, in).

        Returns:
            (N, out).

        Raises:
            ValueError: x has another shape.
        """
        return self._layers(x)[1][-1]

    def _deltas(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Return the loss, δₗ = ∂L/∂Zₗ (N, out) of each layer and Aₗ₋₁ (N, in) below it, first to last."""
        Z, A = self._layers(x)
        loss, dA = self.loss.value_and_gradient(A[-1], y)
        deltas = []
        for layer in reversed(range(len(Z))):
            deltas.append(self.functions[layer].chain(dA, Z[layer], A[layer + 1]))
            if layer:  # the gradient in the input is not needed
                dA = deltas[-1] @ self.weights[layer]
        return loss, deltas[::-1], A[:-1]

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the loss and its gradients.

        Args:
            x: (N, in).
            y: class indices (N,), or an array of the outputs' shape, as the loss takes.

        Returns:
            The loss, a scalar, and (∂L/∂W, ∂L/∂B) of each layer, first to last.

        Raises:
            ValueError: shapes do not fit.
        """
        loss, deltas, A = self._deltas(x, y)
        return loss, [(delta.T @ below, delta.sum(0)) for delta, below in zip(deltas, A, strict=True)]

    def step(self, x: Tensor, y: Tensor, learning_rate: float) -> Tensor:
        """Step W ← W - η ∂L/∂W, B alike, on one batch; ∂L/∂W is never stored.

        Args:
            x: (N, in).
            y: targets, as in `gradients`.
            learning_rate: η.

        Returns:
            The loss before the step, a scalar.
        """
        loss, deltas, A = self._deltas(x, y)
        for W, B, delta, below in zip(self.weights, self.biases, deltas, A, strict=True):
            W.addmm_(delta.T, below, alpha=-learning_rate)
            B.sub_(delta.sum(0), alpha=learning_rate)
        return loss

    def train(
        self,
        x: Tensor,
        y: Tensor,
        *,
        learning_rate: float,
        epochs: int,
        batch_size: int = 1,
        generator: torch.Generator,
    ) -> list[float]:
        """Train by question 4's loop: shuffle the samples, then step on each batch, every epoch.

        Args:
            x: (N, in).
            y: targets, as in `gradients`.
            learning_rate: η.
            epochs: passes over all samples.
            batch_size: samples a step.
            generator: source of the order.

        Returns:
            The loss of each epoch: the mean over samples, each before the step that uses it.

        Raises:
            ValueError: the batch size is outside 1..N, or shapes do not fit.
        """
        losses = []
        for _ in range(epochs):
            total = torch.zeros((), dtype=torch.float64)
            for inputs, targets in minibatches(x, y, batch_size, generator):
                total += self.step(inputs, targets, learning_rate) * len(inputs)
            losses.append(float(total) / len(x))
        return losses
