"""The second process works, raises what its function raises, and never outlives the first."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from report.tools.second_process import second_process

# Prints the second process and then waits on it, as a build waits on a long PDF.
PROGRAM = """
import os, signal, time
from report.tools.second_process import second_process

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    with second_process("math") as second:
        print(second.submit(os.getpid).result(), flush=True)
        second.submit(time.sleep, 600).result()
"""


def test_it_computes_and_raises_in_another_process():
    with second_process("math") as second:
        assert second.submit(divmod, 7, 2).result() == (3, 1)
        assert second.submit(os.getpid).result() != os.getpid()
        with pytest.raises(ZeroDivisionError):
            second.submit(divmod, 7, 0).result()


def test_an_error_ends_it_at_once():
    def interrupted():
        with second_process("math") as second:
            assert second.submit(os.getpid).result()
            second.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_first_process(tmp_path, how):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with subprocess.Popen(
        [sys.executable, program], stdout=-1, stderr=-1, env=os.environ | {"PYTHONPATH": "."}
    ) as first:
        assert first.stdout is not None
        assert int(first.stdout.readline()) != first.pid
        first.send_signal(how)
        first.stdout.read()  # returns when nobody holds the pipe any more
    assert first.returncode != 0
