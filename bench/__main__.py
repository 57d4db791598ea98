"""Command line of the benchmarks, `python -m bench`."""

import sys

import typer

from bench.cli import common, gate, run, status, store, verdict

app = typer.Typer(
    no_args_is_help=True,
    # A shell completes the command `bench`, but not `python -m bench`.
    add_completion=not sys.argv[0].endswith(("__main__.py", "-m")),
    pretty_exceptions_enable=False,
    epilog=common.examples(
        "python -m bench run --only classifier --seeds 5", "python -m bench status --profile reference"
    ),
)


@app.callback()
def main() -> None:
    """Measure speed and training, and store every sample."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # custom candidates are found in the current directory


for module in (run, verdict, status, store, gate):
    for name, (function, examples) in module.COMMANDS.items():
        app.command(name, epilog=common.examples(*examples))(function)


def cli() -> None:
    """Run the command line."""
    common.run(app)


if __name__ == "__main__":
    cli()
