"""Calibration of `effects` on simulated training runs with known effects.

`python -m bench.statistics.simulation` estimates the deviations of the reference's runs and writes
results/verdict_calibration.json. Each cell is saved before the next begins, so that an interrupted
calibration resumes.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from bench.records.names import CONTROLS
from bench.statistics import training_runs
from bench.statistics.components import Components, components_of
from bench.statistics.effects import Floats, Grid, chosen, effects
from bench.statistics.paired import CONFIDENCE
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, network
from bench.store import REFERENCE, Snapshot, existing

STORE = Path("results/verdict_calibration.json")
TUNING_SEEDS = 3  # of the paired t-test, whose rate other runs chose
FAMILIES = 1000  # of several comparisons; twice as many of one, of which half are controls


@dataclass(frozen=True)
class Workload:
    """A kind of training result.

    Attributes:
        name: Key of SIMULATED.
        components: Its standard deviations, as they are in the reference.
        relative: Whether results are losses, compared as ratios.
        effect: True difference of which the power is computed; a log ratio if relative.
        blocks: Number of blocks of test images.
        held_out: Number of blocks of held-out images.
    """

    name: str
    components: Components
    relative: bool
    effect: float
    blocks: int = 100
    held_out: int = 50


# What is simulated: a network, its horizon, and the true effect of which the power is computed.
SIMULATED = {
    "classifier, early": ("classifier with batch norm", EARLY, 0.3),
    "classifier, end": ("classifier with batch norm", LAST, 0.3),
    "autoencoder, early": ("convolutional autoencoder", EARLY, math.log(1.1)),
    "autoencoder, end": ("convolutional autoencoder", LAST, math.log(1.1)),
}
ARMS = ("relu", "gelu", "sgelu", "ada_sgelu", *CONTROLS)  # whose runs the components are estimated from
TAIL, TAIL_SCALE = 0.1, 3.0  # of losses: one seed in ten deviates three times as far
SEEDS = (5, 10, 20)
COMPARISONS = (1, 4, 12)


@dataclass(frozen=True)
class Count:
    """Hits among cases, with Wilson's interval (1927)."""

    hits: int
    cases: int

    @property
    def share(self) -> float:
        """Hits per case."""
        return self.hits / self.cases

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        found = stats.binomtest(self.hits, self.cases).proportion_ci(CONFIDENCE, method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Rule:
    """How often a rule was right.

    Attributes:
        covered: Families of which all intervals contain the true effects.
        covered_singly: Comparisons whose interval, not widened for the family, contains the true effect.
        detected: Comparisons with a true effect and a verdict in its direction.
        false: Control comparisons, whose true effect is zero, with a verdict.
        false_families: Families with a verdict on a control comparison.
        width: Mean half width of the simultaneous intervals.
    """

    covered: Count
    covered_singly: Count
    detected: Count
    false: Count
    false_families: Count
    width: float


@dataclass(frozen=True)
class Cell:
    """Result of simulated families.

    Attributes:
        workload: Name of the workload.
        seeds: Number of seeds.
        comparisons: Number of comparisons in a family.
        families: Number of families.
        resamples: Number of resamples of `effects`.
        effects: The rule of `effects`.
        paired_t: Paired t-test over seeds at the rate that three other seeds chose: Holm's correction for
            verdicts, Bonferroni's for simultaneous intervals.
        lost: Mean expected loss by the chosen rate: of the candidates and of the baseline.
    """

    workload: str
    seeds: int
    comparisons: int
    families: int
    resamples: int
    effects: Rule
    paired_t: Rule
    lost: tuple[float, float]

    @property
    def key(self) -> tuple[str, int, int]:
        """What identifies the cell."""
        return self.workload, self.seeds, self.comparisons


def adjusted(p: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979), as the former verdicts were; NaN stay NaN.

    The k-th smallest of m is multiplied by m + 1 - k and is no smaller than the one before it.
    """
    values = np.array(p, dtype=float)
    order = np.argsort(values)[: np.count_nonzero(~np.isnan(values))]  # NaN are sorted last
    stepped = np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1))
    values[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in values]


def simulate(
    workload: Workload, seeds: int, true: Floats, rng: np.random.Generator
) -> tuple[list[Grid], Floats]:
    """Return simulated runs of candidates with true results.

    Args:
        workload: Kind of result.
        seeds: Number of seeds S.
        true: Expected result at the best rate, larger is better, (C,).
        rng: Generator.

    Returns:
        A grid for each candidate, and the expected loss by each of its rates, (C, R), in random order.
    """
    c, n, count, blocks = workload.components, seeds, len(true), workload.blocks
    rates = rng.permuted(np.tile(c.rates, (count, 1)), axis=1)
    tails = np.where(rng.random((count, 1, n)) < c.tail, c.tail_scale, 1.0)
    run = (
        true[:, None, None]
        - rates[:, :, None]
        + c.shared_seed * rng.standard_normal((1, 1, n))
        + c.seed * tails * rng.standard_normal((count, 1, n))
        + c.seed_rate * rng.standard_normal((count, rates.shape[1], n))
    )
    validation = (
        run
        + c.rate_image / np.sqrt(workload.held_out) * rng.standard_normal((*rates.shape, 1))
        + c.validation * rng.standard_normal(run.shape)
    )
    images = (
        c.shared_image * rng.standard_normal(blocks)
        + c.image * rng.standard_normal((count, 1, 1, blocks))
        + c.rate_image * rng.standard_normal((*rates.shape, 1, blocks))
    )
    test = run[..., None] + images + c.residual * rng.standard_normal((*run.shape, blocks))
    if workload.relative:
        test = np.exp(-test)
    numbers, steps = np.arange(n), np.arange(1.0, rates.shape[1] + 1)
    return [Grid(steps, numbers, v, t) for v, t in zip(validation, test, strict=True)], rates


def calibrate(
    workload: Workload, seeds: int, comparisons: int, families: Iterable[int], *, resamples: int = 400
) -> Cell:
    """Return how often the rules are right in simulated families.

    A family compares candidates with one baseline. Every second candidate is a control without a true effect;
    with one comparison, every second family.

    Args:
        workload: Kind of result.
        seeds: Number of seeds.
        comparisons: Number of candidates.
        families: Numbers of the families, which seed their random numbers.
        resamples: Number of resamples of `effects`.
    """
    sign = -1 if workload.relative else 1  # of a loss
    outcomes: dict[str, list[Floats]] = {"effects": [], "paired_t": []}
    truths, lost = [], []
    numbers = list(families)
    for number in numbers:
        rng = np.random.default_rng([list(SIMULATED).index(workload.name), seeds, comparisons, number])
        true = np.where((np.arange(comparisons) + number) % 2, workload.effect, 0.0)
        grids, losses = simulate(workload, seeds + TUNING_SEEDS, np.append(true, 0.0), rng)
        tuning = [_seeds(grid, slice(seeds, None)) for grid in grids]
        grids = [_seeds(grid, slice(seeds)) for grid in grids]
        truths.append(sign * true)
        lost.append([loss[chosen(grid)].mean() for loss, grid in zip(losses, grids, strict=True)])
        outcomes["effects"].append(_by_effects(grids, workload, resamples, number))
        outcomes["paired_t"].append(_by_paired_t(grids, tuning, workload))
    rules = {name: _rule(np.array(truths), np.array(found)) for name, found in outcomes.items()}
    loss = np.array(lost)
    return Cell(
        workload.name, seeds, comparisons, len(numbers), resamples, **rules,
        lost=(float(loss[:, :-1].mean()), float(loss[:, -1].mean())),
    )  # fmt: skip


def _seeds(grid: Grid, part: slice) -> Grid:
    """Return some seeds of a grid."""
    return Grid(grid.rates, grid.seeds[part], grid.validation[:, part], grid.test[:, part])


def _by_effects(grids: Sequence[Grid], workload: Workload, resamples: int, seed: int) -> Floats:
    """Return middle, half width singly, half width simultaneously and verdict of each comparison, (4, C)."""
    found = effects(
        [(grid, grids[-1]) for grid in grids[:-1]],
        relative=workload.relative,
        held_out=workload.held_out / workload.blocks,
        seed=seed,
        resamples=resamples,
    )
    low, high, verdict, error, freedom = np.array(
        [(e.low, e.high, e.direction, e.error, e.freedom) for e in found]
    ).T
    if workload.relative:
        low, high = np.log1p(low), np.log1p(high)
    return np.array(
        [(low + high) / 2, stats.t.isf((1 - CONFIDENCE) / 2, freedom) * error, (high - low) / 2, verdict]
    )


def _by_paired_t(grids: Sequence[Grid], tuning: Sequence[Grid], workload: Workload) -> Floats:
    """Return the same of paired t-tests at the rates that `tuning` chose."""
    at_rate = [
        g.test[t.validation.mean(axis=1).argmax()].mean(axis=1) for g, t in zip(grids, tuning, strict=True)
    ]
    runs = np.log(at_rate) if workload.relative else np.array(at_rate)
    d = runs[:-1] - runs[-1]  # (C, S)
    n, middle = d.shape[1], d.mean(axis=1)
    error = d.std(axis=1, ddof=1) / np.sqrt(n)
    p = np.array(adjusted([float(v) for v in 2 * stats.t.sf(np.abs(middle / error), n - 1)]))
    alone, together = (stats.t.isf((1 - CONFIDENCE) / 2 / m, n - 1) * error for m in (1, len(d)))
    return np.array([middle, alone, together, np.sign(middle) * (p < 1 - CONFIDENCE)])


def _rule(truth: Floats, found: Floats) -> Rule:
    """Return how often a rule was right, for truths (F, C) and results (F, 4, C)."""
    middle, alone, together, verdict = found.transpose(1, 0, 2)
    error, control = np.abs(middle - truth), truth == 0
    right = verdict[~control] == np.sign(truth[~control])
    false = (verdict != 0) & control

    def count(hits: np.ndarray) -> Count:
        return Count(int(hits.sum()), hits.size)

    return Rule(
        covered=count((error <= together).all(axis=1)),
        covered_singly=count(error <= alone),
        detected=count(right),
        false=count(false[control]),
        false_families=count(false.any(axis=1)[control.any(axis=1)]),
        width=float(together.mean()),
    )


def load(store: Path = STORE) -> tuple[dict[str, Workload], list[Cell]]:
    """Return the workloads by name and the cells in a file, none if it is missing.

    Raises:
        ValueError: If the file is damaged.
    """
    if not store.exists():
        return {}, []
    try:
        found = json.loads(store.read_text("utf-8"))
        return {row["name"]: _workload(row) for row in found["workloads"]}, [_cell(c) for c in found["cells"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"Invalid calibration {store}: {error!r}. Remove or restore the file.") from error


def _workload(row: dict[str, Any]) -> Workload:
    """Return a workload from its JSON."""
    components = {**row["components"], "rates": tuple(row["components"]["rates"])}
    return Workload(**{**row, "components": Components(**components)})


def _cell(row: dict[str, Any]) -> Cell:
    """Return a cell from its JSON."""
    rules = {}
    for name in ("effects", "paired_t"):
        values: dict[str, Any] = {k: Count(**v) if isinstance(v, dict) else v for k, v in row[name].items()}
        rules[name] = Rule(**values)
    return Cell(**{**row, **rules, "lost": tuple(row["lost"])})


def _save(store: Path, workloads: Iterable[Workload], cells: Iterable[Cell]) -> None:
    """Replace the file, so that it is complete at any time."""
    store.parent.mkdir(parents=True, exist_ok=True)
    fresh = store.with_suffix(".fresh")
    content = {
        "workloads": [asdict(workload) for workload in workloads],
        "cells": [asdict(cell) for cell in cells],
    }
    fresh.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    fresh.replace(store)


def plan() -> list[tuple[str, int, int]]:
    """Return the keys of all cells."""
    return [(name, n, m) for name in SIMULATED for n in SEEDS for m in COMPARISONS]


def table(cells: Iterable[Cell]) -> str:
    """Return the cells as a Markdown table, in per cent."""
    names = (
        "workload", "seeds", "comparisons", "coverage", "single", "power", "false alarms (interval)",
        "*t*: coverage", "*t*: single", "*t*: power", "*t*: false alarms",
    )  # fmt: skip
    lines = [names, ["---", *["---:"] * (len(names) - 1)]]
    for cell in cells:
        low, high = cell.effects.false.interval
        ours, theirs = (
            [f"{100 * count.share:.1f}" for count in (r.covered, r.covered_singly, r.detected, r.false)]
            for r in (cell.effects, cell.paired_t)
        )
        ours[-1] += f" ({100 * low:.1f} to {100 * high:.1f})"
        lines.append([cell.workload, str(cell.seeds), str(cell.comparisons), *ours, *theirs])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def reference() -> dict[str, Workload]:
    """Return the workloads of the committed reference."""
    return workloads_of(existing(REFERENCE))


def workloads_of(snapshot: Snapshot) -> dict[str, Workload]:
    """Return the workloads by name, with the deviations of a store's runs.

    Deviations are rounded, because another machine's last digits differ.
    """
    found = {}
    for name, (words, horizon, effect) in SIMULATED.items():
        arms, losses = training_runs.grids(snapshot, network(*NETWORKS[words]), "activation", ARMS, horizon)
        unit = 1.0 if losses else 100.0  # points
        scaled = [replace(g, validation=unit * g.validation, test=unit * g.test) for g in arms.values()]
        found[name] = Workload(name, _rounded(components_of(scaled, relative=losses), losses), losses, effect)
    return found


def _rounded(components: Components, heavy: bool) -> Components:
    """Return deviations with four decimals, and with heavy tails, which are not estimated."""
    values = {name: np.round(value, 4).tolist() for name, value in asdict(components).items()}
    tails = {"tail": TAIL, "tail_scale": TAIL_SCALE} if heavy else {}
    return Components(**{**values, "rates": tuple(values["rates"]), **tails})


def main(store: Path = STORE) -> None:
    """Simulate the cells that are missing in the file and print all as a table.

    Raises:
        ValueError: If the file is damaged or of another reference.
    """
    workloads = reference()
    stored, cells = load(store)
    if stored not in ({}, workloads):
        raise ValueError(f"Invalid calibration {store}: it is of other runs. Remove it to calibrate again.")
    known = {cell.key for cell in cells}
    for name, seeds, comparisons in plan():
        if (name, seeds, comparisons) not in known:
            families = FAMILIES * (2 if comparisons == 1 else 1)
            print(f"{name}, {seeds} seeds, {comparisons} comparisons: {families} families", flush=True)
            cells.append(calibrate(workloads[name], seeds, comparisons, range(families)))
            _save(store, workloads.values(), cells)
    print(table(cells))


if __name__ == "__main__":
    main()
