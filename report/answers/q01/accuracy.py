"""Question 1: accuracy of the route by AᵀA, on matrices of known singular values."""

import numpy as np
from scipy.linalg import hadamard

from impl.svd import frobenius_norm, svd
from report.document.formats import number

ORDER = 16
EXPONENTS = range(0, 41, 4)  # of the condition number as a power of two: the last is a little above 1e12
DRAWS = 8  # matrices of each condition number
EPSILON = float(np.finfo(np.float64).eps)


def known(exponent: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sample A (ORDER, ORDER) with its singular values (ORDER,) from 1 down to 2^-exponent, both exact.

    A = H diag(S) K with H a Hadamard matrix over √ORDER and K the same with columns in random order and
    sign: both are orthogonal, with entries ±1/4. The S are powers of two, so that an entry of A is a sum of
    ORDER of them, which a float64 represents exactly as long as `exponent` is well below its 53 bits.
    """
    S = 2.0 ** -np.round(np.linspace(0, exponent, ORDER))
    H = hadamard(ORDER) / np.sqrt(ORDER)
    K = H[:, rng.permutation(ORDER)] * rng.choice([-1.0, 1.0], ORDER)
    return (H * S) @ K, S


def errors(exponent: int) -> dict[str, float]:
    """Return the largest relative errors of DRAWS matrices: of the least singular value and of UΣVᵀ.

    `route` is ours, `numpy` LAPACK's; `kept` is our least singular value, 0 where one was lost.
    """
    rng = np.random.default_rng(exponent)
    rows = []
    for _ in range(DRAWS):
        A, S = known(exponent, rng)
        ours, theirs = svd(A), np.linalg.svd(A, compute_uv=False)
        off = [abs(values[-1] / S[-1] - 1) for values in (ours.S, theirs)]
        rows.append([*off, frobenius_norm(A - ours.matrix()) / frobenius_norm(A), -ours.S[-1]])
    route, lapack, residual, least = np.max(rows, axis=0)
    return {"route": route, "numpy": lapack, "residual": residual, "kept": -least}


def study() -> dict[str, object]:
    """Return the errors by condition number with ε κ² and ε κ, and the first at which a value is lost."""
    measured = {2.0**e: errors(e) for e in EXPONENTS}
    lost = [kappa for kappa, row in measured.items() if not row["kept"]]
    return {
        "rows": [
            [
                number(kappa, 2),
                number(row["route"], 2) if row["kept"] else "lost",
                number(EPSILON * kappa**2, 2),
                number(row["numpy"], 2),
                number(EPSILON * kappa, 2),
                number(row["residual"], 2),
            ]
            for kappa, row in measured.items()
        ],
        "order": ORDER,
        "draws": DRAWS,
        "largest": max(measured),
        "lost": min(lost, default=None),
        "floor": float(np.sqrt(ORDER * EPSILON)),
        "within": all(row["route"] <= ORDER * EPSILON * kappa**2 for kappa, row in measured.items()),
        "numpy_worst": measured[max(measured)]["numpy"],
        "residual_worst": max(row["residual"] for row in measured.values()),
    }
