"""The page of a regression check: its verdicts, and the distribution of the ratios."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from report.document.formats import number, percent
from report.document.page import Section
from report.document.phrases import NOT_MEASURED
from report.figures.gate import MARKS
from report.figures.gate import ratios as ratios_figure
from report.figures.svg import SvgFigure, svg_figure

QUESTION = "Did the change affect run times or memory use?"
LISTED = ("regressed", "failed", "inconclusive", "improved", "new", "removed")
KEYS = ("base", "head", "verdicts", "notices", "rounds", "seconds", "ratios", "calibration", "calibrated")


def context(file: Path) -> dict[str, Any]:
    """Return the page of the comparison in a `verdicts.json` of the check.

    Raises ValueError for another file.
    """
    comparison = _load(file)
    counts = Counter(str(v["verdict"]) for v in comparison["verdicts"])
    values = {
        "distribution": distribution(comparison),
        "verdicts": [row(v) for word in LISTED for v in comparison["verdicts"] if v["verdict"] == word],
        "unchanged": counts["unchanged"],
        "notices": comparison["notices"],
        "calibration": [rate(r) for r in comparison["calibration"]],
        "calibrated": comparison["calibrated"],
    }
    return {
        "title": "Performance of a change",
        "subtitle": f"Base is {comparison['base'][:10]}, head is {comparison['head'][:10]}; "
        f"{comparison['rounds']} rounds, {number(comparison['seconds'] / 60)} min.",
        "summary": {
            "Verdicts": ", ".join(f"{n} {verdict}" for verdict, n in counts.items())
            or "no benchmarks to compare"
        },
        "sections": [Section(1, "gate", "Base and head", QUESTION, "gate.html.j2", values)],
    }


def _load(file: Path) -> dict[str, Any]:
    try:
        comparison = json.loads(file.read_text("utf-8"))
        return {key: comparison[key] for key in KEYS}
    except FileNotFoundError:
        raise ValueError(f"{file} does not exist; `make compare BASE=<git ref>` writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"Invalid comparison {file}: {error!r}; `make compare` writes one") from error


def short(name: str, metric: str) -> str:
    """Return a benchmark's name without its file, with the metric if that is not its time."""
    name_ = name.split("[")[-1].rstrip("]")
    return name_ if metric == "seconds" else f"{name_}, {metric.replace('_', ' ')}"


def row(v: dict[str, Any]) -> list[str]:
    """Return a verdict as a row: benchmark, verdict, ratio, interval, corrected p, rounds, reason."""
    measured = v["ratio"] is not None
    interval = f"{number(v['low'], fixed=3)} to {number(v['high'], fixed=3)}" if v["low"] is not None else ""
    return [
        short(v["name"], v["metric"]),
        v["verdict"],
        number(v["ratio"], fixed=3) if measured else NOT_MEASURED,
        interval or NOT_MEASURED,
        number(v["p"], digits=2) if v["p"] is not None else NOT_MEASURED,
        str(v["rounds"]),
        v["why"],
    ]


def rate(r: dict[str, Any]) -> list[str]:
    """Return a calibration rate as a row: name, cases, share and its interval."""
    share = percent(r["hits"] / r["cases"])
    return [r["label"], f"{r['hits']} of {r['cases']}", share, f"{percent(r['low'])} to {percent(r['high'])}"]


def distribution(comparison: dict[str, Any]) -> SvgFigure | None:
    """Return the figure of the times' ratios; None where no benchmark has one."""
    means = [
        (v["group"], v["name"], v["verdict"], v["ratio"], None)
        for v in comparison["verdicts"]
        if v["metric"] == "seconds" and v["ratio"] is not None
    ]
    if not means:
        return None
    of = {name: (group, verdict) for group, name, verdict, *_ in means}
    rounds = [
        (of[r["name"]][0], r["name"], of[r["name"]][1], r["ratio"], r["round"])
        for r in comparison["ratios"]
        if r["metric"] == "seconds" and r["name"] in of
    ]
    frame = pd.DataFrame([*means, *rounds], columns=["group", "name", "verdict", "ratio", "round"])
    tolerance = min(v["tolerance"] for v in comparison["verdicts"])
    counts = Counter(verdict for *_, verdict, _, _ in means)
    counted = ", ".join(f"{counts[v]} {v}" for v in MARKS if counts[v])
    return svg_figure(
        ratios_figure(frame, tolerance),
        frame,
        name="gate-ratios",
        title="Ratios of times, head over base",
        alt=f"Of {len(means)} benchmarks {counted}; the ratios of their means over rounds go from "
        f"{number(min(m[3] for m in means))} to {number(max(m[3] for m in means))}.",
    )
