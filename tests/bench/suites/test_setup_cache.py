"""Set-up results are computed once per file and set of arguments, by whichever process comes first."""

import json

from bench.experiments.workloads import convergence
from bench.suites.setup_cache import cached


def test_a_result_is_computed_once_per_file(tmp_path, monkeypatch):
    calls = []

    def search(method, seed):
        calls.append((method, seed))
        return 0.3, len(calls)

    file = tmp_path / "setup.json"
    monkeypatch.setenv("SETUP_CACHE", str(file))
    method = convergence.METHODS["Adam"]
    for _ in range(2):  # two processes
        for seed in (0, 1):
            rate, steps = cached(search, method, seed)
            assert (rate, steps) == (0.3, seed + 1)
    assert calls == [(method, 0), (method, 1)]
    assert len(json.loads(file.read_text())) == 2


def test_without_a_file_every_result_is_computed(monkeypatch):
    monkeypatch.delenv("SETUP_CACHE", raising=False)
    calls = []
    for _ in range(2):
        cached(calls.append, 0)
    assert calls == [0, 0]
