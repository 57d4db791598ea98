"""External resources in a template are never fetched: not by the PDF renderer, not by a browser."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from report.document.page import Section
from report.render import system_libraries
from report.render.render import write_html, write_pdf

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = {
    "title": "T",
    "subtitle": "S",
    "summary": {"One": "one"},
    "sections": [Section(1, "q01", "One", "What?", "answers/q01.html.j2", {})],
}

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

# Renders the PDF of each template and records what Python opens or asks of the network.
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

folder = Path(sys.argv[1])
from report.document.page import Section
from report.render.render import write_pdf
context = {
    "title": "T", "subtitle": "S", "summary": {"One": "one"},
    "sections": [Section(1, "q01", "One", "What?", "answers/q01.html.j2", {})],
}
results = {}
sys.addaudithook(hook)
for text in json.loads((folder / "wanted.json").read_text()):
    (folder / "answers" / "q01.html.j2").write_text("<p>Because.</p>" + text)
    begin = len(seen)
    try:
        write_pdf(context, folder / "report.pdf", folder)
    except ValueError:
        pass
    results[text] = seen[begin:]
print(json.dumps(results))
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


def opened(seen):
    """Return the files and addresses outside the page."""
    asked = [one for one in seen if one.startswith(("socket", "urllib")) and "'data:" not in one]
    return asked + [one for one in seen if "secret.txt" in one]


def test_the_pdf_fetches_nothing(wanted):
    if not system_libraries.loads():
        pytest.skip(system_libraries.remedy())
    folder, texts = wanted
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert {name: opened(results[text]) for name, text in texts.items()} == {name: [] for name in texts}


def test_a_pdf_with_an_external_image_is_not_written(wanted, tmp_path):
    if not system_libraries.loads():
        pytest.skip(system_libraries.remedy())
    folder, texts = wanted
    (folder / "answers" / "q01.html.j2").write_text(texts["file"])
    with pytest.raises(ValueError, match="the page must be self-contained"):
        write_pdf(CONTEXT, tmp_path / "report.pdf", folder)
    assert not (tmp_path / "report.pdf").exists()


def test_a_browser_requests_nothing(wanted, browser, tmp_path):
    """The content security policy blocks every resource; links and refreshes are not followed here."""
    folder, texts = wanted
    harmless = {"link", "attachment", "redirect", "base", "form", "attachment of all", "script's address"}
    (folder / "answers" / "q01.html.j2").write_text(
        "".join(text for name, text in texts.items() if name not in harmless)
    )
    write_html(CONTEXT, tmp_path / "report.html", folder)
    tab = browser.new_page()
    requests, dialogs = [], []
    tab.on("requestfinished", lambda request: requests.append(request.url))
    tab.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    tab.goto((tmp_path / "report.html").as_uri())
    tab.close()
    loaded = [url for url in requests if not url.startswith("data:")]
    assert loaded == [(tmp_path / "report.html").as_uri()]
    assert dialogs == []
