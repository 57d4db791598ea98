"""MNIST's download by torchvision: given up early where nobody answers, and checked before it is kept."""

import queue
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import torch

from impl.data import idx as mnist
from impl.data.idx import DataError, raw_folder, read_idx

PATIENCE_SECONDS = 9.0  # for the first byte; ten are promised, and loading the digits comes on top


class DownloadError(RuntimeError):
    """MNIST could not be downloaded; the message is the reason."""


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
    published = torchvision_mnist()
    smallest, _ = published.resources[-1]
    first = first_answering(published.mirrors, smallest, max(0.0, deadline - time.monotonic()))
    if first is None:
        raise DownloadError("no mirror answered")
    mirrors = sorted(published.mirrors, key=lambda mirror: mirror != first)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)  # torchvision takes no timeout of its own
    try:
        raw_folder(root).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as folder:
            type("MNIST", (published,), {"mirrors": mirrors})(folder, download=True)
            _install(raw_folder(Path(folder)), raw_folder(root))
    except (OSError, HTTPException, RuntimeError, DataError) as error:
        reason = str(error).partition("\n")[0].rstrip(":.") or type(error).__name__
        raise DownloadError(reason) from error
    finally:
        socket.setdefaulttimeout(before)


def _install(source: Path, target: Path) -> None:
    for name, expected in mnist.FILES.items():
        read_idx(source / name, expected)
    for name in mnist.FILES:
        (source / name).replace(target / name)
