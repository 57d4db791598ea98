"""Configure Sphinx; `make docs` builds the documentation in build/docs."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from math_core import LatexToMathML
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import api  # noqa: E402
import architecture  # noqa: E402
import command_line  # noqa: E402

project = "activation-worth"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
html_theme = "furo"
html_title = project
html_show_copyright = False
napoleon_use_ivar = True
copybutton_prompt_text = "$ "
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}

# Generated from the code at every build, and ignored by git.
MADE = ROOT / "docs" / "made"
MADE.mkdir(exist_ok=True)
api.write(MADE)
(MADE / "architecture.svg").write_text(architecture.picture(), "utf-8")
(MADE / "command-line.md").write_text(command_line.pages(), "utf-8")
exclude_patterns = ["made/*.md"]


def _escaped(match: re.Match[str]) -> str:
    """Escape a reST mark; end code with a mark where a letter follows."""
    if not match[0].startswith("`"):
        return f"\\{match[0]}"
    return f"`{match[0]}`" + ("\\ " if re.match(r"\w", match.string[match.end() :]) else "")


def as_rest(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Turn a docstring of plain text with `code` into reST before napoleon reads its sections.

    |θ|², x* and indented formulas stand for themselves; a change of indentation begins a paragraph.
    """
    result: list[str] = []
    for line in lines:
        if not line.lstrip().startswith((">>>", "...")):
            line = re.sub(r"`[^`]*`|[\\*|]|_(?=\W|$)", _escaped, line)
        indent, before = (len(text) - len(text.lstrip()) for text in (line, result[-1] if result else ""))
        if result and result[-1].strip() and line.strip() and indent < before:
            result.append("")
        result.append(line)
    lines[:] = result


def _mathml(visitor: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML, which needs no script from the network."""
    block = isinstance(node, nodes.math_block)
    mathml = LatexToMathML().convert_with_local_state(node.astext(), displaystyle=block)
    visitor.body.append(f"<p>{mathml}</p>" if block else mathml)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the formulas' renderer, and `as_rest` before napoleon."""
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    app.connect("autodoc-process-docstring", as_rest, priority=400)
