"""A fresh process that runs benchmarks under the settings that make its samples repeatable."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.rounds import isolated_pytest

# Any tree loads the plugins from this folder, so that an older base of the gate runs with those of the head.
PLUGIN_FOLDER = Path(__file__).parent / "plugins"
FEWEST = 2  # samples of a benchmark, however long one takes
SECONDS = 0.03  # of samples a benchmark, if the fewest take less
SHORTEST_SAMPLE = 0.001  # seconds; noise of clock and scheduler dominates shorter samples
# glibc keeps freed memory, so that no sample pays for new pages, the largest source of noise.
MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**40), "MALLOC_ARENA_MAX": "1"}
SETTINGS = (
    "-pturns",
    "--benchmark-only",
    "--benchmark-disable-gc",
    "--benchmark-quiet",
    "-q",
    *isolated_pytest.OPTIONS,
    "--benchmark-calibration-precision=100",
    f"--benchmark-min-rounds={FEWEST}",
)

# Starts pytest such that only the tree itself provides the packages: an editable install would lend the
# base of a comparison what only the head has.
PYTEST = """
import sys
sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""


def timing(json: Path) -> list[str]:
    """Return pytest's arguments for benchmarks whose samples go to a file."""
    return [
        *SETTINGS,
        f"--benchmark-json={json}",
        f"--benchmark-max-time={SECONDS}",
        f"--benchmark-min-time={SHORTEST_SAMPLE}",
    ]


@contextmanager
def started(
    python: Path,
    arguments: Sequence[str],
    log: Path,
    *,
    folder: Path,
    imports: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run pytest in a new process; leave the context when it ends, or end it if an error leaves it.

    Args:
        python: Interpreter.
        arguments: pytest's.
        log: File of its output.
        folder: Working directory.
        imports: Folders to import from, after that of the plugins.
        variables: Environment variables to add.
        descriptors: Ends of pipes that belong to the process; closed here.
    """
    path = os.pathsep.join([str(PLUGIN_FOLDER), *imports])
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-c", PYTEST, *arguments],
            cwd=folder,
            stdout=output,
            stderr=output,
            env=isolated_pytest.isolated(os.environ)
            | MEMORY
            | {"PYTHONPATH": path}
            | (dict(variables or {})),
            pass_fds=descriptors,
        )
        for descriptor in descriptors:
            os.close(descriptor)
        try:
            yield process
            process.wait()
        finally:
            process.kill()
            process.wait()
