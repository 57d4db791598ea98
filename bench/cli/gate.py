"""Command line of the regression check: `python -m bench compare` and `calibrate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.cli import common
from bench.gate import calibration, output
from bench.gate import compare as comparison
from bench.gate.verdicts import FAILED, FEWEST, INCONCLUSIVE, MOST, REGRESSED
from bench.records.calibrations import TIMES, CalibrationRun, described, load
from bench.runner import time_calibration
from bench.runner.progress import console
from bench.statistics import rates_told_apart
from bench.statistics.alarms import alarms
from bench.statistics.standing import ARENAS
from bench.store import REFERENCE, existing

WIDTH = 140  # columns of output that is not a terminal
CALIBRATION = Path("results/calibration.json")


def compare(
    base: Annotated[str, typer.Argument(help="Git revision to compare against.")],
    only: Annotated[
        str | None, typer.Option(help="Comma-separated groups, such as activation_forward; default: all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Include benchmarks that the change cannot affect.")
    ] = False,
    strict: Annotated[
        bool, typer.Option(help="Exit with status 1 for inconclusive and failed benchmarks, too.")
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0, help="Tolerated relative slowdown; default: pyproject.toml's tool.gate.tolerances."
        ),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=2, max=MOST, help="Minimum number of rounds per benchmark.")
    ] = FEWEST,
    minutes: Annotated[
        float, typer.Option(min=0, help="Time limit in minutes; no new round starts after it.")
    ] = comparison.MINUTES,
    folder: Annotated[Path, typer.Option(help="Output folder for rounds and verdicts.")] = Path("build/gate"),
) -> None:
    """Check the working tree for performance regressions. Exit status: 0 none, 1 regression, 2 error."""
    files = {suffix: folder / f"verdicts.{suffix}" for suffix in ("md", "json")}
    for path in files.values():
        path.unlink(missing_ok=True)  # verdicts of a previous comparison
    try:
        calibration_runs = load(CALIBRATION, CalibrationRun)
        result = comparison.compare(
            comparison.project(),
            base,
            folder.resolve(),
            only=only.split(",") if only else (),
            everything=everything,
            tolerance=tolerance,
            fewest=rounds,
            minutes=minutes,
            say=_say,
        )
    except ValueError as error:
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        raise typer.Exit(common.CANNOT) from None
    folder.mkdir(parents=True, exist_ok=True)
    files["md"].write_text(output.markdown(result), "utf-8")
    files["json"].write_text(output.as_json(result, calibration_runs), "utf-8")
    width = None if sys.stdout.isatty() else WIDTH
    Console(width=width).print(output.terminal(result), *output.reliability(calibration_runs))
    failing = {REGRESSED} | ({INCONCLUSIVE, FAILED} if strict else set())
    if any(verdict.verdict in failing for verdict in result.verdicts):
        raise typer.Exit(common.DIFFERS)


def _calibrate_gate(shares: str, repeats: int, folder: Path) -> list[Table]:
    """Compare identical code and inject slowdowns; return the rates."""
    numbers = [float(share) for share in shares.split(",")]
    return output.reliability(
        calibration.calibrate(comparison.project(), folder, CALIBRATION, numbers, repeats, _say)
    )


def _calibrate_times(shares: str, repeats: int, folder: Path) -> list[Table]:
    """Measure benchmarks under two names; return how many are told from themselves."""
    repetitions = time_calibration.calibrate(folder, TIMES, repeats, _say)
    if not repetitions:
        return []
    rates = rates_told_apart(repetition.ratios for repetition in repetitions)
    return [output.table(described("times", repetitions), rates)]


def _calibrate_verdicts(shares: str, repeats: int, folder: Path) -> list[Table]:
    """Put ReLU to itself under other seeds, from the reference; return how often it is told apart."""
    rates = alarms(existing(REFERENCE), [arena for arena in ARENAS.values() if arena.by == "activation"])
    return [output.table("Verdicts on ReLU under other seeds", rates)]


# What can be calibrated, and the number of repetitions unless given.
CALIBRATIONS = {
    "gate": (_calibrate_gate, 20),
    "times": (_calibrate_times, 8),
    "verdicts": (_calibrate_verdicts, 1),
}


def calibrate(
    what: Annotated[str, typer.Argument(help=f"One of: {', '.join(CALIBRATIONS)}.")] = "gate",
    shares: Annotated[
        str,
        typer.Option(
            help="Of the gate: comma-separated slowdowns to inject, relative to the time of a call."
        ),
    ] = "0.02,0.05,0.1,0.2",
    repeats: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of A/A runs (identical code); default: "
            f"{', '.join(f'{n} of the {name}' for name, (_, n) in CALIBRATIONS.items() if n > 1)}.",
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Output folder for rounds.")] = Path("build/calibration"),
) -> None:
    """Estimate error rates of the gate, of verdicts on times, or on candidates, by A/A comparisons."""
    common.check("calibration", [what], CALIBRATIONS)
    run, usual = CALIBRATIONS[what]
    tables = run(shares, usual if repeats is None else repeats, folder.resolve())
    Console(width=None if sys.stdout.isatty() else WIDTH).print(*tables)


def _say(line: str) -> None:
    console.print(line, style="dim", markup=False, soft_wrap=True)


COMMANDS = {
    "compare": (
        compare,
        (
            "python -m bench compare main",
            "python -m bench compare v1 --only activation_forward --tolerance 0.1",
        ),
    ),
    "calibrate": (
        calibrate,
        ("python -m bench calibrate gate --repeats 5", "python -m bench calibrate times"),
    ),
}
