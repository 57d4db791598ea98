"""The peak of memory of benchmarks whose need is known."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.rounds.plugins import peak
from bench.rounds.process import PLUGIN_FOLDER

ROOT = Path(__file__).resolve().parents[4]
SUITE = """
import pytest

@pytest.mark.parametrize("size", [0, 128])
def test_memory(size, benchmark):
    benchmark.pedantic(lambda: bytes(range(256)) * (size * 2**12), rounds=1)
"""


@pytest.mark.skipif(not peak.RESET.exists(), reason="the system does not tell the highest resident size")
def test_the_peak_is_that_of_each_benchmark(tmp_path):
    (tmp_path / "test_memory.py").write_text(SUITE)
    file = tmp_path / "found.json"
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-ppeak", f"--rootdir={tmp_path}", "-c/dev/null"),
            *(f"--benchmark-json={file}", str(tmp_path)),
        ],
        cwd=ROOT,
        # Dask leaves its workers' settings of the allocator in this process: what is freed would be kept
        env={n: value for n, value in os.environ.items() if not n.startswith("MALLOC_")}
        | {"PYTHONPATH": str(PLUGIN_FOLDER)},
        check=True,
        capture_output=True,
    )
    found = json.loads(file.read_text())["benchmarks"]
    peaks = {one["params"]["size"]: one["extra_info"]["peak_bytes"] for one in found}  # in whatever order
    assert peaks[0] == peak.LEAST
    assert 120 * 2**20 <= peaks[128] <= 272 * 2**20  # the last result may still be there


def test_sizes_are_those_of_this_process():
    assert 0 < peak.resident("VmRSS") <= peak.resident("VmHWM")
