"""What the documentation says to type exists, and what it points to, too."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from bench.__main__ import app as bench
from report.__main__ import app as report

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
PAGES = [page for page in PAGES if "made" not in page.parts]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[1].split()
VARIABLES = re.findall(r"^([A-Z_]+) \?=", MAKEFILE, re.MULTILINE)
APPS = {"bench": bench, "report": report}


def commands(page):
    """What a page says to type: the lines of its consoles, and `make …` and `python -m …` in its prose."""
    text = page.read_text("utf-8")
    consoles = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    typed = [line[2:] for block in consoles for line in block.splitlines() if line.startswith("$ ")]
    inline = re.findall(r"(?<!`)`((?:make [a-z]|python -m (?:bench|report) )[^`<…]*)`", text)
    return [line.partition("  #")[0].strip() for line in (*typed, *inline)]


def wrong(line):
    """What is wrong with a command; None where it can be given, or is not ours."""
    words = shlex.split(line)
    if words[0] == "make":
        for word in words[1:]:
            name, given, _ = word.partition("=")
            if name not in (VARIABLES if given else TARGETS):
                return f"{'variable' if given else 'target'} {name}"
    elif words[:2] == ["python", "-m"] and words[2] in APPS:
        group = get_command(APPS[words[2]])
        if words[3:4] and words[3] not in group.commands:
            return f"subcommand {words[3]}"
        if words[3:]:
            known = {
                option for p in group.commands[words[3]].params for option in (*p.opts, *p.secondary_opts)
            }
            given = {word.partition("=")[0] for word in words[4:] if word.startswith("--")}
            if unknown := given - known - {"--help"}:
                return f"options {unknown}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_is_to_be_typed_can_be(page):
    assert [(line, why) for line in commands(page) if (why := wrong(line))] == []


@pytest.mark.parametrize(
    "line",
    ["make sandwich", "make bench COLOR=red", "python -m bench fly", "python -m bench run --colour red"],
)
def test_a_command_that_is_not_there_is_noticed(line):
    assert wrong(line)


def test_there_is_something_to_type():
    assert sum(len(commands(page)) for page in PAGES) > 20


def anchors(page):
    """Of a page's headings, as they are linked to."""
    heads = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        assert not target.startswith(("/", "file:"))
        path, _, anchor = target.partition("#")
        if not target.startswith("http"):
            linked = (page.parent / path) if path else page
            assert linked.exists(), target
            assert not anchor or anchor in anchors(linked), target
