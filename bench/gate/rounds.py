"""One round of the gate: a fresh process of pytest-benchmark on each side, in turn, and what disturbed it."""

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

from bench.gate.noise import busy, disturbed
from bench.gate.plugins.turns import SAMPLE

# Not part of the gate: what is timed in turn within a process already, and what times a compiler.
LEFT_OUT = ("interleaved", "first_call")
PLUGINS = (
    "turns",
    "peak",
    "kept",
)  # modules of bench that a side's process runs with; they import nothing of ours
PEAK = "peak_bytes"
PATIENCE = 300  # seconds for what comes between two waits: a benchmark's set-up, or one sample
FEWEST = 2  # samples of a benchmark, however long one takes
# What stands for a round: a side's lower quartile. Of identical code the ratios of these spread less than
# those of medians, which follow every disturbance, and of minima, which are a matter of luck.
QUARTILE = 0.25
# glibc keeps what is freed: no sample then pays the system for its pages, which is the noisiest thing here.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_ARENA_MAX": "1"}
SETTINGS = (
    "--benchmark-only",
    "--benchmark-disable-gc",
    "--benchmark-quiet",
    "-q",
    "-pno:cacheprovider",
    "--benchmark-calibration-precision=100",
)


Samples = dict[tuple[str, str], list[float]]  # of a side in a round, by name and metric


# Starts pytest where nothing but the side's own tree has our packages: an editable install would lend base
# what only head has.
PYTEST = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


class RoundError(ValueError):
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


def measure(
    sides: Sequence[Side], nodes: Mapping[str, Sequence[str]], seconds: float, files: Mapping[str, Path]
) -> tuple[pd.DataFrame, str]:
    """Run the sides' benchmarks once, each side in a process of its own, sample by sample in turn.

    So what the machine does meanwhile is the same for both. sides: base and head, whichever is to be first;
    nodes, files: by side; the files are pytest-benchmark's own, kept. seconds: how long each benchmark may
    take. The frame has name, group, metric, base and head: the lower quartile of as many samples as both
    have, in seconds, and the memory at the peak in bytes where it is known; NaN where a side has no such
    benchmark or failed in it. Beside it, what disturbed the round, if anything. Raises RoundError where
    pytest wrote nothing or stands still.
    """
    before, begin = busy(), time.monotonic()
    with ExitStack() as running:
        turns = [running.enter_context(_begun(s, nodes[s.name], seconds, files[s.name])) for s in sides]
        take_turns(turns, [set(nodes[s.name]) for s in sides])
    noise = disturbed(busy() - before, time.monotonic() - begin)
    return paired(**{side.name: _read(side, files[side.name]) for side in sides}), noise


def paired(base: Samples, head: Samples) -> pd.DataFrame:
    """What both sides took in a round: name, group, metric, base and head."""
    rows = []
    for name, metric in dict.fromkeys([*base, *head]):
        found = [side.get((name, metric), []) for side in (base, head)]
        both = min((len(samples) for samples in found if samples), default=0)
        values = [float(np.quantile(s[:both], QUARTILE)) if s else math.nan for s in found]
        rows.append((name, group_of(name), metric, *values))
    return pd.DataFrame(rows, columns=["name", "group", "metric", "base", "head"])


@dataclass(frozen=True)
class Turns:
    """A running side: it names its next benchmark, and begins it when given leave."""

    side: str
    names: IO[str]
    leave: IO[bytes]

    def next(self) -> str:
        """What waits for leave once the last is done: a benchmark, a sample of it, or "" at the end.

        Raises RoundError where that takes more than PATIENCE.
        """
        if not select.select([self.names], [], [], PATIENCE)[0]:
            raise RoundError(f"a round of {self.side} has stood still for {PATIENCE} s")
        return self.names.readline().strip()

    def go(self) -> None:
        """Let the waiting one begin."""
        with suppress(BrokenPipeError):  # it died; next will say so
            self.leave.write(b".")
            self.leave.flush()


def take_turns(turns: Sequence[Turns], known: Sequence[Collection[str]]) -> None:
    """Let two sides go on in turn, first before second, until both are done.

    known: what each has to do; a benchmark that the other side does not have runs without it waiting. What
    comes before the first sample, which takes most of the time, goes on at once on both sides.
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


def _alone(ours: str, theirs: str, known: Collection[str]) -> bool:
    """Whether a side goes on alone: the other is done, done with this benchmark, or has no such one."""
    if not ours or not theirs or SAMPLE in (ours, theirs):
        return bool(ours) and (not theirs or ours == SAMPLE != theirs)
    return ours not in known


def kept(side: Side, folder: Path) -> Path:
    """Where a side keeps what a set-up found, from round to round of one comparison."""
    return folder / f"{side.name}-kept.json"


@contextmanager
def _begun(side: Side, nodes: Sequence[str], seconds: float, file: Path) -> Iterator[Turns]:
    """A side's process, for the time of a `with` that ends when it does."""
    file.unlink(missing_ok=True)
    (leave_out, leave_in), (names_out, names_in) = os.pipe(), os.pipe()
    arguments = [
        *SETTINGS,
        *(f"-pbench.gate.plugins.{plugin}" for plugin in PLUGINS),
        f"--turns={leave_out},{names_in}",
    ]
    arguments += [f"--kept={kept(side, file.parent)}"]
    arguments += [f"--benchmark-json={file}", f"--benchmark-max-time={seconds}"]
    arguments += [f"--benchmark-min-rounds={FEWEST}", f"--benchmark-min-time={min(seconds / 10, 1e-3)}"]
    arguments += [*side.options, *_listed(nodes, file)]
    with (
        file.with_suffix(".log").open("wb") as log,
        os.fdopen(leave_in, "wb") as leave,
        os.fdopen(names_out, encoding="utf-8") as names,
    ):
        process = subprocess.Popen(
            [str(side.python), "-c", PYTEST, *arguments],
            cwd=side.tree,
            stdout=log,
            stderr=log,
            env=os.environ | MEMORY,
            pass_fds=(leave_out, names_in),
        )
        os.close(leave_out)
        os.close(names_in)
        try:
            yield Turns(side.name, names, leave)
            process.wait()
        finally:
            process.kill()
            process.wait()


def _read(side: Side, file: Path) -> Samples:
    """What pytest-benchmark wrote of a side's round."""
    try:
        found = json.loads(file.read_text("utf-8"))["benchmarks"]
    except (OSError, ValueError, KeyError) as error:
        log = file.with_suffix(".log")
        raise RoundError(f"a round of {side.name} wrote no benchmarks ({error}); see {log}") from error
    times = {(one["fullname"], "seconds"): one["stats"]["data"] for one in found}
    peaks = {(one["fullname"], PEAK): [one["extra_info"][PEAK]] for one in found if PEAK in one["extra_info"]}
    return times | peaks


def _listed(nodes: Sequence[str], file: Path) -> list[str]:
    """The nodes as an argument: a file of them, since a command line has an end."""
    names = file.with_suffix(".nodes")
    names.write_text("\n".join(nodes) + "\n", "utf-8")
    return [f"@{names}"]


def _pytest(side: Side, arguments: Sequence[str], log: Path) -> subprocess.CompletedProcess[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.run(
            [str(side.python), "-c", PYTEST, *arguments], cwd=side.tree, stdout=output, stderr=output
        )
