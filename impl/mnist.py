"""The four files of MNIST: what each must be, and the reader that takes nothing else."""

import hashlib
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASSES = 10


class DataError(ValueError):
    """A data file is missing, truncated or foreign; the message names it, what came and what was expected."""


@dataclass(frozen=True)
class IdxFile:
    """What one of MNIST's files must be: unsigned bytes of `shape` whose whole file has this SHA-256."""

    shape: tuple[int, ...]
    sha256: str


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
