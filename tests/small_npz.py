"""Small .npz files in Keras's layout, right and wrong, written by numpy."""

import numpy as np

TRAIN, TEST = 20, 8


def features(width=3):
    """Arrays of two classes, sorted by class, whose first feature is the sample's number."""
    rng = np.random.default_rng(0)
    x_train, x_test = rng.normal(size=(TRAIN, width)), rng.normal(size=(TEST, width))
    x_train[:, 0], x_test[:, 0] = np.arange(TRAIN), np.arange(TEST)
    y_train, y_test = np.arange(TRAIN) * 2 // TRAIN, np.arange(TEST) * 2 // TEST
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def images(*shape, dtype=np.uint8):
    """Arrays of two classes of images of this shape."""
    rng = np.random.default_rng(0)
    x = {
        f"x_{part}": rng.integers(0, 256, (n, *shape)).astype(dtype)
        for part, n in (("train", TRAIN), ("test", TEST))
    }
    return {**features(), **x}


def write(path, arrays, save=np.savez):
    """Write arrays to a file, and return its path."""
    save(path, **arrays)
    return path
