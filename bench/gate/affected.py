"""Find the benchmark files that a change can affect, by their imports.

The import graph is built from the files under a given root, without importing them: the repository may be
another one. (grimp resolves packages of the running interpreter and omits the `__init__.py` of parent
packages, which an import runs, too.)
"""

import ast
from collections.abc import Collection, Iterable
from pathlib import Path

PACKAGES = ("impl", "bench")
# Files that every benchmark depends on without importing them.
SHARED = (
    "bench/suites/conftest.py",
    "bench/experiments/workloads/threads.py",
    "pyproject.toml",
    "constraints.txt",
)
# Files that no benchmark depends on; of PACKAGES' Python files, those that no benchmark imports.
HARMLESS = ("report/", "tests/", "templates/", "docs/", "examples/", "results/", ".github/", ".ci/")
HARMLESS_ENDINGS = (".md", ".cff", "LICENSE", "Makefile", ".gitignore")


def imports(path: Path, root: Path) -> set[str]:
    """Return the files under `root` that a Python file imports, including packages' `__init__.py`."""
    files = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: Iterable[str] = ()
        if isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))
        for name in names:
            parts = name.split(".") if name.split(".")[0] in PACKAGES else []
            for depth in range(1, len(parts) + 1):
                module = root / Path(*parts[:depth])
                files |= {f for f in (module.with_suffix(".py"), module / "__init__.py") if f.exists()}
    return {file.relative_to(root).as_posix() for file in files}


def reached(path: Path, root: Path) -> set[str]:
    """Return all files that a file depends on, including itself, relative to `root`."""
    pending, seen = [path.relative_to(root).as_posix()], set[str]()
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += imports(root / name, root) - seen
    return seen


def affected(changed: Collection[str], root: Path) -> list[str] | None:
    """Return the benchmark files that depend on a changed file, or None for all of them.

    Args:
        changed: Changed files relative to `root`. A shared file, a deleted file, and a file whose effect
            imports do not show affect all benchmarks.
        root: Root of the repository.
    """
    suites = sorted((root / "bench").rglob("test_*.py"))
    graph = {suite.relative_to(root).as_posix(): reached(suite, root) for suite in suites}
    known = set().union(*graph.values())
    for name in changed:
        harmless = name.startswith(HARMLESS) or name.endswith(HARMLESS_ENDINGS)
        unused = name.startswith(PACKAGES) and name.endswith(".py") and (root / name).exists()
        if name in SHARED or not (harmless or name in known or unused):
            return None
    return [suite for suite, files in graph.items() if files & set(changed)]
