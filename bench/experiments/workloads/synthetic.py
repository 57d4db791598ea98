"""Small experiments that a seed draws and a few numbers describe, each for one claim about descent.

Every one draws from generators of its own, so that the same seed gives the same numbers.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import cosine_similarity

from bench.experiments.workloads.convergence import MINI_BATCH, digits, loss_at, problem
from bench.records.runs import Measurement
from impl.descent.loop import descend
from impl.descent.objectives import Objective, sigmoid_neuron
from impl.descent.objectives import double_well as wells
from impl.losses import LOSSES, cross_entropy
from impl.models import CLASSES, PIXELS
from impl.optimizers.optimizers import SGD
from impl.optimizers.registry import OPTIMIZERS

SAMPLES = 64  # of the double well and of the zigzag
WELL_RATES, WELL_STEPS = (0.03, 0.1, 0.2), 150
DRAWS = 512  # random batches that a mean cosine is over
NEAR_MINIMUM = 0.01  # share of the first excess loss
IMAGES = 512
CONFIDENCE = 0.95  # mean probability of the wrong class at which the training on it ends
WRONG_RATE, WRONG_LIMIT = 0.01, 500  # of Adam, on the wrong labels
RELEARNING_RATES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
RELEARNING_LIMIT = 400  # steps on the right labels after which a descent is given up
WIDTHS = (PIXELS, 128, 128, CLASSES)
BATCH_SIZES = (1, 2, 8, 32, 128)
BATCHES = 20  # of each size
START, MINIMUM = torch.tensor([[-2.0, 2.0], [2.0, -2.0]], dtype=torch.float64)  # of the zigzag
ZIGZAG_RATES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
HORIZON = 180  # steps of every one of its descents
ARRIVED = 0.1  # share of the first distance
PAIRS = 64  # of inputs, for the superposition

Layers = list[tuple[Tensor, Tensor]]
Elementwise = Callable[[Tensor], Tensor]


def _one(metric: str, step: int, value: float) -> Measurement:
    return Measurement(metric, step, float(value), "1")


def _draw(images: Tensor, labels: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """So many different images as rows (count, 784), and their labels (count,)."""
    if len(images) < count:
        raise ValueError(f"{len(images)} images are fewer than the {count} to be drawn")
    rows = torch.randperm(len(images), generator=generator)[:count]
    return images[rows].flatten(1), labels[rows]


def _walk(
    objective: Objective, start: Tensor, rate: float, batch_size: int, steps: int, order: torch.Generator
) -> Tensor:
    """Points (steps + 1, d) of a plain descent; a copy of `order` draws it, so the same at every rate."""
    rule, copy = partial(SGD, lr=rate), order.clone_state()
    return descend(objective, start, rule, batch_size=batch_size, steps=steps, generator=copy).points


def double_well(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Whether 150 steps, on all samples or on single ones, lead out of the shallow one of two wells.

    1 if the end lies left of the barrier, the middle root of w³ - w + mean t, else 0; the step is the index
    of the learning rate in WELL_RATES. The seed draws the tilts t and the order; no data is needed.
    """
    generator = torch.Generator().manual_seed(seed)
    objective = wells(SAMPLES, generator=generator)
    _, barrier, shallow = np.sort(np.roots([1, 0, -1, float(objective.targets.mean())]).real)
    found = []
    for name, batch_size in (("batch", SAMPLES), ("stochastic", 1)):
        for k, rate in enumerate(WELL_RATES):
            points = _walk(objective, torch.tensor([shallow]), rate, batch_size, WELL_STEPS, generator)
            found.append(_one(f"escaped {name}", k, bool(points[-1] < barrier)))
    return found


@lru_cache(maxsize=1)
def near_minimum() -> Tensor:
    """The point (65,) between minimum and origin with NEAR_MINIMUM of the origin's excess loss.

    The loss is convex, so that it rises all the way from the minimum to the origin.
    """
    (objective, minimiser), (_, least) = digits(), problem()
    goal = least + NEAR_MINIMUM * (loss_at(objective, torch.zeros_like(minimiser)) - least)
    return float(brentq(lambda share: loss_at(objective, share * minimiser) - goal, 0, 1)) * minimiser


def gradient_agreement(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Mean cosine gᵀḡ/(‖g‖‖ḡ‖) of the gradient g of a random batch and that of all samples, ḡ.

    For logistic regression on scikit-learn's digits, over DRAWS batches of one sample and of MINI_BATCH, at
    the origin (step 0) and at `near_minimum` (step 1). The seed draws the batches; the images are not used.
    """
    generator = torch.Generator().manual_seed(seed)
    (objective, minimiser), found = digits(), []
    X, y = objective.inputs, objective.targets
    for name, size in (("sample", 1), ("mini-batch", MINI_BATCH)):
        for step, w in enumerate((torch.zeros_like(minimiser), near_minimum())):
            rows = torch.rand(DRAWS, len(X), generator=generator).argsort(dim=1)[:, :size]
            drawn = torch.func.vmap(partial(objective.gradient, w))(X[rows], y[rows])  # (DRAWS, 65)
            cosines = cosine_similarity(drawn, objective.gradient(w, X, y)[None], dim=1)
            found.append(_one(f"cosine {name}", step, cosines.mean().item()))
    return found


def _convinced(X: Tensor, wrong: Tensor) -> Tensor:
    """Weights (785, 10) that Adam on the cross-entropy takes from 0 to a mean p of `wrong` of CONFIDENCE."""
    weight = torch.nn.Parameter(X.new_zeros(X.shape[1], CLASSES))
    optimizer = OPTIMIZERS["adam"].make([weight], WRONG_RATE)
    for _ in range(WRONG_LIMIT):
        logits = X @ weight.detach()
        if torch.softmax(logits, 1).gather(1, wrong[:, None]).mean() >= CONFIDENCE:
            return weight.detach()
        weight.grad = X.T @ LOSSES["cross_entropy"].gradient(logits, wrong)
        optimizer.step()
    raise ValueError(f"the wrong classes have no mean probability of {CONFIDENCE} after {WRONG_LIMIT} steps")


def _relearning(gram: Tensor, y: Tensor, logits: Tensor, loss: str, rate: float, limit: int) -> int:
    """Full-batch steps until half of the rows of `logits` (N, 10) are classified right, at most `limit`.

    A step W - η XᵀG changes the logits XW by -η XXᵀG, so that `gram`, XXᵀ (N, N), is all that is needed.
    """
    for step in range(limit):
        if 2 * (logits.argmax(1) == y).sum() >= len(y):
            return step
        logits = logits - rate * (LOSSES[loss].gradient(logits, y).T @ gram).T
    return limit


def confidently_wrong(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Steps that cross-entropy and squared error of the softmax take to unlearn confident mistakes.

    A softmax regression on IMAGES images, drawn by the seed, learns every label shifted by one class to a
    mean probability of at least CONFIDENCE. From there, "gradient": mean over the samples of the norm of
    their loss' gradient in the logits, for the right labels; "steps": full-batch gradient steps until half of
    the images are right, at the loss's best rate of RELEARNING_RATES; RELEARNING_LIMIT if at none.
    """
    pixels, y = _draw(images, labels, IMAGES, torch.Generator().manual_seed(seed))
    X = torch.cat([pixels.double(), torch.ones(len(pixels), 1)], dim=1)
    gram, logits, found = X @ X.T, X @ _convinced(X, (y + 1) % CLASSES), []
    for loss in ("cross_entropy", "brier"):
        steps = RELEARNING_LIMIT
        for rate in reversed(RELEARNING_RATES):  # what takes longer than the best so far need not end
            steps = _relearning(gram, y, logits, loss, rate, steps)
        norms = len(X) * LOSSES[loss].gradient(logits, y).norm(dim=1)
        found += [_one(f"steps {loss}", 0, steps), _one(f"gradient {loss}", 0, norms.mean().item())]
    return found


def _layers(generator: torch.Generator, dtype: torch.dtype) -> Layers:
    """Weights (out, in) and biases (out,) between WIDTHS as `nn.Linear` draws them, uniform in ±1/√in."""
    drawn = [
        (2 * torch.rand(outputs, inputs + 1, generator=generator, dtype=dtype) - 1) / inputs**0.5
        for inputs, outputs in pairwise(WIDTHS)
    ]
    return [(both[:, :-1], both[:, -1]) for both in drawn]


def _network(layers: Layers, activation: Elementwise, x: Tensor) -> Tensor:
    """Logits (N, 10) of inputs (N, 784), with the activation between the layers."""
    *hidden, (weight, bias) = layers
    for W, b in hidden:
        x = activation(x @ W.T + b)
    return x @ weight.T + bias


def gradient_signs(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Share of neurons whose gradient has one sign in all input weights, behind sigmoids and behind tanhs.

    Of the second hidden layer of 784-128-128-10 at its initial weights, for the mean cross-entropy of a
    batch: ∂L/∂wⱼᵢ = mean δⱼaᵢ has the sign of δⱼ for one sample and positive a. Mean over BATCHES batches;
    the step is the batch size. The seed draws weights and batches, the same for both activations.
    """
    found = []
    for name, activation in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        generator = torch.Generator().manual_seed(seed)
        layers = _layers(generator, images.dtype)
        weight = layers[1][0].requires_grad_()
        for size in BATCH_SIZES:
            shares = []
            for _ in range(BATCHES):
                x, y = _draw(images, labels, size, generator)
                (gradient,) = torch.autograd.grad(cross_entropy(_network(layers, activation, x), y), weight)
                one_sign = (gradient > 0).all(1) | (gradient < 0).all(1)
                shares.append(one_sign.double().mean().item())
            found.append(_one(f"one sign {name}", size, math.fsum(shares) / BATCHES))
    return found


def _arrival(points: Tensor) -> tuple[int, float]:
    """Steps until a path (steps + 1, 2) stays near MINIMUM, all if never, and its length up to there.

    Near is within ARRIVED of the first distance; the length is in distances between its ends.
    """
    away = (points - MINIMUM).norm(dim=1)
    steps = min(int((away > ARRIVED * away[0]).nonzero()[-1]) + 1, len(points) - 1)
    path = points[: steps + 1]
    return steps, float(path.diff(dim=0).norm(dim=1).sum() / (path[-1] - path[0]).norm())


def zigzag(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Steps and detour of a sigmoid neuron's descent on single samples, inputs positive and zero-centred.

    The inputs are σ(2n) for normal n, and the same less their mean; two weights go from START to MINIMUM.
    "steps" until ARRIVED of the first distance is not left again, at the best of ZIGZAG_RATES (of equals the
    smallest), HORIZON if it is at none; "detour" is the path's length up to there over the distance between
    its ends. The seed draws inputs and order, the same for both; no data is needed.
    """
    generator = torch.Generator().manual_seed(seed)
    x = torch.sigmoid(2 * torch.randn(SAMPLES, 2, generator=generator, dtype=torch.float64))

    found = []
    for name, X in (("positive", x), ("zero-centred", x - x.mean(0))):
        objective = sigmoid_neuron(X, torch.sigmoid(X @ MINIMUM))
        walks = (_walk(objective, START, rate, 1, HORIZON, generator) for rate in ZIGZAG_RATES)
        steps, detour = min(map(_arrival, walks), key=lambda arrival: arrival[0])
        found += [_one(f"steps {name}", 0, steps), _one(f"detour {name}", 0, detour)]
    return found


def superposition_error(f: Elementwise, a: Tensor, b: Tensor) -> float:
    """Departure from an affine map, max |f(a) + f(b) - f(a + b) - f(0)| / max |f(a + b)|; a, b: (N, d)."""
    both = f(a + b)
    return float((f(a) + f(b) - both - f(torch.zeros_like(a))).abs().max() / both.abs().max())


def affinity(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """The `superposition_error` of 784-128-128-10 at random weights, without activations and with ReLU.

    In float64, over PAIRS pairs of normal inputs; the seed draws weights and inputs, and no data is needed.
    """
    generator = torch.Generator().manual_seed(seed)
    layers = _layers(generator, torch.float64)
    a, b = torch.randn(2, PAIRS, PIXELS, generator=generator, dtype=torch.float64)
    activations: dict[str, Elementwise] = {"none": lambda x: x, "relu": torch.relu}
    return [
        _one(f"superposition error {name}", 0, superposition_error(partial(_network, layers, f), a, b))
        for name, f in activations.items()
    ]


SYNTHETIC: dict[str, Callable[[int, Tensor, Tensor], list[Measurement]]] = {
    "double_well": double_well,
    "gradient_agreement": gradient_agreement,
    "confidently_wrong": confidently_wrong,
    "gradient_signs": gradient_signs,
    "zigzag": zigzag,
    "affinity": affinity,
}
