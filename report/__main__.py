"""Command line of the report: `python -m report`."""

import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

FORMATS = ("html", "pdf")
CODE = Path(__file__).resolve().parent
TEMPLATES = CODE.parent / "templates"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)


def chosen(what: str, given: str | None, known: Sequence[str]) -> list[str]:
    """The comma-separated names given, or all; an unknown one is an error that lists the known."""
    names = given.split(",") if given else list(known)
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"unknown {what} {name!r}; known: {', '.join(known)}")
    return names


def write(page: Mapping[str, Any], name: str, output: Path, formats: Sequence[str]) -> None:
    """Write the page in each format; without WeasyPrint's libraries say how to get them."""
    from report.render import NativeLibraryError, write_html, write_pdf

    for format in formats:
        path = output / f"{name}.{format}"
        try:
            (write_html if format == "html" else write_pdf)(page, path)
        except NativeLibraryError as error:
            console.print(f"no PDF: {error}", style="bold yellow", markup=False, soft_wrap=True)
        else:
            console.print(f"wrote {path}", markup=False, soft_wrap=True)


def watch(stores: Sequence[Path], render: Callable[[], None]) -> None:
    """Render again whenever a template changes, and start afresh when code or a store does; until Ctrl-C."""
    from jinja2 import TemplateError
    from watchfiles import watch as changes

    folders = {TEMPLATES, CODE, *(path.resolve().parent for path in stores if path.parent.exists())}
    names = {path.name for path in stores}
    console.print(f"watching {', '.join(sorted(map(str, folders)))}; Ctrl-C ends", markup=False)
    for found in changes(*folders, raise_interrupt=False):
        paths = {Path(path) for _, path in found}
        if any(path.suffix == ".py" or path.name in names for path in paths):
            os.execv(sys.executable, [sys.executable, "-m", "report", *sys.argv[1:]])
        if any(path.is_relative_to(TEMPLATES) for path in paths):
            try:
                render()
            except (ValueError, TemplateError) as error:  # a mistake in a template; the next save may mend it
                console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)


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
        str | None, typer.Option(help="Comma-separated questions, such as q01,q09; default: all.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="html, pdf; default: both.")] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder that MNIST/raw lies in, for the pictures of question 2.")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two stores to set side by side, in compare.html and compare.pdf instead."),
    ] = None,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="A verdicts.json of the performance gate, to show in gate.html and gate.pdf instead."
        ),
    ] = None,
    export_files: Annotated[
        bool, typer.Option("--export", help="Also write the drawings to figures/ and their data to tables/.")
    ] = False,
    watch_files: Annotated[
        bool, typer.Option("--watch", help="Write again whenever templates, code or results change.")
    ] = False,
) -> None:
    """Recompute every answer, read what was measured, and write the report as one page and one PDF."""
    formats = chosen("format", format, FORMATS)
    # Imports and answers make millions of objects that stay: searching them for garbage takes seconds.
    gc.disable()
    from report import compare as comparison
    from report import gate as gate_page
    from report.assemble import ANSWERS, context
    from report.export import export
    from report.sources import sources

    if compare:
        write(comparison.context(*compare), "compare", output, formats)
        return
    if gate:
        write(gate_page.context(gate), "gate", output, formats)
        return
    answers = {slug: ANSWERS[slug] for slug in chosen("question", only, list(ANSWERS))}
    page = context(answers, sources(results, reference), data_root)
    gc.freeze()
    gc.enable()

    def render() -> None:
        write(page, "report", output, formats)

    render()
    if export_files:
        console.print(f"wrote {export(page, output)} files of figures and tables to {output}", markup=False)
    if watch_files:
        watch([results, reference], render)


if __name__ == "__main__":
    try:
        app()
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", style="bold red", markup=False, soft_wrap=True)
        sys.exit(1)
