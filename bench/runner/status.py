"""Progress of a profile: stored runs, missing runs and their estimated duration."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from bench.experiments.estimates import Seconds
from bench.experiments.plan import Plan
from bench.experiments.racing import held_out_scores
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.environment import Environment
from bench.records.names import DESCENT
from bench.records.runs import ENDED, BenchmarkCase, ConformanceCheck, RunConfig
from bench.store import Snapshot

BENCHMARKS, TOTAL = "benchmarks", "all"

Runs = dict[str, RunConfig | BenchmarkCase]  # by config_hash


@dataclass(frozen=True)
class Stage:
    """A stage of a profile: number of runs by status, and their durations on one core.

    Attributes:
        name: Name of the stage.
        finished: Number of finished runs.
        collapsed: Number of runs that end no better than a constant output.
        diverged: Number of diverged runs.
        failed: Number of failed runs.
        left: Number of missing or failed runs, which the next run executes.
        took: Seconds of the stored runs, None if unknown.
        to_take: Estimated seconds of the runs left.
    """

    name: str
    finished: int
    collapsed: int
    diverged: int
    failed: int
    left: int
    took: float | None
    to_take: float


def runs_of(
    snapshot: Snapshot | None,
    plans: Sequence[Plan],
    others: Sequence[RunConfig],
    cases: Collection[BenchmarkCase],
) -> dict[str, Runs]:
    """Return the runs of every stage that has any, in the order of running.

    Args:
        snapshot: Stored runs of this environment and profile. Where they do not decide yet which learning
            rates of a candidate go on, two rates are guessed.
        plans: Experiments.
        others: Other runs.
        cases: Benchmarks.
    """
    held_out = {} if snapshot is None else held_out_scores(snapshot)
    stages: dict[str, Iterable[RunConfig | BenchmarkCase]] = {
        BENCHMARKS: cases,
        "conformance": [config for config in others if isinstance(config, ConformanceCheck)],
        "convergence": [config for config in others if config.task == DESCENT],
        "synthetic": [config for config in others if config.task in SYNTHETIC],
        **{plan.name: plan.runs(held_out, guess=True) for plan in plans},
    }
    runs = {name: {what.config_hash: what for what in stage} for name, stage in stages.items()}
    return {name: stage for name, stage in runs.items() if stage}


def stages(snapshot: Snapshot | None, runs: Mapping[str, Runs], seconds: Seconds) -> list[Stage]:
    """Count the runs of every stage, and last of all stages together, which may share runs."""
    status, took = _stored(snapshot)
    total: Runs = {key: what for stage in runs.values() for key, what in stage.items()}
    return [_count(name, stage, status, took, seconds) for name, stage in [*runs.items(), (TOTAL, total)]]


def _count(
    name: str, runs: Runs, status: Mapping[str, str], took: Mapping[str, float], seconds: Seconds
) -> Stage:
    ended = [status.get(key, "missing") for key in runs]
    left = [what for key, what in runs.items() if status.get(key) not in ENDED]
    times = [took[key] for key in runs if key in took]
    return Stage(
        name,
        finished=ended.count("finished"),
        collapsed=ended.count("collapsed"),
        diverged=ended.count("diverged"),
        failed=ended.count("failed"),
        left=len(left),
        took=sum(times) if times else None,
        to_take=sum(map(seconds, left)),
    )


def missing(snapshot: Snapshot | None, runs: Mapping[str, Runs]) -> list[RunConfig | BenchmarkCase]:
    """Return the runs that the next run executes: those without a result, and failed ones."""
    status, _ = _stored(snapshot)
    return [what for stage in runs.values() for key, what in stage.items() if status.get(key) not in ENDED]


def not_reached(snapshot: Snapshot, runs: Mapping[str, Runs]) -> list[RunConfig | BenchmarkCase]:
    """Return the runs without a result, such as those whose executor ended."""
    stored = set(snapshot.runs["key"])
    return list(
        {key: what for stage in runs.values() for key, what in stage.items() if key not in stored}.values()
    )


def _stored(snapshot: Snapshot | None) -> tuple[dict[str, str], dict[str, float]]:
    """Return status and seconds of each stored run by its hash."""
    if snapshot is None:
        return {}, {}
    status = dict(zip(snapshot.runs["key"], snapshot.runs["status"], strict=True))
    m = snapshot.measurements
    m = m[m["metric"] == "run_seconds"]
    return status, dict(zip(m["key"].astype(str), m["value"].astype(float), strict=True))


def rows(snapshot: Snapshot | None, runs: Mapping[str, Runs], seconds: Seconds) -> list[dict[str, Any]]:
    """Return one row per run and stage: stage, hash, status, estimated seconds and the run's fields."""
    status, _ = _stored(snapshot)
    table = []
    for stage, named in runs.items():
        for key, what in named.items():
            state = status.get(key, "missing")
            row: dict[str, Any] = {
                "stage": stage,
                "config_hash": key,
                "status": state,
                "seconds": seconds(what),
            }
            table.append(row | asdict(what))
    return table


def seconds_on(cores: int, counted: Sequence[Stage]) -> float:
    """Return the estimated seconds of all runs left: training uses all cores, benchmarks one."""
    benchmarks = sum(stage.to_take for stage in counted if stage.name == BENCHMARKS)
    return benchmarks + (counted[-1].to_take - benchmarks) / cores


def about(seconds: float) -> str:
    """Return a duration in a suitable unit: "40 s", "12 min", "1 h 40 min"."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def table(counted: Sequence[Stage], *, left: bool = True) -> Table:
    """Return the stages as a table, with or without the runs left."""
    columns = [
        "stage",
        "finished",
        "collapsed",
        "diverged",
        "failed",
        "took",
        *(["left", "about"] if left else []),
    ]
    result = Table(box=None, pad_edge=False)
    for column in columns:
        result.add_column(column, justify="left" if column == "stage" else "right")
    for stage in counted:
        took = "–" if stage.took is None else about(stage.took)
        counts = (stage.finished, stage.collapsed, stage.diverged, stage.failed)
        row = [stage.name, *(f"{count:,}" for count in counts), took]
        row += [f"{stage.left:,}", about(stage.to_take) if stage.left else "–"] if left else []
        bold = "bold" if stage.name == TOTAL else None
        result.add_row(*row, style="red" if stage.failed and not bold else bold)
    return result


def measured(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return names and values that describe the runs measured last."""
    e, when = snapshot.environment, snapshot.runs["finished_at"]
    device = "" if e["device"] == "cpu" else f", {e['device']}"
    others = len(snapshot.other_environments)
    return [
        ("machine", f"{e['processor']}, {e['cores']} cores{device}"),
        ("commit", str(e["commit_hash"])),
        ("data set", str(e["dataset"])),
        ("profile", snapshot.profile),
        ("measured", f"{len(snapshot.runs):,} runs, {when.min()} to {when.max()}"),
        *([("others", f"{others} older, of other environments or profiles")] if others else []),
    ]


def differing(snapshot: Snapshot, here: Environment, profile: str) -> list[str]:
    """Return the fields in which a stored environment and profile differ from these; the commit may."""
    fields = {k: v for k, v in asdict(here).items() if k != "commit_hash"}  # the source's hash is compared
    names = [name for name, value in fields.items() if snapshot.environment[name] != value]
    return [*names, *(["profile"] if snapshot.profile != profile else [])]


def cases(snapshot: Snapshot) -> list[BenchmarkCase]:
    """Return the benchmarks that a snapshot contains."""
    runs = snapshot.runs[snapshot.runs["kind"] == "timing"]
    return [
        BenchmarkCase(
            r["task"], r["subject"], r["implementation"], r["input"], int(r["size"]), int(r["seed"])
        )
        for _, r in runs.iterrows()
    ]
