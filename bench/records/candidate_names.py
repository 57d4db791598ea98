"""Names of custom candidates: `module:Name`, `path/to/file.py:Name`, with arguments `file.py:Name(0.2, a=1)`.

Under such a name, followed by `@` and a hash of the code, the runs of a candidate are stored.
"""

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# The place may contain any character; the attribute is the first that completes the name.
CUSTOM = re.compile(
    r"(?P<place>.+?):(?P<attribute>[^\W\d]\w*(?:\.[^\W\d]\w*)*)(?P<arguments>\(.*\))?(?:@(?P<digest>[0-9a-f]{8}))?",
    re.DOTALL,
)
BUILT_IN = re.compile(r"(?P<attribute>[^\W\d]\w*)(?P<arguments>\(.*\))", re.DOTALL)


@dataclass(frozen=True)
class CandidateName:
    """The parts of a custom candidate's name.

    Attributes:
        place: Module, or path of a file.
        attribute: Name in the module.
        arguments: Arguments in parentheses, or empty.
        digest: First eight hexadecimal digits of the hash of its code, or empty.
    """

    place: str
    attribute: str
    arguments: str = ""
    digest: str = ""

    @property
    def label(self) -> str:
        """Name for readers: attribute and arguments."""
        return self.attribute + self.arguments

    @property
    def unidentified(self) -> "CandidateName":
        """The name without the hash."""
        return replace(self, digest="")

    def __str__(self) -> str:
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.place}:{self.attribute}{self.arguments}{digest}"


def parse(name: str) -> CandidateName | None:
    """Return the parts of a custom name, or None if it has another form.

    >>> parse("runs@2/mine.py:Snake(a=0.5)@0123abcd").digest
    '0123abcd'
    >>> parse("relu") is None
    True
    """
    found = CUSTOM.fullmatch(name)
    return CandidateName(**{key: value or "" for key, value in found.groupdict().items()}) if found else None


def is_custom(name: object) -> bool:
    """Return whether a name has the form of a custom candidate; no built-in has."""
    return parse(str(name)) is not None


def arguments(text: str) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and named arguments in parentheses; nothing but literals is read.

    Args:
        text: Such as `(0.2, mode="sin")`, or empty.

    Raises:
        ValueError: If an argument is not a literal, or the text is no list of arguments.

    >>> arguments("(-0.2, shape=(1, 2))")
    ([-0.2], {'shape': (1, 2)})
    """
    expected = "literals such as 0.2, a=1, mode='sin'"
    try:
        call = ast.parse(f"f{text or '()'}", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"Invalid arguments: got {text}, expected {expected}.") from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ValueError(f"Invalid arguments: got {text}, expected {expected}.")
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords if word.arg}
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"Invalid arguments: got {text}, expected {expected}.") from error
    if len(named) < len(call.keywords):
        raise ValueError(f"Invalid arguments: got {text}, expected {expected}, each name once.")
    return positional, named


def canonical(text: str) -> str:
    """Return arguments in one spelling, names in alphabetical order: the same arguments have the same name.

    >>> canonical("( .5,b = 2, a=1.0 )")
    '(0.5, a=1.0, b=2)'
    """
    positional, named = arguments(text)
    words = [*map(repr, positional), *(f"{name}={value!r}" for name, value in sorted(named.items()))]
    return f"({', '.join(words)})" if words else ""


def split(text: str, known: Iterable[str]) -> list[str]:
    """Split a list of names at its commas, but not within arguments or the path of an existing file.

    Args:
        text: Comma-separated names.
        known: Built-in names.

    >>> split("relu,torch.nn:Hardtanh(-2, 2),mine.py:Bump", ["relu"])
    ['relu', 'torch.nn:Hardtanh(-2, 2)', 'mine.py:Bump']
    """
    pieces, names, known = _pieces(text), [], set(known)
    while pieces:
        for count in range(len(pieces), 1, -1):
            joined = parse(",".join(pieces[:count]).strip())
            if joined and joined.place.endswith(".py") and Path(joined.place).expanduser().is_file():
                break
        else:
            count = 1
        names.append(",".join(pieces[:count]).strip())
        pieces = pieces[count:]
    return names


def _pieces(text: str) -> list[str]:
    """Split at the commas that are outside parentheses, brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[i - 1] != "\\" else quote
        elif depth and letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        if letter == "," and not quote and depth <= 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces
