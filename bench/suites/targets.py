"""The project's speed targets, as ratios of interleaved times, and the measured ratios."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.statistics import Ratio, paired_ratio
from bench.store import Snapshot

# Forward reads x and writes y, backward reads x and the gradient and writes one; a copy reads and writes.
PASSES_OF_A_COPY = 5 / 2
SIZES = {2**14: 1.35, 2**17: 1.35, 2**20: 1.0, 2**22: 1.0, 2**24: 1.1}
STRATEGY = "tiled"  # the fastest of the convolutions

Samples = dict[str, np.ndarray]  # alternative -> seconds, one per round


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
    for (subject, place, threads, metric), part in frame.groupby(keys, sort=False):
        values = part.sort_values("step")["value"].to_numpy()
        alternatives = timed.setdefault((str(subject), str(place), str(threads)), {})
        alternatives[str(metric).removeprefix("seconds of ")] = values
    return timed


def _activations(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for size, asked in SIZES.items():
        for threads in ("1 thread", "2 thread"):
            if (at := timed.get(("activations", f"{size} elements", threads))) is None:
                continue
            where = f"2^{size.bit_length() - 1} elements, {threads}{'s' * (threads > '2')}"
            yield Row("Activations", "SGELU / F.gelu", where, paired_ratio(at["SGELU"], at["F.gelu"]), asked)
            yield Row(
                "Activations", "AdaSGELU / SGELU", where, paired_ratio(at["AdaSGELU"], at["SGELU"]), 1.25
            )
            yield Row("Activations", "Swish / F.silu", where, paired_ratio(at["Swish"], at["F.silu"]), 1.05)


def _convolution(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    layers = {place[1]: at for place, at in timed.items() if place[0] == "convolution"}
    ratios = []
    for k, (layer, at) in enumerate(layers.items()):
        ratios.append(paired_ratio(at[STRATEGY], at["native"]))
        if k == 0:
            yield Row("Convolution", f"{STRATEGY} / F.conv2d", f"{layer}, batch 64", ratios[-1], 1.0)
    if ratios:
        mean = Ratio(*(float(np.exp(np.mean(np.log([getattr(r, f) for r in ratios])))) for f in FIELDS))
        yield Row(
            "Convolution",
            f"{STRATEGY} / F.conv2d",
            f"geometric mean of {len(ratios)} layers, batch 64",
            mean,
            2.0,
        )


FIELDS = ("value", "low", "high")
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
                    paired_ratio(at[subject], at[baseline]),
                    asked,
                )


def _backpropagation(timed: dict[tuple[str, str, str], Samples]) -> Iterator[Row]:
    for (name, place, _), at in timed.items():
        if name.startswith("MLP "):
            ratio = paired_ratio(at["ours"], at["torch with autograd"])
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
            ratio = paired_ratio(at["fit"], at["bare loop"])
            yield Row("Engine", "fit / bare loop", f"{name.replace('_', ' ')}, {place}", ratio, 1.2)
        if "2 workers" in at:
            ratio = paired_ratio(at["2 workers"], at["1 worker"])
            yield Row("Engine", "2 workers / 1 worker", place, ratio, 1 / 1.8)


def rows(snapshot: Snapshot) -> list[Row]:
    """Return every ratio that the snapshot has samples for."""
    timed = samples(snapshot)
    parts = (_activations, _convolution, _optimizers, _backpropagation, _engine)
    return [row for part in parts for row in part(timed)]


def bandwidth(snapshot: Snapshot) -> pd.DataFrame:
    """Return the share of a copy's bandwidth that SGELU reaches forward and backward, bytes of 5/2 copies."""
    timed = samples(snapshot)
    return pd.DataFrame(
        [
            (size, threads, *(PASSES_OF_A_COPY * paired_ratio(at[c], at["SGELU"]).value for c in COPIES))
            for size in SIZES
            for threads in ("1 thread", "2 thread")
            if (at := timed.get(("activations", f"{size} elements", threads))) is not None
        ],
        columns=["size", "threads", *COPIES],
    )


COPIES = ("copy", "copy to fresh memory")


def overhead(snapshot: Snapshot) -> list[str]:
    """Return a sentence on the runner's overhead per run, the median over rounds; empty if not measured."""
    timed = samples(snapshot)
    each = {
        place: np.median(at["runner"] - at["plain calls"]) / int(place.split()[0])
        for (name, place, _), at in timed.items()
        if name == "runner"
    }
    return [f"The runner adds {1000 * s:.1f} ms to each of {place}, asked ≤ 20." for place, s in each.items()]


def first_calls(snapshot: Snapshot) -> list[str]:
    """Return a sentence on the first call of an activation for each state of the compiler's cache."""
    chosen = snapshot.measurements.query("task == 'first_call' and metric == 'first_call_seconds'")
    return [
        f"The first call of SGELU, forward and backward, took {row.value:.1f} s ({row.input})."
        for row in chosen.itertuples()
    ]


def _line(*configs: object) -> str:
    return f"| {' | '.join(str(config) for config in configs)} |"


def _cell(row: Row | None) -> str:
    if row is None:
        return "–"
    r = row.reached
    text = f"{r.value:.2f} ({r.low:.2f}–{r.high:.2f})"
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
        "medians of the ratios of each round, with 95 % bootstrap intervals. "
        f"{sum(row.holds for row in ratios)} of {len(ratios)} are as asked; the others are bold.",
        *first_calls(snapshot),
        *overhead(snapshot),
    ]
    for part in dict.fromkeys(row.part for row in ratios):
        lines += _table(part, [row for row in ratios if row.part == part])
    heads = (f"share of the bandwidth of a {c}" for c in COPIES)
    lines += ["", _line("SGELU forward and backward", *heads), _line("---", "---:", "---:")]
    for size, threads, *shares in bandwidth(snapshot).itertuples(index=False):
        place = f"2^{size.bit_length() - 1} elements, {threads}{'s' * (threads > '2')}"
        lines.append(_line(place, *(f"{share:.0%}" for share in shares)))
    return "\n".join(lines) + "\n"
