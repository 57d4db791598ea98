"""Decompositions and principal components: ours, numpy's and scikit-learn's."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import decomposition
from sklearn.datasets import load_digits

from bench.records.runs import BenchmarkCase
from bench.suites.interleaved import Timed
from impl.data import photograph
from impl.pca import PCA
from impl.svd import svd


def tall() -> np.ndarray:
    """Return standard normal values, (5000, 100)."""
    return np.random.default_rng(0).normal(size=(5000, 100))


def pixels() -> np.ndarray:
    """Return the bundled digits, (1797, 64)."""
    return load_digits().data


MATRICES: dict[str, Callable[[], np.ndarray]] = {"photograph": photograph, "tall": tall, "digits": pixels}
SVDS: dict[str, Callable[[np.ndarray], object]] = {
    "impl": svd,
    "numpy": lambda A: np.linalg.svd(A, full_matrices=False),
}
PCAS: dict[str, Callable[[np.ndarray], object]] = {
    "impl": lambda X: PCA(10).fit(X),
    "sklearn full": lambda X: decomposition.PCA(10, svd_solver="full").fit(X),
    "sklearn covariance": lambda X: decomposition.PCA(10, svd_solver="covariance_eigh").fit(X),
}


def cases(
    task: str, inputs: tuple[str, ...], implementations: dict[str, Callable[[np.ndarray], object]]
) -> list[BenchmarkCase]:
    """Return every implementation on every input."""
    return [
        BenchmarkCase(task, task, implementation, name, MATRICES[name]().size)
        for name in inputs
        for implementation in implementations
    ]


@pytest.mark.parametrize("timing", cases("svd", ("photograph", "tall"), SVDS), ids=str)
def test_svd(timing: BenchmarkCase, timed: Timed) -> None:
    """Time the thin decomposition with all singular values and vectors."""
    A = MATRICES[timing.input]()
    timed(lambda: SVDS[timing.implementation](A))


@pytest.mark.parametrize("timing", cases("pca", ("digits", "tall"), PCAS), ids=str)
def test_pca(timing: BenchmarkCase, timed: Timed) -> None:
    """Time the first ten components."""
    X = MATRICES[timing.input]()
    timed(lambda: PCAS[timing.implementation](X))
