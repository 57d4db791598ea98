"""Load custom candidates by name, `module:Name` or `path/to/file.py:Name`, and hash their file."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from impl.names import unknown


def is_custom(name: str) -> bool:
    """Return whether a name has the form of a custom candidate; no built-in has."""
    return bool(name.rpartition(":")[0])


def custom_names(named: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the custom names by kind."""
    return {kind: list(filter(is_custom, names)) for kind, names in named.items()}


def load(kind: str, name: str, known: Iterable[str] = ()) -> Any:
    """Return the object that a custom name refers to; a hash after an @ is ignored.

    Args:
        kind: Kind of candidate, for error messages.
        name: `module:Name` or `path/to/file.py:Name`.
        known: Built-in names, for error messages.

    Raises:
        ValueError: If there is no such object, or importing its module raises.
    """
    place, _, attribute = name.partition("@")[0].rpartition(":")
    if not place:
        raise ValueError(f"{unknown(kind, name, known)} Custom {kind}: module:Name or path/to/file.py:Name.")
    try:
        return getattr(_file(place) if place.endswith(".py") else importlib.import_module(place), attribute)
    except (Exception, SystemExit) as error:  # user code may raise anything
        reason = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        raise ValueError(f"{kind} {name!r}: {reason}") from error


def _file(path: str) -> ModuleType:
    """Return the module of a file, imported once."""
    place = Path(path).resolve()
    name = f"{place.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before execution, as import does
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def identified(name: str, candidate: Any) -> str:
    """Return the name with a hash of the candidate's file, under which its runs are stored.

    An edited file is another candidate: results of its previous text do not count.
    """
    try:
        source = inspect.getsourcefile(candidate)
    except TypeError:  # a callable object, whose file Python does not know
        source = inspect.getsourcefile(type(candidate))
    digest = hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:8]
    return f"{name.partition('@')[0]}@{digest}"


def takes(candidate: Any, count: int) -> bool:
    """Return whether it accepts `count` arguments; True if only C code knows."""
    try:
        inspect.signature(candidate).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return callable(candidate)
    return True


def required(candidate: Any) -> int:
    """Return the number of required arguments; one if only C code knows, as for torch's functions."""
    try:
        parameters = inspect.signature(candidate).parameters.values()
    except (TypeError, ValueError):
        return int(callable(candidate))
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
