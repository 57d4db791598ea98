"""What the command lines of `bench` and `report` share: names from tables, exit codes, errors in one line."""

import sys
from collections.abc import Iterable

import typer
from rich.console import Console

from impl import names

DONE, DIFFERS, CANNOT, STOPPED = 0, 1, 2, 130
EXITS = (
    "Exit codes: 0 done; 1 something failed, differs or became slower; 2 wrong usage, or it cannot be done; "
    "130 stopped by Ctrl-C."
)


def examples(*lines: str) -> str:
    """The end of a help text: one command a line, then the exit codes."""
    return "\n\n".join(["Examples:", *lines, EXITS])


def check(what: str, given: Iterable[str], table: Iterable[str]) -> None:
    """Raise an error of usage for the first name that the table does not have."""
    try:
        names.check(what, given, table)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def chosen(what: str, given: str | None, table: Iterable[str]) -> list[str]:
    """The comma-separated names given, or all of the table; an unknown one is an error of usage."""
    known = list(table)
    wanted = given.split(",") if given else known
    check(what, wanted, known)
    return wanted


def run(app: typer.Typer) -> None:
    """Run a command line; what a user can mend is one line, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        console = Console(stderr=True, highlight=False)
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(CANNOT)
