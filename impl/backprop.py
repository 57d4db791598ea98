"""The multilayer perceptron of question 4 with its equations written out: no autograd anywhere."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from impl.activations.registry import ACTIVATIONS
from impl.descent.loop import minibatches
from impl.losses import LOSSES

Row = TypeVar("Row")


class _Elementwise(NamedTuple):
    f: Callable[[Tensor], Tensor]
    chain: Callable[[Tensor, Tensor, Tensor], Tensor]  # (∂L/∂A, Z, A = f(Z)) -> ∂L/∂A ⊙ f'(Z)


def _of_z(derivative: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Chain rule through a derivative that is a function of Z."""
    return lambda dA, Z, A: dA * derivative(Z)


_FUNCTIONS = {
    "identity": _Elementwise(lambda z: z, lambda dA, Z, A: dA),
    **{name: _Elementwise(row.f, _of_z(row.derivative)) for name, row in ACTIVATIONS.items()},
    # the output is at hand, and gives these derivatives without another exponential
    "sigmoid": _Elementwise(ACTIVATIONS["sigmoid"].f, lambda dA, Z, A: dA * A * (1 - A)),
    "tanh": _Elementwise(ACTIVATIONS["tanh"].f, lambda dA, Z, A: dA * (1 - A.square())),
}


def _known(table: Mapping[str, Row], name: str, kind: str) -> Row:
    if name not in table:
        raise ValueError(f"{kind} {name!r} is not one of {', '.join(table)}")
    return table[name]


class MLP:
    """Fully connected layers Zₗ = Wₗ Aₗ₋₁ + Bₗ, Aₗ = fₗ(Zₗ), A₀ = X, and a loss's gradients in all Wₗ and Bₗ.

    With two layers these are question 4's (Rumelhart, Hinton & Williams 1986):

        δ₂ = ∂L/∂A₂ ⊙ f₂'(Z₂)        ∂L/∂W₂ = δ₂ A₁ᵀ    ∂L/∂B₂ = δ₂
        δ₁ = (W₂ᵀ δ₂) ⊙ f₁'(Z₁)      ∂L/∂W₁ = δ₁ Xᵀ     ∂L/∂B₁ = δ₁

    and every further layer repeats the second line. Samples stand here in rows, as in torch:
    Zₗ = Aₗ₋₁ Wₗᵀ + Bₗ, ∂L/∂Wₗ = δₗᵀ Aₗ₋₁, ∂L/∂Bₗ the sum of δₗ over the batch; the 1/N of a mean is in ∂L/∂A.

    sizes: units of input, hidden layers and output. `weights` are (out, in), `biases` (out,), drawn as
    torch.nn.Linear draws them: uniform within ±1/√in. `output` is the last layer's f, "identity" for a loss
    on logits. Raises ValueError for fewer than two sizes, one below 1, or a name its table does not hold.

    >>> g = torch.Generator().manual_seed(0)
    >>> network = MLP([2, 8, 1], "tanh", "sigmoid", "mse", generator=g)
    >>> x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])  # exclusive or
    >>> losses = network.train(x, y, learning_rate=2.0, epochs=2000, batch_size=4, generator=g)
    >>> network.forward(x).round().flatten()
    tensor([0., 1., 1., 0.])
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
            raise ValueError(f"sizes {list(sizes)} are not two or more numbers >= 1")
        hidden = _known(_FUNCTIONS, activation, "activation")
        self.functions = [hidden] * (len(sizes) - 2) + [_known(_FUNCTIONS, output, "output")]
        self.loss = _known(LOSSES, loss, "loss")
        self.weights: list[Tensor] = []
        self.biases: list[Tensor] = []
        for fan_in, fan_out in pairwise(sizes):
            draws = torch.rand(fan_out, fan_in + 1, generator=generator, dtype=dtype)
            layer = (2 * draws - 1) / fan_in**0.5
            self.weights.append(layer[:, 1:].contiguous())
            self.biases.append(layer[:, 0].contiguous())

    def _layers(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All Zₗ, and all Aₗ with A₀ = x before them."""
        if x.ndim != 2 or x.shape[1] != self.weights[0].shape[1]:
            raise ValueError(f"input {tuple(x.shape)} is not (N, {self.weights[0].shape[1]})")
        Z: list[Tensor] = []
        A = [x]
        for W, B, function in zip(self.weights, self.biases, self.functions, strict=True):
            Z.append(torch.addmm(B, A[-1], W.T))
            A.append(function.f(Z[-1]))
        return Z, A

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, out) of the inputs x (N, in). Raises ValueError for another shape."""
        return self._layers(x)[1][-1]

    def _deltas(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The loss, δₗ = ∂L/∂Zₗ (N, out) of each layer and Aₗ₋₁ (N, in) below it, first to last."""
        Z, A = self._layers(x)
        loss, dA = self.loss.value_and_gradient(A[-1], y)
        deltas = []
        for layer in reversed(range(len(Z))):
            deltas.append(self.functions[layer].chain(dA, Z[layer], A[layer + 1]))
            if layer:  # nobody asks for the gradient in the input
                dA = deltas[-1] @ self.weights[layer]
        return loss, deltas[::-1], A[:-1]

    def gradients(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Loss (a scalar) on inputs x (N, in) and targets y, and (∂L/∂W, ∂L/∂B) of each layer, first to last.

        y is what the loss takes: class indices (N,) or an array of the outputs' shape. Raises ValueError for
        other shapes.
        """
        loss, deltas, A = self._deltas(x, y)
        return loss, [(delta.T @ below, delta.sum(0)) for delta, below in zip(deltas, A, strict=True)]

    def step(self, x: Tensor, y: Tensor, learning_rate: float) -> Tensor:
        """W ← W - η ∂L/∂W, B alike, on one batch; arguments as in `gradients`, returns the loss before.

        δᵀ A is taken from W as it is multiplied out: ∂L/∂W is nowhere stored.
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
        """Question 4's loop: shuffle x (N, in) and y together, then W ← W - η ∂L/∂W, B alike, each epoch.

        Every sample is used once an epoch, `batch_size` of them a step. Returns each epoch's loss, a mean
        over the samples as they were met, so before the step that used them. Raises ValueError for a batch
        size outside 1..N or unfit shapes.
        """
        losses = []
        for _ in range(epochs):
            total = torch.zeros((), dtype=torch.float64)
            for inputs, targets in minibatches(x, y, batch_size, generator):
                total += self.step(inputs, targets, learning_rate) * len(inputs)
            losses.append(float(total) / len(x))
        return losses
