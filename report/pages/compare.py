"""Two stores side by side: two machines, two devices, two commits; a ratio only where both measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.statistics import CANDIDATE, median_ratio, paired_difference
from bench.store import Snapshot
from report.document import phrases
from report.document.answer import Source
from report.document.formats import duration, number
from report.document.page import Section
from report.document.phrases import NOT_MEASURED
from report.evidence import verdicts
from report.evidence.activation_runs import QUANTITIES
from report.evidence.queries import label, timings
from report.evidence.sanitize import legible
from report.evidence.sources import measured, provenance
from report.evidence.training_runs import select, tested


def context(first: Path, second: Path) -> dict[str, Any]:
    """The page that sets the snapshots measured last in two stores side by side.

    Raises ValueError for a file that holds nothing.
    """
    found = [_source(slug, path) for slug, path in (("a", first), ("b", second))]
    names = [legible(path.name) for path in (first, second)]
    timed, decided = times(found), claims(found)
    rows = [row for part in timed.values() for row in part]
    compared = [row for row in rows if row[-1] != NOT_MEASURED]
    alike = [row for row in decided if row[1] == row[2]]
    values = {"where": where(found), "times": timed, "networks": networks(found), "claims": decided}
    return {
        "title": "Two stores side by side",
        "subtitle": f"A is {names[0]}: {found[0].label}. B is {names[1]}: {found[1].label}.",
        "summary": [
            f"{len(compared)} of {len(rows)} benchmarks were measured in both; only these have a ratio.",
            f"{len(alike)} of {len(decided)} claims came out alike.",
        ],
        "sections": [Section(1, "compared", "A and B", QUESTION, "compare.html.j2", values)],
    }


QUESTION = "What did either measure, and how do they differ?"


def _source(slug: str, path: Path) -> Source:
    found = measured(slug, "Measured", path)
    if found is None:
        raise ValueError(f"{path} holds no measurements; two stores with measurements were expected")
    return found


def where(found: list[Source]) -> list[list[str]]:
    """What each was measured on, and whether that is the same."""
    tables = [{what: value for what, value in provenance(source).rows} for source in found]
    rows = [(what, *(str(table.get(what, "none")) for table in tables)) for what in tables[0]]
    return [[what, a, b, "same" if a == b else "differs"] for what, a, b in rows]


def times(found: list[Source]) -> dict[str, list[list[str]]]:
    """By task, a row a benchmark: what, median of A, median of B, and B / A with its interval."""
    a, b = (timings(source.snapshot) for source in found)
    tables: dict[str, list[list[str]]] = {}
    for key in dict.fromkeys([*a, *b]):
        task, subject, implementation, place = map(str, key)
        if task == "interleaved":  # one sample of all its alternatives together
            continue
        sides = [side.get(key) for side in (a, b)]
        medians = [NOT_MEASURED if s is None else duration(np.median(s)) for s in sides]
        row = [f"{label(subject)}, {implementation}, {place}", *medians, _ratio(sides[1], sides[0])]
        tables.setdefault(task.replace("_", " "), []).append(row)
    return tables


def _ratio(a: np.ndarray | None, b: np.ndarray | None) -> str:
    """Ratio of the medians with its interval, which single samples have not."""
    if a is None or b is None:
        return NOT_MEASURED
    if min(len(a), len(b)) < 2:
        return f"{number(np.median(a) / np.median(b))} (single samples, no interval)"
    return phrases.ratio(median_ratio(a, b))


def networks(found: list[Source]) -> list[list[str]]:
    """A row a candidate: its test metric in A and in B, and B − A seed by seed where both did the same."""
    a, b = (_scores(source.snapshot) for source in found)
    rows = []
    for key in dict.fromkeys([*a, *b]):
        sides = [side.get(key) for side in (a, b)]
        scale, quantity = QUANTITIES[key[1]]
        shown = [NOT_MEASURED if s is None else f"{number(scale * s.mean())} ({len(s)} seeds)" for s in sides]
        both = [scale * s for s in sides if s is not None]
        change = (
            phrases.difference(paired_difference(both[1], both[0]))
            if len(both) == len(sides)
            else NOT_MEASURED
        )
        rows.append([f"{key[0]}, {quantity}", *shown, change])
    return rows


def _scores(snapshot: Snapshot) -> Mapping[tuple[str, str], pd.Series]:
    """Test metrics at the chosen rates by seed, of each candidate in words and metric."""
    runs = select(tested(snapshot))
    found = {}
    for _, part in runs.groupby(list(CANDIDATE), dropna=False, sort=False):
        row = part.iloc[0]
        words = [
            str(row["task"]).replace("_", " "),
            label(str(row["activation"])),
            label(str(row["optimizer"])),
            *({1.0: ["with batch norm"], 0.0: ["without batch norm"]}.get(row["batch_norm"], [])),
            *(["squared error"] if row["loss"] == "brier" else []),
            *([f"{row['wrong_labels']:.0%} wrong labels"] if row["wrong_labels"] else []),
            *(["weights scaled by the gain"] if row["initialization"] == "variance" else []),
            f"{row['epochs']:.0f} epochs of {row['samples']:.0f} images, {row['dataset']}",
        ]
        metric = "test_accuracy" if part["test_accuracy"].notna().any() else "test_loss"
        found[", ".join(words), metric] = part.drop_duplicates("seed").set_index("seed")[metric].dropna()
    return {key: scores for key, scores in found.items() if len(scores)}


def claims(found: list[Source]) -> list[list[str]]:
    """A row a claim: its text and its verdict in A and in B."""
    columns = [verdicts.of(source.snapshot) for source in found]
    return [[one.claim.text, one.word, other.word] for one, other in zip(*columns, strict=True)]
