"""Sections of custom candidates, from small stores."""

import math
import re

import numpy as np
from scipy import stats

from bench.records.runs import BenchmarkCase, ConformanceCheck, Measurement, RunResult
from report.document.answer import Source
from report.figures.style import PALETTE, stroke
from report.pages import candidate
from report.render.render import environment
from tests import small_store as small

SNAKE, LION, FFT = "a/snake.py:Snake@0123abcd", "a/lion.py:Lion@0123abcd", "pkg.mod:fft@0123abcd"


def trial(task, name, values):
    rows = [Measurement(metric, 0, value, "1") for metric, value in values.items()]
    cell = ConformanceCheck(task, None, None, None, None, None, "digits", 0, 0, 0, subject=name)
    return cell, RunResult("finished", [*rows, Measurement("run_seconds", 0, 0.5, "s")])


def timing(task, name, implementation, place, size, seconds):
    rows = [Measurement("seconds", step, value, "s") for step, value in enumerate(seconds)]
    return BenchmarkCase(task, name, implementation, place, size), RunResult("finished", rows)


def sections(path, runs):
    source = Source("here", "Measured here", small.snapshot(path, runs))
    return {section.values["attribute"]: section for section in candidate.sections([source])}


def said(section):
    page = environment("html").get_template(section.template).render({**section.values, "section": section})
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>|[\ue000-\ue006]", "", page))


def test_without_custom_candidates_there_is_no_section(tmp_path):
    runs = [small.scored(0.5), small.scored(0.5, optimizer="sgd"), *forward("relu", "sgelu")]
    assert sections(tmp_path / "s", runs) == {}


def forward(*names):
    found = [timing("activation_forward", n, "impl", "16384 elements", 16384, [1e-5, 2e-5]) for n in names]
    return [run for one in found for run in small.by_round(one)]


def test_what_was_not_measured_says_so_and_what_would_measure_it(tmp_path):
    for k, run in enumerate((small.scored(0.5, activation=SNAKE), forward(SNAKE)[0])):
        (section,) = sections(tmp_path / f"s{k}", [run]).values()
        assert (section.number, section.title) == (0, "Custom activation: Snake")
        text = said(section)
        assert "Its conformance checks were not run." in text
        assert "Its results in networks were not measured." in text
        assert "Its time was not measured." in text
        assert text.count("make report ACTIVATION=a/snake.py:Snake would measure it") == 3
        assert candidate.findings([section]) == {
            "Snake": "A custom activation [Measured here]. Its time was not measured. "
            "Its results in networks were not measured."
        }
        assert "No run of it failed or diverged." in text


def test_the_summary_begins_with_what_was_found_of_a_custom_candidate(tmp_path):
    passes = {name: [1e-3 * k, 1.01e-3 * k, 1.02e-3 * k] * 5 for name, k in ((SNAKE, 3), ("relu", 1))}
    runs = [
        trial("activation_conformance", SNAKE, {"keeps float32": 1.0, "keeps float64": 0.0}),
        *(
            run
            for n, s in passes.items()
            for run in small.by_round(timing("activation_forward", n, "impl", "4 elements", 4, s))
        ),
    ]
    (section,) = sections(tmp_path / "s", runs).values()
    (line,) = candidate.findings([section]).values()
    checked = len(section.values["checks"])
    assert f"1 of {checked} conformance checks failed. By time it is slower in 1 of 1 case." in line


def test_what_the_check_found_of_an_activation(tmp_path):
    found = {
        "keeps float32": 1.0,
        "keeps float64": 0.0,
        "keeps bfloat16 raises": 1.0,
        "gradcheck": 0.0,
        "finite up to": 100.0,
        "finite down to": 1e-8,
        "value at inf": math.inf,
        "slope at inf": 1.0,
        "value at -inf is NaN": 1.0,
        "slope at -inf raises": 1.0,
        "value at nan": 0.0,
    }
    section = sections(tmp_path / "s", [trial("activation_conformance", SNAKE, found)])["Snake"]
    assert section.values["checks"] == [
        ["Keeps shape and type of float32", "yes", "passed"],
        ["Keeps shape and type of float64", "no", "failed"],
        ["Keeps shape and type of bfloat16", "raises an error", "failed"],
        ["Gradient agrees with differences, float64", "no", "failed"],
        ["Value and slope finite up to ±x, float32, x", "100", "failed"],
        ["Value and slope finite down to ±x, float32, x", "1.00\u00a0×\u00a010⁻⁸", "passed"],
        ["Value at ∞", "∞", "not required"],
        ["Slope at ∞", "1.00", "not required"],
        ["Value at −∞", "NaN", "not required"],
        ["Slope at −∞", "raises an error", "not required"],
        ["Value at NaN", "0.00", "failed"],
    ]
    assert "5 of 11 conformance checks failed." in said(section)


def test_an_optimizer_beside_every_rule_of_the_table(tmp_path):
    """Better than SGD, worse than Adam; the intervals are wider than Student's of each alone."""
    accuracy = {
        LION: [0.80, 0.82, 0.81, 0.84],
        "sgd": [0.60, 0.68, 0.60, 0.61],
        "adam": [0.90, 0.93, 0.90, 0.95],
        "rmsprop": [0.80, 0.81, 0.82, 0.84],
        "b/other.py:Other@00000000": [0.1, 0.2, 0.3, 0.4],
    }
    runs = []
    for name, values in accuracy.items():
        runs += [small.scored(value, seed=seed, optimizer=name) for seed, value in enumerate(values)]
    rows = sections(tmp_path / "s", runs)["Lion"].values["networks"]
    found = {row[0].rsplit(" ", 1)[1]: row for row in rows}
    assert set(found) == {"SGD", "Adam", "RMSprop"}
    for name, words, verdict in (
        ("sgd", "SGD", "better"),
        ("adam", "Adam", "worse"),
        ("rmsprop", "RMSprop", "inconclusive"),
    ):
        mean = 100 * np.mean(np.subtract(accuracy[LION], accuracy[name]))
        assert found[words][1].startswith(f"{mean:+.2f} points (".replace("-", "−").replace("+0.00", "0.00"))
        assert found[words][2:] == ["4", verdict]
        alone = stats.ttest_rel(accuracy[LION], accuracy[name]).confidence_interval()
        told = [float(x.replace("−", "-")) for x in re.findall(r"[+−]?\d+\.\d+", found[words][1])]
        assert told[1] < 100 * alone.low < 100 * alone.high < told[2]


def test_a_strategys_time_and_errors(tmp_path):
    place, rng = "1→16 at 28×28", np.random.default_rng(0)
    levels = {
        (FFT, "impl"): 4e-5,
        ("unfold", "impl"): 1e-5,
        ("tiled", "impl"): 6e-5,
        ("native", "torch"): 1e-5,
    }
    seconds = {what: level * rng.uniform(0.9, 1.1, 30) for what, level in levels.items()}
    runs = [
        run
        for (name, way), values in seconds.items()
        for run in small.by_round(timing("convolution_forward", name, way, place, 64, values))
    ]
    runs.append(
        trial("convolution_conformance", FFT, {"error of output, stride 2": 0.5, "keeps float32": 1.0})
    )
    section = sections(tmp_path / "s", runs)["fft"]
    (row,) = section.values["costs"]
    assert row[0] == f"Forward, {place}, batch of 64"
    for cell, what, word in zip(row[1:], list(levels)[1:], ("slower", "faster", "slower"), strict=True):
        ratio = np.exp(np.mean(np.log(seconds[FFT, "impl"] / seconds[what])))
        assert cell.startswith(f"{ratio:#.3g} times (")
        assert cell.endswith(f"), {word}")
    assert section.values["time_class"] is None  # half of it was not timed
    assert ["Distance from F.conv2d's output, stride 2", "0.500", "failed"] in section.values["checks"]
    assert "networks" not in said(section).lower()


def test_by_time_it_stands_between_its_baselines(tmp_path):
    for k, (own_seconds, words) in enumerate(
        (
            (1e-6, "below ReLU (ours)"),
            (2.5e-5, "between GELU (ours) and SGELU (ours)"),
            (9e-5, "above SGELU (ours)"),
        )
    ):
        levels = {SNAKE: own_seconds, "relu": 1e-5, "gelu": 2e-5, "sgelu": 3e-5}
        runs = [
            timing(
                f"activation_{way}",
                name,
                "impl",
                f"{size} elements",
                size,
                [s / (1 if size == 64 else 9)] * 3,
            )
            for way in ("forward", "backward")
            for name, s in levels.items()
            for size in (8, 64)
        ]
        assert sections(tmp_path / f"s{k}", runs)["Snake"].values["time_class"] == words


def test_what_failed_and_what_diverged_is_told(tmp_path):
    failed, diverged = (
        small.run({}, status, seed=seed, activation=SNAKE, learning_rate=0.03)
        for seed, status in enumerate(("failed", "diverged"))
    )
    failed = failed[0], RunResult("failed", error="RuntimeError('of no use')")
    rows = sections(tmp_path / "s", [failed, diverged, small.scored(0.5, activation=SNAKE)])["Snake"].values[
        "failures"
    ]
    assert rows == [
        ["classifier, rate 0.03", "failed", "1", "RuntimeError('of no use')"],
        ["classifier, rate 0.03", "diverged", "1", "no error"],
    ]


def test_a_custom_candidate_looks_the_same_everywhere_and_like_none_of_the_table():
    one, other = stroke(SNAKE), stroke(LION)
    assert one == stroke(SNAKE)
    assert (one["linestyle"], one["marker"]) != (other["linestyle"], other["marker"])
    assert one["color"] not in {known.color for known in PALETTE.values()}
    assert one["marker"] not in {known.marker for known in PALETTE.values()}
