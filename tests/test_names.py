"""A name that a table lacks: what came, what may have been meant, what there is."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from impl import command
from impl.names import unknown

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("classifier", "losses", "ReLU")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clasifier", "unknown part 'clasifier'; did you mean 'classifier'? Known: classifier, losses, ReLU"),
        ("relu", "unknown part 'relu'; did you mean 'ReLU'? Known: classifier, losses, ReLU"),
        ("gains", "unknown part 'gains'; known: classifier, losses, ReLU"),
        ("", "unknown part ''; known: classifier, losses, ReLU"),
        ("x\n" * 5000, f"unknown part {'x' + chr(10)!r}"[:-1]),
    ],
)
def test_one_line_of_what_came_what_may_be_meant_and_what_there_is(name, said):
    found = unknown("part", name, iter(PARTS))
    assert found.startswith(said)
    assert found.endswith("nown: classifier, losses, ReLU")
    assert "\n" not in found


def test_of_comma_separated_names_the_first_that_is_unknown_is_an_error_and_none_is_all():
    assert command.chosen("part", "losses,ReLU", iter(PARTS)) == ["losses", "ReLU"]
    assert command.chosen("part", None, iter(PARTS)) == list(PARTS)
    with pytest.raises(typer.BadParameter, match="unknown part 'loses'; did you mean 'losses'"):
        command.chosen("part", "ReLU,loses,clas", PARTS)


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
    assert "Exit codes: 0 done;" in said
