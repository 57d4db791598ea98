"""Download of MNIST by pooch: given up early where nobody answers, and checked before it is kept."""

import queue
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pooch
import torch

from impl.data import idx
from impl.data.idx import DataError, raw_folder, read_idx

PATIENCE_SECONDS = 9.0  # until the smallest file is here, 10 s with loading the digits


class DownloadError(RuntimeError):
    """MNIST could not be downloaded; the message is the reason."""


@cache  # torch forgets the operators when the library object goes
def _define_missing_operators() -> Any:
    """Define the two operators that torchvision looks for when it is imported."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def torchvision_mnist() -> Any:
    """Return torchvision's MNIST class: addresses, hashes and the test oracle.

    A torchvision built for CUDA cannot load its compiled operators beside a CPU build of torch, and its
    import then fails for want of two operators' names, although data sets need no operator.
    """
    try:
        from torchvision.datasets import MNIST
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        _define_missing_operators()
        from torchvision.datasets import MNIST
    return MNIST


def _fetch(file: tuple[str, str], mirrors: list[str], folder: Path, seconds: float) -> None:
    """Fetch and unpack one file from the first mirror that has it; DownloadError with the last reason."""
    packed, md5 = file
    reason = "there is no mirror"
    for mirror in mirrors:
        registry = pooch.create(folder, mirror, registry={packed: f"md5:{md5}"}, retry_if_failed=1)
        unpack = pooch.Decompress(name=Path(packed).stem)
        try:
            registry.fetch(packed, unpack, pooch.HTTPDownloader(timeout=seconds))
            return
        except (OSError, EOFError, ValueError) as error:  # ValueError: another MD5
            reason = f"{mirror}{packed}: {type(error).__name__}"
    raise DownloadError(reason)


def _within(seconds: float, function: Callable[[], None]) -> None:
    """Call `function`; DownloadError when it takes longer, as a name server that never answers does."""
    outcome: queue.Queue[Exception | None] = queue.Queue()

    def call() -> None:
        try:
            function()
        except Exception as error:
            outcome.put(error)
        else:
            outcome.put(None)

    threading.Thread(target=call, daemon=True).start()  # a daemon does not hold up the program's end
    try:
        error = outcome.get(timeout=seconds)
    except queue.Empty:
        raise DownloadError(f"no mirror answered within {seconds:g} s") from None
    if error:
        raise error


def download_mnist(root: Path, seconds: float = PATIENCE_SECONDS) -> None:
    """Download MNIST to root/MNIST/raw.

    Files are fetched into a temporary folder, checked, and then moved whole: an interrupted download leaves
    nothing that a later run takes for data.

    Args:
        root: folder of the data sets.
        seconds: time limit for the smallest file, and of each connection without a byte.

    Raises:
        DownloadError: no mirror answers in time, a connection stalls, or the files are not MNIST's.
    """
    pooch.get_logger().setLevel("ERROR")
    published = torchvision_mnist()
    *others, smallest = published.resources
    try:
        raw_folder(root).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as temporary:
            folder = Path(temporary)
            _within(seconds, lambda: _fetch(smallest, published.mirrors, folder, seconds))
            for file in others:
                _fetch(file, published.mirrors, folder, seconds)
            for name, expected in idx.FILES.items():
                read_idx(folder / name, expected)
            for name in idx.FILES:
                (folder / name).replace(raw_folder(root) / name)
    except (OSError, DataError) as error:
        raise DownloadError(str(error).partition("\n")[0].rstrip(".")) from error
