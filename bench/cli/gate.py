"""Command line of the gate: `python -m bench compare` and `calibrate`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cli import common as command
from bench.gate import calibration
from bench.gate import compare as comparison
from bench.gate import output as gate_output
from bench.gate import verdicts as gate
from bench.runner.progress import console

WIDTH = 140  # columns where no terminal says how many
CALIBRATION = Path("results/calibration.json")


def compare(
    base: Annotated[str, typer.Argument(help="The commit that the working tree is held against.")],
    only: Annotated[
        str | None, typer.Option(help="Comma-separated groups, such as activation_forward; default: all.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also benchmarks that the change cannot have touched.")
    ] = False,
    strict: Annotated[
        bool, typer.Option(help="Fail on inconclusive and on what cannot be run, too.")
    ] = False,
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="How much slower is allowed, as a share; default: pyproject.toml's."),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=2, max=gate.MOST, help="Rounds of every benchmark at least.")
    ] = gate.FEWEST,
    minutes: Annotated[
        float, typer.Option(min=0, help="No further round is begun after as many.")
    ] = comparison.MINUTES,
    folder: Annotated[Path, typer.Option(help="Where rounds and verdicts are written.")] = Path("build/gate"),
) -> None:
    """Say whether the working tree made anything slower than a commit: exit 1 if so, 2 if it cannot say."""
    written = {name: folder / f"verdicts.{name}" for name in ("md", "json")}
    for path in written.values():
        path.unlink(missing_ok=True)  # a comparison that fails shall not show the last one's
    try:
        calibration_runs = calibration.load(CALIBRATION)
        found = comparison.compare(
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
        raise typer.Exit(command.CANNOT) from None
    folder.mkdir(parents=True, exist_ok=True)
    written["md"].write_text(gate_output.markdown(found), "utf-8")
    written["json"].write_text(gate_output.as_json(found, calibration_runs), "utf-8")
    wide = None if sys.stdout.isatty() else WIDTH
    Console(width=wide).print(gate_output.terminal(found), *gate_output.trusted(calibration_runs))
    failing = {gate.SLOWER} | ({gate.INCONCLUSIVE, gate.FAILED} if strict else set())
    if any(verdict.verdict in failing for verdict in found.verdicts):
        raise typer.Exit(command.DIFFERS)


def calibrate(
    shares: Annotated[
        str, typer.Option(help="Comma-separated slowdowns to plant, as shares of a call's time.")
    ] = "0.02,0.05,0.1,0.2",
    repeats: Annotated[int, typer.Option(min=0, help="How often identical code is compared.")] = 20,
    folder: Annotated[Path, typer.Option(help="Where rounds are written.")] = Path("build/calibration"),
) -> None:
    """Compare this code with itself and with planted slowdowns, and say how far the gate can be trusted."""
    calibration_runs = calibration.calibrate(
        comparison.project(),
        folder.resolve(),
        CALIBRATION,
        [float(share) for share in shares.split(",")],
        repeats,
        _say,
    )
    Console().print(*gate_output.trusted(calibration_runs))


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
    "calibrate": (calibrate, ("python -m bench calibrate --repeats 5",)),
}
