"""Messages for unknown names and invalid values."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.cli import common as command
from impl import names
from impl.names import unknown

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("classifier", "losses", "ReLU")
EXPECTED = "expected one of: classifier, losses, ReLU."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("clasifier", f"Unknown stage 'clasifier'; {EXPECTED} Did you mean 'classifier'?"),
        ("relu", f"Unknown stage 'relu'; {EXPECTED} Did you mean 'ReLU'?"),
        ("gains", f"Unknown stage 'gains'; {EXPECTED}"),
        ("", f"Unknown stage ''; {EXPECTED}"),
        ("x\n" * 5000, f"Unknown stage {'x' + chr(10)!r}"[:-1]),
    ],
)
def test_one_line_of_what_came_what_may_be_meant_and_what_there_is(name, said):
    message = unknown("stage", name, iter(STAGES))
    assert message.startswith(said)
    assert f"; {EXPECTED}" in message
    assert "\n" not in message


def test_of_comma_separated_names_the_first_that_is_unknown_is_an_error_and_none_is_all():
    assert command.chosen("stage", "losses,ReLU", iter(STAGES)) == ["losses", "ReLU"]
    assert command.chosen("stage", None, iter(STAGES)) == list(STAGES)
    with pytest.raises(typer.BadParameter, match=r"Unknown stage 'loses'; .* Did you mean 'losses'"):
        command.chosen("stage", "ReLU,loses,clas", STAGES)


words = st.text("abcXYZ_", min_size=1, max_size=6)
tables = st.lists(words, min_size=1, max_size=5, unique_by=str.casefold)


@given(table=tables, data=st.data())
def test_names_of_the_table_pass_in_their_order_and_the_first_other_one_is_said(table, data):
    known = data.draw(st.lists(st.sampled_from(table), min_size=1, max_size=6))
    names.check("stage", iter(known), iter(table))
    assert command.chosen("stage", ",".join(known), iter(table)) == known
    for nothing in (None, ""):
        assert command.chosen("stage", nothing, iter(table)) == table
    others = words | st.sampled_from(table).map(str.swapcase)
    mixed = known + data.draw(st.lists(others, max_size=4))
    strange = [name for name in mixed if name not in table]
    assume(strange)
    for check, error in ((names.check, ValueError), (command.check, typer.BadParameter)):
        with pytest.raises(error) as said:
            check("stage", iter(mixed), iter(table))
        assert str(said.value) == unknown("stage", strange[0], table)
    with pytest.raises(typer.BadParameter):
        command.chosen("stage", ",".join(mixed), table)


@given(table=tables, name=st.text(max_size=12), data=st.data())
def test_a_name_is_taken_for_one_of_the_table_and_for_that_of_other_case(table, name, data):
    message = unknown("stage", name, iter(table))
    plain = f"Unknown stage {name!r}; expected one of: {', '.join(table)}."
    assert message in {plain, *(f"{plain} Did you mean {each!r}?" for each in table)}
    one = data.draw(st.sampled_from(table))
    assert unknown("stage", one.swapcase(), table).endswith(f" Did you mean {one!r}?")


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
