"""The command line's own help as Markdown, one section a command."""

import typer
from click import Context
from typer.main import get_command

from bench.__main__ import app as bench
from report.__main__ import app as report

APPS = {"bench": bench, "report": report}


def pages() -> str:
    """Every command's help, from the commands themselves."""
    return "\n".join(section for name, app in APPS.items() for section in _sections(name, app))


def _sections(name: str, app: typer.Typer) -> list[str]:
    group = get_command(app)
    found = []
    for command, one in getattr(group, "commands", {"": group}).items():
        line = f"python -m {name} {command}".strip()
        context = Context(one, info_name=line)
        options = [record for p in one.params if (record := p.get_help_record(context))]
        rows = [f"| `{usage}` | {help or ''} |" for usage, help in options]
        found += [f"### {line}\n", f"{one.help or ''}\n"]
        if rows:
            found += ["| option | what |", "|---|---|", *rows, ""]
    return found
