"""What of a profile is in the store, what is missing, and about how long that would take."""

import contextlib
import io
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pytest
from rich.table import Table

from bench.experiments.catalog import Plan
from bench.experiments.selection import scored
from bench.experiments.workloads import convergence
from bench.experiments.workloads.synthetic import SYNTHETIC
from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, ConformanceCheck, RunConfig
from bench.runner.benchmarks import suites
from bench.runner.pytest_plugin import Collector
from bench.store.database import Snapshot

BENCHMARKS, TOTAL = "benchmarks", "all"


@dataclass(frozen=True)
class Part:
    """A part of a profile: how its runs ended, how many are left, and the seconds on one core of either.

    left: runs that are missing or failed, which the next run makes. took: None where no run says.
    """

    name: str
    finished: int
    diverged: int
    failed: int
    left: int
    took: float | None
    to_take: float


def benchmarks(device: str, own: Mapping[str, Sequence[str]]) -> tuple[BenchmarkCase, ...]:
    """Every benchmark that there is, those of a user's own candidates with them; none of them is run."""
    collector = Collector()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = pytest.main([*suites(device, own), "--collect-only", "-q"], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise ValueError(f"the benchmarks cannot be collected: {said.getvalue()[-500:]}")
    return collector.found


def parts(
    snapshot: Snapshot | None,
    plans: Sequence[Plan],
    others: Sequence[RunConfig],
    timings: Collection[BenchmarkCase],
    seconds: Callable[[RunConfig | BenchmarkCase], float],
) -> list[Part]:
    """Every part of a profile in the order of running, and last all, where what parts share counts once.

    snapshot: of this environment and profile. timings: the benchmarks that are wanted.
    """
    groups: dict[str, Iterable[RunConfig | BenchmarkCase]] = {
        BENCHMARKS: timings,
        "conformance": [config for config in others if isinstance(config, ConformanceCheck)],
        "convergence": [config for config in others if config.task == convergence.TASK],
        "synthetic": [config for config in others if config.task in SYNTHETIC],
        **{plan.name: _cells(snapshot, plan) for plan in plans},
    }
    wanted = {name: {what.config_hash: what for what in group} for name, group in groups.items()}
    status, took = _stored(snapshot)

    def part(name: str, runs: dict[str, RunConfig | BenchmarkCase]) -> Part:
        ended = [status.get(key, "missing") for key in runs]
        open_ = [what for key, what in runs.items() if status.get(key) not in ("finished", "diverged")]
        times = [took[key] for key in runs if key in took]
        return Part(
            name,
            finished=ended.count("finished"),
            diverged=ended.count("diverged"),
            failed=ended.count("failed"),
            left=len(open_),
            took=sum(times) if times else None,
            to_take=sum(map(seconds, open_)),
        )

    found = [part(name, runs) for name, runs in wanted.items() if runs]
    return [*found, part(TOTAL, {key: what for runs in wanted.values() for key, what in runs.items()})]


def _cells(snapshot: Snapshot | None, plan: Plan) -> list[RunConfig]:
    """The cells of an experiment, a rate that is not chosen yet as 0."""
    tuning = [config for _, config in plan.tuning()]
    if snapshot is None:
        return [*tuning, *plan.final(dict.fromkeys(range(len(plan.candidates)), 0.0))]
    done = set(snapshot.runs.loc[snapshot.runs["status"] != "failed", "key"])
    return [*tuning, *scored(snapshot, plan, complete=all(config.config_hash in done for config in tuning))]


def _stored(snapshot: Snapshot | None) -> tuple[dict[str, str], dict[str, float]]:
    """How each run ended and how long it took, by its key."""
    if snapshot is None:
        return {}, {}
    status = dict(zip(snapshot.runs["key"], snapshot.runs["status"], strict=True))
    m = snapshot.measurements
    m = m[m["metric"] == "run_seconds"]
    return status, dict(zip(m["key"].astype(str), m["value"].astype(float), strict=True))


def seconds_on(cores: int, found: Sequence[Part]) -> float:
    """What all that is left takes on so many cores: training is spread over them, benchmarks are not."""
    alone = sum(part.to_take for part in found if part.name == BENCHMARKS)
    return alone + (found[-1].to_take - alone) / cores


def about(seconds: float) -> str:
    """A duration in the unit that suits it: "40 s", "12 min", "1 h 40 min"."""
    minutes = round(seconds / 60)
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def table(found: Sequence[Part], *, left: bool = True) -> Table:
    """The parts as a table; without what is left where that is of no interest."""
    columns = ["part", "finished", "diverged", "failed", "took", *(["left", "about"] if left else [])]
    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="left" if column == "part" else "right")
    for part in found:
        took = "–" if part.took is None else about(part.took)
        row = [part.name, f"{part.finished:,}", f"{part.diverged:,}", f"{part.failed:,}", took]
        row += [f"{part.left:,}", about(part.to_take) if part.left else "–"] if left else []
        bold = "bold" if part.name == TOTAL else None
        made.add_row(*row, style="red" if part.failed and not bold else bold)
    return made


def measured(snapshot: Snapshot) -> list[tuple[str, str]]:
    """What is in a store, as names and values: where, of what and when it was measured last."""
    e, when = snapshot.environment, snapshot.runs["finished_at"]
    device = "" if e["device"] == "cpu" else f", {e['device']}"
    besides = len(snapshot.other_environments)
    return [
        ("machine", f"{e['processor']}, {e['cores']} cores{device}"),
        ("commit", str(e["commit_hash"])),
        ("data set", str(e["dataset"])),
        ("profile", snapshot.profile),
        ("measured", f"{len(snapshot.runs):,} runs, {when.min()} to {when.max()}"),
        *([("besides", f"{besides} older of other surroundings or profiles")] if besides else []),
    ]


def differing(snapshot: Snapshot, here: Environment, profile: str) -> list[str]:
    """In what a stored environment and profile are others than these, so that its runs do not count here."""
    fields = {k: v for k, v in asdict(here).items() if k != "commit_hash"}  # the source's hash says it better
    found = [name for name, value in fields.items() if snapshot.environment[name] != value]
    return [*found, *(["profile"] if snapshot.profile != profile else [])]


def timings(snapshot: Snapshot) -> list[BenchmarkCase]:
    """The benchmarks that a snapshot has runs of."""
    runs = snapshot.runs[snapshot.runs["kind"] == "timing"]
    return [
        BenchmarkCase(r["task"], r["subject"], r["implementation"], r["input"], int(r["size"]))
        for _, r in runs.iterrows()
    ]
