"""Custom candidates: their names, their files, and the process that they run in."""

from bench.experiments.workloads.user_code.loader import Source, load, placed, present
from bench.experiments.workloads.user_code.process_state import ProcessStateError, isolated

__all__ = ["ProcessStateError", "Source", "isolated", "load", "placed", "present"]
