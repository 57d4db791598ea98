"""MNIST and its likes as torchvision stores them, scikit-learn's digits where there are none, and the checks.

`resolve` says which data set is to be had, `load` reads it. Nothing is trusted that was not checked: every
byte of a file that is used has gone through `read_idx`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impl.data import idx as mnist
from impl.data.download import DownloadError, download_mnist
from impl.data.idx import DataError, IdxFile, raw_folder, read_idx

DEFAULT_ROOT = Path("data")
MNIST = ("mnist", "MNIST")
TEST_DIGITS = 360
DIGITS = "scikit-learn's 1,797 digits of 8x8 pixels, resized to 28x28,"


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Dataset:
    """Images (N, 1, 28, 28), float32 in [0, 1], and labels (N,), int64 in 0..9, of training and test.

    `sha256` identifies the data (see `load`); `notice` is empty for files that were read, else one sentence
    that says what stands in for MNIST, to be shown wherever results are.
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


def _read(name: str, folder: Path, files: dict[str, IdxFile]) -> Dataset:
    """Return the data set of a folder's four files, which stand in the order of `mnist.FILES`.

    The checked bytes themselves are decoded, not the files a second time by torchvision: its reader would
    prefer a `processed` folder that nobody checked.
    """
    read = [read_idx(folder / file, expected) for file, expected in files.items()]
    train, train_labels, test, test_labels = (values for values, _ in read)
    _, train_file, _, test_file = files
    for images, labels, file in [(train, train_labels, train_file), (test, test_labels, test_file)]:
        if len(images) != len(labels):
            raise DataError(
                f"{folder / file}: holds {len(labels)} labels; expected {len(images)}, one an image"
            )
    digest = hashlib.sha256("".join(sha256 for _, sha256 in read).encode()).hexdigest()
    return Dataset(
        name, _images(train), _labels(train_labels), _images(test), _labels(test_labels), digest, ""
    )


def load_mnist(root: Path) -> Dataset:
    """Return MNIST (LeCun et al. 1998) from root/MNIST/raw, 60,000 and 10,000 images; pixels are value/255.

    Its `sha256` is that of the four files' hexadecimal SHA-256, joined in the order of `mnist.FILES`. Raises
    DataError for a missing or wrong file.
    """
    return _read("mnist", raw_folder(root), mnist.FILES)


def load_digits() -> Dataset:
    """Return scikit-learn's 1,797 digits (Alpaydin & Kaynak 1998), 8x8 resized to 28x28.

    Pixels are value/16, resized bilinearly. The order is NumPy's `default_rng(0).permutation(1797)`; its
    first 360 are the test set, the other 1,437 train. The same writers stand on both sides. `sha256` is that
    of the 8x8 images' and labels' bytes, unsigned, in scikit-learn's order: resizing may round differently
    from machine to machine.

    >>> digits = load_digits()
    >>> digits.train_images.shape, digits.test_labels.shape
    (torch.Size([1437, 1, 28, 28]), torch.Size([360]))
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


def load(name: str, root: Path | None) -> Dataset:
    """Return the data set of that name; `root` is not looked at for "digits", which are bundled.

    "mnist", or "MNIST", is what `load_mnist` returns. Any other name is a data set of ten classes and 28x28
    pixels, such as FashionMNIST (Xiao et al. 2017), whose four files, named as MNIST's, lie in
    root/<name>/raw; they are read as MNIST's are, but no SHA-256 of theirs is known to check.

    Raises ValueError for a name that is a path, and DataError for missing or wrong files.
    """
    if name == "digits":
        return load_digits()
    if root is None:
        raise ValueError(f"data set {name!r} needs the folder that it lies in, not None")
    if name in MNIST:
        return load_mnist(root)
    if name in ("", "..") or PureWindowsPath(name).name != name:  # either slash, and drives
        raise ValueError(f"data set {name!r} is no folder's name; expected one such as FashionMNIST")
    folder = raw_folder(root, name)
    if not folder.is_dir():
        there = ", ".join(_names(root)) or "none"
        raise DataError(f"{folder}: is no folder; expected that of a data set, and {root} holds {there}")
    return _read(name, folder, mnist.LIKES)


def _names(root: Path) -> list[str]:
    """The data sets whose four files lie under `root`."""
    folders = sorted(root.glob("*/raw"))
    return [folder.parent.name for folder in folders if all((folder / file).exists() for file in mnist.FILES)]


def resolve(
    root: Path | None,
    name: str | None = None,
    *,
    default_root: Path = DEFAULT_ROOT,
    download: Callable[[Path], None] = download_mnist,
) -> Source:
    """Return which data set is to be had: MNIST where it can be, else the bundled digits with a notice.

    An explicit `root` must hold a valid MNIST: DataError names the first file that is missing or wrong.
    Without one `default_root` is looked at, and what is missing there is downloaded; a file that is there and
    wrong is a DataError too, and never overwritten.

    With a name, as `load` takes it, that data set must be had: that MNIST could not be downloaded is a
    DataError then. The others are never downloaded.
    """
    if name == "digits":
        return Source("digits", None, f"This is not MNIST: {DIGITS} were asked for.")
    if name is not None and name not in MNIST:
        load(name, root or default_root)
        return Source(name, root or default_root, "")
    folder = raw_folder(default_root if root is None else root)
    wanted = {folder / file: expected for file, expected in mnist.FILES.items()}
    present = wanted if root else {path: expected for path, expected in wanted.items() if path.exists()}
    for path, expected in present.items():
        read_idx(path, expected)
    if len(present) == len(wanted):
        return Source("mnist", root or default_root, "")
    try:
        download(default_root)
    except DownloadError as error:
        reason = f"MNIST is not in {default_root} and could not be downloaded ({error})"
        if name is not None:
            raise DataError(reason) from error
        return Source("digits", None, f"{reason}: {DIGITS} stand in for it.")
    return Source("mnist", default_root, "")
