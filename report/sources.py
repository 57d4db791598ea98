"""Where evidence comes from: what this machine measured and the committed reference, with their labels."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.store import Snapshot, latest
from report.answer import Source
from report.formats import count, size
from report.page import Table

DATASETS = {"mnist": "MNIST", "digits": "scikit-learn's digits resized to 28×28"}


def dataset_name(snapshot: Snapshot) -> str:
    """The data set in words."""
    name = str(snapshot.environment["dataset"])
    return DATASETS.get(name, name)


def source_label(origin: str, snapshot: Snapshot) -> str:
    """Where numbers come from, in words: data set, profile and machine."""
    machine = f"{snapshot.environment['processor']}, {snapshot.environment['cores']} cores"
    device = snapshot.environment["device"]
    where = machine if device == "cpu" else f"{device}, {machine}"
    return f"{origin}: {dataset_name(snapshot)}, {snapshot.profile} profile, {where}"


def sources(results: Path, reference: Path) -> list[Source]:
    """The reference first, then what was measured here; each only where it exists.

    The reference is left out where this machine has measured as much itself.
    """
    here, stored = latest(results), latest(reference)
    if here and here.profile == "reference" and here.environment["dataset"] == "mnist":
        stored = None
    found = (("reference", "Reference", stored), ("here", "Measured here", here))
    return [
        Source(slug, source_label(origin, snapshot), snapshot) for slug, origin, snapshot in found if snapshot
    ]


def notices(found: Sequence[Source]) -> list[str]:
    """What a reader must know before any number: what it was trained on, how much of it, and where."""
    said = []
    here = next((source.snapshot for source in found if source.slug == "here"), None)
    if here is None:
        said.append("Nothing was measured on this machine yet; make bench would do it.")
    elif here.environment["dataset"] != "mnist":
        said.append(f"What was measured here was trained on {dataset_name(here)}, not on MNIST.")
    else:
        said.append("What was measured here was trained on MNIST.")
    if here is not None and here.profile == "quick":
        said.append("The profile measured here is quick: few seeds, few samples, a first impression.")
    for source in found:
        if source.slug == "reference":
            said.append(
                f"What is labelled reference was measured once, on {dataset_name(source.snapshot)}, by "
                f"commit {str(source.snapshot.environment['commit_hash'])[:10]}, on a machine that may not "
                "be this one; times of the two are never compared."
            )
        statuses = source.snapshot.runs["status"].value_counts()
        for status in ("diverged", "failed"):
            if status in statuses:
                said.append(f"{source.label}: {statuses[status]} runs {status}.")
    return said


def provenance(source: Source) -> Table:
    """Machine, versions, commit, data and effort of one source."""
    environment, runs = source.snapshot.environment, source.snapshot.runs
    versions = json.loads(str(environment["versions"]))
    training = runs[runs["kind"] == "training"]
    scored = training[training["split"] == "test"]
    seeds = {str(task): part["seed"].nunique() for task, part in scored.groupby("task")}
    rows = [
        ["Processor", f"{environment['processor']}, {environment['cores']} cores"],
        ["Memory", size(environment["memory_bytes"])],
        ["System", str(environment["system"])],
        ["Device", f"{environment['device']}, {environment['threads']} thread a process"],
        ["Python", str(environment["python"])],
        ["Packages", ", ".join(f"{name} {version}" for name, version in versions.items())],
        ["Commit", str(environment["commit_hash"])],
        ["SHA-256 of the measuring source", str(environment["source_sha256"])],
        ["Data set", dataset_name(source.snapshot)],
        ["SHA-256 of the data set", str(environment["dataset_sha256"])],
        ["Profile", source.snapshot.profile],
        ["Training runs", f"{count(len(training))} ({_statuses(training['status'])})"],
        ["Training runs that chose rates", count(len(training) - len(scored))],
        ["Seeds scored, at most", ", ".join(f"{task.replace('_', ' ')}: {n}" for task, n in seeds.items())],
        ["Benchmarks", count(int((runs["kind"] == "timing").sum()))],
        ["Measured", f"{runs['finished_at'].min()} to {runs['finished_at'].max()}"],
    ]
    return Table(source.label, ["What", "Value"], rows)


def _statuses(column: pd.Series) -> str:
    return ", ".join(f"{list(column).count(status)} {status}" for status in dict.fromkeys(column))
