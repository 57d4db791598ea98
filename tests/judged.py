"""A store with verdicts, and what the report's sections on claims and method show of it."""

import numpy as np

from bench.statistics import Effect
from report.document.answer import Source
from report.evidence.comparisons import Comparison
from report.pages import claims, method
from tests import small_store as small


def case(unit="points", estimate=0.0123, relative=False, pairs=5, runs=(3, 4, 5, 9)):
    found = Effect(estimate, estimate - 0.01, estimate + 0.01, pairs, 0.0, relative, 0.9)
    return Comparison("sgelu", "relu", "", found, unit, runs)


def source(path):
    """Eight seeds of three activations and a control, which differs from ReLU by chance alone."""
    noise, runs = 0.002 * np.random.default_rng(0).normal(size=8), []
    for name, mean in {"relu": 0.90, "control": 0.90, "gelu": 0.91, "sgelu": 0.95}.items():
        # The control has the same accuracies in another order.
        for seed, more in enumerate(noise if name != "control" else noise[::-1]):
            runs.append(small.scored(mean + more, seed=seed, activation=name))
    runs.append(small.scored(0.1, rate=1e-2, seed=0, activation="tanh", status="collapsed"))
    runs.append(small.scored(0, rate=3e-2, seed=0, activation="tanh", status="diverged"))
    return Source("here", "Measured here", small.snapshot(path, runs))


def sections(source, questions):
    """The verdicts on the claims of these questions, and how they are made."""
    judged = claims.judge(source, questions)
    return [*claims.sections(source, judged), *method.sections(source, judged)]


def shown(source, questions):
    """The values of both sections."""
    return [section.values for section in sections(source, questions)]
