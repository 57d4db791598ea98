"""No decimal and no percentage is typed into an answer, neither in its template nor in its Python texts."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates" / "answers").glob("*.j2"))
MODULES = sorted((ROOT / "report" / "answers").glob("q*/*.py"))
NUMBER = re.compile(r"\d+\.\d+|\d+\s*(?:%|per ?cent)")
# jinja, comments, code, tags: what is left is prose and its maths
NOT_PROSE = re.compile(r"\{[{%#].*?[#%}]\}|<pre>.*?</pre>|<[^>]*>", re.DOTALL)


def typed_in_template(text):
    return NUMBER.findall(NOT_PROSE.sub(" ", text))


def texts(source):
    """String constants of a module, without docstrings and without what an erratum quotes as printed."""
    tree = ast.parse(source)
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Erratum":
            printed = [*node.args[3:4], *(k.value for k in node.keywords if k.arg == "printed")]
            skipped.update(inner for value in printed for inner in ast.walk(value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.value


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template(path):
    assert typed_in_template(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_module(path):
    assert [text for text in texts(path.read_text()) if NUMBER.search(text)] == []


def test_all_eleven_are_looked_at():
    questions = {f"q{n:02d}" for n in range(1, 12)}
    assert questions == {path.name.split(".")[0] for path in TEMPLATES}
    assert questions == {path.parent.name for path in MODULES}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The loss is 0.25.", ["0.25"]),
        ("It keeps 86 % of it.", ["86 %"]),
        ("<p>\n about 3.5 times</p>", ["3.5"]),
        ("The loss is {{ loss | number(fixed=2) }} after 20 steps.", []),
        (r"With \(\beta_1 = 0.9\) it holds.", ["0.9"]),
        ("<pre><code>lr = 0.1</code></pre>", []),
        ("{# was 0.5 #}<p style='width:50%'>ten</p>", []),
    ],
)
def test_the_scan_of_templates_finds_what_it_should(text, found):
    assert typed_in_template(text) == found


def test_the_scan_of_modules_skips_only_docstrings_and_what_was_printed():
    source = (
        '"""0.1"""\nx = f"keeps {y} or 0.2"\nErratum("a", 1, WORD, "it is 0.3", "it is 0.4", why="50 %")\n'
        'Erratum("a", 1, IMPRECISE, printed="0.5", right=f"{r}", why="none")'
    )
    assert [text for text in texts(source) if NUMBER.search(text)] == [" or 0.2", "it is 0.4", "50 %"]
