"""Comparison of two stores, such as two machines or two devices."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.statistics import mean_time, paired_difference
from bench.statistics.training_runs import CANDIDATE, scored
from bench.store import Snapshot
from report.document import phrases
from report.document.answer import Source
from report.document.formats import duration, number
from report.document.labels import BACKENDS, label
from report.document.page import Section
from report.document.phrases import NOT_MEASURED
from report.evidence.activation_runs import QUANTITIES
from report.evidence.claims import claim_verdicts
from report.evidence.queries import timings
from report.evidence.sanitize import sanitize
from report.evidence.sources import measured
from report.pages import provenance


def context(first: Path, second: Path) -> dict[str, Any]:
    """Return the page that compares the latest snapshots of two stores.

    Raises ValueError for an empty store.
    """
    sources = [_source(source_id, path) for source_id, path in (("a", first), ("b", second))]
    names = [sanitize(path.name) for path in (first, second)]
    timed, verdicts = times(sources), claims(sources)
    rows = [row for part in timed.values() for row in part]
    compared = [row for row in rows if row[-1] != NOT_MEASURED]
    alike = [row for row in verdicts if row[1] == row[2]]
    values = {"where": where(sources), "times": timed, "networks": networks(sources), "claims": verdicts}
    return {
        "title": "Comparison of two stores",
        "subtitle": f"A is {names[0]}: {sources[0].label}. B is {names[1]}: {sources[1].label}.",
        "summary": {
            "Times": f"{len(compared)} of {len(rows)} benchmarks were measured in both; these have a ratio.",
            "Claims": f"{len(alike)} of {len(verdicts)} claims came out alike.",
        },
        "sections": [Section(1, "compared", "A and B", QUESTION, "compare.html.j2", values)],
    }


QUESTION = "Which measurements do the stores share, and how do they differ?"


def _source(source_id: str, path: Path) -> Source:
    source = measured(source_id, "Measured", path)
    if source is None:
        raise ValueError(
            f"Invalid store: {path} holds no measurements; expected two stores with measurements."
        )
    return source


def where(sources: list[Source]) -> list[list[str]]:
    """Return rows: property, its values in A and B, and whether they are the same."""
    tables = [{what: value for what, value in provenance.environment(source).rows} for source in sources]
    rows = [(what, *(str(table.get(what, "none")) for table in tables)) for what in tables[0]]
    return [[what, a, b, "same" if a == b else "differs"] for what, a, b in rows]


def times(sources: list[Source]) -> dict[str, list[list[str]]]:
    """Return rows by task: benchmark, time in A, time in B, and B / A."""
    a, b = (timings(source.snapshot) for source in sources)
    tables: dict[str, list[list[str]]] = {}
    for key in dict.fromkeys([*a, *b]):
        task, subject, implementation, place, size = map(str, key)
        if task == "interleaved":  # one sample of all its alternatives together
            continue
        sides = [side.get(key) for side in (a, b)]
        medians = [NOT_MEASURED if s is None else duration(mean_time(s).value) for s in sides]
        row = [
            f"{label(subject)}, {BACKENDS.get(implementation, implementation)}, {place}"
            + (f", batch of {size}" if "×" in place else ""),
            *medians,
            _ratio(sides[1], sides[0]),
        ]
        tables.setdefault(task.replace("_", " "), []).append(row)
    return tables


def _ratio(a: pd.Series | None, b: pd.Series | None) -> str:
    """Return the ratio of the times; without an interval, because no round of one store is paired."""
    if a is None or b is None:
        return NOT_MEASURED
    return number(mean_time(a).value / mean_time(b).value)


def networks(sources: list[Source]) -> list[list[str]]:
    """Return rows: candidate, its test metric in A and in B, and B − A by seed."""
    a, b = (_scores(source.snapshot) for source in sources)
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
    """Return the test metrics at the chosen rates by seed, for each candidate and metric."""
    runs = scored(snapshot)
    scores_by = {}
    for _, part in runs.groupby(list(CANDIDATE), dropna=False, sort=False):
        row = part.iloc[0]
        parts = [
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
        scores_by[", ".join(parts), metric] = part.drop_duplicates("seed").set_index("seed")[metric].dropna()
    return {key: scores for key, scores in scores_by.items() if len(scores)}


def claims(sources: list[Source]) -> list[list[str]]:
    """Return rows: claim, its verdict in A and in B."""
    columns = [claim_verdicts(source.snapshot) for source in sources]
    return [[one.claim.text, one.verdict, other.verdict] for one, other in zip(*columns, strict=True)]
