"""Words that standard terms replaced do not return: in code, help texts, errors, docs or templates."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# A pattern, and the term that replaced it.
REPLACED = {
    r"\bcontenders?\b": "candidate",
    r"\brungs?\b|\bladder\b": "backend, implementation",
    r"\bphenomen(a|on)\b": "synthetic experiment",
    r"\bsoundness\b|\bunsound\b": "conformance check",
    r"\bmislabelled\b": "label noise",
    r"\bhungrier\b": "uses more memory",
    r"\byardsticks?\b": "reference loop",
    r"\bis none of\b": "Unknown …; expected one of: …",
    r"\b(is|are|was) to be had\b|\bcannot be had\b|\bcan't be had\b": "available, unavailable",
    r"\b(one|user|yours)('s|s)? own\b|\bof yours\b": "custom, user-defined",
    r"\b(held|holds) against\b": "compared with",
    r"\bgone? on with\b": "resumed",
    r"\bsurroundings\b": "environment",
    r"\bstands? beside\b|\bstand in for\b": "is shown with",
    r"\bmarks of one's\b|\bdrawn anew\b": "sampled again",
}
PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in REPLACED), re.IGNORECASE)
FILES = sorted(
    path
    for pattern in (
        *("impl/**/*.py", "bench/**/*.py", "report/**/*.py", "templates/**/*.j2", "examples/*.py"),
        *(
            "docs/**/*.md",
            "docs/*.py",
            "README.md",
            "CONTRIBUTING.md",
            "Makefile",
            "Containerfile",
            ".ci/run",
            ".github/**/*.yml",
        ),
    )
    for path in ROOT.glob(pattern)
    if "made" not in path.parts
)


def house_words(text):
    """Return the replaced words in a text, each with its line."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{number}: {match[0]}" for number, line in lines for match in PATTERN.finditer(line)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_replaced_words_do_not_return(path):
    assert house_words(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "every contender",
        "the last rung",
        "six phenomena",
        "'x' is none of a, b",
        "a bound is to be had",
        "one's own",
    ],
)
def test_a_replaced_word_is_noticed(line):
    assert house_words(line)


def test_there_is_something_to_read():
    assert len(FILES) > 200
