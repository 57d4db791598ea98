"""Question 2: handwritten digits in the plane of their first two components."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from impl.data.datasets import DEFAULT_ROOT
from impl.data.idx import FILES, raw_folder, read_idx
from impl.pca import PCA
from report.document.answer import Values
from report.figures.components import digits_plane
from report.figures.svg import svg_figure

TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
USED = 2000  # of MNIST's test images, which are enough for a plane
DRAWN = 500  # of the images, so that their numerals can be told apart


def bundled() -> dict[str, object]:
    """Project scikit-learn's digits on their first two components."""
    pixels, labels = load_digits(return_X_y=True)
    return _plane(pixels, labels, "digits")


def mnist(root: Path | None) -> Values:
    """Project MNIST's first test images on their first two components; None where the files are missing.

    Raises DataError for an invalid file.
    """
    paths = {name: raw_folder(root or DEFAULT_ROOT) / name for name in TEST}
    if not all(path.exists() for path in paths.values()):
        return {"mnist": None}
    images, labels = (read_idx(path, FILES[name])[0][:USED] for name, path in paths.items())
    return {"mnist": _plane(images.reshape(len(images), -1) / 255, labels, "mnist")}


def _plane(pixels: np.ndarray, labels: np.ndarray, name: str) -> dict[str, object]:
    """Return the shares of the variance and the figure, for pixels (n, d) and labels (n,)."""
    pca = PCA(2)
    scores = pca.fit_transform(pixels)
    shares = pca.explained_variance_ratio_
    frame = pd.DataFrame({"digit": labels[:DRAWN], "first": scores[:DRAWN, 0], "second": scores[:DRAWN, 1]})
    return {
        "samples": len(pixels),
        "features": pixels.shape[1],
        "drawn": DRAWN,
        "share": float(shares.sum()),
        "figure": svg_figure(
            digits_plane(frame, shares),
            frame,
            name=f"q02-{name}",
            title="Handwritten digits on their first two components",
            alt="A scatter of numerals, each the digit that its picture shows: equal digits lie together, "
            "some in clouds of their own and others overlapping in the middle. The two axes hold "
            f"{100 * shares[0]:.1f} and {100 * shares[1]:.1f} percent of the variance.",
        ),
    }
