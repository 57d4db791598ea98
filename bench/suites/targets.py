"""The project's speed targets, as ratios of interleaved times, and the measured ratios."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics import Ratio, mean_time, paired_ratio
from bench.store import Snapshot

SIZES = {2**14: 1.35, 2**17: 1.35, 2**20: 1.0, 2**22: 1.0, 2**24: 1.1}

Samples = dict[str, pd.Series]  # alternative -> seconds by round and turn


@dataclass(frozen=True)
class Row:
    """One ratio: its table, alternatives, input, measured value, and target (an upper limit)."""

    part: str
    ratio: str
    where: str
    reached: Ratio
    asked: float

    @property
    def holds(self) -> bool:
        """Whether the ratio meets its target."""
        return self.reached.value <= self.asked


def samples(snapshot: Snapshot) -> dict[tuple[str, str, str], Samples]:
    """Return the seconds of interleaved alternatives by subject, input and threads."""
    frame = snapshot.measurements.query("task == 'interleaved' and metric.str.startswith('seconds of ')")
    timed: dict[tuple[str, str, str], Samples] = {}
    keys = ["subject", "input", "implementation", "metric"]
    for (subject, place, threads, metric), part in frame.groupby(keys, sort=False, observed=True):
        values = part.set_index([part["seed"].fillna(0), "step"])["value"]
        alternatives = timed.setdefault((str(subject), str(place), str(threads)), {})
        alternatives[str(metric).removeprefix("seconds of ")] = values
    return dict(sorted(timed.items(), key=lambda item: _natural(item[0])))


def _natural(key: tuple[str, str, str]) -> tuple[list[str], str, str]:
    """Return what sorts by input, in which numbers count as numbers: every round has another order."""
    subject, place, threads = key
    return (
        [part.zfill(12) if part.isdigit() else part for part in re.split(r"(\d+)", place)],
        subject,
        threads,
    )


def ratio_of(at: Samples, a: str, b: str) -> Ratio:
    """Return the ratio of two alternatives: in each round the median of their ratios in turn."""
    by_round = (at[a] / at[b]).groupby(level=0).median()
    return paired_ratio(by_round, by_round * 0 + 1)


def _activations(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for size, asked in SIZES.items():
        for threads in ("1 thread", "2 thread"):
            if (at := timed.get(("activations", f"{size} elements", threads))) is None:
                continue
            where = f"2^{size.bit_length() - 1} elements, {threads}{'s' * (threads > '2')}"
            yield Row("Activations", "SGELU / F.gelu", where, ratio_of(at, "SGELU", "F.gelu"), asked)
            yield Row("Activations", "AdaSGELU / SGELU", where, ratio_of(at, "AdaSGELU", "SGELU"), 1.25)
            yield Row("Activations", "Swish / F.silu", where, ratio_of(at, "Swish", "F.silu"), 1.2)


def _convolution(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    layers = {place[1]: at for place, at in timed.items() if place[0] == "convolution"}
    if not layers:
        return
    strategy = _fastest(list(layers.values()))
    name, (first, at) = f"{strategy} / F.conv2d", next(iter(layers.items()))
    yield Row("Convolution", name, f"{first}, batch 64", ratio_of(at, strategy, "native"), 1.0)
    means = (_geometric_mean([at[each] for at in layers.values()]) for each in (strategy, "native"))
    where = f"geometric mean of {len(layers)} layers, batch 64"
    yield Row("Convolution", name, where, paired_ratio(*means), 1.2)


def _fastest(layers: Sequence[Samples]) -> str:
    """Return the strategy that is fastest over all layers."""
    names = [name for name in layers[0] if name != "native"]
    return min(names, key=lambda name: _geometric_mean([at[name] for at in layers]).mean())


def _geometric_mean(seconds: Sequence[pd.Series]) -> pd.Series:
    """Return the geometric mean of the median times of several benchmarks by round."""
    return np.exp(pd.concat([np.log(s.groupby(level=0).median()) for s in seconds], axis=1).mean(axis=1))


OPTIMIZER_RATIOS = (
    ("ours", "torch, foreach", 0.6),
    ("ours", "torch, fused", 0.9),
    ("ours without compiler", "torch, fused", 1.3),
)


def _optimizers(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for subject, baseline, asked in OPTIMIZER_RATIOS:
        for (name, place, _), at in timed.items():
            if subject in at and baseline in at:
                where = f"{name}, {place.removesuffix(' parameters')}"
                yield Row(
                    "Optimizer steps",
                    f"{subject} / {baseline}",
                    where,
                    ratio_of(at, subject, baseline),
                    asked,
                )


def _backpropagation(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for (name, place, _), at in timed.items():
        if name.startswith("MLP "):
            ratio = ratio_of(at, "ours", "torch with autograd")
            yield Row(
                "Steps of the perceptron",
                "ours / torch with autograd",
                f"{name.removeprefix('MLP ')}, {place}",
                ratio,
                1.0,
            )


def _engine(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for (name, place, _), at in timed.items():
        if "bare loop" in at:
            ratio = ratio_of(at, "fit", "bare loop")
            yield Row("Engine", "fit / bare loop", f"{name.replace('_', ' ')}, {place}", ratio, 1.2)
        if "2 workers" in at:
            ratio = ratio_of(at, "2 workers", "1 worker")
            yield Row("Engine", "2 workers / 1 worker", place, ratio, 1 / 1.8)


def rows(snapshot: Snapshot) -> list[Row]:
    """Return every ratio that the snapshot has samples for."""
    timed = samples(snapshot)
    parts = (_activations, _convolution, _optimizers, _backpropagation, _engine)
    return [row for part in parts for row in part(timed)]


def overhead(snapshot: Snapshot) -> list[str]:
    """Return a sentence on the runner's overhead per run, the median over rounds; empty if not measured."""
    timed = samples(snapshot)
    each = {
        place: (at["runner"] - at["plain calls"]).median() / int(place.split()[0])
        for (name, place, _), at in timed.items()
        if name == "runner"
    }
    return [f"The runner adds {1000 * s:.1f} ms to each of {place}, asked ≤ 20." for place, s in each.items()]


def first_calls(snapshot: Snapshot) -> list[str]:
    """Return a sentence on the first calls of an activation for each state of the compiler's cache."""
    chosen = snapshot.measurements.query("task == 'first_call' and metric == 'first_call_seconds'")
    return [
        f"The first call of SGELU, forward and backward, took {mean_time(seconds).value:.1f} s ({state}): "
        f"the geometric mean of {len(seconds)}, which took {seconds.min():.1f} to {seconds.max():.1f}."
        for state, seconds in chosen.groupby("input", observed=True)["value"]
    ]


def _rounds(snapshot: Snapshot) -> int:
    """Return the number of rounds of the benchmarks."""
    return int(snapshot.runs.loc[snapshot.runs["kind"] == "timing", "seed"].fillna(0).nunique())


def _line(*configs: object) -> str:
    return f"| {' | '.join(str(config) for config in configs)} |"


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    r = row.reached
    text = f"{r.value:.2f}" + (f" ({r.low:.2f}–{r.high:.2f})" if r.rounds > 1 else "")
    return text if row.holds else f"**{text}**, asked {row.asked:g}"


def _table(part: str, ratios: list[Row]) -> list[str]:
    """Return a table of inputs by ratios, each with its smallest and largest target."""
    places, names = (list(dict.fromkeys(getattr(row, f) for row in ratios)) for f in ("where", "ratio"))
    heads = []
    for name in names:
        asked = sorted({f"{row.asked:g}" for row in ratios if row.ratio == name}, key=float)
        heads.append(f"{name}, asked ≤ {' to '.join(dict.fromkeys((asked[0], asked[-1])))}")
    by = {(row.where, row.ratio): row for row in ratios}
    lines = [_line(place, *(_cell(by.get((place, name))) for name in names)) for place in places]
    return ["", _line(part, *heads), _line("---", *["---:"] * len(names)), *lines]


def markdown(snapshot: Snapshot) -> str:
    """Return the ratios as Markdown tables, with their machine; missed targets are bold."""
    machine, ratios = snapshot.environment, rows(snapshot)
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, commit {str(machine['commit_hash'])[:7]}: "
        f"geometric means over rounds, of which there are {_rounds(snapshot)}, with 95 % Student intervals. "
        f"{sum(row.holds for row in ratios)} of {len(ratios)} are as asked; the others are bold.",
        *first_calls(snapshot),
        *overhead(snapshot),
    ]
    for part in dict.fromkeys(row.part for row in ratios):
        lines += _table(part, [row for row in ratios if row.part == part])
    return "\n".join(lines) + "\n"
