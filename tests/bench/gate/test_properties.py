"""The gate on any change: whom it reaches, whose turn it is, and what is said of what was found."""

import json
import math
import os
import re
from collections import Counter
from itertools import chain, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from statsmodels.stats.proportion import proportion_confint

from bench.gate import affected, compare, rounds
from bench.gate import calibration as calibrate
from bench.gate import output as gate_output
from bench.gate import verdicts as gate
from bench.records.calibrations import CalibrationRun
from report.pages import gate as page

FILES = (
    "impl/__init__.py", "bench/__init__.py", "impl/a.py", "impl/b.py", "impl/c.py", "bench/help.py",
    "bench/test_x.py", "bench/test_y.py",
)  # fmt: skip
SPELLINGS = (
    "import {0}.{1}",
    "from {0} import {1}",
    "from {0}.{1} import f",
    "def late():\n    import {0}.{1}",
)
texts = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="[]\\"), min_size=1, max_size=9
)


@given(
    edges=hnp.arrays(bool, (8, 8), elements=st.sampled_from([False, False, False, True])),
    spelling=st.sampled_from(SPELLINGS),
    changed=st.sets(st.sampled_from(FILES[:6])),
)
@settings(max_examples=15)
def test_a_change_reaches_what_imports_it_over_whatever_way(tmp_path_factory, edges, spelling, changed):
    root = tmp_path_factory.mktemp("tree")
    # no package's own file imports, and none is imported but with its files
    edges[:2] = edges[:, :2] = edges[:, 6:] = False
    for name in ("impl", "bench"):
        (root / name).mkdir()
    for k, file in enumerate(FILES):
        lines = [spelling.format(*FILES[to][:-3].split("/")) for to in np.flatnonzero(edges[k])]
        (root / file).write_text("\n".join(["import os.path", "import implement", *lines]))
    for k, package in enumerate(("impl", "bench")):
        within = [file.startswith(package) for file in FILES]
        edges[:, k] = edges[:, within].any(1)
    closure = np.linalg.matrix_power((edges | np.eye(8, dtype=bool)).astype(int), 8) > 0
    for k, file in enumerate(FILES):
        assert affected.imports(root / file, root) == {FILES[to] for to in np.flatnonzero(edges[k])}
        assert affected.reached(root / file, root) == {FILES[to] for to in np.flatnonzero(closure[k])}
    expected = [FILES[k] for k in (6, 7) if any(closure[k, FILES.index(file)] for file in changed)]
    assert affected.affected(changed, root) == expected
    assert affected.affected([*changed, "README.md", "report/page.py"], root) == expected
    assert affected.affected([*changed, "impl/gone.py"], root) is None


class Leave:
    """Notes whose leave it was."""

    def __init__(self, side, log):
        self.side, self.log = side, log

    def write(self, what):
        self.log.append((self.side, what))

    def flush(self):
        pass


samples_of = st.dictionaries(st.sampled_from("abcde"), st.integers(0, 4), max_size=5)


@given(base=samples_of, head=samples_of)
def test_every_benchmark_and_sample_of_both_sides_has_its_turn(base, head):
    log, ends = [], []
    for name, todo in (("base", base), ("head", head)):
        read, write = os.pipe()
        steps = chain.from_iterable([key, *"." * todo[key]] for key in sorted(todo))  # both in one order
        os.write(write, "".join(f"{step}\n" for step in steps).encode())
        os.close(write)
        ends.append(rounds.Turns(name, os.fdopen(read), Leave(name, log)))
    rounds.take_turns(ends, [set(base), set(head)])
    assert Counter(log) == Counter(
        {
            (name, b"."): n
            for name, todo in (("base", base), ("head", head))
            if (n := len(todo) + sum(todo.values()))
        }
    )
    assert [end.next() for end in ends] == ["", ""]
    if base == head:
        assert [side for side, _ in log] == ["base", "head"] * (len(log) // 2)
    for end in ends:
        end.names.close()


@given(
    names=st.lists(st.from_regex(r"[a-z][a-z.-]{0,8}", fullmatch=True), min_size=2, max_size=5, unique=True)
)
def test_sides_keep_what_they_found_apart(tmp_path_factory, names):
    folder = tmp_path_factory.getbasetemp()
    files = [rounds.setup_cache(rounds.Side(name, folder, folder), folder) for name in names]
    assert len(set(files)) == len(names)
    assert {file.parent for file in files} == {folder}


ratios = st.one_of(st.just(math.nan), st.floats(0.01, 100))
shares = st.one_of(st.just(math.nan), st.floats(0, 1))
VERDICTS = (*gate_output.ORDER, gate.UNCHANGED)


@st.composite
def judged(draw):
    ratio, p = draw(ratios), draw(shares)
    low, high = (math.nan, math.nan) if math.isnan(ratio) or math.isnan(p) else (ratio / 2, 2 * ratio)
    name = f"bench/test_{draw(st.sampled_from('xy'))}.py::test[{draw(texts)}-{draw(texts)}]"
    metric = draw(st.sampled_from(["seconds", "peak_bytes"]))
    word, why = draw(st.sampled_from(VERDICTS)), draw(texts)
    return gate.Verdict(
        name, rounds.group_of(name), metric, word, ratio, low, high, p, draw(st.integers(0, 31)), 0.05, why
    )


@st.composite
def comparisons(draw):
    found = draw(st.lists(judged(), max_size=6))
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.just("seconds"), st.integers(0, 9), ratios, ratios),
            max_size=9,
        )
    )
    frame = pd.DataFrame(rows, columns=["name", "metric", "round", "base", "head"])
    notices = tuple(draw(st.lists(texts, max_size=2)))
    return compare.Comparison("b" * 40, "h" * 40, tuple(found), notices, frame, draw(st.floats(0, 1e4)))


def near(text, value, digits):
    """Whether a text is a value to so many decimals, or a dash where there is none."""
    if math.isnan(value):
        return text == "–"
    return float(text) == pytest.approx(value, abs=0.5000001 * 10.0**-digits)


@given(v=judged())
def test_a_verdicts_cells_are_its_numbers_or_dashes(v):
    what, word, ratio, interval, p, count, why = gate_output.cells(v)
    inner = v.name.partition("[")[2].removesuffix("]")
    assert gate_output.short(v.name) == inner
    assert page.short(v.name, v.metric) == what == inner + ("" if v.metric == "seconds" else ", peak bytes")
    assert (word, count, why) == (v.verdict, str(v.rounds), v.why)
    assert near(ratio, v.ratio, 3)
    low, _, high = interval.partition(" to ")
    assert near(low, v.low, 3)
    assert near(high or low, v.high, 3)
    assert (p == "–") == (math.isnan(v.p) or math.isnan(v.ratio))
    if p != "–":
        assert float(p) == pytest.approx(v.p, rel=0.0500001)
    # the page shows the same of what a file of it holds
    (stored,) = json.loads(
        gate_output.as_json(compare.Comparison("", "", (v,), (), pd.DataFrame(columns=["round"]), 0))
    )["verdicts"]
    shown = page.row(stored)
    assert [shown[k] for k in (0, 1, 5, 6)] == [what, word, count, why]
    assert (shown[2] == page.NOT_MEASURED) == math.isnan(v.ratio)
    assert (shown[3] == page.NOT_MEASURED) == math.isnan(v.low)
    assert (shown[4] == page.NOT_MEASURED) == math.isnan(v.p)
    assert shown[2:4] == [ratio, interval] or page.NOT_MEASURED in shown[2:4]


@given(found=comparisons())
def test_a_comment_lists_all_that_is_not_the_same_the_weightiest_first(found):
    text = gate_output.markdown(found)
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    rows = [[c.replace("\\|", "|") for c in re.split(r"(?<!\\) \| ", line[2:-2])] for line in lines]
    worth = [v for v in found.verdicts if v.verdict != gate.UNCHANGED]
    assert Counter(map(tuple, rows)) == Counter(tuple(gate_output.cells(v)) for v in worth)
    places = [gate_output.ORDER.index(row[1]) for row in rows]
    assert places == sorted(places)
    counted = {
        word: int(n) for n, word in re.findall(rf"(\d+) ({'|'.join(VERDICTS)})", gate_output.summary(found))
    }
    assert counted == Counter(v.verdict for v in found.verdicts)
    assert all(f"- {notice}" in text.splitlines() for notice in found.notices)
    listed = gate_output.listed(found.verdicts)
    for one, next_ in pairwise(listed):
        if one.verdict == next_.verdict and not math.isnan(next_.ratio):
            assert abs(math.log(one.ratio)) >= abs(math.log(next_.ratio))


@given(found=comparisons())
def test_a_file_of_a_comparison_holds_all_of_it_and_null_for_no_number(found):
    back = json.loads(gate_output.as_json(found), parse_constant=lambda word: pytest.fail(word))
    assert len(back["verdicts"]) == len(found.verdicts)
    for v, stored in zip(found.verdicts, back["verdicts"], strict=True):
        again = gate.Verdict(**{k: math.nan if x is None else x for k, x in stored.items()})
        assert repr(again) == repr(v)  # NaN is not equal to itself
    numbers = found.rounds.dropna()
    assert [row["ratio"] for row in back["ratios"]] == pytest.approx(list(numbers["head"] / numbers["base"]))
    assert back["rounds"] == found.count == len(set(found.rounds["round"]))
    assert tuple(back["notices"]) == found.notices
    assert (back["base"], back["head"], back["seconds"]) == (found.base, found.head, found.seconds)


calibration_runs = st.lists(
    st.builds(
        lambda planted, slower, faster, same: CalibrationRun(
            *planted,
            0,
            "c",
            "m",
            slower + faster + same,
            slower,
            {"improved": faster, "unchanged": same},
            7,
            1.0,
        ),
        st.sampled_from([(0.0, ""), (0.05, "a"), (0.05, "b"), (0.1, "a")]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(1, 5),
    ),
    max_size=9,
)


@given(found=calibration_runs, draw=st.randoms(use_true_random=False))
def test_a_calibration_counts_every_run_in_whatever_order(found, draw):
    rates = calibrate.rates(found)
    assert calibrate.rates(draw.sample(found, len(found))) == rates
    plain = [t for t in found if not t.group]
    by = {r.label: r for r in rates}
    assert len(by) == len(rates) == 2 * bool(plain) + len({t.share for t in found if t.group})
    counted = sum(r.cases for r in rates if "runs" not in r.label)
    assert counted == sum(t.benchmarks for t in found)
    hits = sum(t.regressed for t in found) + sum(t.others["improved"] for t in plain)
    assert sum(r.hits for r in rates if "runs" not in r.label) == hits
    if plain:
        failing = by["false positives, of A/A runs that fail"]
        assert (failing.hits, failing.cases) == (sum(t.regressed > 0 for t in plain), len(plain))
    for r in rates:
        assert (r.low, r.high) == pytest.approx(proportion_confint(r.hits, r.cases, 0.05, "wilson"), abs=1e-9)
        label, cases, share, interval = page.rate(vars(r))
        assert (label, cases) == (r.label, f"{r.hits} of {r.cases}")
        told = [float(x) / 100 for x in re.findall(r"[\d.]+", f"{share} {interval}")]
        assert told == pytest.approx([r.hits / r.cases, r.low, r.high], abs=0.000501)


@given(given_=st.one_of(st.none(), st.dictionaries(st.sampled_from("abc"), st.floats(0.01, 1))))
def test_tolerances_are_those_of_the_projects_file(tmp_path_factory, given_):
    root = tmp_path_factory.mktemp("project")
    lines = [] if given_ is None else ["[tool.gate.tolerances]", *(f"{k} = {v!r}" for k, v in given_.items())]
    (root / "pyproject.toml").write_text("\n".join(lines))
    assert compare.tolerances(root) == (given_ or {})


@given(
    effects=st.dictionaries(
        st.sampled_from("abcd"), st.sampled_from([0.5, 1.0, 1.045, 2.0, None]), min_size=1
    ),
    fewest=st.integers(2, 5),
    seed=st.integers(0, 99),
)
@settings(max_examples=10)
def test_rounds_go_on_for_what_is_undecided_and_lose_no_benchmark(tmp_path_factory, effects, fewest, seed):
    rng, said = np.random.default_rng(seed), []
    names = [f"f[{key}-x]" for key in effects]
    factors = dict(zip(names, effects.values(), strict=True))

    def measure(sides, nodes, files):
        said.append(([side.name for side in sides], nodes["base"]))
        rows = [
            (
                n,
                rounds.group_of(n),
                "seconds",
                1.0,
                f * rng.uniform(0.99, 1.01) if (f := factors[n]) else math.nan,
            )
            for n in nodes["base"]
        ]
        return pd.DataFrame(rows, columns=["name", "group", "metric", "base", "head"]), ""

    folder = tmp_path_factory.getbasetemp()
    sides = [rounds.Side(name, folder, folder) for name in ("base", "head")]
    nodes = {side.name: names for side in sides}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "measure", measure)
        patch.setattr(compare, "reference_loop", lambda: 1.0)
        patch.setattr(compare, "background_load", lambda: "")
        frame = compare.rounds_of(sides, nodes, folder, math.inf, {}, [], said.append, fewest=fewest)
    made = [one for one in said if not isinstance(one, str)]
    assert [order for order, _ in made] == [["base", "head"][:: (-1) ** k] for k in range(len(made))]
    assert [asked for _, asked in made[:fewest]] == [names] * fewest
    assert len(made) <= gate.MOST
    assert set(frame["name"]) == set(names)
    verdicts = {v.name: v.verdict for v in gate.judge(frame)}
    assert {n for n, v in verdicts.items() if v == gate.FAILED} == {
        n for n, f in factors.items() if f is None
    }
    undecided = {n for n, v in verdicts.items() if v == gate.INCONCLUSIVE}
    assert not undecided or len(made) == gate.MOST
    counted = frame.dropna(subset=["base", "head"]).groupby("name").size()
    assert all(counted[n] >= fewest for n, f in factors.items() if f)
