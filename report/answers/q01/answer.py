"""Question 1: the singular value decomposition as compression."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_sample_image

from impl.svd import compression_ratio, energy, frobenius_norm, psnr, storage, svd, truncate
from report.answers.q01.accuracy import study
from report.document.answer import Answer, Values
from report.document.formats import matrix, number, percent
from report.document.page import Erratum
from report.figures.drawing import Drawing, draw
from report.figures.linear_algebra import photograph_at_ranks

A = np.array([[3.0, 2.0], [2.0, 3.0], [2.0, -2.0]])
PRINTED_RANK_ONE = np.array([[5.0, 5.0], [5.0, 5.0], [0.0, 0.0]])
PRINTED_PERCENT = 86
RANKS = (5, 10, 20, 40, 80)
SHOWN = (5, 20, 80)
CANDIDATES = 100  # random matrices held against the best


def photograph() -> np.ndarray:
    """Grey values in [0, 1] of one of scikit-learn's sample pictures, every second pixel, (213, 320)."""
    return load_sample_image("china.jpg")[::2, ::2].mean(axis=2) / 255


def compressed_photograph() -> dict[str, object]:
    """The photograph at several ranks, and how far from it random matrices of one of those ranks are."""
    picture = photograph()
    height, width = picture.shape
    full = svd(picture)
    copies = {k: truncate(full, k).matrix() for k in RANKS}
    errors = {k: frobenius_norm(picture - copy) for k, copy in copies.items()}
    theory = {k: float(np.sqrt(np.square(full.S[k:]).sum())) for k in RANKS}
    return {
        "shape": picture.shape,
        "rows": [row(picture, k, copy) for k, copy in copies.items()],
        "rank": SHOWN[1],
        "share": storage(height, width, SHOWN[1]) / picture.size,
        "psnr": psnr(picture, copies[SHOWN[1]]),
        "theory_gap": max(abs(errors[k] / theory[k] - 1) for k in RANKS),
        "candidates": CANDIDATES,
        "nearest": min(distances(picture, SHOWN[1])) / errors[SHOWN[1]],
        "figure": drawing(picture, {k: copies[k] for k in SHOWN}),
    }


def row(picture: np.ndarray, k: int, copy: np.ndarray) -> list[str]:
    """Rank, share of the numbers kept, compression ratio, share of the energy kept, PSNR in decibels."""
    height, width = picture.shape
    return [
        str(k),
        percent(storage(height, width, k) / picture.size),
        number(compression_ratio(height, width, k)),
        percent(energy(copy) / energy(picture), 2),
        number(psnr(picture, copy)),
    ]


def distances(a: np.ndarray, k: int) -> list[float]:
    """Distance from `a` (m, n) to random matrices of rank k, each its projection on k random directions."""
    rng = np.random.default_rng(0)
    bases = (np.linalg.qr(rng.normal(size=(a.shape[1], k)))[0] for _ in range(CANDIDATES))
    return [frobenius_norm(a - (a @ basis) @ basis.T) for basis in bases]


def drawing(picture: np.ndarray, copies: dict[int, np.ndarray]) -> Drawing:
    """The photograph and its copies side by side, and what each copy keeps."""
    table = pd.DataFrame(
        {
            "rank": k,
            "share of the numbers": storage(picture.shape[0], picture.shape[1], k) / picture.size,
            "share of the energy": energy(copy) / energy(picture),
            "PSNR in dB": psnr(picture, copy),
        }
        for k, copy in copies.items()
    )
    return draw(
        photograph_at_ranks(picture, copies),
        table,
        name="q01-photograph",
        title="A photograph at several ranks",
        alt=f"A grey photograph of a temple, and its truncations to ranks {', '.join(map(str, copies))}: "
        "the lowest is a blur of bars, the highest hardly differs from the original.",
    )


def values() -> Values:
    """The example's factors and what rank one keeps of it, a photograph's, and what forming AᵀA costs."""
    full = svd(A)
    first = truncate(full, 1)
    return {
        "a": A,
        "full": full,
        "gram": A.T @ A,
        "eigenvalues": full.S**2,
        "residual": np.abs(full.matrix() - A).max(),
        "rank_one": first.matrix(),
        "printed": PRINTED_RANK_ONE,
        "norm": frobenius_norm(A),
        "norm_ratio": frobenius_norm(first.matrix()) / frobenius_norm(A),
        "energy_ratio": energy(first.matrix()) / energy(A),
        "error": frobenius_norm(A - first.matrix()),
        "printed_error": frobenius_norm(A - PRINTED_RANK_ONE),
        "printed_norm": frobenius_norm(PRINTED_RANK_ONE),
        "kept": storage(len(A), len(A.T), 1),
        "size": A.size,
        "photograph": compressed_photograph(),
        "accuracy": study(),
    }


def errata(v: Values) -> list[Erratum]:
    """The rank-one matrix, and what its ratio is a ratio of; each only if its check finds it wrong."""
    found = []
    if not np.allclose(v["rank_one"], v["printed"]):
        found.append(_rank_one(v))
    if round(100 * v["energy_ratio"]) != PRINTED_PERCENT:
        found.append(_energy(v))
    return found


def _rank_one(v: Values) -> Erratum:
    return Erratum(
        "q01-rank-one",
        1,
        rf"The rank-1 approximation is \({matrix(v['printed'])}\).",
        rf"It is \({matrix(v['rank_one'], fixed=1)}\).",
        r"The product \(\frac{\sqrt 2}{2} \cdot 5 \cdot \frac{\sqrt 2}{2}\) is "
        rf"\({number(v['rank_one'][0, 0], fixed=1)}\). "
        rf"The printed matrix has norm \({number(v['printed_norm'])}\), "
        rf"the matrix \(A\) itself \({number(v['norm'])}\), and their distance is "
        rf"\({number(v['printed_error'])}\) where \(\sigma_2 = {number(v['error'], fixed=0)}\) is possible.",
    )


def _energy(v: Values) -> Erratum:
    return Erratum(
        "q01-energy",
        1,
        f"The approximation contains around {PRINTED_PERCENT} % of the original energy.",
        f"It contains {percent(v['energy_ratio'])} of the energy; {percent(v['norm_ratio'])} is the ratio "
        "of the norms.",
        r"The energy is the sum of squares \(\sum_{ij} A_{ij}^2 = \sum_i \sigma_i^2\); the assignment "
        "divides its square roots.",
    )


ANSWER = Answer(
    "Compression by singular values",
    "How does the singular value decomposition compress a matrix, and how much of the matrix is left?",
    values,
    errata,
)
