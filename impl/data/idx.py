"""The four files of MNIST and of data sets in its format, and a reader that accepts nothing else."""

import hashlib
import math
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from impl.names import invalid

CLASSES = 10
MAX_SAMPLES = 1_000_000  # of a data set without known hashes; a file that claims more is not read


class DataError(ValueError):
    """A data file is missing, damaged or another one."""


@dataclass(frozen=True)
class IdxFile:
    """Expected contents of a file: unsigned bytes.

    Attributes:
        shape: length of each axis; None for any length from 1 to MAX_SAMPLES.
        sha256: SHA-256 of the whole file, where it is known.
    """

    shape: tuple[int | None, ...]
    sha256: str | None = None

    def __str__(self) -> str:
        lengths = [f"1 to {MAX_SAMPLES}" if length is None else str(length) for length in self.shape]
        shape = f"({', '.join(lengths)}{',' * (len(lengths) == 1)})"
        labels = f" with labels 0 to {CLASSES - 1}" if len(lengths) == 1 else ""
        known = f" and SHA-256 {self.sha256}" if self.sha256 else ""
        return f"an idx file of dimensions {shape}{labels}{known}"

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether an array has the expected length along every axis."""
        pairs = zip(shape, self.shape, strict=True)
        return all(0 < n <= MAX_SAMPLES if length is None else n == length for n, length in pairs)


# SHA-256 of the unpacked files of LeCun, Cortes & Burges (1998); torchvision knows the packed ones' MD5.
FILES: dict[str, IdxFile] = {
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


# The same files of another data set, without known hashes.
SIMILAR_FILES = {name: IdxFile((None, *known.shape[1:])) for name, known in FILES.items()}


def raw_folder(root: Path, name: str = "MNIST") -> Path:
    """Return the folder of the four files of a data set under `root`, in torchvision's layout."""
    return root / name / "raw"


def read_idx(path: Path, expected: IdxFile) -> tuple[NDArray[np.uint8], str]:
    """Return the array of an idx file, and the file's SHA-256.

    The file is two zero bytes, type 8, the number of axes, each length, the values; lengths are big-endian,
    4 bytes. A file of one axis holds labels, 0 to 9.

    Args:
        path: the file.
        expected: its dimensions and, where known, its SHA-256.

    Raises:
        DataError: the file cannot be read, or is not the expected one.
    """
    axes = len(expected.shape)
    start = 4 + 4 * axes
    try:
        size = _size(path)
        with path.open("rb") as file:
            header = file.read(start)
            shape = struct.unpack(f">{axes}I", header.ljust(start, b"\0")[4:])
            whole = (
                header[:4] == bytes([0, 0, 8, axes])
                and expected.fits(shape)
                and size == start + math.prod(shape)
            )
            values = file.read(math.prod(shape)) if whole else b""
    except OSError as error:
        reason = f"a file that cannot be read ({error.strerror or error})"
        raise DataError(invalid(str(path), reason, str(expected))) from error
    digest = hashlib.sha256(header + values).hexdigest()
    label = max(values, default=0) if axes == 1 else 0
    if not whole or label >= CLASSES or expected.sha256 not in (None, digest):
        content = f"label {label}" if label >= CLASSES else f"SHA-256 {digest}"
        content = content if whole else f"header {header.hex(' ') or 'nothing'}"
        raise DataError(invalid(str(path), f"{size} bytes with {content}", str(expected)))
    return np.frombuffer(values, np.uint8).reshape(shape), digest


def _size(path: Path) -> int:
    """Return the bytes of a regular file in its own folder; OSError for anything else.

    A link may lead to someone else's data, a pipe never ends: neither is followed.
    """
    target = path.resolve()
    if target.parent != path.parent.resolve():
        raise OSError(f"it is a link out of its folder, to {target}")
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no regular file")
    return status.st_size
