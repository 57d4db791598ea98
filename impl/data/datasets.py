"""Data sets, each with a SHA-256: MNIST and others in its format, scikit-learn's digits, and .npz files.

`resolve` chooses a data set, `load` reads it. Every byte of a file goes through `impl.data.idx.read_idx` or
`impl.data.npz.read_npz`.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impl.data import idx
from impl.data.download import DownloadError, download_mnist
from impl.data.idx import DataError, IdxFile, raw_folder, read_idx
from impl.data.npz import read_npz
from impl.names import invalid

DEFAULT_ROOT = Path("data")
MNIST = ("mnist", "MNIST")
TEST_DIGITS = 360
DIGITS = "scikit-learn's 1,797 digits of 8x8 pixels, resized to 28x28"


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Dataset:
    """Images, or features, with labels of classes, or values to predict.

    Attributes:
        name: name of the data set; of an .npz file with its suffix, so that no built-in one has it.
        train_images: inputs (N, C, H, W) or (N, D), float32; built-in ones (N, 1, 28, 28) in [0, 1].
        train_labels: classes (N,), int64, 0 to K - 1; or values (N, T), float32.
        test_images: inputs of the test samples.
        test_labels: labels of the test samples.
        sha256: hash of the data, see `load_mnist` and `load_digits`; of an .npz file that of the file.
        notice: empty, or one sentence on the data set to show with results, such as the substitute for MNIST.
        classes: number K of classes; None for values.
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    sha256: str
    notice: str
    classes: int | None = idx.CLASSES


@dataclass(frozen=True)
class Source:
    """A data set that is available.

    Attributes:
        name: name of the data set.
        root: folder of the data set, None for bundled ones.
        notice: empty, or one sentence on the data set, such as the substitute for MNIST.
    """

    name: str
    root: Path | None
    notice: str

    def load(self) -> Dataset:
        """Return the data set; raise DataError as `load` does."""
        return replace(load(self.name, self.root), notice=self.notice)


def _images(values: NDArray[np.uint8]) -> Tensor:
    """Scale bytes (N, 28, 28) to float32 (N, 1, 28, 28) in [0, 1]."""
    return torch.from_numpy(values / np.float32(255)).unsqueeze(1)


def _labels(values: NDArray[np.uint8]) -> Tensor:
    """Return bytes (N,) as int64."""
    return torch.from_numpy(values.astype(np.int64))


def _read(name: str, folder: Path, files: dict[str, IdxFile]) -> Dataset:
    """Return the data set of a folder's four files, in the order of `idx.FILES`.

    torchvision's reader would read a second time, and prefer a `processed` folder that is not checked.
    """
    contents = [read_idx(folder / file, expected) for file, expected in files.items()]
    train, train_labels, test, test_labels = (values for values, _ in contents)
    _, train_file, _, test_file = files
    for images, labels, file in [(train, train_labels, train_file), (test, test_labels, test_file)]:
        if len(images) != len(labels):
            raise DataError(
                invalid(str(folder / file), f"{len(labels)} labels", f"{len(images)}, one an image")
            )
    digest = hashlib.sha256("".join(sha256 for _, sha256 in contents).encode()).hexdigest()
    return Dataset(
        name, _images(train), _labels(train_labels), _images(test), _labels(test_labels), digest, ""
    )


def load_mnist(root: Path) -> Dataset:
    """Return MNIST from root/MNIST/raw: 60,000 training and 10,000 test images, pixels value/255.

    `sha256` is that of the four files' hexadecimal SHA-256, joined in the order of `impl.data.idx.FILES`.

    Args:
        root: folder of the data sets.

    Raises:
        DataError: a file is missing or not MNIST's.

    References:
        LeCun, Cortes & Burges (1998).
    """
    return _read("mnist", raw_folder(root), idx.FILES)


def photograph() -> NDArray[np.float64]:
    """Return scikit-learn's sample photograph in grey, every second pixel.

    Returns:
        (214, 320), values in [0, 1].

    Example:
        >>> photograph().shape
        (214, 320)
    """
    from sklearn.datasets import load_sample_image

    return load_sample_image("china.jpg")[::2, ::2].mean(axis=2) / 255


def load_digits() -> Dataset:
    """Return scikit-learn's 1,797 digits, 8x8 pixels resized bilinearly to 28x28; pixels are value/16.

    The order is NumPy's `default_rng(0).permutation(1797)`: the first 360 are the test set, the other 1,437
    the training set, with the same writers in both. `sha256` is that of the 8x8 images' and labels' bytes in
    scikit-learn's order, since resizing may round differently from machine to machine.

    Example:
        >>> digits = load_digits()
        >>> digits.train_images.shape, digits.test_labels.shape
        (torch.Size([1437, 1, 28, 28]), torch.Size([360]))

    References:
        Alpaydin & Kaynak (1998).
    """
    from sklearn import datasets  # takes half a second

    bunch = datasets.load_digits()
    pixels, labels = bunch.images.astype(np.uint8), bunch.target.astype(np.uint8)
    small = torch.from_numpy(bunch.images / 16).float().unsqueeze(1)
    images = torch.nn.functional.interpolate(small, size=(28, 28), mode="bilinear").clamp_(0, 1)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    test, train = order[:TEST_DIGITS], order[TEST_DIGITS:]
    digest = hashlib.sha256(pixels.tobytes() + labels.tobytes()).hexdigest()
    targets = _labels(labels)
    notice = f"Using {DIGITS}, instead of MNIST."
    return Dataset("digits", images[train], targets[train], images[test], targets[test], digest, notice)


def is_npz(name: str) -> bool:
    """Return whether a data set's name is that of an .npz file."""
    return Path(name).suffix.lower() == ".npz"


def _expanded(name: str) -> Path:
    """Return a path with ~ replaced by the home directory."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:  # there is no such user
        raise DataError(invalid("data file", ascii(name), "a path with a known home directory")) from error


def load_npz(path: Path) -> Dataset:
    """Return a data set in Keras's layout from an .npz file; see `impl.data.npz.read_npz`.

    Args:
        path: the file.

    Raises:
        DataError: the file cannot be read, or has other contents.
    """
    data = read_npz(path)
    (x, y), (x_test, y_test) = data.train, data.test
    labels = (
        f"{data.classes} classes"
        if data.classes
        else f"{y.shape[1]} {'value' if y.shape[1] == 1 else 'values'} each"
    )
    inputs = f"{x.shape[1]} features" if x.ndim == 2 else f"{'×'.join(map(str, x.shape[1:]))} pixels"
    notice = f"Using {path.name}: {len(x)} training and {len(x_test)} test samples of {inputs}, {labels}."
    train_images, train_labels, test_images, test_labels = map(torch.from_numpy, (x, y, x_test, y_test))
    return Dataset(
        path.name, train_images, train_labels, test_images, test_labels, data.sha256, notice, data.classes
    )


def load(name: str, root: Path | None) -> Dataset:
    """Return a data set by name.

    Args:
        name: "mnist" or "MNIST"; "digits", which is bundled; a data set of ten classes and 28x28 pixels,
            such as "FashionMNIST" or "KMNIST", whose four files, named as MNIST's, lie in root/<name>/raw; or
            the path of an .npz file in Keras's layout, relative to `root`. Hashes are known of MNIST only.
        root: folder of the data sets; ignored for "digits".

    Raises:
        ValueError: the name is a path, or there is no root.
        DataError: a file is missing or not the expected one.
    """
    if name == "digits":
        return load_digits()
    if is_npz(name):
        return load_npz((root or Path()) / _expanded(name))
    if root is None:
        raise ValueError(invalid("root", None, f"the folder of the data set {name!r}"))
    if name in MNIST:
        return load_mnist(root)
    if name in ("", "..") or PureWindowsPath(name).name != name:  # either slash, and drives
        raise ValueError(
            invalid("dataset name", repr(name), "a directory name such as 'FashionMNIST', or an .npz file")
        )
    folder = raw_folder(root, name)
    if not folder.is_dir():
        available = ", ".join(_names(root)) or "none"
        raise DataError(invalid("dataset", repr(name), f"the directory {folder}; {root} holds {available}"))
    return _read(name, folder, idx.SIMILAR_FILES)


def _names(root: Path) -> list[str]:
    """Return the data sets whose four files lie under `root`."""
    folders = sorted(root.glob("*/raw"))
    return [folder.parent.name for folder in folders if all((folder / file).exists() for file in idx.FILES)]


def resolve(
    root: Path | None,
    name: str | None = None,
    *,
    default_root: Path = DEFAULT_ROOT,
    download: Callable[[Path], None] = download_mnist,
) -> Source:
    """Choose the data set: MNIST if available or downloadable, otherwise scikit-learn's digits with a notice.

    Args:
        root: folder that must hold the data set; without it, `default_root` is searched, and MNIST's missing
            files are downloaded to it. A damaged file is an error and never overwritten.
        name: a name that `load` takes, for this data set and no substitute. The path of an .npz file is
            relative to the working folder or, where there is no such file, to the folder of the data sets.
        default_root: the default folder.
        download: downloads MNIST to a folder.

    Raises:
        ValueError: the name is a path.
        DataError: a file is missing or not the expected one, or MNIST was named and not downloaded.
    """
    if name == "digits":
        return Source("digits", None, f"Using {DIGITS}, as requested.")
    if name is None or name in MNIST:
        return _resolve_mnist(root, name is not None, default_root, download)
    if is_npz(name):
        path = _expanded(name)
        inside = (root or default_root) / path
        path = inside if os.path.exists(inside) and not os.path.exists(path) else path
        return Source(path.name, path.absolute().parent, load_npz(path).notice)
    load(name, root or default_root)
    return Source(name, root or default_root, "")


def _resolve_mnist(
    root: Path | None, required: bool, default_root: Path, download: Callable[[Path], None]
) -> Source:
    """Return MNIST, downloaded where files are missing; the digits where that fails, unless `required`."""
    source = Source("mnist", root or default_root, "")
    folder = raw_folder(root or default_root)
    present = [name for name in idx.FILES if root or (folder / name).exists()]
    for name in present:
        read_idx(folder / name, idx.FILES[name])
    if len(present) == len(idx.FILES):
        return source
    try:
        download(default_root)
    except DownloadError as error:
        reason = f"MNIST is not in {default_root} and could not be downloaded ({error})"
        if required:
            raise DataError(reason) from error
        return Source("digits", None, f"{reason}; using {DIGITS}, instead.")
    return source
