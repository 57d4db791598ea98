"""The training runs of one experiment, as far as the scores of stored runs decide them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from bench.experiments.racing import MOST_EXTENSIONS, Scores, extensions, next_rate
from bench.experiments.workloads.registry import ADAPTIVE, BUILTINS, RATES, rates_of
from bench.records.candidate_names import is_custom
from bench.records.names import CONTROLS, DEFAULT_RATE
from bench.records.runs import RunConfig
from bench.statistics import survivors


@dataclass(frozen=True)
class Budget:
    """Size of one experiment in a profile.

    Attributes:
        seeds: Seeds of the rates that can win, of candidates that claims name.
        epochs: Passes over the training samples.
        samples: Training samples.
        first: Seeds of every rate.
        company: Seeds of other candidates, at every rate as far as `first` goes.
        controls: Number of control arms.
        tuned: Whether the grid of learning rates is tried, else only DEFAULT_RATE.
        batch_size: Samples per step.
    """

    seeds: int
    epochs: int
    samples: int
    first: int = 1
    company: int = 1
    controls: int = 1
    tuned: bool = True
    batch_size: int = 128


@dataclass(frozen=True)
class Plan:
    """Runs of one experiment: its candidates at DEFAULT_RATE and seed 0, and its size.

    Custom optimizers are tried at `rates`, or at their own where there are none. Candidates whose activation
    is neither custom nor in `core` get the seeds of company.
    """

    name: str
    candidates: Sequence[RunConfig]
    budget: Budget
    rates: tuple[float, ...] = ()
    core: tuple[str, ...] = tuple(BUILTINS)

    def runs(self, held_out: Mapping[str, Scores], *, guess: bool = False) -> list[RunConfig]:
        """Return the runs of the experiment, as far as the held-out scores of stored runs decide them.

        Args:
            held_out: Scores of the stored runs by their hash, see `racing.held_out_scores`.
            guess: Whether candidates that are not decided yet go on with two rates, for estimates.
        """
        return list(chain.from_iterable(self._runs_of(c, held_out, guess) for c in self.candidates))

    def _runs_of(self, config: RunConfig, held_out: Mapping[str, Scores], guess: bool) -> Iterator[RunConfig]:
        seeds = self._seeds_of(config)
        rates = grid = self._grid_of(config)
        first = range(seeds if len(grid) == 1 else min(self.budget.first, seeds))
        while True:
            tried = {rate: [replace(config, learning_rate=rate, seed=s) for s in first] for rate in rates}
            if not all(run.config_hash in held_out for run in chain(*tried.values())):
                middle = len(rates) // 2
                going = list(rates[max(0, middle - 1) : middle + 1]) if guess else []
                break
            scores = np.array([[held_out[run.config_hash] for run in runs] for runs in tried.values()])
            longer = self._extended(config, rates, grid, scores)
            if longer == rates:
                going = [rate for rate, goes in zip(rates, survivors(scores), strict=True) if goes]
                break
            rates = longer
        yield from chain(*tried.values())
        for rate in going:
            yield from (replace(config, learning_rate=rate, seed=s) for s in range(len(first), seeds))

    def _seeds_of(self, config: RunConfig) -> int:
        """Return the seeds of a candidate at the rates that can win."""
        named = config.activation in (*self.core, *CONTROLS) or is_custom(config.activation)
        return self.budget.seeds if named else self.budget.company

    def _grid_of(self, config: RunConfig) -> tuple[float, ...]:
        """Return the learning rates that are tried first."""
        if not self.budget.tuned:
            return (DEFAULT_RATE,)
        custom = is_custom(config.optimizer)
        return self.rates if self.rates and custom else rates_of(str(config.optimizer))

    def _extended(
        self, config: RunConfig, rates: tuple[float, ...], grid: tuple[float, ...], scores: Scores
    ) -> tuple[float, ...]:
        """Return the rates and one more at an edge that is best; the same where the grid is long enough."""
        if len(grid) == 1 or grid not in {ADAPTIVE, *RATES.values()} or self.rates:
            return rates  # given by the user
        for direction in extensions(scores):
            beyond = [rate for rate in rates if (rate > grid[-1] if direction > 0 else rate < grid[0])]
            if len(beyond) < MOST_EXTENSIONS:
                return (
                    (*rates, next_rate(rates[-1], 1)) if direction > 0 else (next_rate(rates[0], -1), *rates)
                )
        return rates
