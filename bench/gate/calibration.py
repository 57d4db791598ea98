"""How far the gate can be trusted here: identical code against itself, and against planted slowdowns.

What is finished is in a file before the next comparison begins, so that an interrupted calibration goes on.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scipy import stats

from bench.gate import verdicts as gate
from bench.gate.compare import MINUTES, Say, budgets, git, rounds_of
from bench.gate.rounds import Side, collect, group_of
from bench.records.environment import processor_name
from bench.statistics.paired import CONFIDENCE

PLUGIN = "-pbench.gate.plugins.slowdown"


@dataclass(frozen=True)
class CalibrationRun:
    """One comparison of head with itself: how many of its benchmarks came out which way.

    share, group: of the planted slowdown; 0 and "" where nothing was planted. others: the other verdicts.
    """

    share: float
    group: str
    number: int
    commit: str
    machine: str
    benchmarks: int
    slower: int
    others: dict[str, int]
    rounds: int
    seconds: float


@dataclass(frozen=True)
class Rate:
    """A share of cases, with Wilson's interval."""

    label: str
    hits: int
    cases: int
    low: float
    high: float


def plan(groups: Sequence[str], shares: Sequence[float], repeats: int) -> Iterator[tuple[float, str, int]]:
    """What is to be compared: `repeats` times nothing planted, then every share in every group in turn."""
    yield from ((0.0, "", number) for number in range(repeats))
    yield from ((share, group, 0) for share in shares for group in groups)


def calibrate(
    root: Path, folder: Path, store: Path, shares: Sequence[float], repeats: int, say: Say
) -> list[CalibrationRun]:
    """Make the comparisons that the file `store` does not hold yet, and return all.

    Only times are counted: a planted wait needs no memory. A benchmark of another group than the planted one
    is not measured then. Raises ValueError where the file holds what another machine found.
    """
    done, machine = load(store), this_machine()
    if elsewhere := {t.machine for t in done} - {machine}:
        raise ValueError(
            f"{store} holds comparisons made on {', '.join(sorted(elsewhere))}, and this is {machine}; a "
            "calibration is of one machine: move the file away to begin another"
        )
    known = {(t.share, t.group, t.number) for t in done}
    nodes = collect(Side("head", root, Path(sys.executable)), ["bench"], folder / "collected.log")
    groups = list(dict.fromkeys(map(group_of, nodes)))
    for share, group, number in plan(groups, shares, repeats):
        if (share, group, number) in known:
            continue
        say(f"{'nothing planted' if not group else f'{share:.0%} planted in {group}'}, {number + 1}")
        chosen = [node for node in nodes if not group or group_of(node) == group]
        options = (PLUGIN, f"--plant-share={share}", f"--plant-group={group}")
        sides = (
            Side("base", root, Path(sys.executable), (PLUGIN,)),
            Side("head", root, Path(sys.executable), options),
        )
        begin, notices = time.monotonic(), list[str]()
        frame = rounds_of(
            sides, {s.name: chosen for s in sides}, folder, begin + 60 * MINUTES, budgets(root), notices, say
        )
        judged = [v for v in gate.judge(frame, budgets(root)) if v.metric == "seconds"]
        words = [v.verdict for v in judged]
        others = {word: words.count(word) for word in dict.fromkeys(words) if word != gate.SLOWER}
        slower, rounds = words.count(gate.SLOWER), int(frame["round"].nunique())
        took = time.monotonic() - begin
        commit = git(root, "rev-parse", "HEAD")
        done.append(
            CalibrationRun(share, group, number, commit, machine, len(judged), slower, others, rounds, took)
        )
        store.parent.mkdir(parents=True, exist_ok=True)
        fresh = store.with_suffix(".fresh")
        fresh.write_text(json.dumps([asdict(t) for t in done], indent=1) + "\n", "utf-8")
        fresh.replace(store)
    return done


def this_machine() -> str:
    """What a calibration holds for: processor and number of cores."""
    return f"{processor_name()}, {os.cpu_count()} cores"


def load(store: Path) -> list[CalibrationRun]:
    """The comparisons that a file holds; none where there is no file. Raises ValueError for a damaged one."""
    if not store.exists():
        return []
    try:
        return [CalibrationRun(**row) for row in json.loads(store.read_text("utf-8"))]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{store} holds no calibration ({error}); remove it, or restore it") from error


def rate(label: str, hits: int, cases: int) -> Rate:
    """The share hits / cases with Wilson's interval (1927)."""
    interval = stats.binomtest(hits, cases).proportion_ci(CONFIDENCE, method="wilson")
    return Rate(label, hits, cases, float(interval.low), float(interval.high))


def rates(calibration_runs: Sequence[CalibrationRun]) -> list[Rate]:
    """False alarms by benchmark and by run, and how often a planted share was found, by benchmark."""
    plain = [t for t in calibration_runs if not t.group]
    alarms = [t.slower + t.others.get(gate.FASTER, 0) for t in plain]
    found = []
    if plain:
        found.append(rate("false alarms, of benchmarks", sum(alarms), sum(t.benchmarks for t in plain)))
        failing = sum(t.slower > 0 for t in plain)
        found.append(rate("false alarms, of runs that fail", failing, len(plain)))
    for share in sorted({t.share for t in calibration_runs if t.group}):
        part = [t for t in calibration_runs if t.group and t.share == share]
        slower, cases = sum(t.slower for t in part), sum(t.benchmarks for t in part)
        found.append(rate(f"{share:.0%} planted, found", slower, cases))
    return found
