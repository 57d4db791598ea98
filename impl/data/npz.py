"""Data sets in Keras's layout, one .npz file of x_train, y_train, x_test and y_test, and a strict reader.

Every array's header is read and checked before any array is, so that nothing large is allocated for a file
that is refused.
"""

import hashlib
import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.lib import format as npy
from numpy.typing import NDArray

from impl.data.idx import DataError
from impl.names import invalid

ARRAYS = ("x_train", "y_train", "x_test", "y_test")
LAYOUT = f"a .npz file of the arrays {', '.join(ARRAYS)}"
CHANNELS = (1, 3, 4)
MIN_TRAIN = 5  # a fifth of the training samples chooses learning rates
HEADER_BYTES = 10_000  # of a member that are read for its header; numpy's own limit

Labels = NDArray[np.int64] | NDArray[np.float32]


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class NpzData:
    """Contents of a file.

    Attributes:
        train: inputs (N, C, H, W) or (N, D), float32; and classes (N,), int64, or values (N, T), float32.
        test: the same of the test samples.
        classes: number of classes, None for values.
        sha256: hash of the file.
    """

    train: tuple[NDArray[np.float32], Labels]
    test: tuple[NDArray[np.float32], Labels]
    classes: int | None
    sha256: str


@dataclass(frozen=True)
class Header:
    """Shape and dtype of an array that has not been read."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self) -> str:
        return f"shape {self.shape} and dtype {self.dtype}"


def read_npz(path: Path) -> NpzData:
    """Return a data set in Keras's layout.

    Inputs are features (N, D) or images (N, H, W), (N, C, H, W) or (N, H, W, C) with 1, 3 or 4 channels; the
    axis of such a length is the channels'. They become float32: images of uint8 are divided by 255, all other
    numbers, features of uint8 too, are taken as they are: float64 rounded, bool as 0 and 1, uint16 unscaled.

    Integer or bool labels (N,) or (N, 1) are classes, mapped in ascending order to 0, …, K - 1; K counts
    those of the training labels. So are one-hot rows (N, K) of any dtype. Other floats, (N,) or (N, T), are
    values to predict, even if they are whole numbers.

    Both parts are shuffled, in the same order each time: training takes the first samples and holds out
    the last, and many files are sorted by class.

    Args:
        path: the file.

    Raises:
        DataError: the file cannot be read, or has other contents; nothing in it is unpickled.
    """
    if not path.name.isprintable():  # it becomes the name of the data set, and part of messages in one line
        raise DataError(invalid("data file", ascii(str(path)), "a name of printable characters"))
    try:
        if not path.is_file():
            raise DataError(invalid(str(path), "no regular file" if path.exists() else "no file", LAYOUT))
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            headers = _headers(path, archive)
            _check_shapes(path, headers)
            _check_memory(path, headers)
            arrays = {name: _array(archive, name) for name in ARRAYS}
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except DataError:
        raise
    except Exception as error:  # zipfile and numpy raise a dozen kinds for damaged or encrypted members
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(invalid(str(path), f"a file that cannot be read ({reason})", LAYOUT)) from error
    y_train, y_test, classes = _targets(path, arrays["y_train"], arrays["y_test"])
    parts = []
    for part, y in (("train", y_train), ("test", y_test)):
        order = np.random.default_rng(0).permutation(len(y))
        parts.append((_inputs(path, f"x_{part}", arrays.pop(f"x_{part}"), order), y[order]))
    return NpzData(parts[0], parts[1], classes, digest)


def _headers(path: Path, archive: zipfile.ZipFile) -> dict[str, Header]:
    """Return the header of every array, each of as many bytes as its member has."""
    names = archive.namelist()
    if sorted(names) != sorted(f"{name}.npy" for name in ARRAYS):
        found = [name.removesuffix(".npy") for name in names[:8]] + ["…"] * (len(names) > 8)
        raise DataError(invalid(str(path), f"the arrays {found}", LAYOUT))
    return {name: _header(path, archive, name) for name in ARRAYS}


def _header(path: Path, archive: zipfile.ZipFile, name: str) -> Header:
    """Return the header of one array, of numbers only."""
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as stream:
        start = io.BytesIO(stream.read(HEADER_BYTES))
    version = npy.read_magic(start)
    if version not in ((1, 0), (2, 0)):  # version 3 differs in names of fields, which are refused anyhow
        raise ValueError(f"{name} has version {version} of the .npy format")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(start)
    header = Header(shape, dtype)
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        expected = "bool, integers or floats of at most 64 bits"
        raise DataError(invalid(f"{name} in {path}", f"dtype {str(dtype)[:80]}", expected))
    if min(shape, default=0) < 1:
        raise DataError(invalid(f"{name} in {path}", header, "at least one sample and no axis of length 0"))
    size = start.tell() + math.prod(shape) * dtype.itemsize
    if member.file_size != size:
        raise DataError(invalid(f"{name} in {path}", f"{member.file_size} bytes", f"{size} for {header}"))
    return header


def _check_shapes(path: Path, headers: dict[str, Header]) -> None:
    """Raise DataError unless the shapes and dtypes fit one another."""
    x_train, y_train, x_test, y_test = (headers[name] for name in ARRAYS)
    _channels_last(f"x_train in {path}", x_train.shape)
    kinds = [(x.shape[1:], x.dtype.newbyteorder("=")) for x in (x_train, x_test)]
    if kinds[0] != kinds[1]:
        raise DataError(invalid(f"x_test in {path}", x_test, f"samples like x_train's of {x_train}"))
    for name, x, y in (("y_train", x_train, y_train), ("y_test", x_test, y_test)):
        n = x.shape[0]
        if len(y.shape) > 2 or y.shape[0] != n:
            raise DataError(invalid(f"{name} in {path}", y, f"shape ({n},) or ({n}, T): one row a sample"))
    if (y_train.dtype.kind == "f") != (y_test.dtype.kind == "f") or _width(y_train) != _width(y_test):
        raise DataError(invalid(f"y_test in {path}", y_test, f"labels like y_train's of {y_train}"))
    if x_train.shape[0] < MIN_TRAIN:
        raise DataError(invalid(f"x_train in {path}", f"{x_train.shape[0]} samples", f"at least {MIN_TRAIN}"))


def _width(labels: Header) -> int:
    """Return the number of columns of labels (N,) or (N, T)."""
    return labels.shape[1] if len(labels.shape) == 2 else 1


def _channels_last(what: str, shape: tuple[int, ...]) -> bool:
    """Return whether inputs are images (N, H, W, C); DataError if they are neither images nor features."""
    if len(shape) in (2, 3):
        return False
    first, last = (len(shape) == 4 and shape[axis] in CHANNELS for axis in (1, 3))
    if first == last:
        got = f"shape {shape}" + (", in which axis 1 or axis 3 may be the channels" if first else "")
        expected = "features (N, D) or images (N, H, W), (N, C, H, W) or (N, H, W, C)"
        channels = "exactly one of axes 1 and 3 of length 1, 3 or 4"
        raise DataError(invalid(what, got, f"{expected}, the last two with {channels}"))
    return last


def _check_memory(path: Path, headers: dict[str, Header]) -> None:
    """Raise DataError where the arrays, as they are and twice as float32, exceed the available memory."""
    needed = sum(math.prod(h.shape) * (h.dtype.itemsize + 8) for h in headers.values())
    available = psutil.virtual_memory().available
    if needed > available:
        got = f"{', '.join(f'{name} {header.shape}' for name, header in headers.items())}"
        expected = f"arrays that fit into {available / 2**30:.1f} GiB, not {needed / 2**30:.1f}"
        raise DataError(invalid(str(path), got, expected))


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[np.generic]:
    """Return one array, whose header was checked."""
    with archive.open(f"{name}.npy") as stream:
        return npy.read_array(stream, allow_pickle=False)


def _finite(what: str, values: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return values as float32; raise DataError if any is not finite in that type."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    finite = np.isfinite(single)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        got = f"{(~finite).sum()} values that are NaN or infinite, the first at {place}"
        raise DataError(invalid(what, got, "finite numbers of float32"))
    return single


def _inputs(
    path: Path, name: str, values: NDArray[np.generic], order: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return inputs (N, C, H, W) or (N, D) in the given order."""
    what = f"{name} in {path}"
    inputs = _finite(what, values)[order]
    if values.ndim == 2:
        return inputs
    if values.dtype == np.uint8:
        inputs /= np.float32(255)
    if values.ndim == 3:
        return inputs[:, None]
    last = _channels_last(what, values.shape)
    return np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)) if last else inputs


def _is_one_hot(labels: NDArray[np.generic]) -> bool:
    """Return whether labels are rows (N, K), K > 1, of one 1 and else 0."""
    if labels.ndim != 2 or labels.shape[1] == 1:
        return False
    ones = labels == 1
    return bool((ones | (labels == 0)).all() and (ones.sum(1) == 1).all())


def _targets(
    path: Path, train: NDArray[np.generic], test: NDArray[np.generic]
) -> tuple[Labels, Labels, int | None]:
    """Return classes (N,) as int64 and their number, or values (N, T) as float32 and None."""
    if _is_one_hot(train) and _is_one_hot(test):
        train, test = train.argmax(1), test.argmax(1)
    elif train.dtype.kind == "f":
        y_train, y_test = (
            _finite(f"y_{part} in {path}", y) for part, y in (("train", train), ("test", test))
        )
        return y_train.reshape(len(train), -1), y_test.reshape(len(test), -1), None
    elif train.ndim == 2 and train.shape[1] > 1:
        raise DataError(
            invalid(
                f"y_train in {path}", f"integers {train.shape}", "(N,) or one-hot rows; floats for values"
            )
        )
    train, test = train.ravel(), test.ravel()
    names = np.unique(train)
    if len(names) == 1:
        raise DataError(invalid(f"y_train in {path}", f"the one class {names[0]}", "at least two classes"))
    unknown = test[~np.isin(test, names)]
    if len(unknown):
        expected = f"one of the {len(names)} classes in y_train; floats for values"
        raise DataError(invalid(f"y_test in {path}", f"label {unknown[0]}", expected))
    return np.searchsorted(names, train), np.searchsorted(names, test), len(names)
