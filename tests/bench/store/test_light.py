"""Reading results loads nothing that trains, in a fresh process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "sklearn", "distributed", "dask", "pytest", "bench.experiments", "bench.api")
PROGRAM = "import json, sys; {statement}; print(json.dumps([n for n in {heavy} if n in sys.modules]))"


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        (
            "from bench.records import environment, names, runs",
            (*HEAVY, "pandas", "impl"),
        ),
        ("import bench.store", (*HEAVY, "scipy", "impl")),
        ("from bench import load; load('results/reference.sqlite')", (*HEAVY, "scipy", "impl")),
        ("import bench.statistics", HEAVY),
    ],
)
def test_reading_loads_nothing_heavy(statement, heavy):
    program = PROGRAM.format(statement=statement, heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_a_heavy_module_is_noticed():
    program = PROGRAM.format(statement="import bench.experiments.catalog", heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "torch" in json.loads(done.stdout)
