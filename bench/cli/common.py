"""Shared parts of the command lines of `bench` and `report`: names, exit status, errors in one line."""

import sys
from collections.abc import Iterable

import typer
from rich.console import Console

from impl import names

DONE, DIFFERS, CANNOT, STOPPED = 0, 1, 2, 130
EXITS = (
    "Exit status: 0 success; 1 a run failed, a result differs or a benchmark regressed; 2 invalid usage or "
    "impossible; 130 interrupted by Ctrl-C."
)


def examples(*lines: str) -> str:
    """Return the end of a help text: one command per line, then the exit status."""
    return "\n\n".join(["Examples:", *lines, EXITS])


def check(what: str, given: Iterable[str], table: Iterable[str]) -> None:
    """Raise a usage error for the first name that is not in the table."""
    try:
        names.check(what, given, table)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def chosen(what: str, given: str | None, table: Iterable[str]) -> list[str]:
    """Return the comma-separated names, or all of the table; raise a usage error for an unknown name."""
    known = list(table)
    selected = given.split(",") if given else known
    check(what, selected, known)
    return selected


def run(app: typer.Typer) -> None:
    """Run a command line; print errors that the user can fix as one line, without a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        console = Console(stderr=True, highlight=False)
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(CANNOT)
