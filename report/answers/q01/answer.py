"""Question 1: the singular value decomposition as compression."""

import numpy as np
import pandas as pd

from impl.data import photograph
from impl.svd import compression_ratio, energy, frobenius_norm, psnr, storage, svd, truncate
from report.answers.q01.accuracy import study
from report.document.answer import Answer, Values
from report.document.formats import matrix, number, percent
from report.document.page import IMPRECISE, WRONG_RESULT, Erratum
from report.figures.linear_algebra import photograph_at_ranks, quality_by_rank
from report.figures.svg import SvgFigure, svg_figure

A = np.array([[3.0, 2.0], [2.0, 3.0], [2.0, -2.0]])
PRINTED_RANK_ONE = np.array([[5.0, 5.0], [5.0, 5.0], [0.0, 0.0]])
PRINTED_PERCENT = 86
RANKS = (5, 10, 20, 40, 80)
SHOWN = (5, 20, 80)
VISIBLE = 45.0  # decibels; above it nobody sees an error
CANDIDATES = 100  # random matrices compared with the best


def compressed_photograph() -> dict[str, object]:
    """Truncate the photograph to several ranks, and compare one with random matrices of that rank."""
    image = photograph()
    height, width = image.shape
    full = svd(image)
    copies = {k: truncate(full, k).matrix() for k in RANKS}
    errors = {k: frobenius_norm(image - copy) for k, copy in copies.items()}
    theory = {k: float(np.sqrt(np.square(full.S[k:]).sum())) for k in RANKS}
    return {
        "shape": image.shape,
        "rows": [row(image, k, copy) for k, copy in copies.items()],
        "rank": SHOWN[1],
        "share": storage(height, width, SHOWN[1]) / image.size,
        "psnr": psnr(image, copies[SHOWN[1]]),
        "theory_gap": max(abs(errors[k] / theory[k] - 1) for k in RANKS),
        "candidates": CANDIDATES,
        "nearest": min(distances(image, SHOWN[1])) / errors[SHOWN[1]],
        "energy": energy(copies[RANKS[0]]) / energy(image),
        "lowest": RANKS[0],
        "figure": figure(image, {k: copies[k] for k in SHOWN}),
        "quality": quality(full.S, image.size),
    }


def quality(singular_values: np.ndarray, size: int) -> SvgFigure:
    """Return the figure of energy and PSNR at every rank but the full one, which has no error.

    By the theorem of Eckart and Young, the squares of the singular values that are left out add up to the
    squared error.
    """
    squares = np.square(singular_values)
    kept = np.cumsum(squares)[:-1]
    table = pd.DataFrame(
        {
            "rank": np.arange(1, len(squares)),
            "energy": 100 * kept / squares.sum(),
            "psnr": 10 * np.log10(size / np.cumsum(squares[:0:-1])[::-1]),
        }
    )
    table = table[table["psnr"] <= VISIBLE]
    return svg_figure(
        quality_by_rank(table, SHOWN),
        table,
        name="q01-quality",
        title="Energy and PSNR by rank",
        alt="The share of the energy is nearly one from the lowest ranks on; the PSNR rises with every rank.",
    )


def row(image: np.ndarray, k: int, copy: np.ndarray) -> list[str]:
    """Return rank, share of numbers kept, compression ratio, share of energy kept, PSNR in decibels."""
    height, width = image.shape
    return [
        str(k),
        percent(storage(height, width, k) / image.size),
        number(compression_ratio(height, width, k)),
        percent(energy(copy) / energy(image), 2),
        number(psnr(image, copy)),
    ]


def distances(a: np.ndarray, k: int) -> list[float]:
    """Return the distances of `a` (m, n) from its projections on k random directions."""
    rng = np.random.default_rng(0)
    bases = (np.linalg.qr(rng.normal(size=(a.shape[1], k)))[0] for _ in range(CANDIDATES))
    return [frobenius_norm(a - (a @ basis) @ basis.T) for basis in bases]


def figure(image: np.ndarray, copies: dict[int, np.ndarray]) -> SvgFigure:
    """Return the figure of the photograph and its truncations."""
    table = pd.DataFrame(
        {
            "rank": k,
            "share of the numbers": storage(image.shape[0], image.shape[1], k) / image.size,
            "share of the energy": energy(copy) / energy(image),
            "PSNR in dB": psnr(image, copy),
        }
        for k, copy in copies.items()
    )
    titles = {
        k: f"rank {k}: {percent(share, 0)}, {number(decibels, fixed=0)} dB"
        for k, share, _, decibels in table.itertuples(index=False)
    }
    return svg_figure(
        photograph_at_ranks(image, copies, titles),
        table,
        name="q01-photograph",
        title="A photograph at several ranks",
        alt=f"A grey photograph of a temple, and its truncations to ranks {', '.join(map(str, copies))}: "
        "the lowest is a blur of bars, the highest hardly differs from the original.",
    )


def values() -> Values:
    """Decompose the example and the photograph, and measure the accuracy of forming AᵀA."""
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
    """Return the errata on the rank-one matrix and on its ratio, each if its check finds it wrong."""
    entries = []
    if not np.allclose(v["rank_one"], v["printed"]):
        entries.append(_rank_one(v))
    if round(100 * v["energy_ratio"]) != PRINTED_PERCENT:
        entries.append(_energy(v))
    return entries


def _rank_one(v: Values) -> Erratum:
    return Erratum(
        "q01-rank-one",
        1,
        WRONG_RESULT,
        rf"The rank-1 approximation is \({matrix(v['printed'])}\).",
        rf"It is \({matrix(v['rank_one'], fixed=1)}\).",
        r"\(\frac{\sqrt 2}{2} \cdot 5 \cdot \frac{\sqrt 2}{2}\) is "
        rf"\({number(v['rank_one'][0, 0], fixed=1)}\). The assignment gives the approximation the norm "
        rf"\({number(v['full'].S[0], fixed=0)}\), but the printed matrix has the norm "
        rf"\({number(v['printed_norm'], fixed=0)}\), more than \(A\) itself with \({number(v['norm'], 2)}\). "
        rf"Its distance from \(A\) is \({number(v['printed_error'], 2)}\) instead of "
        rf"\(\sigma_2 = {number(v['error'], fixed=0)}\).",
        f"In question 1 the entries of the rank-1 matrix are {number(v['rank_one'][0, 0], fixed=1)}, not "
        f"{number(v['printed'][0][0], fixed=0)}.",
    )


def _energy(v: Values) -> Erratum:
    return Erratum(
        "q01-energy",
        1,
        IMPRECISE,
        r"With the Frobenius energy \(\sqrt{\sum A_{ij}^2}\), \(\sqrt{34}\) for \(A\) and \(5\) for the "
        f"approximation, the latter contains around {PRINTED_PERCENT} % of the original energy.",
        f"It contains {percent(v['energy_ratio'])} of the energy and {percent(v['norm_ratio'])} of the norm.",
        "The assignment's percentage is right in its own terms, because it calls the norm the energy. Energy "
        r"usually means the sum of squares \(\sum_{ij} A_{ij}^2 = \sum_i \sigma_i^2\), which the singular "
        "values share out between the terms.",
    )


ANSWER = Answer(
    "Compression by singular values",
    "How does the singular value decomposition compress a matrix, and how much of the matrix is left?",
    values,
    errata,
)
