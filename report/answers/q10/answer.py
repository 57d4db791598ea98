"""Question 10: a convolutional network from scratch, its convolution by unfold and one matrix product."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.functional
from torch import Tensor, nn
from torch.nn import functional

from bench.store import Snapshot
from impl.convolution import STRATEGIES, Geometry, buffer_bytes, conv2d, operations
from impl.models import SIDE, ConvAutoencoder, ScratchCNN
from report.answers.q10 import winograd
from report.answers.q10.evidence import accuracy, strategies, training_steps
from report.answers.q10.layer import listing
from report.document.answer import Answer, Values
from report.document.formats import count, number, size
from report.document.page import IMPRECISE, Erratum
from report.figures.convolution import Example, unfold_and_fold
from report.figures.svg import SvgFigure, svg_figure

X = torch.tensor([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0], [0.0, 2.0, 4.0]], dtype=torch.float64)
W = torch.tensor([[1.0, 2.0], [0.0, -1.0]], dtype=torch.float64)
Y = torch.tensor([[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 1.0, 3.0], [2.0, 2.0, 0.0, 1.0], [1.0, 1.0, 0.0, 2.0]])
SAME = Geometry(padding=(1, 1))
BATCH = 64
ROUNDING = 1e-10  # float64, values of order 1 to 100
IDEAS = {
    "loops": "the definition: a patch times a filter for each output",
    "unfold": "one product of the filters with all patches as columns",
    "windows": "an einsum over a strided view; it copies the patches only inside the contraction",
    "shifted": "the padded image flattened to rows of pixels: under each kernel offset lies one contiguous "
    "slice, and the result is the sum of the products with these slices",
    "tiled": "unfold for a few samples at a time, whose columns stay in the cache; recomputed backward",
    "winograd": "polynomial interpolation, with fewer multiplications",
}


def example() -> dict[str, Any]:
    """Compute the small convolution as columns, product and result, and its gradient through fold."""
    image, kernel = X[None, None].clone().requires_grad_(), W[None, None]
    columns = functional.unfold(image.detach(), 2)[0]
    product = W.reshape(1, -1) @ columns
    result = functional.conv2d(image, kernel)
    (gradient,) = torch.autograd.grad(result.sum(), image)
    upstream = torch.ones(1, columns.shape[1], dtype=torch.float64)
    folded = functional.fold((W.reshape(-1, 1) @ upstream)[None], (3, 3), 2)[0, 0]
    return {
        "x": X.numpy(),
        "w": W.numpy(),
        "w_row": W.reshape(1, -1).numpy(),
        "upstream": upstream.numpy(),
        "columns": columns.numpy(),
        "product": product.numpy(),
        "result": product.reshape(2, 2).numpy(),
        "error": float((product.reshape(2, 2) - result.detach()[0, 0]).abs().max()),
        "spread": (W.reshape(-1, 1) @ upstream).numpy(),
        "gradient": folded.numpy(),
        "gradient_error": float((folded - gradient[0, 0]).abs().max()),
    }


def drawing(found: Mapping[str, Any]) -> SvgFigure:
    """Return the figure of the example: its convolution by unfold and its gradient by fold."""
    matrices = Example(
        found["x"],
        found["w_row"],
        found["columns"],
        found["product"],
        found["result"],
        found["upstream"],
        found["spread"],
        found["gradient"],
    )
    return svg_figure(
        unfold_and_fold(matrices, (len(W), W.shape[1])),
        matrices.table(),
        name="q10-unfold",
        title="Unfold and fold on a small image",
        alt="Above: the windows of an image are copied into the columns of a matrix; the filter as a row "
        "times that matrix gives the output. Below: the filter as a column times the gradient of the output "
        "gives columns, which fold adds back to the windows of the image.",
    )


def adjoint() -> dict[str, object]:
    """Compute ⟨unfold x, y⟩ and ⟨x, fold y⟩ for the example, and how often unfold copies each pixel."""
    y = Y.double()
    columns = functional.unfold(X[None, None], 2)[0]
    back = functional.fold(y[None], (3, 3), 2)[0, 0]
    times = functional.fold(functional.unfold(torch.ones(1, 1, 3, 3), 2), (3, 3), 2)[0, 0]
    return {
        "y": y.numpy(),
        "left": float((columns * y).sum()),
        "right": float((X * back).sum()),
        "folded": back.numpy(),
        "times": times.numpy(),
    }


def agreement() -> dict[str, list[float]]:
    """Return the largest differences of every strategy from `F.conv2d` in float64, of value and gradients.

    One convolution has a stride, the other is one that `winograd` takes.
    """
    cases = (
        difference(2, (2, 3, 7, 7), (4, 3, 3, 3), (4,)),
        difference(1, (1, 8, 6, 6), (8, 8, 3, 3), (8,)),
    )
    return {
        name: [max(both) for both in zip(*(case[name] for case in cases), strict=True)] for name in STRATEGIES
    }


def difference(stride: int, *shapes: tuple[int, ...]) -> dict[str, list[float]]:
    """Return the differences for an input, weight and bias of these shapes, with padding 1."""
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes
    ]
    x, w, b = tensors

    def outcome(y: Tensor) -> list[Tensor]:
        return [y.detach(), *torch.autograd.grad(y.square().sum(), tensors)]

    right = outcome(functional.conv2d(x, w, b, stride, padding=1))
    return {
        name: [
            float((f - g).abs().max())
            for f, g in zip(outcome(conv2d(x, w, b, stride, 1, strategy=name)), right, strict=True)
        ]
        for name in STRATEGIES
    }


def layers() -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the shapes of one sample's input and of the weight, for each of the encoder's convolutions."""
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    side = SIDE
    for layer in ConvAutoencoder(nn.ReLU).encoder:
        if isinstance(layer, nn.Conv2d):
            name = f"{layer.in_channels}→{layer.out_channels} at {side}×{side}"
            shapes[name] = ((1, layer.in_channels, side, side), tuple(layer.weight.shape))
        elif isinstance(layer, nn.MaxPool2d):
            side //= 2
    return shapes


def costs() -> list[list[str]]:
    """Return rows: a sample's multiply-adds, then bytes of a batch's input and of each strategy's buffers."""
    rows = []
    for name, ((_, *shape), weight) in layers().items():
        batch = (BATCH, *shape)
        rows.append(
            [
                name,
                count(operations((1, *shape), weight, SAME)),
                size(4 * int(np.prod(batch))),
                *(size(buffer_bytes(strategy, batch, weight, SAME)) for strategy in STRATEGIES),
            ]
        )
    return rows


def ideas() -> tuple[str, list[list[str]]]:
    """Return the layer with the most columns, and rows of each strategy with its idea and memory there."""
    batches = {name: ((BATCH, *x[1:]), w) for name, (x, w) in layers().items()}
    held = {name: [buffer_bytes(s, *shapes, SAME) for s in STRATEGIES] for name, shapes in batches.items()}
    layer = max(held, key=lambda name: held[name][list(STRATEGIES).index("unfold")])
    rows = [[name, IDEAS[name], size(held[layer][k])] for k, name in enumerate(STRATEGIES)]
    return layer, rows


def functions() -> dict[str, dict[str, bool]]:
    """Return whether the printed `torch.functional` and `torch.nn.functional` have the functions."""
    modules = {"torch.functional": torch.functional, "torch.nn.functional": functional}
    return {label: {f: hasattr(module, f) for f in ("fold", "unfold")} for label, module in modules.items()}


def values() -> Values:
    """Compute the example, fold as adjoint, the agreement of the strategies and the cost of each layer."""
    differences, found = agreement(), example()
    layer, rows = ideas()
    return {
        "example": found,
        "drawing": drawing(found),
        "adjoint": adjoint(),
        "listing": listing(),
        "agreement": [
            [name, *(number(d, digits=2) if d else "0" for d in row)] for name, row in differences.items()
        ],
        "disagreeing": [name for name, row in differences.items() if max(row) >= ROUNDING],
        "ideas": {"layer": layer, "rows": rows},
        "costs": costs(),
        "winograd": winograd.values(layers(), BATCH, SAME),
        "strategies": list(STRATEGIES),
        "batch": BATCH,
        "offsets": layers()["1→16 at 28×28"][1][-1] ** 2,
        "functions": functions(),
        "channels": [shape[0] for _, shape in layers().values()],
        "parameters": sum(p.numel() for p in ScratchCNN(nn.ReLU).parameters()),
    }


def errata(v: Values) -> list[Erratum]:
    """Return the erratum on the module that the assignment names, if it lacks the functions."""
    printed, right = v["functions"]["torch.functional"], v["functions"]["torch.nn.functional"]
    lacking = [name for name, there in printed.items() if not there]
    if not lacking:
        return []
    complete = all(right.values())
    return [
        Erratum(
            "q10-module",
            10,
            IMPRECISE,
            "The network uses torch.functional.fold and unfold.",
            f"torch.nn.functional {'has' if complete else 'does not have'} both functions.",
            f"The installed torch.functional has no {' and no '.join(lacking)}: calling what is printed "
            "raises an AttributeError.",
        )
    ]


def evidence(snapshot: Snapshot) -> Values:
    """Return times of the strategies, accuracy of the network and training steps; None where missing."""
    flops = {name: 2 * operations(shape, weight, SAME) for name, (shape, weight) in layers().items()}
    return {
        "strategies": strategies(snapshot, flops),
        "accuracy": accuracy(snapshot),
        "steps": training_steps(snapshot),
    }


ANSWER = Answer(
    "A convolutional network from scratch",
    "How is a convolution computed without torch's own, and what does each way cost?",
    values,
    errata,
    evidence,
)
