"""Time alternatives interleaved in one loop, so that disturbances affect all alike."""

import time
from collections.abc import Callable

WARM_UP = 3  # rounds, the first of which compiles kernels and touches memory
FEWEST, MOST = 9, 300  # rounds

Alternatives = dict[str, Callable[[], object]]
# The fixtures `timed` and `interleaved` of the suites.
Timed = Callable[[Callable[[], object]], None]
Interleaved = Callable[..., None]


def interleave(
    alternatives: Alternatives,
    budget: float,
    synchronise: Callable[[], object] = lambda: None,
    warm_up: int = WARM_UP,
    fewest: int = FEWEST,
) -> dict[str, list[float]]:
    """Return the seconds of each alternative in each round; the order rotates from round to round.

    Args:
        alternatives: Calls by name.
        budget: Seconds to spend; at least `fewest` and at most 300 rounds run.
        synchronise: Waits for the device.
        warm_up: Rounds before the first sample.
        fewest: Minimum number of rounds.
    """
    for _ in range(warm_up):
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
        if round_ + 1 >= fewest and time.perf_counter() - begin > budget:
            break
    return samples
