"""Reliability of the regression check on this machine: A/A runs and injected slowdowns.

Each comparison is saved before the next begins, so that an interrupted calibration resumes.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.gate.compare import MINUTES, Say, git, rounds_of, tolerances
from bench.gate.rounds import Side, collect, group_of
from bench.gate.verdicts import IMPROVED, REGRESSED, judge
from bench.records.calibrations import CalibrationRun, load_here, save, this_machine
from bench.statistics import Rate, rate

PLUGIN = "-pslowdown"


def plan(groups: Sequence[str], shares: Sequence[float], repeats: int) -> Iterator[tuple[float, str, int]]:
    """Yield the comparisons: `repeats` A/A runs, then every slowdown in every group."""
    yield from ((0.0, "", number) for number in range(repeats))
    yield from ((share, group, 0) for share in shares for group in groups)


def calibrate(
    root: Path, folder: Path, store: Path, shares: Sequence[float], repeats: int, say: Say
) -> list[CalibrationRun]:
    """Make the comparisons that are missing in the file `store` and return all.

    Args:
        root: Root of the repository.
        folder: Folder of every round's files.
        store: JSON file of all comparisons.
        shares: Slowdowns to inject.
        repeats: Number of A/A runs.
        say: Called with a line at every step.

    Raises:
        ValueError: If the file contains a calibration of another machine.
    """
    done = load_here(store, CalibrationRun)
    known = {(run.share, run.group, run.number) for run in done}
    nodes = collect(Side("head", root, Path(sys.executable)), ["bench"], folder / "collected.log")
    groups = list(dict.fromkeys(map(group_of, nodes)))
    for share, group, number in plan(groups, shares, repeats):
        if (share, group, number) not in known:
            say(f"{f'{share:.0%} slowdown in {group}' if group else 'A/A run'}, {number + 1}")
            chosen = [node for node in nodes if not group or group_of(node) == group]
            done.append(_compare(root, folder, share, group, number, chosen, say))
            save(store, done)
    return done


def _compare(
    root: Path, folder: Path, share: float, group: str, number: int, nodes: Sequence[str], say: Say
) -> CalibrationRun:
    """Compare head with itself and the slowdown; only times count, since a wait needs no memory."""
    options = (PLUGIN, f"--slowdown-share={share}", f"--slowdown-group={group}")
    python, allowed = Path(sys.executable), tolerances(root)
    sides = Side("base", root, python, (PLUGIN,)), Side("head", root, python, options)
    begin = time.monotonic()
    deadline = begin + 60 * MINUTES
    frame = rounds_of(sides, {s.name: nodes for s in sides}, folder, deadline, allowed, [], say)
    words = [v.verdict for v in judge(frame, allowed) if v.metric == "seconds"]
    return CalibrationRun(
        share,
        group,
        number,
        git(root, "rev-parse", "HEAD"),
        this_machine(),
        benchmarks=len(words),
        regressed=words.count(REGRESSED),
        others={word: words.count(word) for word in dict.fromkeys(words) if word != REGRESSED},
        rounds=int(frame["round"].nunique()),
        seconds=time.monotonic() - begin,
    )


def rates(calibration_runs: Sequence[CalibrationRun]) -> list[Rate]:
    """Return false-positive rates per benchmark and per A/A run, and the detection rate of each slowdown."""
    plain = [run for run in calibration_runs if not run.group]
    result = []
    if plain:
        positives = sum(run.regressed + run.others.get(IMPROVED, 0) for run in plain)
        failing = sum(run.regressed > 0 for run in plain)
        result.append(rate("false positives, of benchmarks", positives, sum(run.benchmarks for run in plain)))
        result.append(rate("false positives, of A/A runs that fail", failing, len(plain)))
    for share in sorted({run.share for run in calibration_runs if run.group}):
        part = [run for run in calibration_runs if run.group and run.share == share]
        hits, cases = sum(run.regressed for run in part), sum(run.benchmarks for run in part)
        result.append(rate(f"{share:.0%} slowdown, detected", hits, cases))
    return result
