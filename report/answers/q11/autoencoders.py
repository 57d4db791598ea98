"""Question 11: evidence on autoencoders, cost, and failed runs."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from bench.records.names import CONTROLS, PASSES
from bench.statistics import mean_time
from bench.statistics.training_runs import NETWORKS, select
from bench.store import Snapshot
from impl.activations.registry import ACTIVATIONS
from report.answers.q11.evidence import final_rows
from report.document import phrases
from report.document.formats import count, duration, number
from report.document.labels import label, ordered
from report.document.phrases import NOT_MEASURED
from report.evidence.activation_runs import AUTOENCODERS, HIGHLIGHTED
from report.evidence.queries import final, inputs, networks, seconds, time_ratio
from report.figures.svg import svg_figure
from report.figures.training import reconstructions


def pictures(snapshot: Snapshot, task: str) -> dict[str, np.ndarray]:
    """Return the inputs and their reconstructions with the claims' and custom activations.

    They come from the first seed with stored images.
    """
    runs = networks(snapshot, task)
    pairs = zip(runs["run"].astype(int), runs["activation"].astype(str), strict=True)
    stored = [(run, name) for run, name in pairs if (run, "input") in snapshot.arrays]
    if not stored:
        return {}
    by = {
        name: snapshot.arrays[run, "reconstruction"]
        for run, name in reversed(stored)
        if name in HIGHLIGHTED or (name not in ACTIVATIONS and name not in CONTROLS)
    }
    first = snapshot.arrays[stored[0][0], "input"]
    return {"input": first, **{label(name): by[name] for name in ordered(by)}}


def errors(shown: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the mean squared error a pixel of every reconstruction shown, grey values in [0, 1]."""
    inputs, *others = ((name, images / 255) for name, images in shown.items())
    return pd.DataFrame(
        {"activation": name, "digit": digit, "mean squared error": float(((a - b) ** 2).mean())}
        for name, images in others
        for digit, (a, b) in enumerate(zip(images, inputs[1], strict=True))
    )


def autoencoder(snapshot: Snapshot, task: str) -> dict[str, Any] | None:
    """Return final test losses and reconstructions of one autoencoder; None where it was not trained."""
    table = final(snapshot, task, "test_loss", True)
    if table.empty:
        return None
    shown = pictures(snapshot, task)
    figure = shown and svg_figure(
        reconstructions(shown),
        errors(shown),
        name=f"q11-{task.replace('_', '-')}-{snapshot.id}",
        title=f"Reconstructions of the {AUTOENCODERS[task]}",
        alt="Rows of handwritten digits: the inputs, then their reconstructions with "
        f"{phrases.listed(list(shown)[1:])}.",
    )
    return {
        "name": AUTOENCODERS[task],
        "anchor": task.replace("_", "-"),
        "seeds": len(table),
        "rows": final_rows(snapshot, task, True, AUTOENCODERS[task], lambda x: number(1000 * x)),
        "figure": figure or None,
    }


TORCH = ("gelu", "torch")
COSTS = {
    "GELU, torch": TORCH,
    "SGELU, eager": ("sgelu", "composed"),
    "SGELU, ours": ("sgelu", "impl"),
    "AdaSGELU, eager": ("ada_sgelu", "composed"),
    "AdaSGELU, ours": ("ada_sgelu", "impl"),
}


def cost(snapshot: Snapshot) -> dict[str, Any] | None:
    """Return median times of torch's GELU and the proposed activations; None if not measured.

    spans: least and greatest ratio of the eager ones and of the modules.
    """
    rows = []
    multiples: dict[str, list[float]] = {"composed": [], "impl": []}
    for task, name in PASSES.items():
        for input in inputs(snapshot, task):
            cells = []
            for what in COSTS.values():
                s = seconds(snapshot, task, *what, input)
                r = time_ratio(snapshot, task, input, what, TORCH) if what != TORCH else None
                if r:
                    multiples[what[1]].append(r.value)
                cells.append(
                    NOT_MEASURED
                    if s is None
                    else duration(mean_time(s).value) + (f" ({number(r.value)})" if r else "")
                )
            head = input.split(" ")[0]
            rows.append([f"{name}, {count(int(head)) if head.isdigit() else input}", *cells])
    if not any(multiples.values()):
        return None
    return {
        "columns": ["Pass and elements", *COSTS],
        "rows": rows,
        "spans": {way: (min(ratios), max(ratios)) for way, ratios in multiples.items() if ratios},
    }


def troubles(snapshot: Snapshot) -> list[str]:
    """Count the training runs that did not finish: "3 of 9 runs of the GELU paper's classifier diverged"."""
    found: list[str] = []
    for words, (task, batch_norm) in NETWORKS.items():
        runs = select(snapshot.runs, task=task, batch_norm=None if batch_norm is None else int(batch_norm))
        bad = Counter(runs.loc[runs["status"] != "finished", "status"])
        found += [f"{n} of {len(runs)} runs of the {words} {status}" for status, n in bad.items()]
    return found
