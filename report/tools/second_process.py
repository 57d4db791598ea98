"""A process beside this one, for half of the work of a report."""

import gc
import importlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from threading import Thread


@contextmanager
def second_process(module: str) -> Iterator[Executor]:
    """Start a process that imports a module at once; it is ended if the block raises.

    Results come back pickled. Ctrl-C is left to this process.
    """
    context = multiprocessing.get_context("spawn")  # a forked process would inherit torch's threads as locks
    with ProcessPoolExecutor(1, context, _begin) as executor:
        executor.submit(importlib.import_module, module)
        try:
            yield executor
        except BaseException:
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    gc.disable()  # as in the first process


def _end_with_parent() -> None:
    """Wait until the first process ends, killed or not; nobody needs this one then."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
