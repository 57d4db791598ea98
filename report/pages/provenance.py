"""Tables on where a source's numbers come from: environment, other environments, failed runs."""

import json
from collections.abc import Sequence

import pandas as pd

from report.document.answer import Source
from report.document.formats import count
from report.document.labels import label
from report.document.page import Table
from report.evidence.sources import dataset_name


def tables(sources: Sequence[Source]) -> list[Table]:
    """Return the tables of every source, without those that would be empty."""
    candidates = (
        t for source in sources for t in (environment(source), failures(source), other_environments(source))
    )
    return [table for table in candidates if table]


def other_environments(source: Source) -> Table | None:
    """Return the store's environments that are not shown and their differences; None if there are none."""
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
    caption = f"Other environments in the store, not shown ({source.label})"
    return Table(caption, ["Profile", "Runs", "Measured", "Differences"], rows)


def failures(source: Source) -> Table | None:
    """Return the runs that failed with their errors; None if there are none."""
    failed = source.snapshot.runs[source.snapshot.runs["status"] == "failed"]
    if failed.empty:
        return None
    candidate = (
        failed["activation"].fillna(failed["subject"]).fillna(failed["optimizer"]).fillna("none").map(label)
    )
    rows = [
        [str(task).replace("_", " "), str(name), count(len(part)), str(error)]
        for (task, name, error), part in failed.assign(candidate=candidate).groupby(
            ["task", "candidate", "error"], sort=False
        )
    ]
    return Table(f"Failed runs ({source.label})", ["Task", "Candidate", "Runs", "Error"], rows)


def environment(source: Source) -> Table:
    """Return the machine, versions, commit, data set and numbers of runs of a source."""
    where, runs = source.snapshot.environment, source.snapshot.runs
    training = runs[runs["kind"] == "training"]
    here = {where["processor"]}  # of the benchmarks
    seeds = {str(task): part["seed"].nunique() for task, part in training.groupby("task")}
    rows = [
        ["Processor", f"{where['processor']}, {where['cores']} cores"],
        ["Memory", f"{where['memory_gib']} GiB"],
        ["System", str(where["system"])],
        ["Device", f"{where['device']}, {where['threads']} thread a process"],
        ["Python", str(where["python"])],
        ["Packages", _packages(where["versions"])],
        ["Commit", str(where["commit_hash"])],
        ["SHA-256 of the measured source", str(where["source_sha256"])],
        ["Data set", dataset_name(source.snapshot)],
        ["SHA-256 of the data set", str(where["dataset_sha256"])],
        ["Profile", source.snapshot.profile],
        ["Training runs", f"{count(len(training))} ({_counts(training['status'])})"],
        *([["Trained on", _counts(training["processor"])]] if set(training["processor"]) - here else []),
        ["Seeds, at most", ", ".join(f"{task.replace('_', ' ')}: {n}" for task, n in seeds.items())],
        ["Benchmarks", count(int((runs["kind"] == "timing").sum()))],
        ["Measured", f"{runs['finished_at'].min()} to {runs['finished_at'].max()}"],
    ]
    return Table(source.label, ["Property", "Value"], rows)


def _packages(versions: object) -> str:
    """Format packages with their versions; text that is not our JSON stays as it is."""
    try:
        return ", ".join(f"{name} {version}" for name, version in json.loads(str(versions)).items())
    except (ValueError, AttributeError):
        return str(versions)


def _counts(column: pd.Series) -> str:
    return ", ".join(f"{list(column).count(value)} {value}" for value in dict.fromkeys(column))
