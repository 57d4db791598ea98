"""Who may import whom, read from the source; and that importing does nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("impl", "bench", "report")
ALLOWED = {
    "impl": {"impl"},
    "bench": {"impl", "bench"},
    "report": {"impl", "report", "bench.store", "bench.statistics"},
}
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(tree):
    """Dotted names of all imports, the imported names of `from x import y` included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(room, source):
    """Imports of our own rooms that the rule does not allow."""
    ours = [name for name in imported(ast.parse(source)) if name.split(".")[0] in ROOMS]
    return [
        name
        for name in ours
        if not any(name == allowed or name.startswith(f"{allowed}.") for allowed in ALLOWED[room])
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_import_rule(path):
    assert breaches(path.relative_to(ROOT).parts[0], path.read_text()) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("impl", "import bench.store"),
        ("impl", "from report import figures"),
        ("bench", "from report.render import write_html"),
        ("report", "from bench.cells import RunConfig"),
        ("report", "from bench import runner"),
    ],
)
def test_the_rule_notices_a_breach(room, source):
    assert breaches(room, source)


def test_importing_prints_nothing_and_starts_nothing():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in FILES
        if not path.name.startswith(("__", "test_"))
    ]
    program = f"import threading, {', '.join(modules)}; print(threading.active_count())"
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("1\n", "")
