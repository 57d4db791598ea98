"""Command line of the report: `python -m report build`, `serve`, `compare`, `gate`, `doctor`."""

import gc
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.cli import common as command

FORMATS = ("html", "pdf")
CODE = Path(__file__).resolve().parent
ROOT = CODE.parent
FINDINGS = 3  # that are told in the terminal; the report has all

app = typer.Typer(
    no_args_is_help=True,
    # A shell completes a command by its name, such as .venv/bin/report, and none called "python -m report".
    add_completion=not sys.argv[0].endswith(("__main__.py", "-m")),
    pretty_exceptions_enable=False,
    epilog=command.examples("python -m report build", "python -m report serve --only q09"),
)
console = Console(stderr=True, highlight=False)

Results = Annotated[Path, typer.Option(help="What this machine measured.")]
Reference = Annotated[Path, typer.Option(help="What was measured for reference.")]
Output = Annotated[Path, typer.Option(help="Folder that is written into.")]
Only = Annotated[str | None, typer.Option(help="Comma-separated questions, such as q01,q09; default: all.")]
Format = Annotated[str | None, typer.Option(help="html, pdf; default: both.")]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder that MNIST/raw lies in, for the pictures of question 2.")
]
RESULTS, REFERENCE = Path("results/results.sqlite"), Path("results/reference.sqlite")
BUILD = Path("build")


@app.callback()
def main() -> None:
    """Make the report of what was measured, and look after what it needs."""


def _begin(format: str | None) -> list[str]:
    """The formats asked for; and no more search for garbage."""
    formats = command.chosen("format", format, FORMATS)
    # Imports and answers make millions of objects that stay: searching them takes seconds.
    gc.disable()
    return formats


def write(page: Mapping[str, Any], name: str, output: Path, formats: Sequence[str]) -> None:
    """Write the page in each format; without WeasyPrint's libraries say how to get them."""
    from jinja2 import TemplateError

    from report.render.render import NativeLibraryError, write_html, write_pdf

    for format in formats:
        path = output / f"{name}.{format}"
        try:
            (write_html if format == "html" else write_pdf)(page, path)
        except NativeLibraryError as error:
            _say(f"no PDF: {error}", "bold yellow")
        except TemplateError as error:
            raise ValueError(f"{getattr(error, 'name', None) or 'a template'}: {error}") from error
        else:
            _say(f"wrote {path}")


@app.command(
    epilog=command.examples(
        "python -m report build",
        "python -m report build --only q01,q09 --format html",
        "python -m report build --results other.sqlite --output other",
    )
)
def build(
    results: Results = RESULTS,
    reference: Reference = REFERENCE,
    output: Output = BUILD,
    only: Only = None,
    format: Format = None,
    data_root: DataRoot = None,
    export_files: Annotated[
        bool, typer.Option("--export", help="Also write the drawings to figures/ and their data to tables/.")
    ] = False,
) -> None:
    """Recompute every answer, read what was measured, write the report, and say what was found."""
    formats = _begin(format)
    if export_files and "html" not in formats:
        raise typer.BadParameter("--export reads its tables from the page; give --format html, or none")
    from report.evidence.sources import sources
    from report.pages.report import ANSWERS, context

    answers = {slug: ANSWERS[slug] for slug in command.chosen("question", only, ANSWERS)}
    page = context(answers, sources(results, reference), data_root)
    gc.freeze()
    gc.enable()
    write(page, "report", output, formats)
    if export_files:
        from report.render.export import export

        files = export(page, (output / "report.html").read_text("utf-8"), output)
        _say(f"wrote {files} files of figures and tables to {output}")
    for finding in page["summary"][:FINDINGS]:
        # whole words where there is a terminal to wrap at, one line where there is none
        console.print(f"• {finding}", markup=False, soft_wrap=not console.is_terminal)


@app.command(epilog=command.examples("python -m report compare cpu.sqlite gpu.sqlite"))
def compare(
    a: Annotated[Path, typer.Argument(help="A store.")],
    b: Annotated[Path, typer.Argument(help="Another store.")],
    output: Output = BUILD,
    format: Format = None,
) -> None:
    """Set two stores side by side, two machines or CPU and GPU, in compare.html and compare.pdf."""
    formats = _begin(format)
    from report.pages import compare as comparison

    write(comparison.context(a, b), "compare", output, formats)


@app.command(epilog=command.examples("python -m report gate build/gate/verdicts.json"))
def gate(
    verdicts: Annotated[Path, typer.Argument(help="The verdicts.json of `python -m bench compare`.")],
    output: Output = BUILD,
    format: Format = None,
) -> None:
    """Show what the performance gate found, in gate.html and gate.pdf."""
    formats = _begin(format)
    from report.pages import gate as gate_page

    write(gate_page.context(verdicts), "gate", output, formats)


@app.command(
    epilog=command.examples("python -m report serve", "python -m report serve --only q09 --port 8000")
)
def serve(
    results: Results = RESULTS,
    reference: Reference = REFERENCE,
    output: Output = BUILD,
    only: Only = None,
    data_root: DataRoot = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
) -> None:
    """Show the report in a browser here; make it again whenever code, templates or results change.

    The page reloads by itself. Ctrl-C ends, with exit code 0.
    """
    from watchfiles import watch

    from report.tools import serve as serving

    if only:
        from report.pages.report import ANSWERS

        command.chosen("question", only, ANSWERS)
    given = {"--results": results, "--reference": reference, "--output": output, "--only": only}
    given["--data-root"] = data_root
    arguments = [str(part) for option in given.items() if option[1] is not None for part in option]
    code = [ROOT / "report", ROOT / "templates", ROOT / "impl", ROOT / "bench"]
    stores = [results, reference]
    folders = {*code, *(path.resolve().parent for path in stores if path.resolve().parent.exists())}
    filter = serving.watched(stores, code)
    changes = watch(*folders, watch_filter=filter, rust_timeout=1000, yield_on_timeout=True)
    serving.serve(output / "report.html", port, lambda: serving.build(arguments), changes, _say)


@app.command(epilog=command.examples("python -m report doctor", "python -m report doctor --json"))
def doctor(
    results: Results = RESULTS,
    data_root: DataRoot = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")] = False,
) -> None:
    """Say what this machine has and lacks, and how to get it; exit 1 if something needed is missing."""
    from report.tools import doctor as looked

    found = looked.examine(results, data_root)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        looked.tell(found)
    if any(finding.needed and not finding.ok for finding in found):
        raise typer.Exit(command.DIFFERS)


def _say(line: str, style: str | None = None) -> None:
    console.print(line, style=style, markup=False, soft_wrap=True)


def cli() -> None:
    """Run the command line; what a user can mend is one line, not a traceback."""
    command.run(app)


if __name__ == "__main__":
    cli()
