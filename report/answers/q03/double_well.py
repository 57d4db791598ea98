"""The double well of question 3: how often descents leave the shallow well."""

from functools import partial

import torch

from impl.descent.loop import descend
from impl.descent.objectives import double_well
from impl.descent.trajectories import stationary_points
from impl.optimizers.optimizers import SGD
from report.document.formats import number

N = 64
BATCH_SIZES = {"batch": N, "mini-batch": 8, "stochastic": 1}
RATES, SEEDS, STEPS = (0.03, 0.1, 0.2), 8, 150


def escapes() -> dict[str, object]:
    """Count how many of SEEDS descents from the shallow well end in the deep one."""
    objective = double_well(N, generator=torch.Generator().manual_seed(0))
    deep, barrier, shallow = stationary_points(objective)
    start = torch.tensor([shallow], dtype=torch.float64)

    def left(rate: float, b: int, seeds: int) -> int:
        generators = [torch.Generator().manual_seed(seed) for seed in range(seeds)]
        rule = partial(SGD, lr=rate)
        paths = [descend(objective, start, rule, batch_size=b, steps=STEPS, generator=g) for g in generators]
        return sum(bool(path.points[-1] < barrier) for path in paths)

    counts = {  # a full batch is the same whatever the seed
        method: [left(r, b, 1) * SEEDS if b == N else left(r, b, SEEDS) for r in RATES]
        for method, b in BATCH_SIZES.items()
    }
    return {
        "rows": [[method, *map(str, row)] for method, row in counts.items()],
        "columns": ["Descent", *(f"η = {number(rate, 1)}" for rate in RATES)],
        "shallow": shallow,
        "barrier": barrier,
        "deep": deep,
        "tilt": float(objective.targets.mean()),
        "spread": float(objective.targets.std(correction=0)),
        "samples": N,
        "rates": RATES,
        "seeds": SEEDS,
        "steps": STEPS,
        "counts": counts,
    }
