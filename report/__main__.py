"""Command line of the report: `python -m report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from report.assemble import ANSWERS, context
from report.render import NativeLibraryError, write_html, write_pdf
from report.sources import sources

FORMATS = {"html": "report.html", "pdf": "report.pdf"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)


def chosen(what: str, given: str | None, known: list[str]) -> list[str]:
    """The comma-separated names given, or all; an unknown one is an error that lists the known."""
    names = given.split(",") if given else known
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"unknown {what} {name!r}; known: {', '.join(known)}")
    return names


@app.command()
def main(
    results: Annotated[Path, typer.Option(help="What this machine measured.")] = Path(
        "results/results.sqlite"
    ),
    reference: Annotated[Path, typer.Option(help="What was measured for reference.")] = Path(
        "results/reference.sqlite"
    ),
    output: Annotated[Path, typer.Option(help="Folder for report.html and report.pdf.")] = Path("build"),
    only: Annotated[
        str | None, typer.Option(help=f"Comma-separated questions, of: {', '.join(ANSWERS)}; default: all.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="html, pdf; default: both.")] = None,
) -> None:
    """Recompute every answer, read what was measured, and write the report as one page and one PDF."""
    formats = chosen("format", format, list(FORMATS))
    questions = chosen("question", only, list(ANSWERS))
    page = context({slug: ANSWERS[slug] for slug in questions}, sources(results, reference))
    for name in formats:
        path = output / FORMATS[name]
        try:
            (write_html if name == "html" else write_pdf)(page, path)
        except NativeLibraryError as error:
            console.print(f"no PDF: {error}", style="bold yellow", markup=False, soft_wrap=True)
        else:
            console.print(f"wrote {path}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        app()
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)
