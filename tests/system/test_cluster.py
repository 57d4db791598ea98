"""The same cells on local processes, on a scheduler of one's own, and on one behind TLS: one result."""

import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from distributed import Client

ROOT = Path(__file__).resolve().parents[2]
CELLS = (
    *("--dataset", "digits", "--only", "initialization,deep_classifier", "--activation", "relu"),
    *("--seeds", "1", "--epochs", "1"),
)
TUNED, SCORED = (2 + 3) * 5, 2 + 3  # contenders of the two parts, at five rates each


@contextmanager
def process(arguments, environment=None):
    """A process of this interpreter that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.terminate()
            started.communicate()


@contextmanager
def cluster(scheme, security=(), workers=2):
    """Address of a scheduler on a free port, with workers of one thread in processes of their own."""
    common = ["--protocol", scheme, "--no-dashboard", *security]
    with ExitStack() as stack:
        arguments = ["dask", "scheduler", "--host", "127.0.0.1", "--port", "0", *common]
        scheduler = stack.enter_context(process(arguments))
        said = (re.search(rf"Scheduler at: +({scheme}://\S+)", line) for line in scheduler.stderr)
        address = next(found[1] for found in said if found)
        for _ in range(workers):
            arguments = ["dask", "worker", address, "--nthreads", "1", "--host", "127.0.0.1", *common]
            stack.enter_context(process(arguments))
        yield address


def bench(store, *arguments, environment=None):
    """Run the command line; what it said."""
    command = [sys.executable, "-m", "bench", "run", *CELLS, "--results", str(store), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stderr


def numbers(store):
    """Everything measured but times: by key of the run."""
    query = "SELECT key, status, split, metric, step, value, unit FROM run JOIN measurement ON run.id = run"
    with closing(sqlite3.connect(store)) as connection:
        runs = Counter(connection.execute("SELECT split, status FROM run"))
        return runs, sorted(connection.execute(f"{query} WHERE unit != 's'"))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    store = tmp_path_factory.mktemp("local") / "results.sqlite"
    code, error = bench(store, "--workers", "2")
    assert code == 0, error
    runs, measured = numbers(store)
    assert runs == {("validation", "finished"): TUNED, ("test", "finished"): SCORED}
    assert measured
    return measured


def test_a_scheduler_and_two_workers_of_ones_own_give_the_same_numbers(local, tmp_path):
    with cluster("tcp") as address:
        with Client(address) as client:
            client.wait_for_workers(2, timeout=120)
        code, error = bench(tmp_path / "r.sqlite", "--scheduler", address)
        with Client(address) as client:
            assert len(client.scheduler_info()["workers"]) == 2  # whoever started them ends them
    assert code == 0, error
    assert f"training runs {TUNED + SCORED}/{TUNED + SCORED}" in error
    assert numbers(tmp_path / "r.sqlite")[1] == local


@pytest.fixture
def certificate(tmp_path):
    """A certificate that is its own authority, and its key."""
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-days", "2", "-out", str(paths[0]), "-keyout", str(paths[1])),
        ],
        check=True,
        capture_output=True,
    )
    return paths


def test_a_scheduler_behind_tls_takes_its_certificates_from_dasks_configuration(local, certificate, tmp_path):
    own, key = map(str, certificate)
    tls = {
        "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": own,
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": own,
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY": key,
    }
    with cluster("tls", ["--tls-ca-file", own, "--tls-cert", own, "--tls-key", key], workers=1) as address:
        assert address.startswith("tls://")
        code, error = bench(tmp_path / "r.sqlite", "--scheduler", address, environment=tls)
        refused, said = bench(tmp_path / "none.sqlite", "--scheduler", address)
    assert code == 0, error
    assert numbers(tmp_path / "r.sqlite")[1] == local
    assert refused == 1
    assert "error: " in said
    assert "Traceback" not in said


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path):
    # no port below 1024 of this address is listened on by anything that we start
    environment = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    code, error = bench(tmp_path / "r.sqlite", "--scheduler", "tcp://127.0.0.1:9", environment=environment)
    assert code == 1
    assert "tcp://127.0.0.1:9" in error.splitlines()[-1]
    assert "Traceback" not in error
