"""The results store."""

from bench.store.database import VERSION, Snapshot, Store, StoreError, alone, latest, of

__all__ = ["VERSION", "Snapshot", "Store", "StoreError", "alone", "latest", "of"]
