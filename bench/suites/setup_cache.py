"""Pytest plugin of the gate: search for learning rates once a side, not once a round.

What set-up finds is the same in every round of the same code, is not timed, and takes longer than what is.
"""

import importlib.util
import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--kept`."""
    parser.addoption("--kept", type=Path, help="file of what was found in an earlier round of the same code")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let `convergence.fastest` look into the file first, where the benchmarks use such a function."""
    if not importlib.util.find_spec("bench.convergence"):
        return
    module = importlib.import_module("bench.convergence")
    search, file = getattr(module, "fastest", None), session.config.getoption("--kept")
    if search is None:
        return

    def fastest(*arguments: object, **options: object) -> object:
        known = json.loads(file.read_text("utf-8")) if file.exists() else {}
        key = repr((arguments, options))
        if key not in known:
            known[key] = search(*arguments, **options)
            file.write_text(json.dumps(known), "utf-8")
        return tuple(known[key])

    module.fastest = fastest  # type: ignore[attr-defined]
