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
    """Return the notices at the top of the report: what its source lacks, and its failed runs."""
    if not sources:
        return ["Nothing is measured yet; make bench would do it."]
    best, lines = sources[0], []
    if best.snapshot.profile == "quick":
        lines.append("All results come from a quick run: few seeds, few samples, a first impression.")
    if best.snapshot.environment["dataset"] != "mnist":
        lines.append(f"All networks were trained on {dataset_name(best.snapshot)}, not on MNIST.")
    return lines + [line for source in sources for line in unfinished(source)]


def unfinished(source: Source) -> list[str]:
    """Return how many runs of a source diverged or failed, each in a sentence."""
    statuses = source.snapshot.runs["status"].value_counts()
    return [
        f"{source.label}: {statuses[status]} runs {status}."
        for status in ("diverged", "failed")
        if status in statuses
    ]
