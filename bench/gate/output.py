"""Output of a comparison: a table in the terminal, Markdown for a comment, JSON for programs."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich.table import Table

from bench.gate.calibration import rates
from bench.gate.compare import Comparison
from bench.gate.verdicts import (
    FAILED,
    IMPROVED,
    INCONCLUSIVE,
    NEW,
    REGRESSED,
    REMOVED,
    UNCHANGED,
    Verdict,
)
from bench.records.calibrations import CalibrationRun, described
from bench.records.json_text import json_text
from bench.statistics import Rate

# Most important first; unchanged benchmarks are counted but not listed.
ORDER = (REGRESSED, FAILED, INCONCLUSIVE, IMPROVED, NEW, REMOVED)
COLORS = {REGRESSED: "bold red", FAILED: "bold red", INCONCLUSIVE: "yellow", IMPROVED: "green"}
COLUMNS = ("Benchmark", "Verdict", "Head / base", "Interval", "Corrected p", "Rounds", "Why")


def short(name: str) -> str:
    """Return a benchmark's parameters, which are unique."""
    return name.split("[")[-1].rstrip("]")


def quantity(v: Verdict) -> str:
    """Return the benchmark, and the metric unless it is time."""
    return short(v.name) if v.metric == "seconds" else f"{short(v.name)}, {v.metric.replace('_', ' ')}"


def cells(v: Verdict) -> list[str]:
    """Return the texts of a verdict's row."""
    if math.isnan(v.ratio):
        return [quantity(v), v.verdict, "–", "–", "–", str(v.rounds), v.why]
    interval = "–" if math.isnan(v.low) else f"{v.low:.3f} to {v.high:.3f}"
    p = "–" if math.isnan(v.p) else f"{v.p:.2g}"
    return [quantity(v), v.verdict, f"{v.ratio:.3f}", interval, p, str(v.rounds), v.why]


def listed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Return all verdicts but unchanged, the most important first and large changes before small ones."""
    rows = [v for v in verdicts if v.verdict != UNCHANGED]
    size = {id(v): 0.0 if math.isnan(v.ratio) else abs(math.log(v.ratio)) for v in rows}
    return sorted(rows, key=lambda v: (ORDER.index(v.verdict), -size[id(v)]))


def summary(comparison: Comparison) -> str:
    """Return one line: the number of each verdict, rounds and minutes."""
    words = [v.verdict for v in comparison.verdicts]
    counts = ", ".join(f"{words.count(w)} {w}" for w in (*ORDER[:4], UNCHANGED, *ORDER[4:]) if w in words)
    took = f"{comparison.count} rounds, {comparison.seconds / 60:.1f} min"
    return f"{comparison.base[:10]} to {comparison.head[:10]}: {counts or 'nothing to compare'} ({took})"


def terminal(comparison: Comparison) -> Table:
    """Return the table of listed verdicts."""
    caption = "\n".join(comparison.notices) or None
    table = Table(title=summary(comparison), title_justify="left", caption=caption)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in COLUMNS[2:6] else "left", overflow="fold")
    for v in listed(comparison.verdicts):
        table.add_row(*cells(v), style=COLORS.get(v.verdict))
    return table


def markdown(comparison: Comparison) -> str:
    """Return the same for a pull request."""
    lines = [f"**Performance:** {summary(comparison)}", ""]
    rows = listed(comparison.verdicts)
    if rows:
        lines += [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
        lines += [f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells(v))} |" for v in rows]
    lines += ["", *(f"- {notice}" for notice in comparison.notices)]
    return "\n".join(lines).strip() + "\n"


def as_json(comparison: Comparison, calibration_runs: Sequence[CalibrationRun] = ()) -> str:
    """Return everything, with each round's ratio and the calibration; NaN becomes null."""
    record = {
        **{name: value for name, value in vars(comparison).items() if name != "rounds"},
        "verdicts": [asdict(v) for v in comparison.verdicts],
        "rounds": comparison.count,
        "ratios": _ratios(comparison.rounds),
        "calibration": [asdict(rate) for rate in rates(calibration_runs)],
        "calibrated": described("gate", calibration_runs) if calibration_runs else "",
    }
    return json_text(record)


def _ratios(rounds: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return head / base of each round that has both."""
    if rounds.empty:
        return []
    both = rounds.dropna(subset=["base", "head"]).assign(ratio=lambda frame: frame["head"] / frame["base"])
    return [dict(row) for row in both[["name", "metric", "round", "ratio"]].to_dict("records")]


def reliability(calibration_runs: Sequence[CalibrationRun]) -> list[Table]:
    """Return the table of the gate's rates; none without a calibration."""
    return [table(described("gate", calibration_runs), rows)] if (rows := rates(calibration_runs)) else []


def table(title: str, rows: Sequence[Rate]) -> Table:
    """Return the table of a calibration's rates."""
    result = Table(title=title, title_justify="left")
    for column in ("Rate", "Cases", "Share", "Interval"):
        result.add_column(column, justify="left" if column == "Rate" else "right")
    for r in rows:
        share, interval = f"{r.hits / r.cases:.1%}", f"{r.low:.1%} to {r.high:.1%}"
        result.add_row(r.label, f"{r.hits} of {r.cases}", share, interval)
    return result
