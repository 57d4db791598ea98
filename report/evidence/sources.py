"""Where evidence comes from: what this machine measured and the committed reference, with their labels."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.store import Snapshot, latest
from report.document.answer import Source
from report.document.formats import count, size
from report.document.page import Table
from report.evidence import sanitize as legible
from report.evidence.queries import label

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
    here, stored = measured("here", "Measured here", results), measured("reference", "Reference", reference)
    if here and here.snapshot.profile == "reference" and here.snapshot.environment["dataset"] == "mnist":
        stored = None
    return [source for source in (stored, here) if source]


def measured(slug: str, origin: str, path: Path) -> Source | None:
    """What was measured last in a store, every text legible; None where nothing was."""
    found = latest(path)
    if found is None:
        return None
    snapshot = legible.snapshot(found)
    return Source(slug, source_label(origin, snapshot), snapshot)


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


def besides(source: Source) -> Table | None:
    """What else the store holds, which is never put together with what is shown, and what sets it apart."""
    shown = source.snapshot.environment
    rows = [
        [
            row["profile"],
            count(row["runs"]),
            f"{row['begun']} to {row['ended']}",
            ", ".join(
                f"{name.replace('_', ' ')}: {_packages(row[name]) if name == 'versions' else row[name]}"
                for name in shown
                if row[name] != shown[name]
            )
            or "profile",
        ]
        for row in source.snapshot.other_environments.to_dict("records")
    ]
    if not rows:
        return None
    caption = f"Also in the store, and not shown ({source.label})"
    return Table(caption, ["Profile", "Runs", "Measured", "What differs"], rows)


def failures(source: Source) -> Table | None:
    """The runs that failed, and why."""
    failed = source.snapshot.runs[source.snapshot.runs["status"] == "failed"]
    if failed.empty:
        return None
    who = failed["activation"].fillna(failed["subject"]).fillna(failed["optimizer"]).fillna("none").map(label)
    rows = [
        [str(task).replace("_", " "), str(name), count(len(part)), str(error)]
        for (task, name, error), part in failed.assign(who=who).groupby(["task", "who", "error"], sort=False)
    ]
    return Table(f"What failed ({source.label})", ["Task", "Of", "Runs", "Why"], rows)


def provenance(source: Source) -> Table:
    """Machine, versions, commit, data and effort of one source."""
    environment, runs = source.snapshot.environment, source.snapshot.runs
    training = runs[runs["kind"] == "training"]
    scored = training[training["split"] == "test"]
    seeds = {str(task): part["seed"].nunique() for task, part in scored.groupby("task")}
    rows = [
        ["Processor", f"{environment['processor']}, {environment['cores']} cores"],
        ["Memory", size(environment["memory_bytes"])],
        ["System", str(environment["system"])],
        ["Device", f"{environment['device']}, {environment['threads']} thread a process"],
        ["Python", str(environment["python"])],
        ["Packages", _packages(environment["versions"])],
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


def _packages(versions: object) -> str:
    """Names and versions of packages in words; a text that is none of ours as it is."""
    try:
        return ", ".join(f"{name} {version}" for name, version in json.loads(str(versions)).items())
    except (ValueError, AttributeError):
        return str(versions)


def _statuses(column: pd.Series) -> str:
    return ", ".join(f"{list(column).count(status)} {status}" for status in dict.fromkeys(column))
