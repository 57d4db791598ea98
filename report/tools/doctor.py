"""What this machine has and lacks: each thing with what it is for, and how to get it where it is missing."""

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from report.render import system_libraries as native

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ROOM = 2**29  # bytes that stores, the report and torch's compiled kernels fit into


@dataclass(frozen=True)
class Finding:
    """One thing: what there is of it, what it is for, whether nothing works without it, and the remedy."""

    what: str
    ok: bool
    found: str
    meaning: str
    needed: bool = False
    remedy: str = ""

    @property
    def word(self) -> str:
        """`ok`, `MISSING` where nothing works without it, else `missing`."""
        return "ok" if self.ok else "MISSING" if self.needed else "missing"


def examine(results: Path, data_root: Path | None) -> list[Finding]:
    """Look after everything, in the order in which it is needed; without torch only after what needs none."""
    computes = torch_()
    of_torch: list[Callable[[], Finding]] = [
        lambda: data_set(data_root),
        lambda: store(results),
        compiler,
        gpu,
    ]
    others = [writable(results.parent), room(results.parent), pango(), fonts(), browser()]
    return [python(), computes, *(check() for check in of_torch if computes.ok), *others]


def python() -> Finding:
    """The interpreter."""
    return Finding(
        "Python",
        sys.version_info >= (3, 11),
        f"{platform.python_version()}, {sys.executable}",
        "runs everything",
        True,
        "make setup PYTHON=python3.12",
    )


def torch_() -> Finding:
    """Torch, and on how many threads it would compute."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", False, str(error), "computes everything", True, "make setup")
    found = f"{torch.__version__}, {torch.get_num_threads()} threads; training runs take one each"
    return Finding("torch", True, found, "computes everything", True)


def data_set(root: Path | None) -> Finding:
    """Where MNIST is; nothing is downloaded."""
    from impl.data.datasets import DEFAULT_ROOT, resolve
    from impl.data.download import DownloadError
    from impl.data.idx import DataError

    def refuse(folder: Path) -> None:
        raise DownloadError("not tried")

    meaning = "what networks train on"
    try:
        source = resolve(root, download=refuse)
    except (DataError, OSError) as error:
        return Finding(
            "MNIST", False, str(error), meaning, True, "make bench DATA_ROOT=<folder of MNIST/raw>"
        )
    if source.root is not None:
        return Finding("MNIST", True, f"in {source.root}", meaning)
    found = f"not in {DEFAULT_ROOT}; a run downloads it, or trains on scikit-learn's digits where it cannot"
    return Finding("MNIST", False, found, meaning, remedy="make bench DATA_ROOT=<folder of MNIST/raw>")


def _there(folder: Path) -> Path:
    """The folder, or what there is of the way to it."""
    return next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())


def writable(folder: Path) -> Finding:
    """Whether results can be written."""
    try:
        with tempfile.TemporaryFile(dir=_there(folder)):
            pass
    except OSError as error:
        remedy = f"chmod u+w {folder}, or name another with --results"
        return Finding("results", False, str(error.strerror), "keeps what is measured", True, remedy)
    return Finding("results", True, f"{folder} can be written", "keeps what is measured", True)


def room(folder: Path) -> Finding:
    """Whether the disk has room."""
    free = shutil.disk_usage(_there(folder)).free
    remedy = f"make room: {ROOM / 2**20:.0f} MiB are wanted"
    found = f"{free / 2**30:.1f} GiB free"
    return Finding("disk", free >= ROOM, found, "results, report, compiled kernels", True, remedy)


def store(path: Path) -> Finding:
    """Whether the store, if there is one, is whole."""
    from bench.store import StoreError, latest

    try:
        snapshot = latest(path)
    except StoreError as error:
        reason, _, remedy = str(error).partition("; ")
        return Finding("store", False, reason, "what was measured", True, remedy)
    found = "nothing measured yet" if snapshot is None else f"{path}, {len(snapshot.runs):,} runs last"
    return Finding("store", True, found, "what was measured", True)


def compiler() -> Finding:
    """The C++ compiler that torch makes fused kernels with."""
    from impl.compilation.inductor import compiler as found

    path = found("cpu")
    remedy = "Debian, Ubuntu: sudo apt-get install -y g++; macOS: xcode-select --install"
    meaning = "fuses activations and optimizers; without it they are slower, the numbers alike"
    return Finding("C++ compiler", path is not None, path or "none", meaning, remedy=remedy)


def gpu() -> Finding:
    """The GPU that torch would use."""
    import torch

    there = torch.cuda.is_available()
    found = torch.cuda.get_device_name() if there else "none that torch can use"
    return Finding("GPU", there, found, "DEVICE=cuda; the CPU is measured without", remedy="none needed")


def pango() -> Finding:
    """The C libraries of WeasyPrint."""
    there = native.loads()
    remedy = "; ".join(f"{system}: {command}" for system, command in native.COMMANDS.items())
    found = "Pango and HarfBuzz load" if there else "Pango or HarfBuzz does not load"
    return Finding("PDF", there, found, "draws report.pdf; without it there is report.html", remedy=remedy)


def fonts() -> Finding:
    """The fonts that the PDF can be set in."""
    program = shutil.which("fc-list")
    said = subprocess.run([program, ":", "family"], capture_output=True, text=True).stdout if program else ""
    number = len(set(said.split("\n")) - {""})
    found = f"{number} families" if program else "fc-list is not there to tell"
    remedy = "Debian, Ubuntu: sudo apt-get install -y fonts-liberation fontconfig"
    return Finding("fonts", number > 0, found, "the PDF's text", remedy=remedy)


def browser() -> Finding:
    """The browser that tests look at the page with."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    remedy = "Debian, Ubuntu: sudo apt-get install -y chromium"
    meaning = "tests of the page; they are skipped without"
    return Finding("chromium", path is not None, path or "none", meaning, remedy=remedy)


def tell(found: list[Finding]) -> None:
    """Print a line for each thing, on a terminal as wide as that is."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for f in found:
            console.print(f"{f.word:8}{f.what:13}{_said(f)}", markup=False, soft_wrap=True)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for f in found:
        table.add_row(f.word, f.what, _said(f), style=None if f.ok else "bold red" if f.needed else "yellow")
    console.print(table)


def _said(f: Finding) -> str:
    """What there is, what it is for, and what to do."""
    return f"{f.found} ({f.meaning})" + ("" if f.ok else f"; remedy: {f.remedy}")
