"""The four files of MNIST and of its likes: what each must be, and the reader that takes nothing else."""

import hashlib
import math
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
MOST = 1_000_000  # samples of a data set that nothing is known of; what claims more is not read at all


class DataError(ValueError):
    """A data file is missing, truncated or foreign; the message names it, what came and what was expected."""


@dataclass(frozen=True)
class IdxFile:
    """What a file must be: unsigned bytes of `shape`, and the SHA-256 of the whole file where it is known.

    None as a length in `shape` stands for any from 1 to MOST.
    """

    shape: tuple[int | None, ...]
    sha256: str | None = None

    def __str__(self) -> str:
        lengths = [f"1 to {MOST}" if length is None else str(length) for length in self.shape]
        return f"({', '.join(lengths)}{',' * (len(lengths) == 1)})"

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of that shape is as long as wanted along every axis."""
        pairs = zip(shape, self.shape, strict=True)
        return all(0 < n <= MOST if wanted is None else n == wanted for n, wanted in pairs)


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


# The same files of a data set of which nothing else is known.
LIKES: dict[str, IdxFile] = {name: IdxFile((None, *known.shape[1:])) for name, known in FILES.items()}


def raw_folder(root: Path, name: str = "MNIST") -> Path:
    """Return where torchvision keeps the four files of MNIST, or of the like of that name, under `root`."""
    return root / name / "raw"


def read_idx(path: Path, expected: IdxFile) -> tuple[NDArray[np.uint8], str]:
    """Return the array of an idx file, and the file's SHA-256.

    The file is two zero bytes, type 8, the number of axes, each length, the values; lengths are big-endian,
    4 bytes. Files of one axis are labels, 0..9. Raises DataError, naming file, finding and expectation, when
    the file cannot be read or differs in magic, dimensions, length, label range or SHA-256.
    """
    axes = len(expected.shape)
    start = 4 + 4 * axes
    known = f" and SHA-256 {expected.sha256}" if expected.sha256 else ""
    wanted = f"an idx file of dimensions {expected}{known}"
    try:
        size = _size(path)
        with path.open("rb") as file:
            header = file.read(start)
            shape = struct.unpack(f">{axes}I", header.ljust(start, b"\0")[4:])
            values = file.read(min(size, math.prod(shape))) if expected.fits(shape) else b""
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{path}: cannot be read ({reason}); expected {wanted}") from error
    digest = hashlib.sha256(header + values).hexdigest()
    if difference := next(_differences(header, values, size, shape, digest, expected), None):
        found, instead = difference
        raise DataError(f"{path}: {found}, not {instead}; expected {wanted}")
    return np.frombuffer(values, np.uint8).reshape(shape), digest


def _size(path: Path) -> int:
    """Bytes of a regular file that lies where its name says; OSError for anything else.

    A link may lead to data of someone else's, a pipe never ends: neither is followed.
    """
    place = path.resolve()
    if place.parent != path.parent.resolve():
        raise OSError(f"it is a link out of its folder, to {place}")
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise OSError("it is no regular file")
    return about.st_size


def _differences(
    header: bytes, values: bytes, size: int, shape: tuple[int, ...], digest: str, expected: IdxFile
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a file and what was to be there, the most telling first."""
    axes = len(expected.shape)
    start = 4 + 4 * axes
    magic = bytes([0, 0, 8, axes])
    if header[:4] != magic:
        yield f"begins with {header[:4].hex(' ') or 'nothing'}", f"the idx magic {magic.hex(' ')}"
    if len(header) < start:
        yield f"ends after {len(header)} bytes", f"a header of {start}"
    if not expected.fits(shape):
        yield f"has dimensions {shape}", str(expected)
    if size != start + math.prod(shape):
        yield f"is {size} bytes long", f"{start + math.prod(shape)}"
    if axes == 1 and max(values, default=0) >= CLASSES:
        position = next(i for i, label in enumerate(values) if label >= CLASSES)
        yield f"holds label {values[position]} at position {position}", f"one of 0 to {CLASSES - 1}"
    if expected.sha256 not in (None, digest):
        yield f"has SHA-256 {digest}", str(expected.sha256)
