"""A page for every candidate of a user's own: whether it is sound, what it costs, where it is better."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.records.names import CONVOLUTIONS, PASSES
from bench.statistics import CONFIDENCE
from bench.store import Snapshot
from report.document.answer import Source
from report.document.formats import count
from report.document.page import Section
from report.document.phrases import listed, tally
from report.evidence import claims, verdicts
from report.evidence import comparisons as cases
from report.evidence import conformance as conformance
from report.evidence.claims import NOT_MEASURED
from report.evidence.comparisons import Case
from report.evidence.queries import is_custom, label
from report.evidence.training_runs import select, tested

Judged = list[tuple[Case, float, int]]
# The families of comparisons that an activation is part of, each with what it was trained on.
NETWORKS = (*verdicts.TASKS, *(name for name in claims.FAMILIES if name.endswith(", one rate")))


@dataclass(frozen=True)
class Kind:
    """How a kind of candidate is found in a store, and what it is measured beside.

    column: of a training run, where one names it; times: the tasks that time it, in words; baselines: subject
    and implementation; check: the task of its conformance; variable: of make, which brings it.
    """

    word: str
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
)


def resolve(snapshot: Snapshot) -> list[tuple[Kind, str]]:
    """Every candidate of a user's own in a store, in the order of kinds and names.

    Its name has a colon, `path/to/file.py:Name@hash`, which no name of a table has.
    """
    runs, found = snapshot.runs, []
    for kind in KINDS:
        names = runs[runs["task"].isin([*kind.times, kind.check])]["subject"]
        if kind.column:
            names = pd.concat([names, runs[kind.column]])
        found += [(kind, name) for name in sorted({str(n) for n in names.dropna() if is_custom(n)})]
    return found


def costs(snapshot: Snapshot, kind: Kind, name: str) -> Judged:
    """The candidate's times over each baseline's, in every pass and on every input, corrected together."""
    return claims.judge(cases.times(kind.times, [((name, "impl"), b) for b in kind.baselines])(snapshot))


def _cost_rows(found: Judged, kind: Kind, name: str) -> list[list[str]]:
    """A row a pass and input, a cell a baseline."""
    by = {(case.where, case.b): (case, side) for case, _, side in found}
    words = {1: "slower", -1: "faster", 0: "undecided"}
    return [
        [
            where[0].upper() + where[1:],
            *(
                f"{verdicts.effect(at[0])}, {words[at[1]]}" if at else NOT_MEASURED
                for at in (by.get((where, " ".join(b))) for b in kind.baselines)
            ),
        ]
        for where in dict.fromkeys(case.where for case, _, _ in found)
    ]


def time_class(snapshot: Snapshot, kind: Kind, name: str) -> str | None:
    """Between which of the baselines it stands by the sum of its median times on the largest inputs.

    Of all passes, so that one that was not timed in all of them has no place; None without a place.
    """
    m = snapshot.measurements
    m = m[m["task"].isin(kind.times) & (m["metric"] == "seconds")]
    m = m[m["size"] == m.groupby("task", observed=True)["size"].transform("max")]
    keys = ["subject", "implementation", "task", "input"]
    medians = m.groupby(keys, observed=True)["value"].median().unstack(["task", "input"])
    if set(medians.columns.get_level_values("task")) != set(kind.times):
        return None
    sums = medians.dropna().sum(axis=1)
    known = sums.reindex([b for b in kind.baselines if b in sums.index]).sort_values()
    if (name, "impl") not in sums.index or known.empty:
        return None
    below = [verdicts.name(" ".join(b)) for b in known.index[known <= sums[name, "impl"]]]
    above = [verdicts.name(" ".join(b)) for b in known.index[known > sums[name, "impl"]]]
    if below and above:
        return f"between {below[-1]} and {above[0]}"
    return f"above {below[-1]}" if below else f"below {above[0]}"


def networks(snapshot: Snapshot, kind: Kind, name: str) -> list[tuple[str, Case, float, int]]:
    """Where it was trained: network, comparison, corrected p, and +1 where it is better, -1 where worse.

    An activation's comparisons are those of the claims' families, corrected for all of a family; an optimizer
    is compared with every rule of the table, corrected for these.
    """
    if kind.column == "optimizer":
        found = {"classifier with batch norm": claims.judge(list(_against_rules(snapshot, name)))}
    elif kind.column == "activation":
        judged = verdicts.judged(snapshot)
        found = {family: [at for at in judged[family] if at[0].a == name] for family in NETWORKS}
    else:
        return []
    return [
        (family, case, p, -side if case.comparison.relative else side)
        for family, judged_ in found.items()
        for case, p, side in judged_
    ]


def _against_rules(snapshot: Snapshot, name: str) -> list[Case]:
    frame = select(
        tested(snapshot), task="classifier", activation="relu", batch_norm=1, wrong_labels=0.0,
        loss="cross_entropy", initialization="torch",
    )  # fmt: skip
    candidates = cases.by_seed(frame, "optimizer")
    others = [other for other in candidates if not is_custom(other)]
    return [c for o in others for c in cases.pair(candidates, name, o, "test_accuracy", "points")]


def failures(snapshot: Snapshot, kind: Kind, name: str) -> list[list[str]]:
    """Rows: task and rate, what became of it, how many runs, and why."""
    runs = snapshot.runs
    own = runs["subject"] == name
    if kind.column:
        own |= runs[kind.column] == name
    bad = runs[own & (runs["status"] != "finished")]
    bad = bad.assign(
        rate=[f", rate {rate:g}" if rate > 0 else "" for rate in bad["learning_rate"].astype(float)]
    )
    return [
        [f"{str(task).replace('_', ' ')}{rate}", str(status), count(len(part)), str(error) or "no error"]
        for (task, rate, status, error), part in bad.groupby(["task", "rate", "status", "error"], sort=False)
    ]


def values(source: Source, kind: Kind, name: str) -> dict[str, Any]:
    """What the page of one candidate shows, all of one source."""
    snapshot = source.snapshot
    checked = conformance.checked(snapshot, kind.check, name)
    cost, trained = costs(snapshot, kind, name), networks(snapshot, kind, name)
    seeds = sorted({case.comparison.pairs for _, case, _, _ in trained})
    place, _, digest = name.partition("@")
    file, _, attribute = place.rpartition(":")
    words = {1: "better", -1: "worse", 0: "undecided"}
    return {
        "source": source,
        "kind": kind.word,
        "attribute": attribute,
        "file": file,
        "digest": digest,
        "checked": [
            [what, said, {True: "sound", False: "unsound", None: "no demand"}[sound]]
            for what, said, sound in checked
        ],
        "unsound": [what for what, _, sound in checked if sound is False],
        "costs": _cost_rows(cost, kind, name),
        "cost_columns": ["What", *(f"Over {verdicts.name(' '.join(b))}" for b in kind.baselines)],
        "cost_tally": tally([side for _, _, side in cost], "slower", "faster") if cost else "",
        "time_class": time_class(snapshot, kind, name),
        "trains": bool(kind.column),
        "networks": [
            [
                f"{family[0].upper()}{family[1:]}, against {label(case.b)}",
                verdicts.effect(case),
                count(case.comparison.pairs),
                verdicts.p_value(p),
                words[side] + (f"; {case.diverged} diverged" if case.diverged else ""),
            ]
            for family, case, p, side in trained
        ],
        "tally": tally([side for *_, side in trained], "better", "worse") if trained else "",
        "seeds": listed(count(n) for n in seeds[:1] + seeds[1:][-1:]) if seeds else "",
        "failures": failures(snapshot, kind, name),
        "confidence": CONFIDENCE,
        "command": f"make report {kind.variable}={place}",
        "anchor": f"own-{source.slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}",
    }


def sections(found: Sequence[Source], first: int) -> list[Section]:
    """A section for every candidate of a user's own in every source, numbered on from `first`."""
    made = [(source, kind, name) for source in found for kind, name in resolve(source.snapshot)]
    return [_section(number, *one) for number, one in enumerate(made, first)]


def _section(number: int, source: Source, kind: Kind, name: str) -> Section:
    shown = values(source, kind, name)
    return Section(
        number=number,
        slug=shown["anchor"],
        title=f"Your own: {shown['attribute']}",
        question=f"What is the {kind.word} {label(name)} worth?",
        template="own.html.j2",
        values=shown,
    )


def findings(own: Sequence[Section]) -> list[str]:
    """The short answer of each section in one line, for the summary."""
    return [_finding(section.values) for section in own]


def _finding(v: Mapping[str, Any]) -> str:
    checked, unsound = len(v["checked"]), len(v["unsound"])
    said = [
        f"{unsound} of {checked} checks came out unsound" if unsound else "no check came out unsound",
        f"by time {v['cost_tally']}" if v["cost_tally"] else f"its time {NOT_MEASURED}",
        f"in trained networks {v['tally']}" if v["tally"] else f"in trained networks {NOT_MEASURED}",
    ]
    told = said[0 if checked else 1 : 3 if v["trains"] else 2]
    source = v["source"]
    mark = f" ({source.mark})" if source.mark else ""
    return f"{v['attribute']}, the {v['kind']} of yours: {'; '.join(told)}{mark} [{source.label}]."
