"""MNIST as torchvision stores it, scikit-learn's digits where there is none, and the checks of both.

`resolve` says which of the two is to be had, `load` reads it. Nothing is trusted that was not checked: every
byte of MNIST that is used has gone through `read_idx`.
"""

import hashlib
import math
import queue
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

DEFAULT_ROOT = Path("data")
PATIENCE_SECONDS = 9.0  # for the first byte; ten are promised, and loading the digits comes on top
CLASSES = 10
TEST_DIGITS = 360
DIGITS = "scikit-learn's 1,797 digits of 8x8 pixels, resized to 28x28,"


class DataError(ValueError):
    """A data file is missing, truncated or foreign; the message names it, what came and what was expected."""


class DownloadError(RuntimeError):
    """MNIST could not be downloaded; the message is the reason."""


@dataclass(frozen=True)
class IdxFile:
    """What one of MNIST's files must be: unsigned bytes of `shape` whose whole file has this SHA-256."""

    shape: tuple[int, ...]
    sha256: str


# SHA-256 of the unpacked files of LeCun, Cortes & Burges (1998); torchvision knows the packed ones' MD5.
MNIST_FILES: dict[str, IdxFile] = {
    "train-images-idx3-ubyte": IdxFile(
        (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": IdxFile(
        (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": IdxFile(
        (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": IdxFile(
        (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
}


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


def raw_folder(root: Path) -> Path:
    """Return where torchvision keeps MNIST's files under `root`."""
    return root / "MNIST" / "raw"


def read_idx(path: Path, expected: IdxFile) -> NDArray[np.uint8]:
    """Return the array of an idx file: two zero bytes, type 8, the number of axes, each length, the values.

    Lengths are big-endian, 4 bytes. Files of one axis are labels, 0..9. Raises DataError, naming file,
    finding and expectation, when the file cannot be read or differs in magic, dimensions, length, label range
    or SHA-256.
    """
    length = 4 + 4 * len(expected.shape) + math.prod(expected.shape)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            content = file.read(length)
    except OSError as error:
        found = f"cannot be read ({error.strerror})"
        raise DataError(f"{path}: {found}; expected MNIST's file of {length} bytes") from error
    difference = next(_differences(content, size, expected), None)
    if difference:
        found, wanted = difference
        raise DataError(f"{path}: {found}; expected {wanted}")
    return np.frombuffer(content, np.uint8, offset=length - math.prod(expected.shape)).reshape(expected.shape)


def _differences(content: bytes, size: int, expected: IdxFile) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a file and what was expected, the most telling first."""
    axes, count = len(expected.shape), math.prod(expected.shape)
    start = 4 + 4 * axes
    magic = bytes([0, 0, 8, axes])
    if content[:4] != magic:
        yield f"begins with {content[:4].hex(' ') or 'nothing'}", f"the idx magic {magic.hex(' ')}"
    if len(content) >= start:
        shape = struct.unpack_from(f">{axes}I", content, 4)
        if shape != expected.shape:
            yield f"has dimensions {shape}", str(expected.shape)
    if size != start + count:
        yield f"is {size} bytes long", f"{start + count}"
    if axes == 1 and max(content[start:], default=0) >= CLASSES:
        position = next(i for i, label in enumerate(content[start:]) if label >= CLASSES)
        yield f"holds label {content[start + position]} at position {position}", f"0 to {CLASSES - 1}"
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected.sha256:
        yield f"has SHA-256 {digest}", expected.sha256


def _images(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values / np.float32(255)).unsqueeze(1)


def _labels(values: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))


def load_mnist(root: Path | None) -> Dataset:
    """Return MNIST (LeCun et al. 1998) from root/MNIST/raw, 60,000 and 10,000 images; pixels are value/255.

    The checked bytes themselves are decoded, not the files a second time by torchvision: its reader would
    prefer a `processed` folder that nobody checked. Its `sha256` is that of the four files' hexadecimal
    SHA-256, joined in the order of `MNIST_FILES`. Raises DataError for a missing or wrong file.
    """
    if root is None:
        raise ValueError("MNIST needs the folder that holds MNIST/raw, not None")
    train, train_labels, test, test_labels = (
        read_idx(raw_folder(root) / name, expected) for name, expected in MNIST_FILES.items()
    )
    joined = "".join(expected.sha256 for expected in MNIST_FILES.values())
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


@cache  # torch forgets the operators when the library object goes
def _define_missing_operators() -> Any:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def torchvision_mnist() -> Any:
    """Return torchvision's MNIST class, also where its compiled operators belong to another build of torch.

    A torchvision built for CUDA cannot load them beside a CPU-only torch, and then fails at import for want
    of two operators' names, although data sets need no operator. Naming the two is enough.
    """
    try:
        from torchvision.datasets import MNIST
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        _define_missing_operators()
        from torchvision.datasets import MNIST
    return MNIST


def _first_byte(url: str, timeout: float) -> bool:
    """Whether the address answers with at least one byte."""
    try:
        with urlopen(url, timeout=timeout) as response:
            return len(response.read(1)) == 1
    except HTTPError as error:
        error.close()  # it holds the connection
        return False
    except (OSError, HTTPException):
        return False


def first_answering(
    mirrors: Sequence[str], file: str, seconds: float, ask: Callable[[str, float], bool] = _first_byte
) -> str | None:
    """Return the mirror that first gave a byte of `file`, or None when none has within `seconds` in all.

    Every mirror is asked in a daemon thread of its own: a name server that never answers heeds no timeout,
    and such a thread must not hold up the program's end either.
    """
    answers: queue.Queue[str | None] = queue.Queue()
    deadline = time.monotonic() + seconds

    def put_answer(mirror: str) -> None:
        answers.put(mirror if ask(mirror + file, seconds) else None)

    for mirror in mirrors:
        threading.Thread(target=put_answer, args=(mirror,), daemon=True).start()
    for _ in mirrors:
        try:
            answer = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        if answer:
            return answer
    return None


def download_mnist(root: Path, seconds: float = PATIENCE_SECONDS) -> None:
    """Download MNIST by torchvision and move what passed every check to root/MNIST/raw.

    It is fetched into a folder beside and each file is moved there whole, so that an interrupted download
    leaves nothing that a later run would take for data. Raises DownloadError when no byte came within
    `seconds`, a connection stalled that long later on, or what came is not MNIST.
    """
    deadline = time.monotonic() + seconds
    mnist = torchvision_mnist()
    smallest, _ = mnist.resources[-1]
    first = first_answering(mnist.mirrors, smallest, max(0.0, deadline - time.monotonic()))
    if first is None:
        raise DownloadError("no mirror answered")
    mirrors = sorted(mnist.mirrors, key=lambda mirror: mirror != first)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)  # torchvision takes no timeout of its own
    try:
        raw_folder(root).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            type("MNIST", (mnist,), {"mirrors": mirrors})(folder, download=True)
            _install(raw_folder(Path(folder)), raw_folder(root))
    except (OSError, HTTPException, RuntimeError, DataError) as error:
        reason = str(error).partition("\n")[0].rstrip(":.") or type(error).__name__
        raise DownloadError(reason) from error
    finally:
        socket.setdefaulttimeout(before)


def _install(source: Path, target: Path) -> None:
    for name, expected in MNIST_FILES.items():
        read_idx(source / name, expected)
    for name in MNIST_FILES:
        (source / name).replace(target / name)


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
    wanted = {folder / name: expected for name, expected in MNIST_FILES.items()}
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
