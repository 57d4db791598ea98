"""Calibrations of measuring procedures: JSON files of repetitions, each of one machine."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from bench.records.environment import ROOT, processor_name

TIMES = ROOT / "results" / "time_calibration.json"  # committed


@dataclass(frozen=True)
class CalibrationRun:
    """One comparison of head with itself by the regression check.

    Attributes:
        share: Injected slowdown, relative to the time of a call; 0 in an A/A run.
        group: Group of benchmarks with the slowdown; "" in an A/A run.
        number: Number of the repetition.
        commit: Commit of head.
        machine: Processor and number of cores.
        benchmarks: Number of benchmarks.
        regressed: Number of regressed benchmarks.
        others: Number of benchmarks with each other verdict.
        rounds: Number of rounds.
        seconds: Duration.
    """

    share: float
    group: str
    number: int
    commit: str
    machine: str
    benchmarks: int
    regressed: int
    others: dict[str, int]
    rounds: int
    seconds: float


@dataclass(frozen=True)
class TimeCalibration:
    """Benchmarks that were measured under two names, in rounds as those of a profile.

    Attributes:
        commit: Commit.
        machine: Processor and number of cores.
        load: Processors that other processes used, by round.
        ratios: Second name over first, by benchmark and round.
    """

    commit: str
    machine: str
    load: Sequence[float]
    ratios: Mapping[str, Sequence[float]]


Repetition = TypeVar("Repetition", CalibrationRun, TimeCalibration)


def this_machine() -> str:
    """Return processor and number of cores, to which a calibration applies."""
    return f"{processor_name()}, {os.cpu_count()} cores"


def described(what: str, repetitions: Sequence[CalibrationRun] | Sequence[TimeCalibration]) -> str:
    """Return what was calibrated, on which machine and commits."""
    machines = {run.machine for run in repetitions}
    commits = {run.commit[:10] for run in repetitions}
    here = "" if machines == {this_machine()} else "; not this machine"
    return f"Calibration of the {what} on {', '.join(machines)}{here}; commit {', '.join(sorted(commits))}"


def load(file: Path, kind: type[Repetition]) -> list[Repetition]:
    """Return the repetitions in a file, none if it is missing; raise ValueError for a damaged file."""
    if not file.exists():
        return []
    try:
        return [kind(**row) for row in json.loads(file.read_text("utf-8"))]
    except (ValueError, TypeError) as error:
        raise ValueError(f"Invalid calibration {file}: {error}. Remove or restore the file.") from error


def load_here(file: Path, kind: type[Repetition]) -> list[Repetition]:
    """Return the repetitions in a file; raise ValueError if it is of another machine."""
    done = load(file, kind)
    if elsewhere := {run.machine for run in done} - {this_machine()}:
        raise ValueError(
            f"Invalid calibration {file}: it is of {', '.join(sorted(elsewhere))}, this machine is "
            f"{this_machine()}. Move the file away to calibrate this machine."
        )
    return done


def save(file: Path, repetitions: Sequence[Repetition]) -> None:
    """Replace the file, so that it is complete at any time."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps([asdict(run) for run in repetitions], indent=1) + "\n", "utf-8")
    fresh.replace(file)
