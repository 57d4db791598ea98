"""A user's own by name, `package.module:Name` or `path/to/file.py:Name`, and by the text of its file."""

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
    """Whether the name is of the form that leads to a user's own; no table has such a name."""
    return bool(name.rpartition(":")[0])


def custom_names(named: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """By kind, those of the names that lead to a user's own."""
    return {kind: list(filter(is_custom, names)) for kind, names in named.items()}


def found(kind: str, name: str, known: Iterable[str] = ()) -> Any:
    """What the name of a user's own leads to; a hash behind an @ is not looked at.

    kind, known: what is looked for and what else there is, for the message of an error.

    Raises:
        ValueError: if there is nothing of the name, or reading it raises anything.
    """
    place, _, attribute = name.partition("@")[0].rpartition(":")
    if not place:
        raise ValueError(
            f"{unknown(kind, name, known)} Name a custom one as package.module:Name or path/to/file.py:Name."
        )
    try:
        return getattr(_file(place) if place.endswith(".py") else importlib.import_module(place), attribute)
    except (Exception, SystemExit) as error:  # whatever a user's file does when it is read
        reason = str(error) if isinstance(error, (ImportError, AttributeError)) else repr(error)
        raise ValueError(f"{kind} {name!r}: {reason}") from error


def _file(path: str) -> ModuleType:
    """The module of a file, read once."""
    place = Path(path).resolve()
    name = f"{place.stem}_{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, place)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # before it is read, as import does
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def identified(name: str, what: Any) -> str:
    """The name under which runs are stored: with a hash of the file that holds `what`.

    An edited file is another candidate: what the store holds of the former text is not taken for it.
    """
    try:
        source = inspect.getsourcefile(what)
    except TypeError:  # an object that is called, of which Python knows no file
        source = inspect.getsourcefile(type(what))
    digest = hashlib.sha256(Path(source).read_bytes() if source else b"").hexdigest()[:8]
    return f"{name.partition('@')[0]}@{digest}"


def takes(what: Any, count: int) -> bool:
    """Whether it can be called with so many arguments; taken to be so where only C knows."""
    try:
        inspect.signature(what).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return callable(what)
    return True


def required(what: Any) -> int:
    """How many arguments it must be called with; one where only C knows, as of torch's functions."""
    try:
        parameters = inspect.signature(what).parameters.values()
    except (TypeError, ValueError):
        return int(callable(what))
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
