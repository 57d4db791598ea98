"""How often the verdict on a candidate tells ReLU from itself, and finds a ReLU that was made worse.

The arms are ReLU's own runs and those of the controls, which are ReLU under other seeds. Each is put to the
others as `bench verdict` puts a candidate to its baselines, with the same looks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, combinations

from bench.records.names import BASELINES, CONTROLS
from bench.statistics.effects import Grid
from bench.statistics.rates import Rate, rate
from bench.statistics.standing import (
    BETTER,
    EQUIVALENCE_MARGIN,
    EQUIVALENT_LOSSES,
    LEVEL,
    UNDECIDED,
    WORSE,
    Arena,
    first_seeds,
    looks_of,
    stand,
)
from bench.statistics.training_runs import EARLY, LAST, grids
from bench.store import Snapshot

ARMS = (BASELINES[0], *CONTROLS)
PLANTED = (1.5, 3.0)  # margins by which an arm is made worse


def verdict(candidate: Grid, baseline: Grid, planned: int, relative: bool) -> str:
    """Return the word at the first look at which the comparison is decided, else that of the last look."""
    word = UNDECIDED
    for look in looks_of(planned):
        if look > min(len(candidate.seeds), len(baseline.seeds)):
            break
        (found,) = stand(first_seeds(candidate, look), {"": baseline}, planned, relative=relative)
        word = found.word
        if word != UNDECIDED:
            break
    return word


def worsened(arm: Grid, margins: float, relative: bool) -> Grid:
    """Return an arm with less accuracy, or more loss, by so many margins, in every block of test images."""
    if relative:
        return replace(arm, test=arm.test * (1 + margins * EQUIVALENT_LOSSES))
    return replace(arm, test=arm.test - margins * EQUIVALENCE_MARGIN)


def words(snapshot: Snapshot, arena: Arena, margins: float = 0.0) -> Iterator[str]:
    """Yield the verdict on each arm, made worse, against each other one, early and at the end."""
    for horizon in (EARLY, LAST):
        sides, losses = grids(snapshot, arena.fields, arena.by, ARMS, horizon)
        for a, b in combinations(sides, 2):
            yield verdict(worsened(sides[a], margins, losses), sides[b], arena.seeds, losses)


def alarms(snapshot: Snapshot, arenas: Iterable[Arena]) -> list[Rate]:
    """Return how often arms are told apart in all arenas, and by arena, level, and worse where made so.

    Arenas in which fewer than two arms were trained are left out.
    """
    found = {arena: its for arena in arenas if (its := list(words(snapshot, arena)))}
    if not found:
        return []
    rates = [_told("all networks", list(chain.from_iterable(found.values())))]
    for arena, its in found.items():
        rates.append(_told(arena.words, its))
        rates.append(rate(f"{arena.words}: level with itself", its.count(LEVEL), len(its)))
        for margins in PLANTED:
            worse = list(words(snapshot, arena, margins)).count(WORSE)
            rates.append(rate(f"{arena.words}: called worse by {margins:g} margins", worse, len(its)))
    return rates


def _told(name: str, found: Sequence[str]) -> Rate:
    """Return how often a verdict told an arm from another one."""
    return rate(f"{name}: told from itself", sum(word in (BETTER, WORSE) for word in found), len(found))
