"""The gate's verdicts for readers: a table in the terminal, Markdown for a comment, JSON for machines."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from rich.table import Table

from bench.gate.calibration import CalibrationRun, rates, this_machine
from bench.gate.compare import Comparison
from bench.gate.verdicts import FAILED, FASTER, INCONCLUSIVE, NEW, REMOVED, SAME, SLOWER, Judged

# What matters first; same is counted and not listed.
ORDER = (SLOWER, FAILED, INCONCLUSIVE, FASTER, NEW, REMOVED)
COLORS = {SLOWER: "bold red", FAILED: "bold red", INCONCLUSIVE: "yellow", FASTER: "green"}
COLUMNS = ("Benchmark", "Verdict", "Head / base", "Interval", "Corrected p", "Rounds", "Why")


def short(name: str) -> str:
    """A benchmark's name without its file: what is timed."""
    return name.split("[")[-1].rstrip("]")


def what(v: Judged) -> str:
    """What is judged: a benchmark's time, or another quantity of it."""
    return short(v.name) if v.metric == "seconds" else f"{short(v.name)}, {v.metric.replace('_', ' ')}"


def cells(v: Judged) -> list[str]:
    """A verdict as the cells of a row."""
    if math.isnan(v.ratio):
        return [what(v), v.verdict, "–", "–", "–", str(v.rounds), v.why]
    interval = "–" if math.isnan(v.low) else f"{v.low:.3f} to {v.high:.3f}"
    p = "–" if math.isnan(v.p) else f"{v.p:.2g}"
    return [what(v), v.verdict, f"{v.ratio:.3f}", interval, p, str(v.rounds), v.why]


def listed(found: Sequence[Judged]) -> list[Judged]:
    """Verdicts worth a line, the weightiest first and the greatest changes before small ones."""
    worth = [v for v in found if v.verdict != SAME]
    size = {id(v): 0.0 if math.isnan(v.ratio) else abs(math.log(v.ratio)) for v in worth}
    return sorted(worth, key=lambda v: (ORDER.index(v.verdict), -size[id(v)]))


def summary(found: Comparison) -> str:
    """One line: how many came out which way, in how many rounds and minutes."""
    words = [v.verdict for v in found.verdicts]
    counts = ", ".join(f"{words.count(w)} {w}" for w in (*ORDER[:4], SAME, *ORDER[4:]) if w in words)
    took = f"{found.count} rounds, {found.seconds / 60:.1f} min"
    return f"{found.base[:10]} to {found.head[:10]}: {counts or 'nothing to compare'} ({took})"


def terminal(found: Comparison) -> Table:
    """The table of what is worth a line."""
    table = Table(title=summary(found), title_justify="left", caption="\n".join(found.notices) or None)
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in COLUMNS[2:6] else "left", overflow="fold")
    for v in listed(found.verdicts):
        table.add_row(*cells(v), style=COLORS.get(v.verdict))
    return table


def markdown(found: Comparison) -> str:
    """The same for a pull request."""
    lines = [f"**Performance:** {summary(found)}", ""]
    rows = listed(found.verdicts)
    if rows:
        lines += [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
        lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells(v))} |" for v in rows]
    lines += ["", *(f"- {notice}" for notice in found.notices)]
    return "\n".join(lines).strip() + "\n"


def as_json(found: Comparison, calibration_runs: Sequence[CalibrationRun] = ()) -> str:
    """Everything, with each round's ratio and what a calibration found; null where there is no number."""
    record = {
        **{name: value for name, value in vars(found).items() if name != "rounds"},
        "verdicts": [asdict(v) for v in found.verdicts],
        "rounds": found.count,
        "ratios": _ratios(found.rounds),
        "calibration": [asdict(rate) for rate in rates(calibration_runs)],
        "calibrated": calibrated(calibration_runs) if calibration_runs else "",
    }
    return json.dumps(_without_nan(record), indent=1) + "\n"


def _ratios(rounds: pd.DataFrame) -> list[dict[Any, Any]]:
    """Head / base of each round that has both."""
    if rounds.empty:
        return []
    both = rounds.dropna(subset=["base", "head"]).assign(ratio=lambda frame: frame["head"] / frame["base"])
    return [dict(row) for row in both[["name", "metric", "round", "ratio"]].to_dict("records")]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def calibrated(calibration_runs: Sequence[CalibrationRun]) -> str:
    """Where and with which commits a calibration was made, and whether that is elsewhere."""
    machines, commits = {t.machine for t in calibration_runs}, {t.commit[:10] for t in calibration_runs}
    here = "" if machines == {this_machine()} else "; not this machine"
    return f"Calibration of the gate on {', '.join(machines)}{here}; commit {', '.join(sorted(commits))}"


def trusted(calibration_runs: Sequence[CalibrationRun]) -> list[Table]:
    """The table of what a calibration found; nothing where there was none."""
    found = rates(calibration_runs)
    if not found:
        return []
    table = Table(title=calibrated(calibration_runs), title_justify="left")
    for column in ("What", "Cases", "Share", "Interval"):
        table.add_column(column, justify="left" if column == "What" else "right")
    for r in found:
        share, interval = f"{r.hits / r.cases:.1%}", f"{r.low:.1%} to {r.high:.1%}"
        table.add_row(r.label, f"{r.hits} of {r.cases}", share, interval)
    return [table]
