"""System check: required and optional dependencies, with the remedy for those that are missing."""

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

from report.render import system_libraries

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
DISK = 2**29  # bytes for stores, the report and torch's compiled kernels
MNIST = "make bench DATA_ROOT=<folder of MNIST/raw>"

Result = tuple[bool, str]  # whether it is there, and what was found


@dataclass(frozen=True)
class Finding:
    """One dependency: its state, its purpose, whether it is required, and the remedy if it is missing."""

    name: str
    ok: bool
    found: str
    purpose: str
    required: bool = False
    remedy: str = ""

    @property
    def status(self) -> str:
        """`ok`, `MISSING` where it is required, else `missing`."""
        return "ok" if self.ok else "MISSING" if self.required else "missing"

    def __str__(self) -> str:
        return f"{self.found} ({self.purpose})" + ("" if self.ok else f"; remedy: {self.remedy}")


def _torch() -> Result:
    try:
        import torch
    except (ImportError, OSError) as error:
        return False, str(error)
    return True, f"{torch.__version__}, {torch.get_num_threads()} threads; training runs use one each"


def _gpu() -> Result:
    import torch

    there = torch.cuda.is_available()
    return there, torch.cuda.get_device_name() if there else "none that torch can use"


def _compiler() -> Result:
    from impl.compilation.inductor import compiler

    path = compiler("cpu")
    return path is not None, str(path or "none")


def _fonts() -> Result:
    program = shutil.which("fc-list")
    if program is None:
        return False, "unknown, because fc-list is not installed"
    listing = subprocess.run([program, ":", "family"], capture_output=True, text=True).stdout
    number = len(set(listing.split("\n")) - {""})
    return number > 0, f"{number} families"


def _browser() -> Result:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    return path is not None, path or "none"


def _libraries() -> Result:
    there = system_libraries.loads()
    return there, "Pango and HarfBuzz load" if there else "Pango or HarfBuzz does not load"


def _existing(folder: Path) -> Path:
    """Return the folder or its nearest existing parent."""
    return next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())


def _writable(folder: Path) -> Result:
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return True, f"{folder} is writable"
    except OSError as error:
        return False, str(error.strerror)


def _disk(folder: Path) -> Result:
    free = shutil.disk_usage(_existing(folder)).free
    return free >= DISK, f"{free / 2**30:.1f} GiB free"


def _mnist(root: Path | None) -> Finding:
    from impl.data.datasets import DEFAULT_ROOT, resolve
    from impl.data.download import DownloadError
    from impl.data.idx import DataError

    def refuse(folder: Path) -> None:
        raise DownloadError("not tried")

    purpose = "training data"
    try:
        source = resolve(root, download=refuse)
    except (DataError, OSError) as error:
        return Finding("MNIST", False, str(error), purpose, True, MNIST)
    if source.root is not None:
        return Finding("MNIST", True, f"in {source.root}", purpose)
    found = f"not in {DEFAULT_ROOT}; a run downloads it, or uses scikit-learn's digits instead"
    return Finding("MNIST", False, found, purpose, remedy=MNIST)


def _store(path: Path) -> Finding:
    from bench.store import StoreError, latest

    try:
        snapshot = latest(path)
    except StoreError as error:
        reason, _, remedy = str(error).partition("; ")
        return Finding("store", False, reason, "results", True, remedy)
    found = "empty" if snapshot is None else f"{path}, {len(snapshot.runs):,} runs in the latest environment"
    return Finding("store", True, found, "results", True)


def examine(results: Path, data_root: Path | None) -> list[Finding]:
    """Check every dependency; those that need torch are left out where it is missing."""
    folder, apt = results.parent, "Debian, Ubuntu: sudo apt-get install -y"
    libraries = "; ".join(f"{system}: {command}" for system, command in system_libraries.COMMANDS.items())
    python = sys.version_info >= (3, 11), f"{platform.python_version()}, {sys.executable}"
    slow = "fuses activations and optimizers; without it they are slower, with the same numbers"
    # name, check, purpose, whether it is required, remedy
    table: list[tuple[str, Callable[[], Result], str, bool, str]] = [
        ("Python", lambda: python, "runs everything", True, "make setup PYTHON=python3.12"),
        ("torch", _torch, "computes everything", True, "make setup"),
        ("C++ compiler", _compiler, slow, False, f"{apt} g++; macOS: xcode-select --install"),
        ("GPU", _gpu, "DEVICE=cuda; the default is the CPU", False, "none needed"),
        ("results", lambda: _writable(folder), "stores results", True,
         f"chmod u+w {folder}, or choose another folder with --results"),
        ("disk", lambda: _disk(folder), "results, report, compiled kernels", True,
         f"free at least {DISK / 2**20:.0f} MiB"),
        ("PDF", _libraries, "renders report.pdf; report.html does not need it", False, libraries),
        ("fonts", _fonts, "text of the PDF", False, f"{apt} fonts-liberation fontconfig"),
        ("chromium", _browser, "tests of the page; skipped without it", False, f"{apt} chromium"),
    ]  # fmt: skip
    findings: list[Finding] = []
    torch = _torch()[0]
    for name, check, purpose, required, remedy in table:
        if torch or name not in ("C++ compiler", "GPU"):
            findings.append(Finding(name, *check(), purpose, required, remedy))
        if torch and name == "torch":
            findings += [_mnist(data_root), _store(results)]
    return findings


def show(findings: list[Finding]) -> None:
    """Print a line for each dependency, as a table on a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for f in findings:
            console.print(f"{f.status:8}{f.name:13}{f}", markup=False, soft_wrap=True)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for f in findings:
        table.add_row(
            f.status, f.name, str(f), style=None if f.ok else "bold red" if f.required else "yellow"
        )
    console.print(table)
