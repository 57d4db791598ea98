"""What the command lines share: names from tables, exit statuses, errors in one line."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bench.cli import common as command

ROOT = Path(__file__).resolve().parents[3]
STAGES = ("classifier", "losses", "ReLU")


def test_of_comma_separated_names_the_first_that_is_unknown_is_an_error_and_none_is_all():
    assert command.chosen("stage", "losses,ReLU", iter(STAGES)) == ["losses", "ReLU"]
    assert command.chosen("stage", None, iter(STAGES)) == list(STAGES)
    with pytest.raises(typer.BadParameter, match=r"Unknown stage 'loses'; .* Did you mean 'losses'"):
        command.chosen("stage", "ReLU,loses,clas", STAGES)


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (ValueError("of no [use]"), 2, "error: of no [use]\n"),
        (OSError(28, "No space left"), 2, "error: [Errno 28] No space left\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(1), 1, ""),
    ],
)
def test_how_a_command_ends_is_its_exit_code(monkeypatch, capsys, raised, code, said):
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fails():
        raise raised

    monkeypatch.setattr("sys.argv", ["fails"])
    with pytest.raises(SystemExit) as end:
        command.run(app)
    assert end.value.code == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("started", "offered"), [("/venv/bin/report", True), ("/x/report/__main__.py", False)]
)
def test_completion_is_offered_to_who_is_started_by_a_name_that_a_shell_can_complete(started, offered):
    """For "python -m report" a shell would be told nonsense at each of its starts."""
    program = f"import sys; sys.argv = [{started!r}, '--help']; from report.__main__ import cli; cli()"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert ("--install-completion" in said) == offered
    assert "Exit status: 0 success;" in said
