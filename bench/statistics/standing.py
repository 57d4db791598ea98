"""Where a candidate stands against each baseline, early in training and at its end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bench.statistics.effects import Effect, Grid, effects
from bench.statistics.sequential import LOOKS, confidences
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, OPTIMIZED, grids, horizons_of, network
from bench.store import Snapshot

BETTER, WORSE, LEVEL, UNDECIDED = "better", "worse", "level", "undecided"
# Difference of test accuracy that counts as none, 0.2 percentage points: twenty of 10,000 test images, less
# than two trainings of one network under other seeds typically differ by.
EQUIVALENCE_MARGIN = 0.002
EQUIVALENT_LOSSES = 0.02  # ratio of losses minus one that counts as none


@dataclass(frozen=True, eq=False)
class Arena:
    """A comparison that a candidate can be put to.

    Attributes:
        experiment: Name of the experiment that holds the runs, see `bench.experiments.catalog`.
        words: Words for it.
        fields: Fields that all runs share.
        by: Column that tells the candidates apart.
        baselines: What a candidate is compared with.
        seeds: Number of seeds of the last look.
    """

    experiment: str
    words: str
    fields: Mapping[str, object]
    by: str
    baselines: tuple[str, ...]
    seeds: int


CLASSIFIER = "classifier with batch norm"
OPTIMIZERS = "optimizers on the classifier"
ARENAS = {
    arena.words: arena
    for arena in (
        *(
            Arena(task, words, network(task, batch_norm), "activation", baselines, seeds)
            for words, baselines, seeds in (
                (CLASSIFIER, ("relu", "gelu", "swish"), 20),
                ("classifier without batch norm", ("relu", "gelu", "swish"), 20),
                ("fully connected autoencoder", ("relu", "gelu", "swish"), 10),
                ("GELU paper's classifier", ("relu", "gelu", "swish"), 10),
                ("convolutional autoencoder", ("relu", "gelu"), 10),
            )
            for task, batch_norm in [NETWORKS[words]]
        ),
        Arena(
            "optimizers",
            OPTIMIZERS,
            OPTIMIZED,
            "optimizer",
            ("adam", "momentum", "sgd"),
            10,
        ),
    )
}


@dataclass(frozen=True)
class Standing:
    """A candidate against one baseline at one horizon.

    Attributes:
        baseline: Name of the baseline.
        horizon: Index of the horizon.
        epochs: Epochs of the horizon.
        effect: Candidate minus baseline, or their ratio minus one; no limits before the first look.
        seeds: Number of seeds of the look, 0 before the first.
        planned: Number of seeds of the last look; `looks_of` has those before.
        confidence: Coverage of the interval, such that those of all looks cover together with 95 %.
    """

    baseline: str
    horizon: int
    epochs: float
    effect: Effect
    seeds: int
    planned: int
    confidence: float

    @property
    def margin(self) -> float:
        """Largest difference that counts as none."""
        return EQUIVALENT_LOSSES if self.effect.relative else EQUIVALENCE_MARGIN

    @property
    def word(self) -> str:
        """BETTER, WORSE, LEVEL where the whole interval lies within the margin, or UNDECIDED."""
        its = self.effect
        if not self.seeds or its.reason:
            return UNDECIDED
        if -self.margin < its.low and its.high < self.margin:
            return LEVEL
        direction = its.direction * (-1 if its.relative else 1)
        return {1: BETTER, -1: WORSE, 0: UNDECIDED}[direction]


def looks_of(planned: int) -> tuple[int, ...]:
    """Return the numbers of seeds at which a verdict is looked at.

    Example:
        >>> looks_of(20), looks_of(10), looks_of(4)
        ((6, 12, 20), (6, 10), (4,))
    """
    return (*(look for look in LOOKS if look < planned), planned)


def stand(
    candidate: Grid,
    baselines: Mapping[str, Grid],
    planned: int,
    *,
    relative: bool,
    horizon: int = LAST,
    epochs: float = math.nan,
) -> list[Standing]:
    """Return where a candidate stands at the last look that its seeds reach.

    Args:
        candidate: Its runs.
        baselines: Runs of each baseline.
        planned: Number of seeds of the last look.
        relative: Whether results are losses.
        horizon: Index of the horizon of these runs.
        epochs: Epochs of the horizon.
    """
    looks = looks_of(planned)
    reached = [look for look in looks if look <= len(candidate.seeds)]
    seeds = reached[-1] if reached else 0
    level = confidences(looks)[max(0, len(reached) - 1)]
    its = first_seeds(candidate, seeds or len(candidate.seeds))
    found = effects([(its, side) for side in baselines.values()], relative=relative, confidence=level)
    return [
        Standing(name, horizon, epochs, effect, seeds, planned, level)
        for name, effect in zip(baselines, found, strict=True)
    ]


@lru_cache(maxsize=64)
def standings(
    snapshot: Snapshot, arena: Arena, candidate: str, horizons: Sequence[int] = (EARLY, LAST)
) -> tuple[Standing, ...]:
    """Return where a candidate stands against each baseline that was run, at each horizon.

    The intervals of a horizon cover together over the baselines and over the looks.

    Args:
        snapshot: Runs of the candidate and of the baselines.
        arena: What it is compared in.
        candidate: Its name.
        horizons: Indices of the horizons.
    """
    found: list[Standing] = []
    for horizon in horizons:
        sides, losses = grids(snapshot, arena.fields, arena.by, (candidate, *arena.baselines), horizon)
        its = sides.pop(candidate, None)
        if its is None or not sides:
            continue
        epochs = horizons_of(snapshot, str(arena.fields["task"]))[horizon]
        found += stand(its, sides, arena.seeds, relative=losses, horizon=horizon, epochs=epochs)
    return tuple(found)


def first_seeds(grid: Grid, seeds: int) -> Grid:
    """Return the runs of the first seeds of a grid."""
    return replace(
        grid,
        seeds=grid.seeds[:seeds],
        validation=grid.validation[:, :seeds],
        test=grid.test[:, :seeds],
    )
