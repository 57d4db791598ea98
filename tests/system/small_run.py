"""The command line on a grid of a few runs, in processes that begin at once.

What takes long, importing, is done once by a server that each of them is a fork of.
"""

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.reduction import DupFd
from pathlib import Path
from unittest.mock import patch

from bench import __main__ as command_line
from bench.experiments import catalog
from bench.experiments.plan import Budget
from bench.experiments.profiles import PROFILES, Profile
from bench.runner import progress

SEEDS = 53
SMALL = 2 * SEEDS  # runs: two candidates at one rate under so many seeds


class SmallRun:
    """A run that was started: `pid`, which leads a process group, and what it says, in `stderr`."""

    def __init__(self, process, stderr):
        self.process, self.pid, self.stderr = process, process.pid, stderr

    def finish(self):
        """What it still says, and how it ended, when it and all of its workers have."""
        said = self.stderr.read()
        self.process.join()
        return said, self.process.exitcode

    def kill(self):
        """End whatever is left of it."""
        if self.process.is_alive():
            os.killpg(self.pid, signal.SIGKILL)
        if not self.stderr.closed:
            self.finish()
            self.stderr.close()


def start(store, workers=2, killed_after=None):
    """Begin a run in the folder of its store; killed_after: seconds after which it kills itself."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.system.small_run"])
    reads, writes = os.pipe()
    process = context.Process(target=_run, args=(store, workers, killed_after, DupFd(writes)))
    process.start()
    os.close(writes)
    return SmallRun(process, os.fdopen(reads, encoding="utf-8"))


def _run(store, workers, killed_after, stderr):
    os.setsid()
    os.dup2(stderr.detach(), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the server, in the background, ignores it
    os.chdir(Path(store).parent)
    sys.argv = ["bench", "run", "--dataset", "digits", "--activation", "relu", "--results", str(store)]
    sys.argv += ["--workers", str(workers)]
    if killed_after is not None:
        timer = threading.Timer(killed_after, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    budget = Budget(SEEDS, 1, 200, tuned=False)
    profile = Profile({"fc_autoencoder": budget}, Budget(0, 1, 1797), 0, 0.0)
    with (
        patch.dict(PROFILES, quick=profile),
        patch.object(catalog, "COMPARED", ("relu", "control")),  # what needs no compiler
        patch.object(progress, "LINE_EVERY", 0.0),
    ):
        command_line.cli()
