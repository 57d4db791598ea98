"""One round: a fresh pytest-benchmark process for each side, interleaved, and what disturbed it."""

import json
import math
import os
import select
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from bench.rounds import isolated_pytest
from bench.rounds.noise import busy, disturbed
from bench.rounds.plugins.turns import SAMPLE
from bench.rounds.process import PYTEST, started, timing

# Excluded groups: alternatives that are interleaved within a process, and the time of a compiler.
LEFT_OUT = ("interleaved", "first_call")
PEAK = "peak_bytes"
PATIENCE = 300  # seconds between two announcements: a benchmark's set-up, or one sample
# The value of a round is a side's lower quartile. For identical code the ratios of lower quartiles vary less
# than those of medians, which follow every disturbance, and of minima, which depend on luck.
QUARTILE = 0.25


Samples = dict[tuple[str, str], list[float]]  # of a side in a round, by name and metric


class RoundError(ValueError):
    """A side cannot be measured; the message names the side and its log."""


@dataclass(frozen=True)
class Side:
    """Base or head: its tree, and interpreter and options of its benchmarks."""

    name: str
    tree: Path
    python: Path
    options: tuple[str, ...] = ()


def collect(side: Side, suites: Sequence[str], log: Path) -> list[str]:
    """Return the node ids of the side's benchmarks, without the excluded groups.

    Args:
        side: Base or head.
        suites: Files or folders, relative to its tree.
        log: File of pytest's output.

    Raises:
        RoundError: If pytest cannot collect them.
    """
    arguments = ["--collect-only", "-q", *isolated_pytest.OPTIONS, *suites]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        done = subprocess.run(
            [str(side.python), "-c", PYTEST, *arguments],
            cwd=side.tree,
            stdout=output,
            stderr=output,
            env=isolated_pytest.isolated(os.environ),
        )
    if done.returncode not in (0, 5):
        raise RoundError(f"cannot collect the benchmarks of {side.name}; see {log}")
    ids = [line for line in log.read_text("utf-8").splitlines() if "::" in line and "[" in line]
    return [node for node in ids if group_of(node) not in LEFT_OUT]


def name_of(node: str) -> str:
    """Return the name of a benchmark, its node id without folder: both sides match if a file has moved."""
    file, separator, test = node.partition("::")
    return f"{file.rsplit('/', 1)[-1]}{separator}{test}"


def group_of(name: str) -> str:
    """Return the group of a benchmark, with which its parameters begin, by its name or node id."""
    return name.split("[")[-1].split("-")[0]


def measure(
    sides: Sequence[Side], nodes: Mapping[str, Sequence[str]], files: Mapping[str, Path]
) -> tuple[pd.DataFrame, str]:
    """Run the benchmarks of both sides once, each side in its own process, interleaved by sample.

    Args:
        sides: Base and head, in the order of their turns.
        nodes: Node ids by side.
        files: pytest-benchmark's output by side.

    Returns:
        A frame and the disturbance of the round or "". Columns: name, group, metric, base and head, which are
        lower quartiles of equally many samples in seconds, or peak memory in bytes; NaN on a side without the
        benchmark or where it failed.

    Raises:
        RoundError: If a side writes no results or stops responding.
    """
    before, begin = busy(), time.monotonic()
    with ExitStack() as running:
        turns = [running.enter_context(_started(s, nodes[s.name], files[s.name])) for s in sides]
        take_turns(turns, [set(map(name_of, nodes[s.name])) for s in sides])
    noise = disturbed(busy() - before, time.monotonic() - begin)
    return paired(**{side.name: _read(side, files[side.name]) for side in sides}), noise


def paired(base: Samples, head: Samples) -> pd.DataFrame:
    """Return the values of both sides in a round: name, group, metric, base and head."""
    rows = []
    for name, metric in dict.fromkeys([*base, *head]):
        sides = [side.get((name, metric), []) for side in (base, head)]
        both = min((len(samples) for samples in sides if samples), default=0)
        values = [float(np.quantile(s[:both], QUARTILE)) if s else math.nan for s in sides]
        rows.append((name, group_of(name), metric, *values))
    return pd.DataFrame(rows, columns=["name", "group", "metric", "base", "head"])


@dataclass(frozen=True)
class Turns:
    """A running side: it announces its next benchmark or sample and waits for permission."""

    side: str
    names: IO[str]
    leave: IO[bytes]

    def next(self) -> str:
        """Return the next announcement: a benchmark's name, SAMPLE for a sample of it, or "" at the end.

        Raises:
            RoundError: After PATIENCE seconds without one.
        """
        if not select.select([self.names], [], [], PATIENCE)[0]:
            raise RoundError(f"{self.side} timed out after {PATIENCE} s")
        return name_of(self.names.readline().strip())

    def go(self) -> None:
        """Permit the announced benchmark or sample."""
        with suppress(BrokenPipeError):  # the process died; `next` returns ""
            self.leave.write(b".")
            self.leave.flush()


def take_turns(turns: Sequence[Turns], known: Sequence[Collection[str]]) -> None:
    """Interleave two sides, first before second, until both are done.

    Everything before the first sample of a benchmark, which takes most of the time, runs at once on both.

    Args:
        turns: Both sides.
        known: Names of the benchmarks of each; a benchmark that the other side lacks runs alone.
    """
    waiting = [turn.next() for turn in turns]
    while any(waiting):
        alone = [k for k in (0, 1) if _alone(waiting[k], waiting[1 - k], known[1 - k])]
        going = alone[:1] or [0, 1]
        for some in [[k] for k in going] if SAMPLE in waiting else [going]:
            for k in some:
                turns[k].go()
            for k in some:
                waiting[k] = turns[k].next()


def _alone(this: str, other: str, known: Collection[str]) -> bool:
    """Return whether a side runs alone: the other is done, done with this benchmark, or lacks it."""
    if not this or not other or SAMPLE in (this, other):
        return bool(this) and (not other or this == SAMPLE != other)
    return this not in known


def setup_cache(side: Side, folder: Path) -> Path:
    """Return the file of a side's set-up results, shared by all rounds of one comparison."""
    return folder / f"{side.name}-setup.json"


@contextmanager
def _started(side: Side, nodes: Sequence[str], file: Path) -> Iterator[Turns]:
    """Run a side's process; leave the context when it ends."""
    file.unlink(missing_ok=True)
    (leave_out, leave_in), (names_out, names_in) = os.pipe(), os.pipe()
    listed = file.with_suffix(".nodes")  # a file, because command lines have a maximum length
    listed.write_text("\n".join(nodes) + "\n", "utf-8")
    arguments = [
        *timing(file),
        "-ppeak",
        f"--turns={leave_out},{names_in}",
        *side.options,
        f"@{listed}",
    ]
    with (
        os.fdopen(leave_in, "wb") as leave,
        os.fdopen(names_out, encoding="utf-8") as names,
        started(
            side.python,
            arguments,
            file.with_suffix(".log"),
            folder=side.tree,
            variables={"SETUP_CACHE": str(setup_cache(side, file.parent))},
            descriptors=(leave_out, names_in),
        ),
    ):
        yield Turns(side.name, names, leave)


def _read(side: Side, file: Path) -> Samples:
    """Return the samples in pytest-benchmark's file of a side's round."""
    try:
        benchmarks = json.loads(file.read_text("utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError) as error:
        log = file.with_suffix(".log")
        raise RoundError(f"{side.name} wrote no benchmark results ({error}); see {log}") from error
    times: Samples = {}
    peaks: Samples = {}
    for benchmark in benchmarks:
        name, extra = name_of(benchmark["fullname"]), benchmark["extra_info"]
        times[name, "seconds"] = benchmark["stats"]["data"]
        if PEAK in extra:
            peaks[name, PEAK] = [extra[PEAK]]
    return times | peaks
