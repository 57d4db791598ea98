"""From any trained networks to comparisons: which runs count, by how much, and how sure that is."""

import itertools
import math
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from bench import api
from bench.records.runs import Measurement, RunConfig, RunResult
from report.document import labels
from report.document.answer import Source
from report.document.page import IMPRECISE, Erratum
from report.document.phrases import NOT_MEASURED
from report.evidence import claims, comparisons
from report.evidence import queries as evidence
from report.figures import notebook
from report.pages import compare, summary
from tests import small_store as small
from tests.draws import seeds

SNAKE = "a.py:Snake@01234567"


def scored(seed):
    """By two to four seeds an accuracy: few examples, rich ones."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(4)[: rng.integers(2, 5)].tolist()
    return {k: float(rng.uniform(0.1, 0.9)) for k in of}


score, scores = st.floats(0.1, 0.9), seeds.map(scored)
by_activation = st.dictionaries(st.sampled_from(["relu", "gelu", "sgelu", SNAKE]), scores, min_size=1)


def networks(found, by="activation", **fields):
    """By a field's value and seed an accuracy at one rate."""
    for name, values in found.items():
        for seed, score in values.items():
            yield small.scored(score, seed=seed, **{by: name}, **fields)


def differences(a, b):
    """By the seeds of both, a less b."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def is_mean(case, expected):
    """Whether a comparison is of these differences."""
    c = case.effect
    assert c.pairs == len(expected)
    assert c.estimate == pytest.approx(
        np.mean(expected) if expected else math.nan, nan_ok=True, abs=1e-6
    )  # blocks are float32
    return True


@given(found=by_activation, seed=seeds)
@settings(max_examples=5)
def test_activations_are_compared_over_the_seeds_of_both_whatever_the_order_of_runs(found, seed):
    runs = list(networks(found))
    held = small.held(runs)
    order = np.random.default_rng(seed).permutation(len(runs))
    family = comparisons.exploratory("classifier", True)
    made = {(case.a, case.b): case for case in family(held)}
    names = {frozenset(pair) for pair in made}
    assert len(names) == len(made)
    assert names == {frozenset((a, b)) for a in found for b in ("relu", "gelu") if b in found and a != b}
    mixed = {frozenset((c.a, c.b)): c for c in family(small.held([runs[k] for k in order]))}
    rows = held.runs.set_index("run")
    for (a, b), case in made.items():
        assert is_mean(case, differences(found[a], found[b]))
        other = mixed[frozenset((a, b))]
        sign = 1 if other.a == a else -1
        assert sign * other.effect.estimate == pytest.approx(case.effect.estimate, nan_ok=True, abs=1e-12)
        used = rows.loc[list(case.runs), ["activation", "seed"]].itertuples(index=False, name=None)
        assert Counter(used) == Counter((name, s) for name in (a, b) for s in found[name])


@given(plain=scores, kept=scores, other=scores)
@settings(max_examples=6)
def test_initial_weights_are_compared_within_an_activation(plain, kept, other):
    runs = [
        *networks({"sgelu": plain, "relu": other}, batch_norm=False),
        *networks({"sgelu": kept}, batch_norm=False, initialization="variance"),
    ]
    made = comparisons.initialization(["sgelu", "relu"])(small.held(runs))
    assert len(made) == 1
    for case in made:
        assert (case.a, case.where) == ("sgelu", "classifier without batch norm")
        assert is_mean(case, differences(kept, plain))


@given(sides=st.tuples(scores, scores, scores, scores), share=st.sampled_from([0.1, 0.4]))
@settings(max_examples=8)
def test_wrong_labels_cost_a_difference_of_differences_over_the_seeds_of_all(sides, share):
    keys = list(itertools.product(("cross_entropy", "brier"), (0.0, share)))
    runs = [
        run
        for (loss, wrong), values in zip(keys, sides, strict=True)
        for run in networks({loss: values}, "loss", wrong_labels=wrong)
    ]
    made = comparisons.label_noise(small.held(runs))
    shared = set.intersection(*map(set, sides))
    assert len(made) == bool(shared)
    for case in made:
        assert len(case.runs) == 4 * len(shared)
        a, b, c, d = sides
        assert is_mean(case, [a[s] - b[s] - (c[s] - d[s]) for s in shared])


@given(seed=seeds)
@settings(max_examples=3)
def test_a_claim_is_decided_by_the_intervals_of_what_it_names(seed):
    found = {name: scored(seed + k) for k, name in enumerate(("relu", "gelu", "sgelu"))}
    held = small.held(list(networks(found)))
    words = {verdict.claim.identifier: verdict for verdict in claims.claim_verdicts(held)}
    assert set(words) == {claim.identifier for claim in claims.CLAIMS}
    verdict = words["q11-better"]
    assert [(c.a, c.b) for c in verdict.comparisons] == [("sgelu", "relu"), ("sgelu", "gelu")]
    for case, support in zip(verdict.comparisons, verdict.supports, strict=True):
        assert support == (case.effect.low > 0) - (case.effect.high < 0)
        assert is_mean(case, differences(found["sgelu"], found[case.b]))
    assert verdict.missing == 2  # AdaSGELU was not run
    assert verdict.verdict in (claims.UNDECIDED, claims.REFUTED)


@given(found=by_activation)
@settings(max_examples=6)
def test_what_is_shown_of_networks_is_all_that_was_scored(found):
    held = small.held(list(networks(found)))
    table = evidence.final(held, "classifier", "test_accuracy")
    shown = {(name, seed): table.loc[seed, name] for name in found for seed in found[name]}
    assert shown == pytest.approx({(n, s): v for n, of in found.items() for s, v in of.items()}, nan_ok=True)
    assert table.size == len(found) * len({s for of in found.values() for s in of})
    curves = evidence.curves(held, evidence.networks(held, "classifier"), "test_loss")
    told = {(row.activation, row.seed, row.step): row.value for row in curves.itertuples()}
    finished = {(n, s, h): 1 - v for n, of in found.items() for s, v in of.items() for h in (0.5, 1, 2)}
    assert told == pytest.approx(finished)
    assert len(told) == len(curves)


courses = st.fixed_dictionaries({0.5: score, 1: score, 2: score})


@given(
    found=st.dictionaries(
        st.sampled_from(["relu", "sgelu", SNAKE]), st.lists(courses, min_size=1, max_size=3)
    )
)
@settings(max_examples=5)
def test_curves_are_drawn_of_the_means_over_seeds(found):
    runs = [small.phenomenon("zigzag", 0, {"steps positive": {0: 1.0}})]
    runs += [
        small.run(
            {"validation_accuracy": {0: 0.1, **course}, "validation_loss": dict.fromkeys(course, 1.0)},
            activation=name,
            seed=seed,
            learning_rate=1e-3,
        )
        for name, courses in found.items()
        for seed, course in enumerate(courses)
    ]
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebook, "learning_curves", lambda *given: drawn.append(given) or Figure())
        if not found:
            with pytest.raises(ValueError, match="no classifier was scored"):
                notebook.accuracy(api.frame(small.held(runs)))
            return
        notebook.accuracy(api.frame(small.held(runs)))
    (means, texts, shown), *_ = drawn
    told = {(row.activation, row.step): row.mean for row in means.itertuples()}
    values = defaultdict(list)
    for name, of in found.items():
        for course in of:
            for step, value in course.items():
                values[name, step].append(100 * value)
    assert told == pytest.approx({key: np.mean(of) for key, of in values.items()})
    assert list(shown) == labels.ordered(found)
    assert all(texts[name] == labels.label(name) for name in found)


drawn_descents = st.dictionaries(
    st.tuples(
        st.sampled_from([("sgd", 1), ("sgd", 100), ("sgd", 10), ("adam", 10)]), st.sampled_from([0.1, 1.0])
    ),
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=3),
    min_size=1,
)


@given(found=drawn_descents, seed=seeds)
@settings(max_examples=20)
def test_a_descent_stands_at_the_best_of_the_rates_at_which_none_diverged(found, seed):
    names = {("sgd", 1): "stochastic", ("sgd", 100): "batch", ("sgd", 10): "mini-batch", ("adam", 10): "adam"}
    runs = [
        (
            RunConfig("logistic_regression", None, rule, rate, size, None, "digits", 100, 1, k),
            RunResult(
                "finished" if whole else "diverged",
                [
                    Measurement("excess_loss", step, v, "1")
                    for step, v in ((0, 1.0), (500 if whole else 100, end))
                ],
            ),
        )
        for ((rule, size), rate), ends in found.items()
        for k, (end, whole) in enumerate(ends)
    ]
    frame = evidence.descents(small.held(runs))
    assert len(frame) == 2 * len(runs)
    assert set(frame["method"]) == {names[method] for method, _ in found}
    best = evidence.at_best_rate(frame.sample(frac=1, random_state=seed))
    assert Counter(best.columns) == Counter(frame.columns)
    expected = {}
    for method, name in names.items():
        ends = {rate: e for (m, rate), e in found.items() if m == method}
        furthest = any(whole for of in ends.values() for _, whole in of)
        number = max((len(of) for of in ends.values()), default=0)  # of seeds
        eligible = {
            rate: np.mean([value for value, _ in of])
            for rate, of in ends.items()
            if [whole for _, whole in of] == [furthest] * number
        }
        if eligible:
            least = min(eligible.values())
            expected[name] = {r for r, mean in eligible.items() if mean == pytest.approx(least)}
    told = dict(zip(best["method"], best["learning_rate"], strict=True))
    assert set(told) == set(expected)
    assert all(told[name] in expected[name] for name in told)
    lengths = {
        name: 2 * len(ends)
        for ((r, s), rate), ends in found.items()
        for name in [names[r, s]]
        if told.get(name) == rate
    }
    assert Counter(best["method"]) == lengths


@given(first=by_activation, second=by_activation)
@settings(max_examples=2)
def test_networks_of_two_stores_differ_by_the_sides_and_claims_stand_beside(first, second):
    a, b = (Source(s, s, small.held(list(networks(f)))) for s, f in (("a", first), ("b", second)))
    one, other = compare.networks([a, b]), {row[0]: row for row in compare.networks([b, a])}

    def has_scores(found, name):
        return name in found

    named = {*first, *second}
    assert len(one) == len(other) == sum(has_scores(first, n) or has_scores(second, n) for n in named)
    for what, left, right, change in one:
        back = other[what]
        assert back[1:3] == [right, left]
        (name,) = (n for n in named if f" {labels.label(n)}," in f"{what},")
        expected = [-100 * d for d in differences(first.get(name, {}), second.get(name, {}))]
        assert (change == NOT_MEASURED) == (back[3] == NOT_MEASURED) == (not expected)
        if expected:
            told = [float(row.split()[0].replace("\u2212", "-")) for row in (change, back[3])]
            assert told == pytest.approx([np.mean(expected), -np.mean(expected)], abs=0.00501)
    rows = compare.claims([a, b])
    assert [row[0] for row in rows] == [claim.text for claim in claims.CLAIMS]
    assert [(y, x) for _, x, y in rows] == [tuple(row[1:]) for row in compare.claims([b, a])]
    assert all(x == y for _, x, y in compare.claims([a, a]))


@given(found=by_activation, errata=st.integers(0, 3))
@settings(max_examples=3)
def test_page_1_names_the_activations_of_which_there_are_pairs(found, errata):
    source = Source("here", "Measured here", small.held(list(networks(found))))
    said = summary.summary(source, [Erratum("e", 1, IMPRECISE, "", "", "")] * errata)
    assert (f"{errata} imprecise statement" in said["What the assignment got wrong"]) == bool(errata)
    pair = found.get("sgelu", {}).keys() & found.get("relu", {}).keys()
    verdicts = said["What to believe"] + said["What not to believe yet"]
    assert bool(re.search(r"\bSGELU\b.* ReLU", verdicts)) == bool(pair)
