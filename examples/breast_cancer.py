"""A custom data set: 569 breast tumours, benign or malignant, by 30 features (Street et al. 1993).

python examples/breast_cancer.py build/breast_cancer.npz
make report DATASET=build/breast_cancer.npz
"""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def arrays() -> dict[str, NDArray[np.generic]]:
    """Return x_train (455, 30), y_train (455,), x_test (114, 30) and y_test (114,); 0 is malignant.

    A fifth is the test set, with both classes in the same proportion. Mean and standard deviation of the
    training samples become 0 and 1; the test samples are scaled with those of the training samples.
    """
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    scaler = StandardScaler().fit(x_train)
    return {
        "x_train": scaler.transform(x_train),
        "y_train": y_train,
        "x_test": scaler.transform(x_test),
        "y_test": y_test,
    }


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "breast_cancer.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays())
