"""Load custom candidates from modules and files, and identify them by the text that was executed.

Files of the user's are read once, and what was read is what is compiled and hashed. A changed file is loaded
anew. `own` modules lie in the folder of the candidate's file or package; everything else is installed.
"""

import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.metadata import packages_distributions, version
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from bench.experiments.workloads.user_code.process_state import ProcessStateError, isolated
from bench.records.candidate_names import CandidateName, is_custom, parse
from impl.names import one_line, unknown

PROJECT = ("impl", "bench", "report")  # identified by the environment's `source_sha256`
INSTALLED = tuple(
    {Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
)
LARGEST = 2**26  # bytes of a data file that is hashed


@functools.cache
def _resolved(path: str) -> Path:
    """Return a path without links; thousands of modules are asked for theirs again and again."""
    return Path(path).resolve()


@dataclass
class Source:
    """The user's files behind a module.

    Attributes:
        place: Module, or path of a file.
        root: Folder of the user's files, None for an installed module.
        texts: Contents of each file as they were read.
        modules: The user's modules by name.
        module: The module that the place names.
    """

    place: str
    root: Path | None
    texts: dict[Path, bytes] = field(default_factory=dict)
    modules: dict[str, ModuleType] = field(default_factory=dict)
    module: ModuleType | None = None
    installed: str = ""

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that depend on all texts and their places relative to the folder."""
        digest = hashlib.sha256(self.installed.encode())
        for path in sorted(self.texts):
            name = path.relative_to(self.root).as_posix() if self.root else path.name
            digest.update(name.encode() + b"\0" + self.texts[path] + b"\0")
        return digest.hexdigest()[:8]

    @property
    def changed(self) -> bool:
        """Whether a file has another content now."""
        return any(not path.is_file() or path.read_bytes() != text for path, text in self.texts.items())

    def owns(self, path: str | None) -> bool:
        """Return whether a file is the user's."""
        if not path or self.root is None:
            return False
        resolved = _resolved(path)
        others = (folder for folder in INSTALLED if not self.root.is_relative_to(folder))
        return resolved.is_relative_to(self.root) and not any(map(resolved.is_relative_to, others))

    def read(self, path: Path) -> bytes:
        """Return the content of a file, read once."""
        if path not in self.texts:
            self.texts[path] = path.read_bytes()
        return self.texts[path]


class _TextLoader(SourceFileLoader):
    """Compile the text that is hashed: a cached bytecode may belong to an earlier one."""

    def __init__(self, name: str, path: str, source: Source) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> CodeType:
        path = Path(self.path).resolve()
        text = self.source.read(path)
        lines = importlib.util.decode_source(text).splitlines(keepends=True)
        linecache.cache[self.path] = (len(text), None, lines, self.path)  # for inspect and TorchScript
        return compile(text, self.path, "exec", dont_inherit=True)


class _OwnFinder(MetaPathFinder):
    """Find the user's modules in their folder, with `_TextLoader`."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in PROJECT:
            return None
        spec = PathFinder.find_spec(name, path or [str(self.source.root)])
        if spec is None or not self.source.owns(spec.origin):
            return None
        assert spec.origin is not None
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _TextLoader(name, spec.origin, self.source)
        else:
            self.source.read(Path(spec.origin).resolve())  # an extension module
        return spec


_opened: list[Any] = []  # files that are opened while `_watched` is True
_watched = False
_hooked = False


def _audit(event: str, details: tuple[Any, ...]) -> None:
    if _watched and event == "open" and isinstance(details[0], str | os.PathLike):
        _opened.append(os.fspath(details[0]))


@contextlib.contextmanager
def _data_files(source: Source) -> Iterator[None]:
    """Add the user's files that are opened meanwhile, such as tables of coefficients, to the texts."""
    global _watched, _hooked
    if not _hooked:
        sys.addaudithook(_audit)  # cannot be removed
        _hooked = True
    _opened.clear()
    _watched = True
    try:
        yield
    finally:
        _watched = False
    for path in map(Path, dict.fromkeys(_opened)):
        if (
            source.owns(str(path))
            and path.is_file()
            and path.suffix != ".pyc"
            and path.stat().st_size <= LARGEST
        ):
            source.read(path.resolve())


def _follow(source: Source) -> None:
    """Add the texts of the user's modules that functions import when they are called."""
    pending = list(source.texts)
    while pending:
        path = pending.pop()
        if path.suffix != ".py":
            continue
        with contextlib.suppress(SyntaxError):
            for name in _imports(ast.parse(source.texts[path]), path):
                for found in (name.with_suffix(".py"), name / "__init__.py"):
                    if found not in source.texts and found.is_file() and source.owns(str(found)):
                        source.read(found)
                        pending.append(found)


def _imports(tree: ast.Module, path: Path) -> Iterator[Path]:
    """Yield the paths, without suffix, at which the modules may lie that a file imports."""
    for node in ast.walk(tree):
        names, folders = [], [*path.parents]
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)]
            folders = [path.parents[node.level - 1]] if 0 < node.level <= len(path.parents) else folders
        for name in filter(None, names):
            if name.partition(".")[0] not in PROJECT:
                yield from (folder.joinpath(*name.split(".")) for folder in folders)


def _belonging(source: Source) -> dict[str, ModuleType]:
    """Return the imported modules that are the user's."""
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in (*PROJECT, "__main__") and source.owns(_file_of(module))
    }


def _file_of(module: ModuleType) -> str | None:
    """Return the file of a module, or the folder of a package without `__init__.py`."""
    file = getattr(module, "__file__", None)
    return file or next(iter(getattr(module, "__path__", ())), None)


@contextlib.contextmanager
def present(source: Source) -> Iterator[None]:
    """Let the user's modules import one another, also in functions, without staying in `sys.modules`.

    Two candidates may each have a `helper.py` of their own.
    """
    if source.root is None:
        yield
        return
    finder, others = _OwnFinder(source), _belonging(source)
    for name in others:
        del sys.modules[name]
    sys.modules.update(source.modules)
    sys.meta_path.insert(0, finder)
    sys.path.insert(0, str(source.root))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        source.modules = _belonging(source)
        for name in source.modules:
            del sys.modules[name]
        sys.modules.update(others)
        sys.meta_path.remove(finder)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(source.root))


def _execute(source: Source) -> ModuleType:
    """Import the module of a source, or return that which is imported."""
    if not source.place.endswith(".py"):
        return importlib.import_module(source.place)
    path = Path(source.place).resolve()
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_TextLoader(name, str(path), source))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before execution, as import does
    spec.loader.exec_module(module)
    return module


def _root(place: str) -> Path | None:
    """Return the folder of the user's files for a module or file; None if it is installed.

    Raises:
        ImportError: If there is no such module.
        OSError: If there is no such file.
    """
    if place.endswith(".py"):
        path = Path(place).resolve()
        path.read_bytes()
        return path.parent
    top = place.partition(".")[0]
    if top in (*PROJECT, "__main__") or top in sys.builtin_module_names:
        return None
    importlib.invalidate_caches()
    spec = importlib.util.find_spec(top) if top else None
    if spec is None:
        return None
    places = [*(spec.submodule_search_locations or ())]
    parent = Path(places[0]).resolve().parent if places else Path(spec.origin or "").resolve().parent
    return None if any(parent.is_relative_to(folder) for folder in INSTALLED) else parent


_sources: dict[tuple[str, Path | None], Source] = {}  # by place and folder


def source_of(place: str) -> Source:
    """Return the executed files of a module or file; execute them if they are new or have changed."""
    root = _root(place)
    known = _sources.get((place, root))
    if known is not None and not known.changed:
        return known
    source = Source(place, root)
    with isolated(place), present(source), _data_files(source):
        source.module = _execute(source)
    if source.root is None:
        _identify_installed(source)
    _follow(source)
    _sources[place, root] = source
    return source


def _identify_installed(source: Source) -> None:
    """Identify an installed module by its text and the version of its distribution."""
    module = source.module
    path = getattr(module, "__file__", None)
    if path and Path(path).is_file():
        source.texts[Path(path)] = Path(path).read_bytes()
    top = source.place.partition(".")[0]
    distributions = packages_distributions().get(top, []) if top not in PROJECT else []
    source.installed = " ".join(f"{name} {version(name)}" for name in sorted(set(distributions)))


def placed(name: CandidateName) -> CandidateName:
    """Return the name with its file relative to the current folder, if it lies there, else absolute."""
    if not name.place.endswith(".py"):
        return name
    path = Path(name.place).expanduser().absolute()
    path = Path(*path.parts)  # without "." and repeated slashes
    here = Path.cwd()
    place = path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
    return CandidateName(place, name.attribute, name.arguments, name.digest)


def load(kind: str, name: str, known: Iterable[str] = ()) -> tuple[Any, Source]:
    """Return the object that a custom name refers to, without its arguments, and its files.

    Args:
        kind: Kind of candidate, for error messages.
        name: `module:Name` or `path/to/file.py:Name`.
        known: Built-in names, for error messages.

    Raises:
        ValueError: If there is no such object, if importing its module raises, or if the name has a hash
            that is not that of the text.
    """
    parts = parse(name)
    if parts is None:
        raise ValueError(f"{unknown(kind, name, known)} Custom {kind}: module:Name or path/to/file.py:Name.")
    parts = placed(parts)
    try:
        source = source_of(parts.place)
        found: Any = source.module
        for attribute in parts.attribute.split("."):
            found = getattr(found, attribute)
    except (Exception, SystemExit) as error:  # user code may raise anything
        plain = isinstance(error, (ImportError, AttributeError, ProcessStateError))
        reason = one_line(str(error) if plain else repr(error))
        raise ValueError(f"{kind} {str(parts.unidentified)!r}: {reason}") from error
    if source.root is None and not source.texts:
        _identify_object(source, found)
    if parts.digest and parts.digest != source.digest:
        raise ValueError(
            f"{kind} {str(parts.unidentified)!r} has changed: its code has the hash {source.digest}, "
            f"expected {parts.digest}; start again to measure it as it is now"
        )
    return found, source


def _identify_object(source: Source, found: Any) -> None:
    """Identify an object of a notebook or a built-in module by its own text, as far as Python knows it."""
    with contextlib.suppress(TypeError, OSError):
        source.installed = inspect.getsource(inspect.unwrap(found))


__all__ = ["Source", "is_custom", "load", "placed", "present", "source_of"]
