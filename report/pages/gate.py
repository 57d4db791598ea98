"""The page of a comparison by the performance gate: its verdicts, and how the ratios are distributed."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from report.document.formats import number, percent
from report.document.page import Section
from report.document.phrases import NOT_MEASURED
from report.figures.drawing import Drawing, draw
from report.figures.gate import MARKS
from report.figures.gate import ratios as ratios_figure

QUESTION = "Did the change make anything slower or faster, or use more memory?"


LISTED = ("regressed", "failed", "inconclusive", "improved", "new", "removed")
KEYS = ("base", "head", "verdicts", "notices", "rounds", "seconds", "ratios", "calibration", "calibrated")


def context(file: Path) -> dict[str, Any]:
    """The page of the comparison that a `verdicts.json` of the gate holds.

    Raises ValueError for a file that is none.
    """
    found = _load(file)
    counts = Counter(str(v["verdict"]) for v in found["verdicts"])
    values = {
        "drawing": drawing(found),
        "verdicts": [row(v) for word in LISTED for v in found["verdicts"] if v["verdict"] == word],
        "unchanged": counts["unchanged"],
        "notices": found["notices"],
        "calibration": [rate(r) for r in found["calibration"]],
        "calibrated": found["calibrated"],
    }
    return {
        "title": "What the change costs",
        "subtitle": f"Base is {found['base'][:10]}, head is {found['head'][:10]}; {found['rounds']} rounds, "
        f"{number(found['seconds'] / 60)} min.",
        "summary": [
            ", ".join(f"{n} {verdict}" for verdict, n in counts.items()) or "Nothing was to be compared."
        ],
        "sections": [Section(1, "gate", "Base and head", QUESTION, "gate.html.j2", values)],
    }


def _load(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text("utf-8"))
        return {key: found[key] for key in KEYS}
    except FileNotFoundError:
        raise ValueError(f"{file} is not there; `make compare BASE=<git ref>` writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} holds no comparison ({error!r}); `make compare` writes one") from error


def short(name: str, metric: str) -> str:
    """What is judged: a benchmark without its file, and what of it where that is not its time."""
    words = name.split("[")[-1].rstrip("]")
    return words if metric == "seconds" else f"{words}, {metric.replace('_', ' ')}"


def row(v: dict[str, Any]) -> list[str]:
    """A verdict as a row: what, verdict, ratio, interval, corrected p, rounds, why."""
    known = v["ratio"] is not None
    interval = f"{number(v['low'], fixed=3)} to {number(v['high'], fixed=3)}" if v["low"] is not None else ""
    return [
        short(v["name"], v["metric"]),
        v["verdict"],
        number(v["ratio"], fixed=3) if known else NOT_MEASURED,
        interval or NOT_MEASURED,
        number(v["p"], digits=2) if v["p"] is not None else NOT_MEASURED,
        str(v["rounds"]),
        v["why"],
    ]


def rate(r: dict[str, Any]) -> list[str]:
    """A rate of a calibration as a row: what, cases, share and its interval."""
    share = percent(r["hits"] / r["cases"])
    return [r["label"], f"{r['hits']} of {r['cases']}", share, f"{percent(r['low'])} to {percent(r['high'])}"]


def drawing(found: dict[str, Any]) -> Drawing | None:
    """The distribution of the times' ratios; None where no benchmark has one."""
    means = [
        (v["group"], v["name"], v["verdict"], v["ratio"], None)
        for v in found["verdicts"]
        if v["metric"] == "seconds" and v["ratio"] is not None
    ]
    if not means:
        return None
    of = {name: (group, verdict) for group, name, verdict, *_ in means}
    rounds = [
        (of[r["name"]][0], r["name"], of[r["name"]][1], r["ratio"], r["round"])
        for r in found["ratios"]
        if r["metric"] == "seconds" and r["name"] in of
    ]
    frame = pd.DataFrame([*means, *rounds], columns=["group", "name", "verdict", "ratio", "round"])
    tolerance = min(v["tolerance"] for v in found["verdicts"])
    counts = Counter(verdict for *_, verdict, _, _ in means)
    words = ", ".join(f"{counts[v]} {v}" for v in MARKS if counts[v])
    return draw(
        ratios_figure(frame, tolerance),
        frame,
        name="gate-ratios",
        title="Ratios of times, head over base",
        alt=f"Of {len(means)} benchmarks {words}; the ratios of their means over rounds go from "
        f"{number(min(m[3] for m in means))} to {number(max(m[3] for m in means))}.",
    )
