"""Two stores of one run each, this machine's and the reference, for tests of data sources."""

from dataclasses import replace

from bench.records.environment import Environment
from bench.records.runs import Measurement, RunConfig, RunResult
from bench.store import Store

DIGITS = Environment(
    "Some CPU", 2, 1024, "Linux", "3.11", '{"torch": "2"}', "cpu", 1, "s", "digits", "d", "c0ffee"
)
MNIST = replace(DIGITS, dataset="mnist", processor="Another CPU")
CONFIG = RunConfig("classifier", "relu", "adam", 1e-3, 128, True, "digits", 100, 2, 0)


def paths_in(folder):
    """Return the paths of both stores."""
    return folder / "here.sqlite", folder / "reference.sqlite"


def store(path, environment, profile, status="finished"):
    """Write a store of one run; return its path."""
    with Store(path) as opened:
        where = opened.environment_id(environment)
        opened.record(where, profile, CONFIG, RunResult(status, [Measurement("test_loss", 0, 1.0, "1")]))
    return path
