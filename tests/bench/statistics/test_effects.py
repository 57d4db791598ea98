"""Effects against loops, scipy's intervals and known properties."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.statistics import NO_RATE, Effect, Grid, chosen, effects
from bench.statistics.effects import _choices, _correlation, _largest, _Parts
from bench.statistics.simulation import simulate
from tests.draws import seeds as random_seeds
from tests.simulated import AUTOENCODER


def grid(seed=0, rates=3, seeds=8, blocks=20, noise=1.0, run=0.5, shift=0.0, positive=False):
    """Random runs; losses if positive, of which the validation score is minus the logarithm."""
    rng = np.random.default_rng(seed)
    runs = shift + run * rng.standard_normal((rates, seeds)) - 0.2 * rng.random((rates, 1))
    test = runs[..., None] + noise * rng.standard_normal((rates, seeds, blocks))
    validation = runs + 0.3 * rng.standard_normal((rates, seeds))
    return Grid(np.arange(1.0, rates + 1), np.arange(seeds), validation, np.exp(-test) if positive else test)


def one_rate(values, blocks=1):
    """Runs at one rate with the same result on all blocks."""
    values = np.asarray(values, dtype=float)
    return Grid(
        np.ones(1), np.arange(len(values)), values[None], np.tile(values[None, :, None], (1, 1, blocks))
    )


def slow_choice(validation, choosers, weights=None, shift=None):
    """Index of the first rate with the best mean over choosing seeds, by loops; None if there is none."""
    best, found = -math.inf, None
    for r, row in enumerate(validation):
        if any(math.isnan(v) for v in row):
            continue
        used = [s for s in choosers if weights is None or weights[s] > 0]
        if any(row[s] == -math.inf for s in used):
            continue
        total = sum(1 if weights is None else weights[s] for s in used)
        mean = sum(row[s] * (1 if weights is None else weights[s]) for s in used) / total
        mean += 0 if shift is None else shift[r]
        if mean > best + 1e-12:
            best, found = mean, r
    return found


def slow_chosen(validation, weights=None, shift=None):
    """Index of each seed's rate by loops."""
    n = validation.shape[1]
    result = []
    for s in range(n):
        choosers = [o for o in range(n) if n < 4 or o % 2 != s % 2]
        found = slow_choice(validation, choosers, weights, shift)
        result.append(NO_RATE if found is None else found)
    return result


scores = st.sampled_from([0.1, 0.2, 0.3, 0.4, -math.inf, math.nan]) | st.floats(0, 1)


@given(data=st.data(), rates=st.integers(1, 4), n=st.integers(1, 9))
@settings(max_examples=200)
def test_each_half_chooses_the_rate_of_the_other(data, rates, n):
    rows = data.draw(st.lists(st.lists(scores, min_size=n, max_size=n), min_size=rates, max_size=rates))
    validation = np.array(rows)
    found = chosen(Grid(np.arange(1.0, rates + 1), np.arange(n), validation, np.zeros((rates, n, 1))))
    assert found.tolist() == slow_chosen(validation)


def test_seeds_of_one_half_do_not_choose_their_own_rate():
    g = grid(rates=4, seeds=9)
    weights = np.random.default_rng(0).integers(0, 3, (50, 9)) + (np.arange(9) < 2.0)
    changed = weights.copy()
    changed[:, ::2] += 1
    assert (_choices(g, weights)[:, ::2] == _choices(g, changed)[:, ::2]).all()
    assert (_choices(g, weights)[:, 1::2] != _choices(g, changed)[:, 1::2]).any()


def test_of_equal_means_the_smaller_rate_is_chosen():
    validation = np.array([[0.1, 0.3, 0.1, 0.5], [0.3, 0.4, 0.3, 0.4], [0.2, 0.5, 0.4, 0.3]])
    # even seeds' means .1, .3, .3; odd seeds' .4, .4, .4, each equal up to rounding
    found = chosen(Grid(np.arange(3.0), np.arange(4), validation, np.zeros((3, 4, 1))))
    assert found.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("blocks", [1, 7])
def test_without_images_and_rates_it_is_students_paired_interval(relative, blocks):
    rng = np.random.default_rng(1)
    x, y = np.exp(0.3 * rng.standard_normal((2, 9)))
    (found,) = effects([(one_rate(x, blocks), one_rate(y, blocks))], relative=relative, images=blocks > 1)
    d = np.log(x / y) if relative else x - y
    test = stats.ttest_1samp(d, 0)
    expected = [d.mean(), *test.confidence_interval(0.95)]
    expected = np.expm1(expected) if relative else expected
    assert [found.estimate, found.low, found.high] == pytest.approx(expected, rel=1e-9)
    assert (found.sd, found.pairs, found.freedom) == (pytest.approx(d.std(ddof=1)), 9, pytest.approx(8))
    assert found.error == pytest.approx(d.std(ddof=1) / 3)


@pytest.mark.parametrize("relative", [False, True])
def test_the_narrowest_fork_is_students_interval_at_the_chosen_rates(relative):
    a, b = grid(1, positive=relative), grid(2, positive=relative)
    (found,) = effects([(a, b)], relative=relative, images=False, rate=False, simultaneous=False)
    runs = [g.test[chosen(g), np.arange(len(g.seeds))].mean(axis=1) for g in (a, b)]
    x, y = np.log(runs) if relative else runs
    expected = stats.ttest_rel(x, y).confidence_interval(0.95)
    low, high = np.expm1(expected) if relative else expected
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-9)
    assert (found.image_error, found.rate_error) == (0, 0)


def slow_interval(a, b, relative):
    """Estimate and limits by loops, without the choice of rates."""
    n, blocks = len(a.seeds), a.test.shape[2]
    rates_a, rates_b = slow_chosen(a.validation), slow_chosen(b.validation)
    d, mean = [[0.0] * blocks for _ in range(n)], []
    for s in range(n):
        x, y = a.test[rates_a[s]][s], b.test[rates_b[s]][s]
        mx, my = sum(x) / blocks, sum(y) / blocks
        mean.append(math.log(mx / my) if relative else mx - my)
        for k in range(blocks):
            d[s][k] = x[k] / mx - y[k] / my if relative else x[k] - y[k]
    estimate = sum(mean) / n
    rows = [sum(row) / blocks for row in d]
    columns = [sum(d[s][k] for s in range(n)) / n for k in range(blocks)]
    grand = sum(rows) / n
    seed = sum((m - estimate) ** 2 for m in mean) / (n - 1) / n
    image = sum((c - grand) ** 2 for c in columns) / (blocks - 1) / blocks
    rest = sum((d[s][k] - rows[s] - columns[k] + grand) ** 2 for s in range(n) for k in range(blocks))
    rest /= (n - 1) * (blocks - 1) * n * blocks
    variance = max(seed + image - rest, seed, image)
    freedom = variance**2 / (seed**2 / (n - 1) + image**2 / (blocks - 1) + rest**2 / (n - 1) / (blocks - 1))
    half = stats.t.ppf(0.975, max(freedom, n - 1)) * math.sqrt(variance)
    limits = estimate, estimate - half, estimate + half
    return [math.expm1(v) for v in limits] if relative else list(limits)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("noise", "run"), [(1.0, 0.5), (1.0, 0.05), (0.1, 0.5)])
@pytest.mark.parametrize("n", [2, 5, 8])
def test_the_interval_over_seeds_and_images_is_that_of_loops(relative, noise, run, n):
    a, b = (grid(k, seeds=n, noise=noise, run=run, positive=relative) for k in (3, 4))
    (found,) = effects([(a, b)], relative=relative, rate=False)
    assert [found.estimate, found.low, found.high] == pytest.approx(slow_interval(a, b, relative), rel=1e-9)


def test_the_error_of_a_ratio_by_images_is_that_of_resampled_images():
    a, b = (
        grid(5, rates=1, blocks=100, noise=0.3, positive=True),
        grid(6, rates=1, blocks=100, noise=0.3, positive=True),
    )
    (found,) = effects([(a, b)], relative=True)
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(2000):
        part = rng.integers(0, 100, 100)
        x, y = (g.test[0][:, part].mean(axis=1) for g in (a, b))
        resampled.append(np.log(x / y).mean())
    assert found.image_error == pytest.approx(np.std(resampled), rel=0.05)


def slow_rate_error(a, b, relative, held_out, resamples, rng):
    """Root mean square deviation by the choice of rates, by loops.

    Noise within halves is subtracted, and the covariance of the halves' means is added.
    """
    n, blocks = len(a.seeds), a.test.shape[2]
    sides = []
    for g in (a, b):
        runs = g.test.mean(axis=2)
        unit = -(g.test / runs[..., None] - 1) if relative else g.test - runs[..., None]
        sides.append((g, np.log(runs) if relative else runs, unit.mean(axis=1)))
    halves = [list(range(0, n, 2)), list(range(1, n, 2))] if n >= 4 else [list(range(n))]
    total, means = 0.0, []
    for _ in range(resamples):
        weights = [0] * n
        for half in halves:
            for s in rng.choice(half, len(half)):
                weights[s] += 1
        images = rng.standard_normal(blocks) / math.sqrt(held_out * blocks * (blocks - 1))
        moved, resampled = np.zeros(n), np.zeros(n)
        for sign, (g, runs, unit) in zip((1, -1), sides, strict=True):
            before = slow_chosen(g.validation)
            after = slow_chosen(g.validation, weights, unit @ images)
            moved += [sign * (runs[after[s], s] - runs[before[s], s]) for s in range(n)]
            resampled += [weights[s] * sign * runs[after[s], s] for s in range(n)]
        total += moved.mean() ** 2
        total -= sum(len(h) * moved[h].var(ddof=1) for h in halves if len(h) > 1) / n**2
        means.append([resampled[h].sum() / n for h in halves])
    if len(halves) == 2:
        total += 2 * resamples * np.cov(np.array(means).T)[0, 1]
    return math.sqrt(max(total / resamples, 0))


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("n", "follows"), [(3, False), (8, False), (8, True)])
def test_the_error_by_rates_is_that_of_loops(relative, n, follows):
    a, b = (grid(k, seeds=n, run=0.1, noise=0.2, positive=relative) for k in ((5, 6) if follows else (7, 9)))
    for g in (a, b):
        if follows:  # held-out scores the luck of their run
            g.validation[:] = -np.log(g.test.mean(axis=2)) if relative else g.test.mean(axis=2)
            continue
        gaps = np.array([0, 0.3, 0.5])[:, None, None]
        g.test[:] = g.test * np.exp(-gaps) if relative else g.test + gaps
        g.validation[:] += np.array([0, 0.02, 0.04])[:, None]
    (found,) = effects([(a, b)], relative=relative, resamples=4000, held_out=0.7)
    expected = slow_rate_error(a, b, relative, 0.7, 1500, np.random.default_rng(1))
    assert expected > 0.02
    assert found.rate_error == pytest.approx(expected, rel=0.08)
    assert found.error > math.hypot(found.rate_error, found.seed_error) * (1 - 1e-9)


def test_the_error_is_the_deviation_of_the_estimate():
    """Where the held-out scores follow the seeds, whose halves choose for one another."""
    workload = replace(AUTOENCODER, components=replace(AUTOENCODER.components, seed_rate=0.1, tail=0.0))
    found = []
    for number in range(500):
        grids, _ = simulate(workload, 10, np.zeros(2), np.random.default_rng([5, number]))
        found += effects([(grids[0], grids[1])], relative=True, resamples=200, seed=number)
    estimates = np.log1p([e.estimate for e in found])
    assert np.var(estimates) / np.mean([e.error**2 for e in found]) == pytest.approx(1, abs=0.13)


def test_fewer_held_out_images_choose_less_surely():
    a, b = grid(1), grid(2)
    errors = [effects([(a, b)], relative=False, held_out=h)[0].rate_error for h in (1e6, 0.5, 0.05)]
    assert errors == sorted(errors)
    assert errors[0] < errors[2]
    assert effects([(a, b)], relative=False, images=False)[0].rate_error == pytest.approx(errors[0], rel=0.1)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 1.0])
def test_the_largest_deviation_is_that_of_the_multivariate_normal(correlation):
    matrix = np.full((3, 3), correlation) + (1 - correlation) * np.eye(3)
    z = np.full(3, _largest(matrix, 0.95, np.random.default_rng(0)))
    normal = stats.multivariate_normal(np.zeros(3), matrix, allow_singular=True)
    inside = normal.cdf(z, lower_limit=-z) if correlation < 1 else 1 - 2 * stats.norm.sf(z[0])
    assert inside == pytest.approx(0.95, abs=0.004)


def test_correlation_by_hand():
    seed, rate, none = np.array([1.0, 0.0, 1.0, 0.0]), np.array([2.0]), np.zeros(1)
    parts = [
        _Parts(seed, np.array([1.0, 1.0]), rate, 0.0, 4),
        _Parts(seed, np.array([1.0, 0.0]), -rate, 0.0, 4),
        _Parts(np.zeros(4), np.array([1.0, 1.0, 1.0]), none, 0.0, 4),
        _Parts(np.zeros(4), np.array([1.0, 0.0, 0.0]), none, 0.0, 4),
    ]
    # Variances 2 + 2 + 4, 2 + 1 + 4, 3, 1; covariances by seeds 2, of which four seeds leave half, images 1,
    # rates -4.
    first = (1 + 1 - 4) / math.sqrt(8 * 7)
    second = 1 / math.sqrt(3)
    expected = [[1, first, 0, 0], [first, 1, 0, 0], [0, 0, 1, second], [0, 0, second, 1]]
    np.testing.assert_allclose(_correlation(parts), expected, atol=1e-12)


def test_independent_comparisons_widen_as_sidak_and_equal_ones_hardly():
    a = [grid(k, rates=1, seeds=400, noise=0.01) for k in range(8)]
    alone = effects([(a[0], a[1])], relative=False)[0]

    def widening(pairs):
        found = effects(pairs, relative=False)[0]
        assert found.estimate == alone.estimate
        return (found.high - found.low) / (alone.high - alone.low)

    sidak = stats.norm.isf((1 - 0.95**0.25) / 2) / stats.norm.isf(0.025)
    assert widening([(a[k], a[k + 1]) for k in (0, 2, 4, 6)]) == pytest.approx(sidak, rel=0.02)
    assert 1 <= widening([(a[0], a[1])] * 4) < 1.05
    assert effects([(a[0], a[1])] * 4, relative=False, simultaneous=False)[0] == alone


def test_limits_follow_from_error_and_freedom():
    found = effects([(grid(k), grid(9)) for k in range(3)], relative=False, simultaneous=False)
    for e in found:
        half = stats.t.isf(0.025, e.freedom) * e.error
        assert (e.low, e.high) == pytest.approx((e.estimate - half, e.estimate + half))


@given(seed=random_seeds, n=st.integers(2, 7), relative=st.booleans())
@settings(max_examples=20)
def test_an_effect_turns_round_with_its_sides(seed, n, relative):
    a, b = (grid([seed, k], seeds=n, noise=0.3, positive=relative) for k in (0, 1))
    ((one,), (other,)) = (effects([p], relative=relative, resamples=50) for p in ((a, b), (b, a)))

    def turned(v):
        return 1 / (1 + v) - 1 if relative else -v

    assert (one.estimate, one.low, one.high) == pytest.approx(
        (turned(other.estimate), turned(other.high), turned(other.low))
    )
    assert one.improvement + other.improvement == pytest.approx(1)
    assert one.direction == -other.direction
    assert one.low <= one.estimate <= one.high


@given(seed=random_seeds, factor=st.floats(0.1, 10))
@settings(max_examples=10)
def test_units_do_not_matter(seed, factor):
    a, b = (grid([seed, k], positive=True) for k in (0, 1))
    scaled = [replace(g, test=factor * g.test) for g in (a, b)]
    (one,), (other,) = (effects([p], relative=True, resamples=50) for p in ((a, b), scaled))
    assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high))
    scaled = [replace(g, test=factor * g.test, validation=factor * g.validation) for g in (a, b)]
    (one,), (other,) = (effects([p], relative=False, resamples=50) for p in ((a, b), scaled))
    assert [factor * v for v in (one.estimate, one.low, one.high)] == pytest.approx(
        [other.estimate, other.low, other.high]
    )


def test_the_order_of_blocks_pairs_and_seeds_of_a_half_does_not_matter():
    rng = np.random.default_rng(0)
    a, b, c = (grid(k, seeds=7) for k in range(3))
    expected = effects([(a, c), (b, c)], relative=False, rate=False)
    blocks = rng.permutation(20)
    order = np.array([4, 3, 6, 1, 0, 5, 2])  # even positions stay even
    for change in (
        lambda g: replace(g, test=g.test[:, :, blocks]),
        lambda g: replace(g, seeds=g.seeds[order], validation=g.validation[:, order], test=g.test[:, order]),
    ):
        x, y, z = map(change, (a, b, c))
        for e, f in zip(expected, effects([(x, z), (y, z)], relative=False, rate=False), strict=True):
            assert (e.estimate, e.low, e.high) == pytest.approx((f.estimate, f.low, f.high))
    for e, f in zip(expected, effects([(b, c), (a, c)], relative=False, rate=False)[::-1], strict=True):
        assert (e.estimate, e.low, e.high) == pytest.approx((f.estimate, f.low, f.high), rel=0.02)


def test_the_same_seed_gives_the_same_interval():
    pairs = [(grid(k), grid(9)) for k in range(3)]
    first, again, other = (effects(pairs, relative=False, seed=s, resamples=100) for s in (0, 0, 1))
    assert first == again
    assert first != other
    assert [e.estimate for e in first] == [e.estimate for e in other]


def test_only_common_seeds_are_compared():
    a = grid(1, rates=1, seeds=8)
    b = replace(grid(2, rates=1, seeds=8), seeds=np.arange(3, 11))
    (found,) = effects([(a, b)], relative=False)
    d = a.test[0, 3:].mean(axis=1) - b.test[0, :5].mean(axis=1)
    assert (found.pairs, found.omitted) == (5, 0)
    assert (found.estimate, found.sd) == pytest.approx((d.mean(), d.std(ddof=1)))
    (none,) = effects([(a, replace(b, seeds=np.arange(20, 28)))], relative=False)
    assert (none.pairs, none.reason, none.direction) == (0, "no common seed", 0)
    assert math.isnan(none.estimate)


def test_a_run_that_diverged_is_omitted_and_counted():
    a, b = grid(1, rates=1, seeds=8), grid(2, rates=2, seeds=8)
    b.validation[:, 5], b.test[:, 5] = -math.inf, math.nan
    b.validation[0, 1] = -math.inf  # even seeds cannot take the first rate
    (found,) = effects([(a, b)], relative=False)
    assert found.reason == "no eligible learning rate: b"  # each rate diverged for an odd seed
    b.validation[1, 5], b.test[1, 5] = 0.0, 0.0
    b.validation[0] = [9] * 5 + [-math.inf] + [9] * 2
    (found,) = effects([(a, b)], relative=False)
    assert chosen(b).tolist() == [1, 0] * 4
    kept = [0, 1, 2, 3, 4, 6, 7]
    d = (a.test[0] - b.test[[1, 0] * 4, np.arange(8)])[kept]
    assert (found.pairs, found.omitted) == (7, 1)
    assert found.estimate == pytest.approx(d.mean())
    assert found.low < found.estimate < found.high


def test_without_an_eligible_rate_the_reason_is_given():
    a, b = grid(1), grid(2)
    missing = replace(a, validation=np.where(np.arange(8) == 7, math.nan, a.validation))
    both = effects([(missing, b), (b, missing), (missing, missing), (a, b)], relative=False)
    assert [e.reason.removeprefix("no eligible learning rate: ") for e in both] == ["a", "b", "a and b", ""]
    assert [math.isnan(e.estimate) for e in both] == [True, True, True, False]
    assert not math.isnan(both[3].low)
    assert (chosen(missing) == NO_RATE).all()


@pytest.mark.parametrize(("n", "cross_fitted"), [(1, False), (3, False), (4, True)])
def test_few_seeds_choose_together(n, cross_fitted):
    a, b = grid(1, seeds=n), grid(2, seeds=n)
    (found,) = effects([(a, b)], relative=False)
    assert (found.cross_fitted, found.pairs) == (cross_fitted, n)
    assert math.isnan(found.low) == (n == 1)
    assert found.reason == ("fewer than two pairs" if n == 1 else "")
    assert math.isfinite(found.estimate)
    if not cross_fitted:
        assert len(set(chosen(a))) == 1


def test_one_block_has_no_error_by_images():
    a, b = one_rate([1.0, 2.0, 4.0]), one_rate([1.0, 1.5, 2.0])
    (found,) = effects([(a, b)], relative=False)
    assert (found.reason, found.estimate) == ("fewer than two blocks of test images", pytest.approx(2.5 / 3))
    assert math.isnan(found.low)
    assert effects([(a, b)], relative=False, images=False)[0].reason == ""


def test_equal_candidates_have_an_interval_without_width():
    a = grid(1)
    found = effects([(a, a), (a, grid(2))], relative=False)
    assert (found[0].estimate, found[0].low, found[0].high, found[0].direction) == (0, 0, 0, 0)
    assert found[0].improvement == 0.5
    assert found[1] == effects([(a, grid(2))], relative=False)[0]


@pytest.mark.parametrize(
    ("relative", "larger", "expected"), [(False, None, 0.625), (True, None, 0.375), (False, False, 0.375)]
)
def test_improvement_by_hand(relative, larger, expected):
    a, b = one_rate([2.0, 3.0, 1.0, 4.0], 2), one_rate([1.0, 2.0, 2.0, 4.0], 2)  # more, more, less, equal
    (found,) = effects([(a, b)], relative=relative, larger_is_better=larger)
    assert found.improvement == expected


@pytest.mark.parametrize(
    ("low", "high", "margin", "sign"),
    [
        (0.1, 0.3, 0.0, 1),
        (-0.3, -0.1, 0.0, -1),
        (-0.1, 0.3, 0.0, 0),
        (0.1, 0.3, 0.1, 0),
        (0.1, 0.3, 0.05, 1),
        (0.1, 0.3, 0.4, -1),
        (-0.1, 0.3, -0.2, 1),
        (math.nan, math.nan, 0.0, 0),
    ],
)
def test_a_direction_needs_the_whole_interval(low, high, margin, sign):
    blank = Effect(0, low, high, 5, margin, False, 0.5, 1, 1, 4, 1, 1, 1, True, 0, "")
    assert blank.direction == sign
    (found,) = effects([(grid(1), grid(2))], relative=False, margin=margin)
    assert found.margin == margin


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"validation": np.zeros((3, 7))}, r"Invalid grid: got validation \(3, 7\)"),
        (
            {"test": np.zeros((3, 8))},
            r"Invalid grid: .* test \(3, 8\), expected \(3, 8\) and \(3, 8, 'blocks'\)",
        ),
        ({"test": np.zeros((3, 8, 0))}, "Invalid grid"),
        ({"rates": np.array([1.0, 3.0, 2.0])}, r"Invalid rates: got \[.*\], expected ascending"),
        ({"seeds": np.array([0, 1, 2, 3, 4, 5, 6, 0])}, r"Invalid seeds: .* expected each number once"),
    ],
)
def test_a_wrong_grid_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(grid(), **change)


def test_wrong_pairs_are_named():
    with pytest.raises(ValueError, match="Invalid pair: got 20 and 10 blocks, expected equal numbers"):
        effects([(grid(1), grid(2, blocks=10))], relative=False)
    with pytest.raises(ValueError, match=r"Invalid loss: got -.*, expected positive losses"):
        effects([(grid(1), grid(2))], relative=True)
    assert effects([], relative=False) == []


def test_families_of_several_data_sets_share_no_images():
    pairs = [(grid(1), grid(2)), (grid(3, blocks=30), grid(4, blocks=30)), (grid(5), grid(6))]
    found = effects(pairs, relative=False, rate=False)
    assert [e.pairs for e in found] == [8, 8, 8]
    alone = effects(pairs[1:2], relative=False, rate=False)[0]
    assert (found[1].estimate, found[1].error) == (alone.estimate, pytest.approx(alone.error))
    assert found[1].low < alone.low
