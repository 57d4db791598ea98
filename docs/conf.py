"""How Sphinx builds the documentation: `make docs` writes it to build/docs."""

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import architecture  # noqa: E402
import command_line  # noqa: E402

project = "What an activation function is worth"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = project
html_show_copyright = False
copybutton_prompt_text = "$ "
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}

# Made of the code each time, and not kept: neither can fall behind it.
MADE = ROOT / "docs" / "made"
MADE.mkdir(exist_ok=True)
(MADE / "architecture.svg").write_text(architecture.picture(), "utf-8")
(MADE / "command-line.md").write_text(command_line.pages(), "utf-8")
exclude_patterns = ["made/*.md"]


def _escaped(found: re.Match[str]) -> str:
    """Code as reST marks it, ended also where a letter follows; any other mark as itself."""
    if not found[0].startswith("`"):
        return f"\\{found[0]}"
    return f"`{found[0]}`" + ("\\ " if re.match(r"\w", found.string[found.end() :]) else "")


def as_rest(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Our docstrings are plain text with `code` in it: |θ|², x* and what is indented mean themselves."""
    found: list[str] = []
    for line in lines:
        if not line.lstrip().startswith((">>>", "...")):
            line = re.sub(r"`[^`]*`|[\\*|]|_(?=\W|$)", _escaped, line)
        indent, before = (len(text) - len(text.lstrip()) for text in (line, found[-1] if found else ""))
        if found and found[-1].strip() and line.strip() and indent < before:
            found.append("")
        found.append(line)
    lines[:] = found


def setup(app: Sphinx) -> None:
    """Let autodoc read docstrings as they are written here."""
    app.connect("autodoc-process-docstring", as_rest)
