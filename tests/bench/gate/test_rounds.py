"""Two sides take turns, sample by sample, and a round's values are of as many samples as both have."""

import math
import os
import sys

import numpy as np
import pytest

from bench.gate import rounds
from bench.gate.rounds import Side, Turns, paired, take_turns

SUITE = """
import os

import pytest

@pytest.mark.parametrize("size", SIZES, ids=lambda n: f"sum-loop-impl-{n}")
def test_sum(size, benchmark):
    if size == FAILING:
        raise ValueError(size)
    note(size, "before")
    benchmark(lambda: note(size, "call") or sum(range(size)))

def note(size, when):
    if hasattr(os, "sched_getaffinity"):
        with open("processors", "a") as file:
            print(size, when, *os.sched_getaffinity(0), file=file)
"""


class Script(Turns):
    """A side that does what a list says, and notes when."""

    def __init__(self, side, steps, done):
        object.__setattr__(self, "side", side)
        self.__dict__.update(steps=iter(steps), done=done, at="")

    def next(self):
        following = next(self.steps, "")
        if following != ".":
            self.__dict__["name"] = following
        self.__dict__["at"] = following
        return following

    def go(self):
        self.done.append((self.side, self.name, self.at == "."))


def order(base, head):
    done = []
    take_turns([Script("base", base, done), Script("head", head, done)], [set(base), set(head)])
    return [f"{side} {name}{' sample' if sample else ''}" for side, name, sample in done]


def test_sides_take_turns_by_sample():
    assert order(["f", ".", "."], ["f", ".", "."]) == [
        "base f", "head f", "base f sample", "head f sample", "base f sample", "head f sample",
    ]  # fmt: skip


def test_what_comes_before_the_samples_goes_on_at_once():
    steps = []

    class Noted(Script):
        def next(self):
            steps.append(f"{self.side} waits")
            return super().next()

        def go(self):
            steps.append(f"{self.side} goes")

    take_turns([Noted(s, ["f", "."], []) for s in ("base", "head")], [{"f"}, {"f"}])
    assert steps == [
        "base waits", "head waits",
        "base goes", "head goes", "base waits", "head waits",
        "base goes", "base waits", "head goes", "head waits",
    ]  # fmt: skip


def test_a_side_with_more_samples_ends_them_before_the_next_benchmark():
    assert order(["f", ".", "g"], ["f", ".", ".", ".", "g"]) == [
        "base f", "head f", "base f sample", "head f sample", "head f sample", "head f sample",
        "base g", "head g",
    ]  # fmt: skip


def test_what_one_side_has_it_does_alone():
    assert order(["f", "old", ".", "g"], ["f", "new", "newer", "g"]) == [
        "base f", "head f", "base old", "base old sample", "head new", "head newer", "base g", "head g",
    ]  # fmt: skip


def test_a_side_that_dies_leaves_the_other_to_end():
    assert order(["f"], ["f", ".", "g"]) == ["base f", "head f", "head f sample", "head g"]


def test_a_benchmark_keeps_its_name_in_another_folder():
    assert (
        rounds.name_of("bench/suites/test_a.py::test_f[a-x/y::z-impl-1]")
        == "test_a.py::test_f[a-x/y::z-impl-1]"
    )
    assert rounds.name_of("bench/test_a.py::test_f[a-x/y::z-impl-1]") == "test_a.py::test_f[a-x/y::z-impl-1]"
    assert rounds.name_of(".") == "."


def test_values_are_lower_quartiles_of_as_many_samples():
    samples = np.random.default_rng(0).uniform(1, 2, 21)
    base = {("g[a-x]", "seconds"): list(samples), ("g[a-old]", "seconds"): [1.0]}
    head = {("g[a-x]", "seconds"): list(3 * samples[:11]), ("g[a-new]", "peak_bytes"): [7.0]}
    found = paired(base, head).set_index(["name", "metric"])
    row = found.loc[("g[a-x]", "seconds")]
    expected = sorted(samples[:11])
    assert row["base"] == pytest.approx((expected[2] + expected[3]) / 2)  # 0.25 · 10 = 2.5, between them
    assert row["head"] == pytest.approx(3 * row["base"])
    assert row["group"] == "a"
    assert found.loc[("g[a-old]", "seconds"), "base"] == 1.0
    assert math.isnan(found.loc[("g[a-old]", "seconds"), "head"])
    assert math.isnan(found.loc[("g[a-new]", "peak_bytes"), "base"])


def side(tmp_path, name, sizes, failing=0, folder="bench"):
    """A tree with one file of benchmarks, in `folder`."""
    tree = tmp_path / name
    (tree / folder).mkdir(parents=True)
    text = SUITE.replace("SIZES", str(sizes)).replace("FAILING", str(failing))
    (tree / folder / "test_sum.py").write_text(text)
    (tree / "bench" / "__init__.py").write_text("")
    (tree / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n')
    return Side(name, tree, rounds.Path(sys.executable))


def test_a_round_of_two_processes(tmp_path):
    sides = (
        side(tmp_path, "base", [2000, 3000, 5000], failing=3000),
        side(tmp_path, "head", [2000, 3000, 4000], folder="bench/suites"),  # the file has moved
    )
    nodes = {s.name: rounds.collect(s, ["bench"], tmp_path / "log") for s in sides}
    files = {s.name: tmp_path / f"{s.name}.json" for s in sides}
    frame, _ = rounds.measure(sides[::-1], nodes, files)
    seconds = frame[frame["metric"] == "seconds"].set_index("name")
    seconds.index = seconds.index.str.extract(r"impl-(\d+)", expand=False)
    known = seconds[["base", "head"]].notna()
    assert known.T.to_dict("list") == {
        "2000": [True, True], "3000": [False, True], "5000": [True, False], "4000": [False, True],
    }  # fmt: skip
    assert (seconds[["base", "head"]].stack().dropna() > 0).all()
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    for tree in (s.tree for s in sides if usable):
        lines = [line.split() for line in (tree / "processors").read_text().splitlines()]
        for size in {size for size, *_ in lines}:
            ran = [(what, [*map(int, where)]) for n, what, *where in lines if n == size]
            assert sorted(ran[0][1]) == usable  # what is before the samples goes on everywhere
            assert ran[-2] == ("call", usable[-1:])  # the last is the one that memory is looked at in


def test_a_round_that_writes_nothing_is_named_with_its_output(tmp_path):
    sides = side(tmp_path, "base", [2000], failing=2000), side(tmp_path, "head", [2000])
    (sides[0].tree / "bench" / "test_sum.py").write_text("import os\nos._exit(3)\n")
    nodes = {"base": ["bench/test_sum.py"], "head": rounds.collect(sides[1], ["bench"], tmp_path / "log")}
    files = {s.name: tmp_path / f"{s.name}.json" for s in sides}
    with pytest.raises(rounds.RoundError, match=r"base wrote no benchmark results .*; see .*base\.log"):
        rounds.measure(sides, nodes, files)


@pytest.mark.parametrize("text", ["{", "{}", ""])
def test_a_damaged_file_of_a_round_is_named(tmp_path, text):
    (tmp_path / "base.json").write_text(text)
    with pytest.raises(rounds.RoundError, match=r"base wrote no benchmark results .*; see .*base\.log"):
        rounds._read(Side("base", tmp_path, tmp_path), tmp_path / "base.json")


def test_a_side_that_stands_still_is_named(monkeypatch):
    monkeypatch.setattr(rounds, "PATIENCE", 0.01)
    reads, writes = os.pipe()
    still = pytest.raises(rounds.RoundError, match=r"head timed out after 0\.01 s")
    with os.fdopen(reads) as names, os.fdopen(writes, "wb") as leave, still:
        Turns("head", names, leave).next()


def test_a_side_heeds_no_options_or_plugins_of_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--benchmark-skip -k nothing")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    sides = side(tmp_path, "base", [2000]), side(tmp_path, "head", [2000])
    nodes = {s.name: rounds.collect(s, ["bench"], tmp_path / "log") for s in sides}
    assert set(map(tuple, nodes.values())) == {("bench/test_sum.py::test_sum[sum-loop-impl-2000]",)}
    files = {s.name: tmp_path / f"{s.name}.json" for s in sides}
    frame, _ = rounds.measure(sides, nodes, files)
    assert (frame[frame["metric"] == "seconds"][["base", "head"]] > 0).all(axis=None)
