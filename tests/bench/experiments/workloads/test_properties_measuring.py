"""What is measured, of whom and how much of it: turns, a user's own, wrong labels, progress and status."""

import io
import itertools
import re
from collections import Counter
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench.experiments.workloads import contracts
from bench.experiments.workloads import registry as candidates
from bench.experiments.workloads import training_run as configs
from bench.records.candidate_names import is_custom
from bench.records.names import CONTROLS, DESCENT
from bench.records.runs import BenchmarkCase, Measurement
from bench.runner import progress, status
from bench.suites import interleaved
from tests import small_store as small
from tests.draws import seeds

names = st.from_regex(r"[a-z]{1,6}", fullmatch=True)


@given(costs=st.dictionaries(names, st.floats(0.01, 1), min_size=1, max_size=4), budget=st.floats(0, 60))
@settings(max_examples=25)
def test_alternatives_take_every_place_in_turn_and_each_second_is_its_own(costs, budget):
    clock, calls = [0.0], []

    def call(name):
        calls.append(name)
        clock[0] += costs[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interleaved.time, "perf_counter", lambda: clock[0])
        found = interleaved.interleave({name: lambda name=name: call(name) for name in costs}, budget)
    n, rounds = len(costs), len(next(iter(found.values())))
    assert {name: len(samples) for name, samples in found.items()} == dict.fromkeys(costs, rounds)
    for name, samples in found.items():
        assert samples == pytest.approx([costs[name]] * rounds)
    timed = [calls[k : k + n] for k in range(n * interleaved.WARM_UP, len(calls), n)]
    assert len(timed) == rounds >= interleaved.FEWEST
    assert all(sorted(one) == sorted(costs) for one in timed)
    for place in range(n):  # in as many rounds as there are alternatives each has every place once
        assert {one[place] for one in timed[:n]} == set(costs)
    took = sum(costs.values())
    assert (rounds - 1) * took <= budget * (1 + 1e-9) or rounds == interleaved.FEWEST
    assert rounds * took >= budget * (1 - 1e-9) or rounds == interleaved.MOST


@given(
    needed=st.integers(0, 3),
    given_=st.integers(0, 3),
    star=st.booleans(),
    by_name=st.booleans(),
    count=st.integers(0, 7),
)
def test_what_takes_so_many_arguments_is_what_can_be_called_with_them(needed, given_, star, by_name, count):
    parts = [f"a{k}" for k in range(needed)] + [f"b{k}=0" for k in range(given_)]
    parts += ["*rest"] if star else ["*"] if by_name else []
    parts += ["c"] if by_name else []
    what = eval(f"lambda {', '.join(parts)}: None")

    def called(n):
        try:
            what(*range(n))
        except TypeError:
            return False
        return True

    assert contracts._binds(what, count) == called(count)
    found = contracts._required(what)
    assert found is None if star else len(found) == needed + by_name
    assert by_name or not called(needed - 1) or needed == 0
    for odd in (3, "text", None):
        assert not contracts._binds(odd, count)
        assert contracts._required(odd) is None


@given(
    place=st.from_regex(r"[\w/.:]{1,8}", fullmatch=True),
    name=st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,7}(@[0-9a-f]{8})?", fullmatch=True),
)
def test_only_a_place_and_a_name_in_it_lead_to_a_users_own(place, name):
    assert is_custom(f"{place}:{name}")
    assert not is_custom(name)
    assert not is_custom(f":{name}")
    assert not any(is_custom(known) for entry in candidates.KINDS.values() for known in entry.table)


def written(factory, text):
    file = factory.mktemp("own") / "mine.py"
    file.write_text(text)
    return f"{file}:it"


RETURNS = {
    "y": True,
    "y.double()": False,
    "y[:1]": False,
    "y.detach()": False,
    "x.mul_(2) + y": False,
    "3": False,
}


BODIES = {
    "activation": "def it(x):\n    y = {a!r} * x * x + {b!r} * x.sin()\n    return {returned}\n",
    "strategy": "from torch.nn.functional import conv2d\n"
    "def it(x, w, g):\n    y = {a!r} * conv2d(x, w, padding=g.padding)\n    return {returned}\n",
}


@given(
    kind=st.sampled_from(sorted(BODIES)),
    a=st.floats(-3, 3),
    b=st.floats(-3, 3),
    returned=st.sampled_from(list(RETURNS)),
)
@settings(max_examples=20)
def test_an_own_function_is_fit_where_it_gives_what_was_expected_and_is_named_by_its_text(
    tmp_path_factory, kind, a, b, returned
):
    text = BODIES[kind].format(a=a, b=b, returned=returned)
    name, other = written(tmp_path_factory, text), written(tmp_path_factory, text + "\n")
    if RETURNS[returned]:
        candidates.check(name, kind)
    else:
        with pytest.raises(candidates.InvalidCandidateError):
            candidates.resolve(name, kind)
    if kind == "activation" and RETURNS[returned]:
        x = torch.linspace(-2, 2, 9, dtype=torch.float64)
        torch.testing.assert_close(candidates.function_of(name)(x), a * x * x + b * x.sin())
    stored = candidates.identify(name, kind)
    assert re.fullmatch(re.escape(name) + "@[0-9a-f]{8}", stored)
    assert candidates.identify(stored, kind) == stored
    assert stored[-8:] != candidates.identify(other, kind)[-8:]


@given(
    rates=st.lists(st.one_of(st.floats(0, 10), st.just(1.0)), min_size=5, max_size=6),
    scale=st.sampled_from([0.0, 0.5, 2.0]),
)
@settings(max_examples=15)
def test_an_own_optimizer_is_tried_at_its_own_rates_in_order(tmp_path_factory, rates, scale):
    text = (
        f"import torch\ndef it(w, lr):\n    return torch.optim.SGD(w, lr={scale} * lr)\nit.rates = {rates}\n"
    )
    name = written(tmp_path_factory, text)
    if len(set(rates)) != len(rates) or 0 in rates:
        with pytest.raises(candidates.InvalidCandidateError, match="20 different positive numbers"):
            candidates.rates_of(name)
        return
    assert candidates.rates_of(name) == tuple(sorted(rates))
    if scale:
        candidates.check(name, "optimizer")
    else:
        with pytest.raises(candidates.InvalidCandidateError, match="did not update every parameter"):
            candidates.check(name, "optimizer")


@given(
    data=st.data(),
    kind=st.sampled_from(sorted(candidates.KINDS)),
    a=st.integers(0, 9999),
    b=st.integers(0, 9999),
)
def test_the_control_shares_no_seed_and_the_tables_names_are_their_own(data, kind, a, b):
    name = data.draw(st.sampled_from(sorted(candidates.KINDS[kind].table)))
    assert candidates.identify(name, kind) == name
    assert candidates.check(name, kind) is None
    seed = candidates.seed_of(name, a)
    assert (seed in range(10_000)) == (name not in CONTROLS)
    assert (seed == candidates.seed_of(name, b)) == (a == b)


@given(labels=st.lists(st.integers(0, 9), max_size=60), share=st.floats(0, 1), seed=seeds)
def test_as_many_labels_are_wrong_as_was_asked_for(labels, share, seed):
    right = torch.tensor(labels, dtype=torch.int64)
    wrong = configs.with_label_noise(right, share, seed)
    assert (wrong != right).sum() == int(share * len(labels))
    assert ((wrong >= 0) & (wrong <= 9)).all()
    assert right.tolist() == labels
    assert torch.equal(wrong, configs.with_label_noise(right, share, seed))


steps = st.lists(st.tuples(st.floats(0.1, 9), st.booleans()), min_size=1, max_size=6)


@given(done=steps, left=st.integers(0, 3))
@settings(max_examples=20)
def test_progress_counts_every_item_its_weight_and_what_failed(done, left):
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "console", Console(file=said, width=200))
        patch.setattr(progress, "LINE_EVERY", 0.0)
        with progress.Steps("runs") as counted:
            whole = sum(weight for weight, _ in done)
            counted.begin(len(done), whole)
            counted.revise(left, float(left))
            failed = list(itertools.accumulate(f for _, f in done))
            for k, (weight, _) in enumerate(done):
                counted.advance(f"item {k}", weight, failed[k])
    (bar,) = counted.bar.tasks
    assert (bar.completed, bar.total) == (pytest.approx(whole), pytest.approx(whole + left))
    begin, *lines, end = said.getvalue().splitlines()
    assert begin.startswith(f"runs 0/{len(done)}")
    for k, line in enumerate(lines):
        told = f", {failed[k]} failed" if failed[k] else ""
        assert line.startswith(f"runs {k + 1}/{len(done) + left}, ")
        assert f"{told}, 0 s" in line
        assert line.endswith(f": item {k}")
        assert left or k + 1 < len(done) or "about 0 s left" in line
    assert len(lines) == len(done)
    assert end.startswith(f"runs {len(done)}/{len(done) + left}")


@given(seconds=st.floats(0, 10**6))
def test_a_time_left_is_read_as_what_it_was(seconds):
    said = {unit: int(n) for n, unit in re.findall(r"(\d+) (s|min|h)", status.about(seconds))}
    total = said.get("s", 0) + 60 * said.get("min", 0) + 3600 * said.get("h", 0)
    assert total == pytest.approx(seconds, abs=0.500001 if set(said) == {"s"} else 30.0001)
    assert "h" not in said or said["min"] < 60


@given(
    field=st.sampled_from(list(asdict(small.HERE))),
    profile=st.sampled_from(["quick", "reference"]),
)
def test_surroundings_that_differ_are_named_and_have_another_name(field, profile):
    here = asdict(small.HERE)
    other = replace(small.HERE, **{field: here[field] + (1 if isinstance(here[field], int) else "x")})
    held = small.held([small.scored(0.5)])
    expected = ([] if field == "commit_hash" else [field]) + (["profile"] if profile != "quick" else [])
    assert status.differing(held, other, profile) == expected
    assert replace(held, environment=asdict(other)).id != held.id
    assert replace(held, profile="other").id != held.id
    assert replace(held, environment=dict(reversed(held.environment.items()))).id == held.id


ends = st.sampled_from(["finished", "diverged", "failed", None])


@given(
    descents=st.lists(st.tuples(ends, st.floats(0, 9)), max_size=4),
    synthetic=st.lists(st.tuples(ends, st.floats(0, 9)), max_size=4),
    benchmarks=st.lists(st.tuples(ends, st.floats(0, 9)), max_size=3),
    cores=st.integers(1, 8),
)
@settings(max_examples=25)
def test_every_run_of_a_profile_is_counted_once_as_it_ended(descents, synthetic, benchmarks, cores):
    one = small.CONFIG
    wanted = {
        "benchmarks": [BenchmarkCase("t", f"s{k}", "impl", "4 elements", 4) for k in range(len(benchmarks))],
        "convergence": [replace(one, task=DESCENT, seed=k) for k in range(len(descents))],
        "synthetic": [replace(one, task="zigzag", seed=k) for k in range(len(synthetic))],
    }
    ended = {"benchmarks": benchmarks, "convergence": descents, "synthetic": synthetic}
    stored = [
        (what, configs.RunResult(end, [Measurement("run_seconds", 0, took, "s")]))
        for name in wanted
        for what, (end, took) in zip(wanted[name], ended[name], strict=True)
        if end
    ]
    held = small.held(stored) if stored else None
    others = [*wanted["convergence"], *wanted["synthetic"]]
    runs = status.runs_of(held, [], others, wanted["benchmarks"])
    *parts, total = status.stages(held, runs, lambda what: 2.0)
    assert [part.name for part in parts] == [name for name in wanted if wanted[name]]
    for part in parts:
        words = Counter(end for end, _ in ended[part.name])
        assert (part.finished, part.diverged, part.failed) == tuple(
            words[w] for w in ("finished", "diverged", "failed")
        )
        assert part.left == words[None] + words["failed"]
        assert part.to_take == 2 * part.left
        took = [t for end, t in ended[part.name] if end]
        assert part.took == (pytest.approx(sum(took)) if took else None)
    for field in ("finished", "diverged", "failed", "left", "to_take"):
        assert getattr(total, field) == sum(getattr(part, field) for part in parts)
    alone = sum(part.to_take for part in parts if part.name == "benchmarks")
    assert status.seconds_on(cores, [*parts, total]) == pytest.approx(alone + (total.to_take - alone) / cores)
    if held:
        assert status.cases(held) == [what for what, _ in stored if isinstance(what, BenchmarkCase)]
        tables = held.tables()
        assert Counter(tables["runs"]["key"]) == Counter(what.config_hash for what, _ in stored)
        assert sorted(tables["measurements"]["value"]) == sorted(o.measurements[0].value for _, o in stored)
        shown = dict(tables["environment"].itertuples(index=False))
        assert shown == {**{k: str(v) for k, v in held.environment.items()}, "profile": "quick"}
