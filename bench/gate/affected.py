"""Which benchmark files a change can have made slower: those that run through what changed."""

import ast
from collections.abc import Collection, Iterable
from pathlib import Path

ROOMS = ("impl", "bench")
# Files that every benchmark runs through without importing them.
SHARED = (
    "bench/suites/conftest.py",
    "bench/experiments/workloads/threads.py",
    "pyproject.toml",
    "constraints.txt",
)
# Python files of these rooms that no benchmark imports cannot make one slower; of other files these cannot.
HARMLESS = ("report/", "tests/", "templates/", "docs/", "results/", ".github/", ".ci/")
HARMLESS_ENDINGS = (".md", ".cff", "LICENSE", "Makefile", ".gitignore")


def imports(path: Path, root: Path) -> set[str]:
    """Files of the rooms under `root` that a Python file imports, relative to it; packages' own with them."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: Iterable[str] = ()
        if isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        for name in names:
            parts = name.split(".") if name.split(".")[0] in ROOMS else []
            for depth in range(1, len(parts) + 1):
                module = root / Path(*parts[:depth])
                found |= {f for f in (module.with_suffix(".py"), module / "__init__.py") if f.exists()}
    return {file.relative_to(root).as_posix() for file in found}


def reached(path: Path, root: Path) -> set[str]:
    """All files that a file runs through, itself included, relative to `root`."""
    open_, seen = [path.relative_to(root).as_posix()], set[str]()
    while open_:
        name = open_.pop()
        if name not in seen:
            seen.add(name)
            open_ += imports(root / name, root) - seen
    return seen


def affected(changed: Collection[str], root: Path) -> list[str] | None:
    """The benchmark files that run through a changed one, relative to `root`; None: all, to be sure.

    changed: paths relative to `root`. A file that every benchmark shares, one that is gone, and one whose
    part in a benchmark cannot be told from imports make it all.
    """
    suites = sorted((root / "bench").rglob("test_*.py"))
    graph = {suite.relative_to(root).as_posix(): reached(suite, root) for suite in suites}
    known = set().union(*graph.values())
    for name in changed:
        harmless = name.startswith(HARMLESS) or name.endswith(HARMLESS_ENDINGS)
        unused = name.startswith(ROOMS) and name.endswith(".py") and (root / name).exists()
        if name in SHARED or not (harmless or name in known or unused):
            return None
    return [suite for suite, files in graph.items() if files & set(changed)]
