"""What a set-up searched for is found again by the next process, and searched for again for another key."""

import json
from types import SimpleNamespace

from bench.experiments.workloads import convergence
from bench.suites import setup_cache as kept


def test_a_search_is_made_once_a_file(tmp_path, monkeypatch):
    asked = []

    def search(method, seed):
        asked.append((method, seed))
        return 0.3, len(asked)

    file = tmp_path / "kept.json"
    session = SimpleNamespace(config=SimpleNamespace(getoption={"--kept": file}.get))
    for _ in range(2):  # two processes
        monkeypatch.setattr(convergence, "fastest", search)
        kept.pytest_collection_finish(session)
        method = convergence.METHODS["Adam"]
        assert convergence.fastest(method, seed=0) == (0.3, 1)
        assert convergence.fastest(method, seed=1) == (0.3, 2)
    assert asked == [(method, 0), (method, 1)]
    assert len(json.loads(file.read_text())) == 2
