"""Command line of the benchmarks, `python -m bench`: `run` here, the rest in the modules of commands."""

import sys

import typer

from bench.cli import common as command
from bench.cli import gate as gate_commands
from bench.cli import plan as plan_commands
from bench.cli import run as run_commands
from bench.cli import store as store_commands

app = typer.Typer(
    no_args_is_help=True,
    # A shell completes a command by its name, such as .venv/bin/bench, and none called "python -m bench".
    add_completion=not sys.argv[0].endswith(("__main__.py", "-m")),
    pretty_exceptions_enable=False,
    epilog=command.examples(
        "python -m bench run --only classifier --seeds 5", "python -m bench status --profile reference"
    ),
)


@app.callback()
def main() -> None:
    """Measure speed and training, and store every sample."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # where a user's own activation is looked for


for module in (run_commands, plan_commands, store_commands, gate_commands):
    for name, (function, examples) in module.COMMANDS.items():
        app.command(name, epilog=command.examples(*examples))(function)


def cli() -> None:
    """Run the command line; what a user can mend is one line, not a traceback."""
    command.run(app)


if __name__ == "__main__":
    cli()
