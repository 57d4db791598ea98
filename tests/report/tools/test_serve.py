"""The served copy of the page: on loopback alone, made again at a change, and reloaded."""

import base64
import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

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
    assert "being made" in get("/")
    page.write_text(PAGE, "utf-8")
    assert get("/version") == str(page.stat().st_mtime_ns)


@pytest.mark.parametrize("path", ["/../secret", "/secret", "//etc/passwd", "/%2e%2e/secret"])
def test_nothing_else_is_served(served, path):
    page, get, _ = served
    (page.parent / "secret").write_text("secret")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(path)


def test_the_page_is_made_at_first_and_at_every_change_also_after_one_that_failed(tmp_path):
    made, said = [], []
    outcomes = iter([True, False, True])

    def make():
        made.append(1)
        return next(outcomes)

    serve.serve(
        tmp_path / "report.html", 0, make, iter([set(), {"a change"}, set(), {"another"}, set()]), said.append
    )
    assert len(made) == 3
    assert said[0].startswith("http://127.0.0.1:")
    assert said[1:] == [
        "something changed; making the report again",
        "the page stays as it was; the next change may mend it",
        "something changed; making the report again",
    ]


def test_ctrl_c_ends_it_whatever_it_is_at(tmp_path):
    def interrupted(*_):
        raise KeyboardInterrupt

    for make, changes in ((interrupted, iter([set()])), (lambda: True, map(interrupted, [1]))):
        said = []
        serve.serve(tmp_path / "report.html", 0, make, changes, said.append)
        assert said[-1] == "ended"


def test_changes_of_code_templates_and_stores_count_and_no_others(tmp_path):
    store = tmp_path / "results" / "here.sqlite"
    matters = serve.watched([store], [tmp_path / "report", tmp_path / "templates"])
    counted = ["report/x.py", "report/answers/q01.py", "templates/page.html.j2", "templates/style.css"]
    ignored = [
        "report/__pycache__/x.pyc",
        "results/here.sqlite-journal",
        "results/other.sqlite",
        "tests/x.py",
    ]
    assert all(matters(None, str(tmp_path / name)) for name in [*counted, "results/here.sqlite"])
    assert not any(matters(None, str(tmp_path / name)) for name in ignored)


def test_the_options_reach_the_build_and_what_is_watched(tmp_path, monkeypatch):
    """The page is made in a process of its own, with the options that were given and no other."""
    ran, asked = [], {}
    monkeypatch.setattr(serve, "build", lambda arguments: ran.append(arguments) or True)
    monkeypatch.setattr(
        "watchfiles.watch",
        lambda *folders, **options: asked.update(folders=folders, **options) or iter([set()]),
    )
    store = tmp_path / "r.sqlite"
    arguments = ["serve", "--only", "q09", "--results", str(store), "--reference", "none/n.sqlite"]
    result = CliRunner().invoke(app, [*arguments, "--output", str(tmp_path)], catch_exceptions=False)
    assert result.exit_code == 0
    expected = ["--results", str(store), "--reference", "none/n.sqlite", "--output", str(tmp_path)]
    assert ran == [[*expected, "--only", "q09"]]
    assert tmp_path in asked["folders"]
    assert {"report", "templates", "impl", "bench"} <= {Path(folder).name for folder in asked["folders"]}
    assert asked["watch_filter"](None, str(store))


def test_an_unknown_question_is_told_before_anything_is_served(tmp_path):
    result = CliRunner().invoke(app, ["serve", "--only", "q9"])
    assert result.exit_code == 2
    assert "Did you mean 'q09'" in re.sub(r"[│\s]+", " ", result.output)
