"""Alternatives timed in turn within one loop, so that what disturbs one disturbs the others alike."""

import time
from collections.abc import Callable

WARM_UP = 3  # rounds: kernels are compiled and memory is touched in the first
FEWEST, MOST = 9, 300  # rounds

Alternatives = dict[str, Callable[[], object]]


def interleave(
    alternatives: Alternatives, budget: float, synchronise: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Seconds of each alternative in each round, all of them once a round, the order turned round by round.

    budget: seconds to spend, within 9 to 300 rounds; `synchronise` waits for the device.
    """
    for _ in range(WARM_UP):
        for call in alternatives.values():
            call()
    synchronise()
    samples: dict[str, list[float]] = {name: [] for name in alternatives}
    names, begin = list(alternatives), time.perf_counter()
    for round_ in range(MOST):
        for name in names:
            start = time.perf_counter()
            alternatives[name]()
            synchronise()
            samples[name].append(time.perf_counter() - start)
        names.append(names.pop(0))
        if round_ + 1 >= FEWEST and time.perf_counter() - begin > budget:
            break
    return samples
