"""MNIST as torchvision stores it, scikit-learn's digits where there is none, and the checks of both.

`resolve` says which of the two is to be had, `load` reads it. Nothing is trusted that was not checked: every
byte of MNIST that is used has gone through `read_idx`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impl import mnist
from impl.download import DownloadError, download_mnist
from impl.mnist import raw_folder, read_idx

DEFAULT_ROOT = Path("data")
TEST_DIGITS = 360
DIGITS = "scikit-learn's 1,797 digits of 8x8 pixels, resized to 28x28,"


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Dataset:
    """Images (N, 1, 28, 28), float32 in [0, 1], and labels (N,), int64 in 0..9, of training and test.

    `sha256` identifies the data (see `load`); `notice` is empty for MNIST, else one sentence that says what
    stands in for it, to be shown wherever results are.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    sha256: str
    notice: str


@dataclass(frozen=True)
class Source:
    """Which data set is to be had, where, and what to tell the reader about it."""

    name: str
    root: Path | None
    notice: str

    def load(self) -> Dataset:
        """Return the data set; raises DataError as `load` does."""
        return replace(load(self.name, self.root), notice=self.notice)


def _images(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values / np.float32(255)).unsqueeze(1)


def _labels(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))


def load_mnist(root: Path | None) -> Dataset:
    """Return MNIST (LeCun et al. 1998) from root/MNIST/raw, 60,000 and 10,000 images; pixels are value/255.

    The checked bytes themselves are decoded, not the files a second time by torchvision: its reader would
    prefer a `processed` folder that nobody checked. Its `sha256` is that of the four files' hexadecimal
    SHA-256, joined in the order of `mnist.FILES`. Raises DataError for a missing or wrong file.
    """
    if root is None:
        raise ValueError("MNIST needs the folder that holds MNIST/raw, not None")
    train, train_labels, test, test_labels = (
        read_idx(raw_folder(root) / name, expected) for name, expected in mnist.FILES.items()
    )
    joined = "".join(expected.sha256 for expected in mnist.FILES.values())
    digest = hashlib.sha256(joined.encode()).hexdigest()
    return Dataset(
        "mnist", _images(train), _labels(train_labels), _images(test), _labels(test_labels), digest, ""
    )


def load_digits(root: Path | None = None) -> Dataset:
    """Return scikit-learn's 1,797 digits (Alpaydin & Kaynak 1998), 8x8 resized to 28x28.

    Pixels are value/16, resized bilinearly. The order is NumPy's `default_rng(0).permutation(1797)`; its
    first 360 are the test set, the other 1,437 train. The same writers stand on both sides. `sha256` is that
    of the 8x8 images' and labels' bytes, unsigned, in scikit-learn's order: resizing may round differently
    from machine to machine. `root` is not looked at.
    """
    from sklearn import datasets  # half a second, for those who need it

    bunch = datasets.load_digits()
    pixels, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    small = torch.from_numpy(bunch.images / 16).float().unsqueeze(1)
    images = torch.nn.functional.interpolate(small, size=(28, 28), mode="bilinear").clamp_(0, 1)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    test, train = order[:TEST_DIGITS], order[TEST_DIGITS:]
    digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    targets = _labels(labels)
    notice = f"This is not MNIST: {DIGITS} stand in for it."
    return Dataset("digits", images[train], targets[train], images[test], targets[test], digest, notice)


LOADERS: dict[str, Callable[[Path | None], Dataset]] = {"mnist": load_mnist, "digits": load_digits}


def load(name: str, root: Path | None) -> Dataset:
    """Return the data set of that name in `LOADERS`, from `root` where it is not bundled.

    Raises ValueError for an unknown name, and DataError for missing or wrong files.
    """
    if name not in LOADERS:
        raise ValueError(f"data set {name!r} is none of {', '.join(LOADERS)}")
    return LOADERS[name](root)


def resolve(
    root: Path | None,
    *,
    default_root: Path = DEFAULT_ROOT,
    download: Callable[[Path], None] = download_mnist,
) -> Source:
    """Return which data set is to be had: MNIST where it can be, else the bundled digits with a notice.

    An explicit `root` must hold a valid MNIST: DataError names the first file that is missing or wrong.
    Without one `default_root` is looked at, and what is missing there is downloaded; a file that is there and
    wrong is a DataError too, and never overwritten.
    """
    folder = raw_folder(default_root if root is None else root)
    wanted = {folder / name: expected for name, expected in mnist.FILES.items()}
    present = wanted if root else {path: expected for path, expected in wanted.items() if path.exists()}
    for path, expected in present.items():
        read_idx(path, expected)
    if len(present) == len(wanted):
        return Source("mnist", root or default_root, "")
    try:
        download(default_root)
    except DownloadError as error:
        notice = (
            f"MNIST is not in {default_root} and could not be downloaded ({error}): {DIGITS} stand in for it."
        )
        return Source("digits", None, notice)
    return Source("mnist", default_root, "")
