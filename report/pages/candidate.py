"""A section for every custom candidate: its conformance checks, its cost, and its results in networks."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records.candidate_names import is_custom, parse
from bench.records.names import CONVOLUTIONS, PASSES
from bench.statistics import CONFIDENCE, FEWEST_ROUNDS, mean_time
from bench.statistics.training_runs import NETWORKS, OPTIMIZED, scored, select
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import count, number
from report.document.labels import label, words
from report.document.page import Section
from report.document.phrases import NOT_MEASURED, SLOWER, listed, sentence, tally
from report.evidence import claims, comparisons, conformance
from report.evidence.comparisons import Comparison, Trained
from report.evidence.queries import BENCHMARK, timings
from report.evidence.verdicts import BETTER, better, effect, with_status

PASSED = {True: "passed", False: "failed", None: "not required"}


@dataclass(frozen=True)
class Kind:
    """A kind of candidate: how a store names it, and the baselines that it is compared with.

    column: of a training run, where one names it; times: the tasks that time it, with their labels;
    baselines: subject and implementation; check: the task of its conformance check; variable: of make.
    """

    name: str
    column: str
    times: Mapping[str, str]
    baselines: Sequence[tuple[str, str]]
    check: str
    variable: str


KINDS = (
    Kind(
        "activation",
        "activation",
        PASSES,
        (("relu", "impl"), ("gelu", "impl"), ("sgelu", "impl")),
        "activation_conformance",
        "ACTIVATION",
    ),
    Kind(
        "optimizer",
        "optimizer",
        {"optimizer_step": "a step"},
        (("sgd", "impl"), ("adam", "impl"), ("adam", "torch")),
        "optimizer_conformance",
        "OPTIMIZER",
    ),
    Kind(
        "convolution strategy",
        "",
        CONVOLUTIONS,
        (("unfold", "impl"), ("tiled", "impl"), ("native", "torch")),
        "convolution_conformance",
        "STRATEGY",
    ),
    Kind("network", "task", {}, (), "", "NETWORK"),
)


def custom_candidates(snapshot: Snapshot) -> list[tuple[Kind, str]]:
    """Return every custom candidate in a store, sorted by kind and name."""
    runs, candidates = snapshot.runs, []
    for kind in KINDS:
        names = runs[runs["task"].isin([*kind.times, kind.check])]["subject"]
        if kind.column:
            names = pd.concat([names, runs[kind.column]])
        candidates += [(kind, name) for name in sorted({str(n) for n in names.dropna() if is_custom(n)})]
    return candidates


def costs(snapshot: Snapshot, kind: Kind, name: str) -> list[Comparison]:
    """Compare the candidate's times with each baseline's, in every pass and on every input."""
    pairs = [((name, "impl"), baseline) for baseline in kind.baselines]
    return comparisons.times(kind.times, pairs, margin=0.0)(snapshot)


def _cost_rows(compared: Sequence[Comparison], kind: Kind) -> list[list[str]]:
    """Return a row for each pass and input with a cell for each baseline."""
    by = {(c.where, c.b): c for c in compared}
    return [
        [
            sentence(where),
            *(
                f"{effect(c)}, {SLOWER[c.effect.direction]}" if c else NOT_MEASURED
                for c in (by.get((where, " ".join(b))) for b in kind.baselines)
            ),
        ]
        for where in dict.fromkeys(c.where for c in compared)
    ]


def time_class(snapshot: Snapshot, kind: Kind, name: str) -> str | None:
    """Return the baselines between which the candidate's time lies; None unless all passes were timed.

    The time is the sum of the times of all passes on the largest inputs.
    """
    measured = timings(snapshot).items()
    times = pd.Series({key: mean_time(s).value for key, s in measured if key[0] in kind.times}, dtype=float)
    if times.empty or set(times.index.get_level_values(0)) != set(kind.times):
        return None
    times.index.names = BENCHMARK
    frame = times.rename("seconds").reset_index()
    frame = frame[frame["size"] == frame.groupby("task")["size"].transform("max")]
    passes = frame.set_index(["subject", "implementation", "task", "input"])["seconds"].unstack(
        ["task", "input"]
    )
    sums = passes.dropna().sum(axis=1)
    known = sums.reindex([b for b in kind.baselines if b in sums.index]).sort_values()
    if (name, "impl") not in sums.index or known.empty:
        return None
    below = [words(" ".join(b)) for b in known.index[known <= sums[name, "impl"]]]
    above = [words(" ".join(b)) for b in known.index[known > sums[name, "impl"]]]
    if below and above:
        return f"between {below[-1]} and {above[0]}"
    return f"above {below[-1]}" if below else f"below {above[0]}"


def networks(snapshot: Snapshot, kind: Kind, name: str) -> list[tuple[str, Comparison]]:
    """Return the candidate's comparisons in trained networks, each with its network.

    The intervals of a network cover all its comparisons together: of every activation with the baselines,
    or of an optimizer with every built-in one.
    """
    found: dict[str, Sequence[Comparison]] = {}
    if kind.column == "optimizer":
        found = {"classifier with batch norm": _against_optimizers(snapshot, name)}
    elif kind.column == "task":
        found = {label_of(name): comparisons.exploratory(name, None)(snapshot)}
    elif kind.column == "activation":
        found = {network: claims.explored(snapshot, network) for network in NETWORKS}
        for network in sorted(filter(is_custom, snapshot.runs["task"].unique())):
            found[label_of(network)] = comparisons.exploratory(network, None)(snapshot)
        found = {network: [c for c in compared if c.a == name] for network, compared in found.items()}
    return [(network, comparison) for network, compared in found.items() for comparison in compared]


def label_of(name: str) -> str:
    """Return the attribute and arguments in a custom name."""
    parts = parse(name)
    return parts.label if parts else name


def scores(snapshot: Snapshot, network: str) -> list[list[str]]:
    """Return a row for each activation in a custom network: rate, seeds, and mean and deviation of scores."""
    frame = select(scored(snapshot), task=network)
    metric = "test_accuracy" if frame["test_accuracy"].notna().any() else "test_loss"
    rows = []
    for name, runs in frame.groupby("activation", sort=False):
        values = runs[metric].dropna()
        spread = f" ± {number(values.std())}" if len(values) > 1 else ""
        shown = f"{number(values.mean())}{spread}" if len(values) else NOT_MEASURED
        rate = number(float(runs["learning_rate"].iloc[0]))
        rows.append([label(str(name)), rate, count(len(values)), shown, number(runs["train_loss"].mean())])
    return rows


def pairing(snapshot: Snapshot, kind: Kind, name: str) -> tuple[int, int]:
    """Return the number of finished training runs of a candidate, and of those that were found paired."""
    runs = snapshot.runs
    if not kind.column:
        return 0, 0
    trained = runs[(runs[kind.column] == name) & (runs["status"] != "failed") & runs["loss"].notna()]
    m = snapshot.measurements
    return len(trained), int((m["run"].isin(trained["run"]) & (m["metric"] == "paired")).sum())


def _against_optimizers(snapshot: Snapshot, name: str) -> list[Comparison]:
    names = select(scored(snapshot), **OPTIMIZED)["optimizer"].astype(str).unique()
    pairs = [(name, other) for other in names if not is_custom(other)]
    return Trained(OPTIMIZED, "optimizer", pairs)(snapshot)


def failures(snapshot: Snapshot, kind: Kind, name: str) -> list[list[str]]:
    """Return rows: task and learning rate, status, number of runs, error."""
    runs = snapshot.runs
    chosen = runs["subject"] == name
    if kind.column:
        chosen |= runs[kind.column] == name
    failed = runs[chosen & (runs["status"] != "finished")]
    rates = [f", rate {rate:g}" if rate > 0 else "" for rate in failed["learning_rate"].astype(float)]
    groups = failed.assign(rate=rates).groupby(["task", "rate", "status", "error"], sort=False)
    return [
        [f"{str(task).replace('_', ' ')}{rate}", str(status), count(len(part)), str(error) or "no error"]
        for (task, rate, status, error), part in groups
    ]


def values(source: Source, kind: Kind, name: str) -> dict[str, Any]:
    """Return the values of one candidate's section, all from one source."""
    snapshot = source.snapshot
    checks = conformance.checked(snapshot, kind.check, name)
    cost, trained = costs(snapshot, kind, name), networks(snapshot, kind, name)
    seeds = sorted({comparison.effect.pairs for _, comparison in trained})
    parts = parse(name)
    assert parts is not None
    runs, paired = pairing(snapshot, kind, name)
    return {
        "source": source,
        "kind": kind.name,
        "attribute": parts.label,
        "file": parts.place,
        "digest": parts.digest,
        "dataset": str(snapshot.environment["dataset"]),
        "runs": count(runs),
        "paired": count(paired),
        "all_paired": bool(runs) and paired == runs,
        "scores": scores(snapshot, name) if kind.column == "task" else [],
        "checked": bool(kind.check),
        "timed": bool(kind.times),
        "checks": [[check, result, PASSED[passed]] for check, result, passed in checks],
        "failed": [check for check, _, passed in checks if passed is False],
        "costs": _cost_rows(cost, kind),
        "cost_columns": ["Pass and input", *(f"Over {words(' '.join(b))}" for b in kind.baselines)],
        "cost_tally": tally([c.effect.direction for c in cost], "slower", "faster") if cost else [],
        "time_class": time_class(snapshot, kind, name),
        "trains": bool(kind.column),
        "networks": [
            [
                f"{sentence(network)}{_of(kind, c)}, against {label(c.b)}",
                effect(c),
                count(c.effect.pairs),
                with_status(BETTER[better(c)], c),
            ]
            for network, c in trained
        ],
        "tally": tally([better(c) for _, c in trained], "better", "worse") if trained else [],
        "seeds": listed(count(n) for n in seeds[:1] + seeds[1:][-1:]) if seeds else "",
        "failures": failures(snapshot, kind, name),
        "confidence": CONFIDENCE,
        "fewest_rounds": FEWEST_ROUNDS,
        "command": f"make report {kind.variable}={shlex.quote(str(parts.unidentified))}",
        "anchor": f"custom-{source.id}-{hashlib.sha256(name.encode()).hexdigest()[:8]}",
    }


def _of(kind: Kind, comparison: Comparison) -> str:
    """Return the activation of a comparison in a custom network, where it is not the candidate itself."""
    return f", {label(comparison.a)}" if kind.column == "task" else ""


def sections(sources: Sequence[Source]) -> list[Section]:
    """Return a section for every custom candidate of every source."""
    return [_section(source, *one) for source in sources for one in custom_candidates(source.snapshot)]


def _section(source: Source, kind: Kind, name: str) -> Section:
    shown = values(source, kind, name)
    return Section(
        number=0,
        id=shown["anchor"],
        title=f"Custom {kind.name}: {shown['attribute']}",
        question=f"How good is the custom {kind.name} {label(name)}?",
        template="candidate.html.j2",
        values=shown,
    )


def findings(custom: Sequence[Section]) -> dict[str, str]:
    """Return each section's short answer for page 1, by the candidate's name."""
    return {f"{section.values['attribute']}": _finding(section.values) for section in custom}


def _finding(v: Mapping[str, Any]) -> str:
    checks, failed = len(v["checks"]), len(v["failed"])
    sentences = [f"A custom {v['kind']} [{v['source'].label}]."]
    if checks:
        sentences.append(f"{failed or 'None'} of {checks} conformance checks failed.")
    if v["timed"]:
        times = v["cost_tally"]
        sentences.append(f"By time it is {times[0]}." if times else f"Its time was {NOT_MEASURED}.")
    if v["trains"]:
        results = v["tally"]
        told = f"In trained networks it is {results[0]}." if results else ""
        sentences.append(told or f"Its results in networks were {NOT_MEASURED}.")
    return " ".join(sentences)
