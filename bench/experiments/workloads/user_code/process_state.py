"""Keep what custom code changes in the process from everything else that is measured in it."""

import contextlib
import copy
import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks


class ProcessStateError(ValueError):
    """Custom code changed something of the process that cannot be put back."""


@dataclass(frozen=True)
class Setting:
    """A setting of the process: how to read it, and how to put a value back; None if that is impossible."""

    read: Callable[[], Any]
    restore: Callable[[Any], object] | None


def _restore_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


def _restore_list(target: list[Any]) -> Callable[[list[Any]], None]:
    def restore(values: list[Any]) -> None:
        target[:] = values

    return restore


def _working_folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # deleted
        return None


def _restore_anomaly(values: tuple[bool, bool]) -> None:
    torch.autograd.set_detect_anomaly(*values)


def _restore_autocast(values: tuple[bool, torch.dtype]) -> None:
    torch.set_autocast_enabled("cpu", values[0])
    torch.set_autocast_dtype("cpu", values[1])


def _flushes_denormals() -> bool:
    return bool(torch.tensor(1e-40, dtype=torch.float32, device="cpu") * 1 == 0)


def _device() -> str | None:
    """Return the default device; None for the processor, where no mode is active that would slow calls."""
    device = torch.get_default_device()
    return None if device.type == "cpu" else str(device)


def _signals() -> dict[int, Any]:
    chosen = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    return {number: signal.getsignal(number) for number in chosen}


def _restore_signals(handlers: dict[int, Any]) -> None:
    if threading.current_thread() is threading.main_thread():  # elsewhere Python permits no change
        for number, handler in handlers.items():
            signal.signal(number, handler)


HOOKS = [
    table
    for module in (module_hooks, optimizer_hooks)
    for name, table in sorted(vars(module).items())
    if name.startswith("_global_") and isinstance(table, dict)
]


def _restore_hooks(tables: list[dict[int, Any]]) -> None:
    for table, held in zip(HOOKS, tables, strict=True):
        table.clear()
        table.update(held)


def _restore_cudnn(values: dict[str, bool]) -> None:
    for name, value in values.items():
        setattr(torch.backends.cudnn, name, value)


def _restore_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


CUDNN = ("enabled", "benchmark", "deterministic", "allow_tf32")

SETTINGS: dict[str, Setting] = {
    "default dtype": Setting(torch.get_default_dtype, torch.set_default_dtype),
    "default device": Setting(_device, torch.set_default_device),
    "grad mode": Setting(torch.is_grad_enabled, torch.set_grad_enabled),
    "inference mode": Setting(torch.is_inference_mode_enabled, None),
    "anomaly detection": Setting(
        lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()), _restore_anomaly
    ),
    "autocast": Setting(
        lambda: (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")), _restore_autocast
    ),
    "number of threads": Setting(torch.get_num_threads, torch.set_num_threads),
    "number of interop threads": Setting(torch.get_num_interop_threads, None),
    "deterministic algorithms": Setting(
        lambda: (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        lambda values: torch.use_deterministic_algorithms(values[0], warn_only=values[1]),
    ),
    "matrix product precision": Setting(
        torch.get_float32_matmul_precision, torch.set_float32_matmul_precision
    ),
    "denormal numbers": Setting(_flushes_denormals, torch.set_flush_denormal),
    "cuDNN": Setting(
        lambda: {name: getattr(torch.backends.cudnn, name) for name in CUDNN},
        _restore_cudnn,
    ),
    "hooks of all modules or optimizers": Setting(lambda: [dict(table) for table in HOOKS], _restore_hooks),
    "NumPy's errors": Setting(np.geterr, lambda values: np.seterr(**values)),
    "working folder": Setting(_working_folder, _restore_folder),
    "environment variables": Setting(lambda: dict(os.environ), _restore_environment),
    "import path": Setting(lambda: list(sys.path), _restore_list(sys.path)),
    "import hooks": Setting(lambda: list(sys.meta_path), _restore_list(sys.meta_path)),
    "arguments of the program": Setting(lambda: list(sys.argv), _restore_list(sys.argv)),
    "recursion limit": Setting(sys.getrecursionlimit, sys.setrecursionlimit),
    "trace function": Setting(sys.gettrace, sys.settrace),
    "profile function": Setting(sys.getprofile, sys.setprofile),
    "garbage collection": Setting(gc.isenabled, lambda enabled: gc.enable() if enabled else gc.disable()),
    "thresholds of garbage collection": Setting(gc.get_threshold, lambda values: gc.set_threshold(*values)),
    "locale": Setting(
        lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)
    ),
    "signal handlers": Setting(_signals, _restore_signals),
    "log level": Setting(lambda: logging.root.level, logging.root.setLevel),
    "log handlers": Setting(lambda: list(logging.root.handlers), _restore_list(logging.root.handlers)),
    "disabled logs": Setting(lambda: logging.root.manager.disable, logging.disable),
}
# Always put back, since comparing them costs as much.
GENERATORS: dict[str, Setting] = {
    "torch": Setting(torch.get_rng_state, torch.set_rng_state),
    "NumPy": Setting(np.random.get_state, np.random.set_state),
    "random": Setting(random.getstate, random.setstate),
}
# Modules whose functions and classes all candidates use, and packages of such modules.
WATCHED = ("torch", "torch.nn", "torch.optim", "torch.autograd", "torch.random", "torch.functional", "numpy",
           "numpy.random", "random", "math", "builtins", "time")  # fmt: skip
WATCHED_PACKAGES = ("torch.nn.", "torch.optim.", "impl.", "bench.")
Definitions = dict[Any, dict[str, Any]]  # of each module and class


def _definitions() -> Definitions:
    """Return what the watched modules, and the classes that they define, hold."""
    found: Definitions = {}
    for name, module in list(sys.modules.items()):
        if module is None or not (name in WATCHED or name.startswith(WATCHED_PACKAGES)):
            continue
        found[module] = dict(vars(module))
        for value in found[module].values():
            if isinstance(value, type) and value.__module__.partition(".")[0] in ("torch", "impl", "bench"):
                found[value] = dict(vars(value))
    found[torch.Tensor] = dict(vars(torch.Tensor))
    return found


def _replaced(before: Definitions) -> Iterator[tuple[Any, str, Any]]:
    """Yield owner, name and former value of each function or class that has been replaced since."""
    missing, known = object(), {id(value) for held in before.values() for value in held.values()}
    for owner, held in before.items():
        now = vars(owner)
        for name, value in held.items():
            given = now.get(name, missing)
            method = isinstance(value, classmethod | staticmethod)
            if given is not value and (callable(value) or method) and not _by_torch(given, known):
                yield owner, name, value
        if isinstance(owner, type):  # a new method that hides an inherited one
            for name in now.keys() - held.keys():
                hides = any(name in vars(base) for base in owner.__mro__[1:-1])
                if callable(now[name]) and hides and not _by_torch(now[name], known):
                    yield owner, name, missing


def _by_torch(given: Any, known: set[int]) -> bool:
    """Return whether a function is new and of torch's own code: its compiler wraps some of its functions."""
    code = getattr(given, "__code__", None)
    inside = code is not None and Path(code.co_filename).is_relative_to(Path(torch.__file__).parent)
    return inside and id(given) not in known


def _restore(owner: Any, name: str, value: Any) -> None:
    if type(value) is object:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def _check_definitions(before: Definitions, what: str) -> None:
    """Put replaced functions back and raise ProcessStateError if there are any."""
    replaced = list(_replaced(before))
    for owner, name, value in replaced:
        _restore(owner, name, value)
    if replaced:
        owner, name, _ = replaced[0]
        full = f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else owner.__name__
        raise ProcessStateError(
            f"{what} replaces {full}.{name}, which others use; expected code that leaves it as it is"
        )


@contextlib.contextmanager
def isolated(what: str) -> Iterator[None]:
    """Put back what code changes process-wide, and send what it prints to stderr.

    Put back are SETTINGS, GENERATORS, warning filters and `sys.stdout`.

    Args:
        what: The code, for errors: its file or name.

    Raises:
        ProcessStateError: If something was changed that cannot be put back, or a function of WATCHED
            modules was replaced.
    """
    settings = {name: copy.copy(setting.read()) for name, setting in SETTINGS.items()}
    generators = {name: setting.read() for name, setting in GENERATORS.items()}
    definitions = _definitions()
    out, err, hook = sys.stdout, sys.stderr, sys.excepthook
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout, sys.stderr, sys.excepthook = out, err, hook
        for name, state in generators.items():
            restore = GENERATORS[name].restore
            assert restore is not None
            restore(state)
        stuck = [name for name, value in settings.items() if not _put_back(SETTINGS[name], value)]
        _check_definitions(definitions, what)
        if stuck:
            raise ProcessStateError(
                f"{what} changes the {stuck[0]} of the process, which cannot be put back; expected code that "
                "leaves it as it is"
            )


def _put_back(setting: Setting, value: Any) -> bool:
    """Restore a setting that has changed; return whether it is as it was."""
    if setting.read() != value and setting.restore is not None:
        setting.restore(value)
    return bool(setting.read() == value)


__all__ = ["SETTINGS", "ProcessStateError", "isolated"]
