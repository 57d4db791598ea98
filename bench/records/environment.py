"""The environment of a measurement: machine, versions, source and data."""

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The source that determines measured numbers; runner, store and command line only transport them.
MEASURING = (
    "impl/**/*.py",
    "bench/experiments/workloads/**/*.py",
    "bench/records/candidate_names.py",
    "bench/records/names.py",
    "bench/records/runs.py",
    "bench/suites/conftest.py",
    "bench/suites/interleaved.py",
    "bench/suites/setup_cache.py",
    "bench/suites/test_*.py",
)
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pytest-benchmark", "distributed")


# What a trained network depends on beyond its run: equal fields, comparable results on every machine.
PROGRAM = ("python", "versions", "device", "threads", "source_sha256", "dataset", "dataset_sha256")


@dataclass(frozen=True)
class Environment:
    """One machine with one set of versions, one source tree and one data set.

    Times of two environments never mix. Networks that were trained with the same PROGRAM on two machines do:
    their numbers differ as roundings do.
    """

    processor: str
    cores: int
    memory_gib: int
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
        """Hash of all fields that can change a number; `source_sha256` replaces the commit."""
        fields = asdict(self)
        del fields["commit_hash"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def source_sha256() -> str:
    """Return the SHA-256 of names and contents of all files that match MEASURING."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in MEASURING for path in ROOT.glob(pattern)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def commit_hash() -> str:
    """Return the commit, with `+changes` if `impl` or `bench` differ from it, or `unknown` outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changes = "+changes" if git("status", "--porcelain", "impl", "bench") else ""
        return git("rev-parse", "HEAD") + changes
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor_name() -> str:
    """Return the marketing name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def current(dataset: str, dataset_sha256: str, device: str = "cpu") -> Environment:
    """Return the environment of this process.

    Args:
        dataset: Name of the data set.
        dataset_sha256: Hash of its files.
        device: `cpu`, or the name of the GPU.
    """
    return Environment(
        processor=processor_name(),
        cores=os.cpu_count() or 1,
        # Rounded: machines of one kind differ in kilobytes, of which no number depends.
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        versions=json.dumps({package: version(package) for package in PACKAGES}, sort_keys=True),
        device=device,
        threads=1,
        source_sha256=source_sha256(),
        dataset=dataset,
        dataset_sha256=dataset_sha256,
        commit_hash=commit_hash(),
    )
