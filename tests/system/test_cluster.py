"""The same cells on local processes, on a scheduler of one's own, and on one behind TLS: one result."""

import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client
from typer.testing import CliRunner

from bench import __main__ as command_line
from bench.records.environment import current
from bench.records.names import DESCENT
from bench.records.runs import RunConfig
from bench.runner import training as runner
from bench.runner.recorder import RunRecorder
from bench.store import Store
from tests.small_store import numbers

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = (*("--dataset", "digits", "--only", "losses", "--seeds", "1", "--epochs", "1"),)
FEWEST = 8 * 5  # candidates, at five rates each; grids may be extended


@contextmanager
def process(arguments):
    """A process of this interpreter that ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
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
        yield address, scheduler


def bench(store, *arguments):
    """Run the command line in this process."""
    result = CliRunner().invoke(command_line.app, ["run", *CONFIGS, "--results", str(store), *arguments])
    assert result.exit_code == 0, result.output
    assert int(re.search(r"training runs (\d+)/\1,", result.output)[1]) >= FEWEST


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    store = tmp_path_factory.mktemp("local") / "results.sqlite"
    bench(store, "--workers", "2")
    runs, measured = numbers(store)
    assert set(runs) <= {"finished", "collapsed"}
    assert sum(runs.values()) >= FEWEST
    assert measured
    return measured


def test_a_scheduler_and_two_workers_of_ones_own_give_the_same_numbers(local, tmp_path):
    with cluster("tcp") as (address, _):
        with Client(address) as client:
            client.wait_for_workers(2, timeout=120)
        bench(tmp_path / "r.sqlite", "--scheduler", address)
        with Client(address) as client:
            assert len(client.scheduler_info()["workers"]) == 2  # whoever started them ends them
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
    with cluster("tls", ["--tls-ca-file", own, "--tls-cert", own, "--tls-key", key], 1) as (address, _):
        assert address.startswith("tls://")
        with dask.config.set(dask.config.merge(dask.config.config, dask.config.collect_env(tls))):
            bench(tmp_path / "r.sqlite", "--scheduler", address)
        with pytest.raises(ValueError, match=f"{address}: TLS expects"), runner.client(None, address):
            pass
    assert numbers(tmp_path / "r.sqlite")[1] == local


def record_and_kill(session, results, scheduler):
    """Record results, and kill the scheduler after the first."""
    for config, result in results:
        session.record(config, result)
        scheduler.kill()


def test_a_scheduler_that_goes_is_an_error_and_what_was_finished_is_kept(tmp_path):
    configs = [RunConfig(DESCENT, None, "sgd", 0.1, 32, None, "digits", 1797, 1, seed) for seed in range(9)]
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        Store(tmp_path / "r.sqlite") as store,
        cluster("tcp", workers=1) as (address, scheduler),
        runner.client(None, address) as on,
    ):
        session = RunRecorder(store, store.environment_id(current("digits", "0")), "quick")
        with pytest.raises(ConnectionError, match="the scheduler is gone"):
            record_and_kill(session, runner.execute_on(on, configs, None), scheduler)
        assert session.failed == []
        assert 0 < len(session.finished()) < len(configs)


def test_a_scheduler_that_is_not_there_is_an_error():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "100ms"}),
        pytest.raises(OSError, match=r"tcp://127\.0\.0\.1:9"),  # the port of a service that nothing offers
        runner.client(None, "tcp://127.0.0.1:9"),
    ):
        pass


def test_nobody_else_on_the_network_can_reach_it():
    with runner.client(2, None):
        ours = [psutil.Process(), *psutil.Process().children(recursive=True)]
        sockets = [s for one in ours for s in one.net_connections("inet") if s.status == psutil.CONN_LISTEN]
    assert len(sockets) >= 4  # scheduler, two workers or their nannies, dashboard
    assert {s.laddr.ip for s in sockets} == {"127.0.0.1"}
