"""Command line of the report: `python -m report build`, `serve`, `verdicts`, `compare`, `gate`, `doctor`."""

import gc
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.cli import common as command

FORMATS = ("html", "pdf")
ROOT = Path(__file__).resolve().parents[1]
BUILD = Path("build")
RESULTS, REFERENCE = Path("results/results.sqlite"), Path("results/reference.sqlite")
VERDICT = Path("results/verdict.sqlite")

app = typer.Typer(
    no_args_is_help=True,
    # Shells complete a command by its name, such as .venv/bin/report; none is called "python -m report".
    add_completion=not sys.argv[0].endswith(("__main__.py", "-m")),
    pretty_exceptions_enable=False,
    epilog=command.examples("python -m report build", "python -m report serve --only q09"),
)
console = Console(stderr=True, highlight=False)

Results = Annotated[Path, typer.Option(help="Store of this machine's results.")]
Reference = Annotated[Path, typer.Option(help="Store of the reference results.")]
Output = Annotated[Path, typer.Option(help="Output folder.")]
Only = Annotated[str | None, typer.Option(help="Comma-separated questions, such as q01,q09; default: all.")]
Format = Annotated[str | None, typer.Option(help="Output format: html or pdf; default: both.")]
DataRoot = Annotated[
    Path | None, typer.Option(help="Folder that contains MNIST/raw, for the images of question 2.")
]


@app.callback()
def main() -> None:
    """Build the report from stored results."""


def _begin(format: str | None) -> list[str]:
    """Return the chosen formats and disable garbage collection."""
    formats = command.chosen("format", format, FORMATS)
    # Imports and answers create millions of objects that stay: collecting them takes seconds.
    gc.disable()
    return formats


def write(page: Mapping[str, Any], name: str, output: Path, formats: Sequence[str]) -> None:
    """Write the page in each format; print the remedy where WeasyPrint's libraries are missing."""
    from report.render.render import write_html, write_pdf

    for format in formats:
        path = output / f"{name}.{format}"
        with _writing(path):
            (write_html if format == "html" else write_pdf)(page, path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    from jinja2 import TemplateError

    from report.render.render import NativeLibraryError

    try:
        yield
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
        bool, typer.Option("--export", help="Also export the figures to figures/ and their data to tables/.")
    ] = False,
) -> None:
    """Compute the answers, read the stored results, write the report and print the main findings."""
    formats = _begin(format)
    if export_files and "html" not in formats:
        raise typer.BadParameter("--export requires --format html, or no --format")
    from report.tools.second_process import second_process

    # Two halves: values of the answers beside their evidence, then the PDF beside the page.
    with second_process("report.pages.report") as second:
        from report.evidence.sources import sources
        from report.pages.report import ANSWERS, context, worked
        from report.render.render import write_pdf

        answers = {question: ANSWERS[question] for question in command.chosen("question", only, ANSWERS)}
        values = second.submit(worked, answers, data_root)
        page = context(answers, values.result, sources(results, reference))
        gc.freeze()
        gc.enable()
        path = output / "report.pdf"
        pdf = second.submit(write_pdf, page, path) if "pdf" in formats else None
        write(page, "report", output, [form for form in formats if form != "pdf"])
        if export_files:
            from report.render.export import export

            number = export(page, (output / "report.html").read_text("utf-8"), output)
            _say(f"wrote {number} files of figures and tables to {output}")
        if pdf:
            with _writing(path):
                pdf.result()
    for lead, text in page["summary"].items():
        # Wrapped at words in a terminal, one line elsewhere.
        console.print(f"• {lead}: {text}", markup=False, soft_wrap=not console.is_terminal)


@app.command(
    epilog=command.examples(
        "python -m report verdicts", "python -m report verdicts --json --results results/reference.sqlite"
    )
)
def verdicts(
    results: Annotated[Path, typer.Option(help="Store of results.")] = REFERENCE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: effects, intervals, agreement over forks, runs.")
    ] = False,
) -> None:
    """Print the verdict on every claim, and the share of analyses that give the same word."""
    from bench.records.json_text import json_text
    from report.evidence.sources import measured
    from report.pages.verdicts import lines, verdicts

    source = measured("stored", "Stored", results)
    if source is None:
        raise ValueError(f"Invalid store: {results} holds no measurements; `make bench` measures")
    entries = verdicts(source.snapshot)
    typer.echo(json_text(entries).rstrip("\n") if as_json else "\n".join(lines(entries)))


@app.command(epilog=command.examples("python -m report card mish --results results/verdict.sqlite"))
def card(
    candidate: Annotated[str, typer.Argument(help="Name of the candidate in the store.")],
    results: Annotated[Path, typer.Option(help="Store that `bench verdict` wrote.")] = VERDICT,
    reference: Reference = REFERENCE,
    output: Output = BUILD,
    format: Format = None,
) -> None:
    """Write the card of one candidate, and print its verdict; `python -m bench verdict` measures it."""
    formats = _begin(format)
    from report.pages.card import card as read
    from report.pages.card import context, lines, texts

    shown = read(results, reference, candidate)
    write(context(shown), "verdict", output, formats)
    for suffix, text in texts(shown).items():
        path = output / f"verdict{suffix}"
        path.write_text(text, "utf-8")
        _say(f"wrote {path}")
    for line in lines(shown):
        console.print(line, markup=False, soft_wrap=not console.is_terminal)


@app.command(epilog=command.examples("python -m report compare cpu.sqlite gpu.sqlite"))
def compare(
    a: Annotated[Path, typer.Argument(help="First store.")],
    b: Annotated[Path, typer.Argument(help="Second store.")],
    output: Output = BUILD,
    format: Format = None,
) -> None:
    """Compare two stores, such as two machines or CPU and GPU; write compare.html and compare.pdf."""
    formats = _begin(format)
    from report.pages.compare import context

    write(context(a, b), "compare", output, formats)


@app.command(epilog=command.examples("python -m report gate build/gate/verdicts.json"))
def gate(
    verdicts: Annotated[Path, typer.Argument(help="verdicts.json written by `python -m bench compare`.")],
    output: Output = BUILD,
    format: Format = None,
) -> None:
    """Show the results of a regression check; write gate.html and gate.pdf."""
    formats = _begin(format)
    from report.pages.gate import context

    write(context(verdicts), "gate", output, formats)


@app.command(
    epilog=command.examples("python -m report serve", "python -m report serve --only q09 --port 8000")
)
def serve(
    results: Results = RESULTS,
    reference: Reference = REFERENCE,
    output: Output = BUILD,
    only: Only = None,
    data_root: DataRoot = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free port.")] = 0,
) -> None:
    """Preview the report in a browser; rebuild and reload on changes to code, templates or results.

    Ctrl-C stops the server, with exit status 0.
    """
    from watchfiles import PythonFilter, watch

    from report.tools import serve as preview

    if only:
        from report.pages.report import ANSWERS

        command.chosen("question", only, ANSWERS)
    options = {"--results": results, "--reference": reference, "--output": output, "--only": only}
    options["--data-root"] = data_root
    arguments = [str(part) for option in options.items() if option[1] is not None for part in option]
    stores = [path.resolve() for path in (results, reference)]
    folders = {ROOT / name for name in ("report", "templates", "impl", "bench")}
    folders |= {store.parent for store in stores if store.parent.exists()}
    suffixes = (".j2", ".css", ".js", *(store.suffix for store in stores))
    changes = watch(
        *folders,
        watch_filter=PythonFilter(extra_extensions=suffixes),
        rust_timeout=1000,
        yield_on_timeout=True,
    )
    build = [sys.executable, "-m", "report", "build", "--format", "html", *arguments]
    preview.serve(output / "report.html", port, build, changes, _say)


@app.command(epilog=command.examples("python -m report doctor", "python -m report doctor --json"))
def doctor(
    results: Results = RESULTS,
    data_root: DataRoot = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check the system for dependencies; exit with status 1 if a required one is missing."""
    from report.tools.doctor import examine, show

    findings = examine(results, data_root)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        show(findings)
    if any(finding.required and not finding.ok for finding in findings):
        raise typer.Exit(command.DIFFERS)


def _say(line: str, style: str | None = None) -> None:
    console.print(line, style=style, markup=False, soft_wrap=True)


def cli() -> None:
    """Run the command line; a user's error is one line without a traceback."""
    command.run(app)


if __name__ == "__main__":
    cli()
