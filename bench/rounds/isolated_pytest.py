"""Run pytest without the options and plugins of its environment.

Variables such as PYTEST_ADDOPTS, and plugins that happen to be installed, which pytest loads by itself, may
skip, reorder or parallelize benchmarks.
"""

import os
from collections.abc import Mapping, Sequence

import pytest

OPTIONS = ("-ppytest_benchmark.plugin", "-pno:cacheprovider")  # the only plugin, named because none is loaded


def isolated(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables without pytest's, and such that pytest loads no plugins by itself.

    Args:
        variables: Environment variables of a process.
    """
    others = {name: value for name, value in variables.items() if not name.startswith("PYTEST_")}
    return {**others, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def main(arguments: Sequence[str], plugins: Sequence[object]) -> int:
    """Run pytest in this process with these arguments and plugins and pytest-benchmark only.

    Args:
        arguments: Command line.
        plugins: Plugins, in addition to pytest-benchmark.

    Returns:
        pytest's exit status.
    """
    before = dict(os.environ)
    try:
        _set(isolated(before))
        return pytest.main([*OPTIONS, *arguments], plugins=plugins)
    finally:
        _set(before)


def _set(variables: Mapping[str, str]) -> None:
    """Make these the environment variables of this process."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)
