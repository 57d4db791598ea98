"""Question 2: principal components of four points."""

import math

import numpy as np
import pandas as pd

from impl.pca import PCA
from report.answers.q02.plane import bundled, mnist
from report.document.answer import Answer, Values
from report.document.formats import matrix, number, percent
from report.document.page import IMPRECISE, WRONG_RESULT, Erratum
from report.figures.components import directions
from report.figures.svg import SvgFigure, svg_figure

X = np.array([[-4.0, 2.5], [0.0, -4.5], [5.0, -3.5], [-1.0, 5.5]])
PRINTED_VECTOR = np.array([0.55, 0.82])
PRINTED_SCORES = np.array([-0.15, -3.69, -0.12, 3.96])
PRINTED_EIGENVALUES = np.array([30.39, 6.61])
HALF_DIGIT = 0.005  # the most that rounding to two decimals moves a number


def variance_along(Q: np.ndarray, v: np.ndarray) -> float:
    """Return the variance vᵀQv / vᵀv along v (d,) of data with covariance Q (d, d)."""
    return float(v @ Q @ v / (v @ v))


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle between the lines along a and b (d,), in degrees from 0 to 90."""
    cosine = abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return math.degrees(math.acos(min(1.0, float(cosine))))


def rounding_angle(v: np.ndarray) -> float:
    """Return the largest angle in degrees by which rounding to two decimals can turn v (d,)."""
    return math.degrees(math.asin(HALF_DIGIT * math.sqrt(v.size) / float(np.linalg.norm(v))))


def signs(Q: np.ndarray, v: np.ndarray, first: np.ndarray) -> list[list[str]]:
    """Return rows: signs chosen for |v| (2,), variance along it, its share, and the angle to `first`."""
    choices = [np.abs(v) * s for s in np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]])]
    return [
        [
            f"({', '.join(number(x, fixed=2) for x in choice)})",
            number(variance_along(Q, choice), fixed=2),
            percent(variance_along(Q, choice) / np.trace(Q)),
            f"{number(angle(choice, first), fixed=1)}°",
        ]
        for choice in choices
    ]


def figure(first: np.ndarray) -> SvgFigure:
    """Return the figure of the points with the right and the printed direction and their projections."""
    return svg_figure(
        directions(X, first, PRINTED_VECTOR),
        pd.DataFrame(
            {
                "first feature, centred": X[:, 0],
                "second feature, centred": X[:, 1],
                "score on the first component": X @ first,
                "score on the printed vector": X @ PRINTED_VECTOR / np.linalg.norm(PRINTED_VECTOR),
            }
        ),
        name="q02-directions",
        title="Four points and two directions",
        alt="Two panels with the same four centred points. The first component falls from upper left to "
        "lower right, and the projections on it are far apart; the printed vector rises to the right, and "
        "the projections on it are closer together.",
    )


def values() -> Values:
    """Compute the example step by step, test the printed vector, and project the digits on a plane."""
    pca = PCA(2).fit(X)
    Q = X.T @ X / (len(X) - 1)
    first = pca.components_[0]
    scores = pca.transform(X)
    return {
        "x": X,
        "q": Q,
        "trace": np.trace(Q),
        "determinant": np.linalg.det(Q),
        "discriminant": np.trace(Q) ** 2 - 4 * np.linalg.det(Q),
        "eigenvalues": pca.explained_variance_,
        "shares": pca.explained_variance_ratio_,
        "components": pca.components_,
        "scores": scores,
        "first_scores": scores[:, 0],
        "product": Q @ first,
        "printed_vector": PRINTED_VECTOR,
        "printed_eigenvalues": PRINTED_EIGENVALUES,
        "printed_scores": PRINTED_SCORES,
        "printed_product": Q @ PRINTED_VECTOR,
        "printed_quotients": Q @ PRINTED_VECTOR / PRINTED_VECTOR,
        "printed_share": variance_along(Q, PRINTED_VECTOR) / np.trace(Q),
        "printed_norm": np.linalg.norm(PRINTED_VECTOR),
        "printed_angle": angle(PRINTED_VECTOR, first),
        "rounding_angle": rounding_angle(PRINTED_VECTOR),
        "scores_follow": bool(np.abs(X @ PRINTED_VECTOR - PRINTED_SCORES).max() < HALF_DIGIT),
        "signs": signs(Q, PRINTED_VECTOR, first),
        "figure_directions": figure(first),
        "digits": bundled(),
    }


def sign_errata(v: Values) -> list[Erratum]:
    """Return the errata on the vector's sign and projection, if it is off the first component's line."""
    first, scores = v["components"][0], v["scores"][:, 0]
    if v["printed_angle"] <= 2 * v["rounding_angle"]:
        return []
    return [
        Erratum(
            "q02-sign",
            2,
            WRONG_RESULT,
            rf"The eigenvector for the larger eigenvalue is \({matrix(v['printed_vector'])}\).",
            rf"It is \({matrix(first)}\), or its negative.",
            rf"\(Q\) maps the printed vector to \({matrix(v['printed_product'])}\), which is not a multiple "
            "of it. One feature falls as the other rises, so the entries have opposite signs; only the sign "
            f"of the whole vector is free. The printed vector keeps {percent(v['printed_share'])} of the "
            f"variance instead of {percent(v['shares'][0])}.",
            f"In question 2 the first component has the wrong sign in one entry and keeps "
            f"{percent(v['printed_share'], 0)} of the variance instead of {percent(v['shares'][0], 0)}.",
        ),
        Erratum(
            "q02-projection",
            2,
            WRONG_RESULT,
            rf"The projection \(XV\) is \({matrix(v['printed_scores'])}\).",
            rf"It is \({matrix(scores)}\), or its negative.",
            ("It is the product with the printed vector, whose sign is wrong. " if v["scores_follow"] else "")
            + rf"Its variance is \({number(v['printed_scores'].var(ddof=1))}\), but on the first component "
            rf"it is \(\lambda_1 = {number(v['eigenvalues'][0])}\).",
        ),
    ]


def rounding_erratum(v: Values) -> list[Erratum]:
    """Return the erratum on digits that no rounding to two decimals gives."""
    first, eigenvalues = np.abs(v["components"][0]), v["eigenvalues"]
    off = np.abs(v["printed_vector"] - first).max() > HALF_DIGIT
    off_values = np.abs(v["printed_eigenvalues"] - eigenvalues).max() > HALF_DIGIT
    if not (off or off_values):
        return []
    printed = " and ".join(number(x, fixed=2) for x in v["printed_eigenvalues"])
    return [
        Erratum(
            "q02-rounding",
            2,
            IMPRECISE,
            rf"The eigenvalues are {printed}; the normal eigenvector has the entries "
            rf"{' and '.join(number(x, fixed=2) for x in v['printed_vector'])}.",
            f"The eigenvalues are {' and '.join(number(x, fixed=4) for x in eigenvalues)}, "
            f"the magnitudes of the entries {' and '.join(number(x, fixed=4) for x in first)}.",
            "The printed digits are not rounded from these, and the printed vector is not normal: its norm "
            f"is {number(v['printed_norm'], fixed=3)}.",
        )
    ]


def errata(v: Values) -> list[Erratum]:
    """Return the errata on the sign, the projection and the digits."""
    return [*sign_errata(v), *rounding_erratum(v)]


ANSWER = Answer(
    "Dimensionality reduction by principal components",
    "Which direction says most about four points in the plane, and what are their coordinates along it?",
    values,
    errata,
    images=mnist,
)
