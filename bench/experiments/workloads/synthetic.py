"""Synthetic experiments: small tests of claims about gradient descent, each a function of its seed.

Every experiment uses its own random generators, so that the same seed gives the same numbers.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import pairwise

import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.nn.functional import cosine_similarity

from bench.experiments.workloads.convergence import MINI_BATCH, digits, logistic_problem, loss_at
from bench.records.runs import Measurement
from impl.descent import objectives, trajectories
from impl.descent.loop import descend
from impl.descent.objectives import Objective
from impl.losses import LOSSES, cross_entropy
from impl.models import CLASSES, PIXELS
from impl.optimizers.optimizers import SGD
from impl.optimizers.registry import OPTIMIZERS

SAMPLES = 64  # of the double well and of the zigzag
WELL_RATES, WELL_STEPS = (0.03, 0.1, 0.2), 150
DRAWS = 512  # random batches of a mean cosine
NEAR_MINIMUM = 0.01  # share of the initial excess loss
IMAGES = 512
CONFIDENCE = 0.95  # mean probability of the wrong class at which training on it ends
WRONG_RATE, WRONG_LIMIT = 0.01, 500  # of Adam, on the wrong labels
RELEARNING_RATES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
RELEARNING_LIMIT = 400  # maximum steps on the correct labels
WIDTHS = (PIXELS, 128, 128, CLASSES)
BATCH_SIZES = (1, 2, 8, 32, 128)
BATCHES = 20  # of each size
START, MINIMUM = torch.tensor([[-2.0, 2.0], [2.0, -2.0]], dtype=torch.float64)  # of the zigzag
ZIGZAG_RATES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
HORIZON = 180  # steps of each of its trajectories
ARRIVED = 0.1  # share of the initial distance
PAIRS = 64  # pairs of inputs for the superposition

Layers = list[tuple[Tensor, Tensor]]
Elementwise = Callable[[Tensor], Tensor]


def _one(metric: str, step: int, value: float) -> Measurement:
    return Measurement(metric, step, float(value), "1")


def _sample(images: Tensor, labels: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return `count` different images as rows (count, 784), and their labels (count,)."""
    if len(images) < count:
        raise ValueError(f"Invalid data set: got {len(images)} images, expected at least {count}.")
    rows = torch.randperm(len(images), generator=generator)[:count]
    return images[rows].flatten(1), labels[rows]


def _descend(
    objective: Objective, start: Tensor, rate: float, batch_size: int, steps: int, order: torch.Generator
) -> Tensor:
    """Return the points (steps + 1, d) of plain descent; copying `order` keeps it the same for all calls."""
    rule, copy = partial(SGD, lr=rate), order.clone_state()
    return descend(objective, start, rule, batch_size=batch_size, steps=steps, generator=copy).points


def double_well(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Test whether 150 steps with all or with single samples escape the shallow minimum of a double well.

    The result is 1 if the end lies left of the barrier, else 0; the step is the index of the learning rate in
    WELL_RATES. The seed determines tilts and order; images and labels are not used.
    """
    generator = torch.Generator().manual_seed(seed)
    objective = objectives.double_well(SAMPLES, generator=generator)
    _, barrier, shallow = trajectories.stationary_points(objective)
    start, measurements = torch.tensor([shallow], dtype=torch.float64), []
    for name, batch_size in (("batch", SAMPLES), ("stochastic", 1)):
        for k, rate in enumerate(WELL_RATES):
            points = _descend(objective, start, rate, batch_size, WELL_STEPS, generator)
            measurements.append(_one(f"escaped {name}", k, bool(points[-1] < barrier)))
    return measurements


@lru_cache(maxsize=1)
def near_minimum() -> Tensor:
    """Return the point (65,) between minimum and origin with NEAR_MINIMUM of the origin's excess loss.

    The loss is convex and therefore increases from the minimum to the origin.
    """
    (objective, minimiser), (_, least) = digits(), logistic_problem()
    goal = least + NEAR_MINIMUM * (loss_at(objective, torch.zeros_like(minimiser)) - least)
    return float(brentq(lambda share: loss_at(objective, share * minimiser) - goal, 0, 1)) * minimiser


def gradient_agreement(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Measure the mean cosine gᵀḡ/(‖g‖‖ḡ‖) of a random batch's gradient g and that of all samples, ḡ.

    For logistic regression on scikit-learn's digits, over DRAWS batches of one sample and of MINI_BATCH, at
    the origin (step 0) and at `near_minimum` (step 1). The seed determines the batches; images are not used.
    """
    generator = torch.Generator().manual_seed(seed)
    (objective, minimiser), measurements = digits(), []
    X, y = objective.inputs, objective.targets
    for name, size in (("sample", 1), ("mini-batch", MINI_BATCH)):
        for step, w in enumerate((torch.zeros_like(minimiser), near_minimum())):
            rows = torch.rand(DRAWS, len(X), generator=generator).argsort(dim=1)[:, :size]
            gradients = torch.func.vmap(partial(objective.gradient, w))(X[rows], y[rows])  # (DRAWS, 65)
            cosines = cosine_similarity(gradients, objective.gradient(w, X, y)[None], dim=1)
            measurements.append(_one(f"cosine {name}", step, cosines.mean().item()))
    return measurements


def _convinced(X: Tensor, wrong: Tensor) -> Tensor:
    """Train weights (785, 10) from 0 by Adam until `wrong` has a mean probability of CONFIDENCE."""
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
    """Return the full-batch steps until half of the rows of `logits` (N, 10) are correct, at most `limit`.

    A step W - η XᵀG changes the logits XW by -η XXᵀG, which needs only `gram`, XXᵀ (N, N).
    """
    for step in range(limit):
        if 2 * (logits.argmax(1) == y).sum() >= len(y):
            return step
        logits = logits - rate * (LOSSES[loss].gradient(logits, y).T @ gram).T
    return limit


def confidently_wrong(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Count the steps that cross-entropy and squared error of the softmax need to unlearn confident mistakes.

    A softmax regression on IMAGES images, sampled by the seed, learns every label shifted by one class to a
    mean probability of at least CONFIDENCE. From there, "gradient": mean over the samples of the norm of the
    loss's gradient with respect to the logits, for the correct labels; "steps": full-batch gradient steps
    until half of the images are correct, at the loss's best rate of RELEARNING_RATES, at most
    RELEARNING_LIMIT.
    """
    pixels, y = _sample(images, labels, IMAGES, torch.Generator().manual_seed(seed))
    X = torch.cat([pixels.double(), torch.ones(len(pixels), 1)], dim=1)
    gram, logits, measurements = X @ X.T, X @ _convinced(X, (y + 1) % CLASSES), []
    for loss in ("cross_entropy", "brier"):
        steps = RELEARNING_LIMIT
        for rate in reversed(RELEARNING_RATES):  # stop at the best number of steps so far
            steps = _relearning(gram, y, logits, loss, rate, steps)
        norms = len(X) * LOSSES[loss].gradient(logits, y).norm(dim=1)
        measurements += [_one(f"steps {loss}", 0, steps), _one(f"gradient {loss}", 0, norms.mean().item())]
    return measurements


def _layers(generator: torch.Generator, dtype: torch.dtype) -> Layers:
    """Return weights (out, in) and biases (out,) between WIDTHS, uniform in ±1/√in as in `nn.Linear`."""
    layers = [
        (2 * torch.rand(outputs, inputs + 1, generator=generator, dtype=dtype) - 1) / inputs**0.5
        for inputs, outputs in pairwise(WIDTHS)
    ]
    return [(both[:, :-1], both[:, -1]) for both in layers]


def _network(layers: Layers, activation: Elementwise, x: Tensor) -> Tensor:
    """Return the logits (N, 10) of inputs (N, 784), with the activation between the layers."""
    *hidden, (weight, bias) = layers
    for W, b in hidden:
        x = activation(x @ W.T + b)
    return x @ weight.T + bias


def gradient_signs(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Measure the share of neurons whose gradient has one sign in all input weights, after sigmoid and tanh.

    Of the second hidden layer of 784-128-128-10 at its initial weights, for the mean cross-entropy of a
    batch: ∂L/∂wⱼᵢ = mean δⱼaᵢ has the sign of δⱼ for one sample and positive a. Mean over BATCHES batches;
    the step is the batch size. The seed determines weights and batches, the same for both activations.
    """
    measurements = []
    for name, activation in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
        generator = torch.Generator().manual_seed(seed)
        layers = _layers(generator, images.dtype)
        weight = layers[1][0].requires_grad_()
        for size in BATCH_SIZES:
            shares = []
            for _ in range(BATCHES):
                x, y = _sample(images, labels, size, generator)
                (gradient,) = torch.autograd.grad(cross_entropy(_network(layers, activation, x), y), weight)
                one_sign = (gradient > 0).all(1) | (gradient < 0).all(1)
                shares.append(one_sign.double().mean().item())
            measurements.append(_one(f"one sign {name}", size, math.fsum(shares) / BATCHES))
    return measurements


def _arrival(points: Tensor) -> tuple[int, float]:
    """Return the steps until a trajectory (steps + 1, 2) stays near MINIMUM, or all, and its detour."""
    arrival = trajectories.arrival(points, MINIMUM, ARRIVED)
    steps = len(points) - 1 if arrival is None else arrival
    return steps, trajectories.detour(points[: steps + 1])


def zigzag(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Measure steps and detour of a sigmoid neuron's descent on single samples, positive and zero-centred.

    Two weights move from START to MINIMUM. "steps" until the distance stays within ARRIVED of the initial
    one, at the best of ZIGZAG_RATES (the smallest of equals), at most HORIZON; "detour" of the trajectory up
    to there. The seed determines inputs and order, the same for both; images and labels are not used.
    """
    generator = torch.Generator().manual_seed(seed)
    measurements = []
    for name, objective in trajectories.positive_and_centred(SAMPLES, MINIMUM, generator).items():
        runs = (_descend(objective, START, rate, 1, HORIZON, generator) for rate in ZIGZAG_RATES)
        steps, detour = min(map(_arrival, runs), key=lambda arrival: arrival[0])
        measurements += [_one(f"steps {name}", 0, steps), _one(f"detour {name}", 0, detour)]
    return measurements


def superposition_error(f: Elementwise, a: Tensor, b: Tensor) -> float:
    """Return the deviation from an affine map, max |f(a) + f(b) - f(a + b) - f(0)| / max |f(a + b)|.

    Args:
        f: Function of rows.
        a: Inputs (N, d).
        b: Inputs (N, d).
    """
    both = f(a + b)
    return float((f(a) + f(b) - both - f(torch.zeros_like(a))).abs().max() / both.abs().max())


def affinity(seed: int, images: Tensor, labels: Tensor) -> list[Measurement]:
    """Measure the `superposition_error` of 784-128-128-10 at random weights, without and with ReLU.

    In float64, over PAIRS pairs of normal inputs. The seed determines weights and inputs; images and labels
    are not used.
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
