"""What else the machine does while something is measured: the work of others, and how fast it is itself."""

import resource
import time
from collections.abc import Sequence

import psutil

OTHERS = 0.25  # processors' worth of other work from which on a measurement counts as disturbed
DRIFT = 0.1  # relative, of the yardstick between rounds, from which on it is said


def busy() -> float:
    """Processor seconds that others than this process and its children used since the machine started."""
    times = psutil.cpu_times()
    used = sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        ours = resource.getrusage(who)
        used -= ours.ru_utime + ours.ru_stime
    return used


def yardstick(repeats: int = 20) -> float:
    """Seconds of a fixed loop, the fastest of some: a matter of the processor's frequency, not of code."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        sum(range(100_000))
        times.append(time.perf_counter() - begin)
    return min(times)


def beforehand() -> str:
    """What is going on before anything is measured, within about a second; "" where nothing is."""
    before, begin = busy(), time.monotonic()
    yardstick(500)
    return disturbed(busy() - before, time.monotonic() - begin)


def disturbed(used: float, wall: float) -> str:
    """What disturbed `wall` seconds in which others used so many processor seconds; "" where nothing did."""
    share = used / wall
    return f"other processes took {share:.2f} processors" if share > OTHERS else ""


def drifted(yardsticks: Sequence[float]) -> str:
    """How far the machine's own speed went between rounds, where that is much; "" otherwise."""
    spread = max(yardsticks) / min(yardsticks) - 1
    return (
        f"a fixed loop took up to {spread:.0%} longer in one round than in another" if spread > DRIFT else ""
    )
