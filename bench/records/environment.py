"""What a measurement was made on: machine, versions, source, data. Two environments are never averaged."""

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from impl.names import unknown

ROOT = Path(__file__).resolve().parents[2]
# what a measured number runs through; the runner, the store and the command line only carry it
MEASURING = (
    "impl/**/*.py",
    "bench/experiments/workloads/*.py",
    "bench/suites/conftest.py",
    "bench/suites/interleaved.py",
    "bench/suites/test_*.py",
)
DEVICES = ("cpu", "cuda")
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pytest-benchmark", "distributed")


@dataclass(frozen=True)
class Environment:
    """One machine with one set of versions, one source tree and one data set."""

    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str
    versions: str
    device: str
    threads: int
    source_sha256: str
    dataset: str
    dataset_sha256: str
    commit_hash: str

    @property
    def key(self) -> str:
        """Hash of all that can change a number; not the commit, since `source_sha256` says it better."""
        fields = asdict(self)
        del fields["commit_hash"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def source_sha256() -> str:
    """SHA-256 over the names and contents of all files that match MEASURING."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in MEASURING for path in ROOT.glob(pattern)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def commit_hash() -> str:
    """Commit of the source tree, `+changes` where `impl` or `bench` differ from it, `unknown` outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+changes" if git("status", "--porcelain", "impl", "bench") else ""
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor_name() -> str:
    """Marketing name of the processor, as the operating system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def device_name(device: str) -> str:
    """`cpu`, or the name of the GPU that torch would use.

    Raises:
        ValueError: for an unknown device, or `cuda` where torch finds no GPU.
    """
    import torch

    if device == "cpu":
        return "cpu"
    if device != "cuda":
        raise ValueError(unknown("device", device, DEVICES))
    if not torch.cuda.is_available():
        raise ValueError(
            f"device 'cuda' asked for, but torch {torch.__version__} finds no usable GPU; use cpu"
        )
    return torch.cuda.get_device_name()


def current(dataset: str, dataset_sha256: str, device: str = "cpu") -> Environment:
    """The environment of this process, measuring one thread at a time on `device` with the given data."""
    return Environment(
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=json.dumps({package: version(package) for package in PACKAGES}, sort_keys=True),
        device=device_name(device),
        threads=1,
        source_sha256=source_sha256(),
        dataset=dataset,
        dataset_sha256=dataset_sha256,
        commit_hash=commit_hash(),
    )
