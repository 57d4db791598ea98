"""A template that wants something from elsewhere: nothing is opened, and the build says what it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from report.render.self_contained import OutsideError, refuse_outside

from report.render import system_libraries

ROOT = Path(__file__).resolve().parents[2]

# What is wanted: SECRET is a file's address, SERVER one on this machine that nothing answers at.
WANTED = {
    "file": '<p><img alt="x" src="SECRET"></p>',
    "server": '<p><img alt="x" src="SERVER/x.png"></p>',
    "no protocol": '<p><img alt="x" src="//127.0.0.1:9/x.png"></p>',
    "relative": '<p><img alt="x" src="secret.txt"></p>',
    "link": '<p><a href="SERVER/">x</a></p>',
    "script": "<script>alert(1)</script>",
    "script from elsewhere": '<script src="SERVER/x.js"></script>',
    "script's address": '<p><a href="java&#10;script:alert(1)">x</a></p>',
    "event": '<p onclick="alert(1)">x</p>',
    "import": '<style>@import "SERVER/x.css";</style>',
    "import of an address": "<style>@import url(SECRET);</style>",
    "font": '<style>@font-face { font-family: "x"; src: url("SECRET") }</style>',
    "background": "<p style=\"background: url('SECRET')\">x</p>",
    "style sheet": '<link rel="stylesheet" href="SECRET">',
    "attachment": '<p><a rel="attachment" href="SECRET">x</a></p>',
    "attachment of all": '<link rel="attachment" href="SECRET">',
    "redirect": '<meta http-equiv="refresh" content="0; url=SERVER/">',
    "base": '<base href="SERVER/">',
    "frame": '<iframe src="SECRET"></iframe>',
    "frame's text": '<iframe srcdoc="<p>x</p>"></iframe>',
    "object": '<object data="SECRET"></object>',
    "form": '<form action="SERVER/"></form>',
    "drawing": '<svg viewBox="0 0 1 1"><image href="SECRET" width="1" height="1"></image></svg>',
    "old drawing": '<svg viewBox="0 0 1 1"><use xlink:href="SERVER/x.svg#a"></use></svg>',
    "filter": '<svg viewBox="0 0 1 1"><rect width="1" height="1" fill="url(SERVER/x.svg#a)"></rect></svg>',
    "sources": '<p><img alt="x" srcset="SERVER/x.png 2x" src="data:,"></p>',
}

# Renders one page in either format and tells what was said, and what Python opened or asked of the network.
PROGRAM = """
import json
import sys
from pathlib import Path

seen = []

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        seen.append(str(arguments[0]))
    elif event.startswith(("socket.", "urllib.")):
        seen.append(f"{event} {arguments}")

target, folder, trusting = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "trusting"
from report import render
from report.native import loads
from report.page import Section
if trusting:
    render.refuse_outside = lambda *arguments: None
context = {
    "title": "T", "subtitle": "S", "summary": ["one"],
    "sections": [Section(1, "q01", "One", "What?", "answers/q01.html.j2", {})],
}
said = {}
sys.addaudithook(hook)
for text in json.loads((folder / "wanted.json").read_text()):
    (folder / "answers" / "q01.html.j2").write_text("<p>Because.</p>" + text)
    (folder / f"report.{target}").unlink(missing_ok=True)  # of another test
    begin = len(seen)
    try:
        write = render.write_html if target == "html" else render.write_pdf
        write(context, folder / f"report.{target}", folder)
        error = ""
    except ValueError as problem:
        error = str(problem)
    said[text] = error, seen[begin:], (folder / f"report.{target}").exists()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("templates")
    (folder / "answers").mkdir()
    secret = folder / "secret.txt"
    secret.write_text("secret")
    texts = {
        name: text.replace("SECRET", secret.as_uri()).replace("SERVER", "http://127.0.0.1:9")
        for name, text in WANTED.items()
    }
    (folder / "wanted.json").write_text(json.dumps(list(texts.values())))
    return folder, texts


def rendered(wanted, target, trust):
    folder, texts = wanted
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, target, str(folder), trust],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {name: found[text] for name, text in texts.items()}


def opened(seen):
    """What of that which was opened lies elsewhere."""
    asked = [one for one in seen if one.startswith(("socket", "urllib")) and "'data:" not in one]
    return asked + [one for one in seen if "secret.txt" in one]


@pytest.mark.parametrize("target", ["html", "pdf"])
def test_the_build_stops_and_says_what_is_wanted_and_by_which_template(wanted, target):
    if target == "pdf" and not system_libraries.loads():
        pytest.skip(system_libraries.remedy())
    for name, (error, seen, exists) in rendered(wanted, target, "careful").items():
        assert error.startswith("answers/q01.html.j2: the page is to be self-contained, and this is not:"), (
            name
        )
        assert opened(seen) == [], name
        assert not exists, name


def test_the_pdf_asks_for_nothing_even_where_nobody_looked_before(wanted):
    """WeasyPrint itself is given no way to a file or a server."""
    if not system_libraries.loads():
        pytest.skip(system_libraries.remedy())
    for name, (_, seen, _) in rendered(wanted, "pdf", "trusting").items():
        assert opened(seen) == [], name


@pytest.mark.parametrize(
    "text",
    [
        '<a href="#q01">x</a><img src="data:image/png;base64,AA"><style>p { background: url(#x) }</style>',
        '<svg><rect fill="url(#gradient)"></rect><use xlink:href="#mark"></use></svg>',
        '<p>http://127.0.0.1 &lt;script&gt; @import url(x) onclick="x"</p>',
        "<code>src(x)</code>",
    ],
)
def test_what_the_page_itself_holds_and_mere_text_are_let_through(text):
    refuse_outside("here", text)
    with pytest.raises(OutsideError, match=r"here: .*<base>"):
        refuse_outside("here", f"{text}<base>")  # nor does it hide what follows


def test_one_script_is_known_by_its_whole_text():
    refuse_outside("here", "<script>one()</script>", "one()")
    for text in ("<script>one() </script>", "<script>two()</script>", "<script>one()"[:-1]):
        with pytest.raises(OutsideError, match=r"here: .*<script>"):
            refuse_outside("here", text, "one()")
