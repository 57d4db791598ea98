"""Write the help of every command as Markdown, one section per command."""

import typer
from click import Context
from typer.main import get_command

from bench.__main__ import app as bench
from report.__main__ import app as report

APPS = {"bench": bench, "report": report}


def pages() -> str:
    """Return the sections of all commands."""
    return "\n".join(line for name, app in APPS.items() for line in _sections(name, app))


def _sections(name: str, app: typer.Typer) -> list[str]:
    """Return the lines of one command line's sections."""
    group = get_command(app)
    lines = []
    for name_of_command, command in getattr(group, "commands", {"": group}).items():
        usage = f"python -m {name} {name_of_command}".strip()
        context = Context(command, info_name=usage)
        options = [record for p in command.params if (record := p.get_help_record(context))]
        lines += [f"### {usage}\n", f"{command.help or ''}\n"]
        if options:
            rows = [f"| `{option}` | {text or ''} |" for option, text in options]
            lines += ["| option | description |", "|---|---|", *rows, ""]
    return lines
