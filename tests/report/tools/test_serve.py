"""The served copy of the page: on loopback alone, made again at a change, and reloaded."""

import base64
import hashlib
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner
from watchfiles import Change

from report.__main__ import app
from report.tools import serve

PAGE = """<html><head>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-own'">
</head><body><p>α</p></body></html>"""


@pytest.fixture
def served(tmp_path):
    """A page, and what asks its server for a path."""
    page = tmp_path / "report.html"
    with serve.server(page, 0) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()

        def get(path):
            url = f"http://127.0.0.1:{listening.server_port}{path}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read().decode()

        yield page, get, listening
        listening.shutdown()


def test_only_this_machine_reaches_it(served):
    assert served[2].server_address[0] == "127.0.0.1"


def test_a_taken_port_is_an_error_of_usage(served, tmp_path, monkeypatch, capsys):
    from report import __main__ as command_line

    port = str(served[2].server_port)
    monkeypatch.setattr("sys.argv", ["report", "serve", "--port", port, "--output", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        command_line.cli()
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert port in line


def test_the_copy_carries_the_script_that_the_file_has_not_and_may_run_it(served):
    page, get, _ = served
    page.write_text(PAGE, "utf-8")
    for path in ("/", "/report.html", "/?again"):
        copy = get(path)
        (script,) = re.findall(r"<script>(.*?)</script>", copy, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        (policy,) = re.findall(r'content="(.*?)"', copy)
        assert f"script-src 'sha256-{digest}' 'sha256-own'" in policy
        assert "default-src 'none'; connect-src 'self'; " in policy
        assert "<p>α</p>" in copy
    assert page.read_text("utf-8") == PAGE


def test_the_version_changes_when_the_page_does(served):
    page, get, _ = served
    assert get("/version") == ""
    assert "being built" in get("/")
    page.write_text(PAGE, "utf-8")
    assert get("/version") == str(page.stat().st_mtime_ns)


@pytest.mark.parametrize("path", ["/../secret", "/secret", "//etc/passwd", "/%2e%2e/secret"])
def test_nothing_else_is_served(served, path):
    page, get, _ = served
    (page.parent / "secret").write_text("secret")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(path)


@pytest.fixture
def builds(monkeypatch):
    """The build commands that were run, with the exit statuses that they are given."""
    ran, statuses = [], []

    def run(command, **options):
        ran.append(command)
        return subprocess.CompletedProcess(command, statuses.pop(0) if statuses else 0)

    monkeypatch.setattr(serve.subprocess, "run", run)
    return ran, statuses


def test_the_page_is_built_at_first_and_at_every_change_also_after_one_that_failed(tmp_path, builds):
    ran, statuses = builds
    statuses += [0, 1, 0]
    lines = []
    changes = iter([set(), {"a change"}, set(), {"another"}, set()])
    serve.serve(tmp_path / "report.html", 0, ["build"], changes, lines.append)
    assert ran == [["build"]] * 3
    assert lines[0].startswith("Serving http://127.0.0.1:")
    assert lines[1:] == [
        "Files changed; rebuilding.",
        "Build failed; keeping the previous page until the next change.",
        "Files changed; rebuilding.",
    ]


def test_ctrl_c_stops_it_during_a_build_and_while_waiting(tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    lines = []
    serve.serve(tmp_path / "report.html", 0, ["true"], map(interrupted, [1]), lines.append)
    assert lines[-1] == "Stopped."
    monkeypatch.setattr(serve.subprocess, "run", interrupted)
    serve.serve(tmp_path / "report.html", 0, ["build"], iter([set()]), lines.append)
    assert lines[-1] == "Stopped."


def test_the_options_reach_the_build_and_what_is_watched(tmp_path, monkeypatch, builds):
    """The build is a process with the options that were given and no other."""
    asked = {}
    monkeypatch.setattr(
        "watchfiles.watch",
        lambda *folders, **options: asked.update(folders=folders, **options) or iter([set()]),
    )
    store = tmp_path / "r.sqlite"
    arguments = ["serve", "--only", "q09", "--results", str(store), "--reference", "none/n.sqlite"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    expected = ["--results", str(store), "--reference", "none/n.sqlite", "--output", str(tmp_path)]
    ((python, *command),) = builds[0]
    assert python == sys.executable
    assert command == ["-m", "report", "build", "--format", "html", *expected, "--only", "q09"]
    assert tmp_path in asked["folders"]
    assert {"report", "templates", "impl", "bench"} <= {Path(folder).name for folder in asked["folders"]}
    matters = asked["watch_filter"]
    for name in ("report/answers/q01.py", "templates/page.html.j2", "templates/style.css", "r.sqlite"):
        assert matters(Change.modified, str(tmp_path / name))
    for name in ("report/__pycache__/x.pyc", "r.sqlite-journal", "notes.txt"):
        assert not matters(Change.modified, str(tmp_path / name))


def test_an_unknown_question_is_told_before_anything_is_served(tmp_path):
    result = CliRunner().invoke(app, ["serve", "--only", "q9"])
    assert result.exit_code == 2
    assert "Did you mean 'q09'" in re.sub(r"[│\s]+", " ", result.output)
