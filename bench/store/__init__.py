"""The results database: one SQLite file of environments, runs, measurements and arrays."""

from bench.store.database import REFERENCE, Store, existing, find, latest, locked
from bench.store.frames import frame, load
from bench.store.schema import VERSION, StoreError
from bench.store.snapshot import Snapshot, joined

__all__ = [
    "REFERENCE",
    "VERSION",
    "Snapshot",
    "Store",
    "StoreError",
    "existing",
    "find",
    "frame",
    "joined",
    "latest",
    "load",
    "locked",
]
