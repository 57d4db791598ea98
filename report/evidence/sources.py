"""Sources of the evidence: this machine's results and the committed reference, with their labels."""

from collections.abc import Sequence
from pathlib import Path

from bench.store import Snapshot, latest
from report.document.answer import Source
from report.evidence.sanitize import sanitize_snapshot

DATASETS = {"mnist": "MNIST", "digits": "scikit-learn's digits resized to 28×28"}


def dataset_name(snapshot: Snapshot) -> str:
    """Return the data set's name for readers."""
    name = str(snapshot.environment["dataset"])
    return DATASETS.get(name, name)


def source_label(origin: str, snapshot: Snapshot) -> str:
    """Return a source's label: origin, data set, profile and machine."""
    machine = f"{snapshot.environment['processor']}, {snapshot.environment['cores']} cores"
    device = snapshot.environment["device"]
    where = machine if device == "cpu" else f"{device}, {machine}"
    return f"{origin}: {dataset_name(snapshot)}, {snapshot.profile} profile, {where}"


def sources(results: Path, reference: Path) -> list[Source]:
    """Return the reference and this machine's results, those that exist.

    The reference is omitted if this machine has run the reference profile on MNIST itself.
    """
    here, stored = measured("here", "Measured here", results), measured("reference", "Reference", reference)
    if here and here.snapshot.profile == "reference" and here.snapshot.environment["dataset"] == "mnist":
        stored = None
    return [source for source in (stored, here) if source]


def measured(source_id: str, origin: str, path: Path) -> Source | None:
    """Return the latest snapshot of a store with its texts sanitized; None if the store is empty."""
    raw = latest(path)
    if raw is None:
        return None
    snapshot = sanitize_snapshot(raw)
    return Source(source_id, source_label(origin, snapshot), snapshot)


def notices(sources: Sequence[Source]) -> list[str]:
    """Return the notices at the top of the report: data set, profile, reference, failed runs."""
    here = next((source.snapshot for source in sources if source.id == "here"), None)
    if here is None:
        lines = ["Nothing was measured on this machine yet; make bench would do it."]
    elif here.environment["dataset"] != "mnist":
        lines = [f"What was measured here was trained on {dataset_name(here)}, not on MNIST."]
    else:
        lines = ["What was measured here was trained on MNIST."]
    if here is not None and here.profile == "quick":
        lines.append("The profile measured here is quick: few seeds, few samples, a first impression.")
    for source in sources:
        if source.id == "reference":
            lines.append(
                f"What is labelled reference was measured once, on {dataset_name(source.snapshot)}, by "
                f"commit {str(source.snapshot.environment['commit_hash'])[:10]}, on a machine that may not "
                "be this one; times of the two are never compared."
            )
        statuses = source.snapshot.runs["status"].value_counts()
        for status in ("diverged", "failed"):
            if status in statuses:
                lines.append(f"{source.label}: {statuses[status]} runs {status}.")
    return lines
