"""The training loop of question 4: the printed one as it runs, and the corrected one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from impl.backprop import MLP

XOR = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
CLASSES = torch.tensor([0, 1, 1, 0])
HIDDEN, RATE, EPOCHS, SEED, SEEDS = 8, 0.1, 200, 0, 5
SHOWN = (1, 2, 3, 4, 50, 100, 200)
SAMPLES = 10  # of the set whose shrinking is followed


def message(call: Callable[[], Any]) -> str | None:
    """Return the error that a call raises, or None."""
    try:
        call()
    except (TypeError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def printed_order(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `permutation(0, n - 1)` without its end, as ranges in Python and numpy have it."""
    return rng.permutation(np.arange(0, n - 1))


def shrinking(n: int, order: Callable[[int, np.random.Generator], np.ndarray]) -> list[int]:
    """Return the samples left after each epoch of `x_train = x_train[indices]`, up to n + 1 epochs."""
    x_train, rng, sizes = np.arange(n), np.random.default_rng(SEED), [n]
    while sizes[-1] and len(sizes) <= n + 1:
        x_train = x_train[order(len(x_train), rng)]
        sizes.append(len(x_train))
    return sizes


def network(seed: int) -> MLP:
    """Return a 2-8-2 network for the exclusive or."""
    return MLP((2, HIDDEN, 2), activation="tanh", generator=torch.Generator().manual_seed(seed))


def right(mlp: MLP) -> int:
    """Count how many of the four cases the network has right."""
    return int((mlp.forward(XOR).argmax(1) == CLASSES).sum())


def follow(printed: bool, seed: int) -> list[tuple[int, int]]:
    """Return (samples used, cases right) after each epoch, with the printed order or all samples."""
    mlp, rng, generator = network(seed), np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    x, y, history = XOR, CLASSES, []
    for _ in range(EPOCHS):
        if printed:
            order = torch.from_numpy(printed_order(len(x), rng))
            x, y = x[order], y[order]
        if len(x):
            mlp.train(x, y, learning_rate=RATE, epochs=1, generator=generator)
        history.append((len(x), right(mlp)))
    return history


def xor() -> dict[str, Any]:
    """Run both loops on the exclusive or from the same weights, and count how many of SEEDS learn it."""
    runs = [(follow(printed=False, seed=seed), follow(printed=True, seed=seed)) for seed in range(SEEDS)]
    good, bad = runs[0]
    learned, printed_learned = (sum(pair[which][-1][1] == len(XOR) for pair in runs) for which in (0, 1))
    return {
        "hidden": HIDDEN,
        "rate": RATE,
        "rows": [[str(k), *map(str, (*good[k - 1], *bad[k - 1]))] for k in SHOWN],
        "epochs": EPOCHS,
        "cases": len(XOR),
        "seeds": SEEDS,
        "learned": learned,
        "printed_learned": printed_learned,
        "printed_empty": next((k + 1 for k, (n, _) in enumerate(bad) if n == 0), None),
    }
