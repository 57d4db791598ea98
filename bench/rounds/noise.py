"""Disturbances of a measurement: background load and clock drift."""

import resource
import time
from collections.abc import Sequence

import psutil

LOAD = 0.25  # background load in processors above which a measurement is disturbed
DRIFT = 0.1  # relative change of the reference loop between rounds that is reported


def busy() -> float:
    """Return the processor seconds of all other processes since the machine started, except children."""
    times = psutil.cpu_times()
    used = sum(getattr(times, kind, 0.0) for kind in ("user", "nice", "system", "irq", "softirq", "steal"))
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        ours = resource.getrusage(who)
        used -= ours.ru_utime + ours.ru_stime
    return used


def reference_loop(repeats: int = 20) -> float:
    """Return the minimum seconds of a fixed loop, which depend on the processor's frequency only."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        sum(range(100_000))
        times.append(time.perf_counter() - begin)
    return min(times)


def background_load() -> str:
    """Observe the machine for about a second; return its background load, or "" if it is idle."""
    before, begin = busy(), time.monotonic()
    reference_loop(500)
    return disturbed(busy() - before, time.monotonic() - begin)


def disturbed(used: float, wall: float) -> str:
    """Return the disturbance of `wall` seconds in which others used `used` processor seconds, or ""."""
    load = used / wall
    return f"other processes used {load:.2f} processors" if load > LOAD else ""


def drifted(loops: Sequence[float]) -> str:
    """Return the clock drift between rounds, given the seconds of their reference loops, or ""."""
    spread = max(loops) / min(loops) - 1
    return f"the clock drifted: a fixed loop took up to {spread:.0%} longer" if spread > DRIFT else ""
