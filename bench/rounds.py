"""One round of one side of the gate: a fresh process of pytest-benchmark in a tree, and what disturbed it."""

import json
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

# Not part of the gate: what is timed in turn within a process already, and what times a compiler.
LEFT_OUT = ("interleaved", "first_call")
PEAK = "peak_bytes"
# What stands for a round: of identical code its ratios spread least; a median follows every disturbance.
STATISTIC = "min"
OTHERS = 0.25  # processors' worth of other work from which on a round counts as disturbed
SETTINGS = ("--benchmark-only", "--benchmark-disable-gc", "--benchmark-quiet", "-q", "-pno:cacheprovider")


class RoundError(RuntimeError):
    """A side that cannot be measured; the message says which, and where its output lies."""


@dataclass(frozen=True)
class Side:
    """Base or head: its tree, and the interpreter and options that its benchmarks run with."""

    name: str
    tree: Path
    python: Path
    options: tuple[str, ...] = ()


def collect(side: Side, suites: Sequence[str], log: Path) -> list[str]:
    """Node ids of the side's benchmarks in the given files, without those that the gate leaves out.

    Raises RoundError where they cannot be collected.
    """
    done = _pytest(side, ["--collect-only", "-q", "-pno:cacheprovider", *suites], log)
    if done.returncode not in (0, 5):
        raise RoundError(f"the benchmarks of {side.name} cannot be collected; see {log}")
    ids = [line for line in log.read_text("utf-8").splitlines() if "::" in line and "[" in line]
    return [node for node in ids if group_of(node) not in LEFT_OUT]


def group_of(name: str) -> str:
    """The group of a benchmark, by its name or node id: what its timing begins with, the task."""
    return name.split("[")[-1].split("-")[0]


def measure(side: Side, nodes: Sequence[str], seconds: float, file: Path) -> tuple[pd.DataFrame, str]:
    """Run the benchmarks once, in a process of their own: what each took, and what disturbed it, if anything.

    seconds: how long each may take. file: pytest-benchmark's own, kept. The frame has name, group, metric and
    value: the fastest sample in seconds, and the memory at the peak in bytes where it is known. A
    benchmark that failed is not in it. Raises RoundError where pytest wrote nothing.
    """
    log = file.with_suffix(".log")
    before, begin = _busy(), time.monotonic()
    arguments = [*SETTINGS, f"--benchmark-json={file}", f"--benchmark-max-time={seconds}"]
    if (side.tree / "bench" / "peak.py").exists():
        arguments.append("-pbench.peak")
    arguments += ["--benchmark-min-rounds=5", f"--benchmark-min-time={min(seconds / 10, 1e-3)}"]
    _pytest(side, [*arguments, *side.options, *_listed(nodes, file)], log)
    wall, others = time.monotonic() - begin, _busy() - before
    try:
        found = json.loads(file.read_text("utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError) as error:
        raise RoundError(f"a round of {side.name} wrote no benchmarks ({error}); see {log}") from error
    rows = [
        (one["fullname"], group_of(one["name"]), metric, value)
        for one in found
        for metric, value in {
            "seconds": one["stats"][STATISTIC],
            **({PEAK: one["extra_info"][PEAK]} if PEAK in one["extra_info"] else {}),
        }.items()
    ]
    share = others / wall
    disturbed = f"other processes took {share:.2f} processors" if share > OTHERS else ""
    return pd.DataFrame(rows, columns=["name", "group", "metric", "value"]), disturbed


def _listed(nodes: Sequence[str], file: Path) -> list[str]:
    """The nodes as an argument: a file of them, since a command line has an end."""
    names = file.with_suffix(".nodes")
    names.write_text("\n".join(nodes) + "\n", "utf-8")
    return [f"@{names}"]


def _pytest(side: Side, arguments: Sequence[str], log: Path) -> subprocess.CompletedProcess[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.run(
            [str(side.python), "-m", "pytest", *arguments], cwd=side.tree, stdout=output, stderr=output
        )


def _busy() -> float:
    """Processor seconds that others than our children have used since the machine started; 0 if unknown."""
    if not Path("/proc/stat").exists():
        return 0.0
    ticks = [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = ticks[:8]
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - ours.ru_utime - ours.ru_stime
