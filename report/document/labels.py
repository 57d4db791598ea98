"""Names of candidates and backends for readers, from the registries of `impl`."""

from collections.abc import Iterable

from bench.records.names import CONTROLS
from impl.activations.registry import ACTIVATIONS
from impl.optimizers.registry import OPTIMIZERS

LABELS = {
    **{name: entry.label for name, entry in ACTIVATIONS.items()},
    "sgelu_yu": "SGELU-YS",  # of Yu and Su; a comma within a name makes lists unreadable
    **{name: entry.label for name, entry in OPTIMIZERS.items()},
    **{name: f"ReLU again ({name})" for name in CONTROLS},
    "cross_entropy": "cross-entropy",
    "brier": "squared error",
}
# The implementations that a benchmark stores.
BACKENDS = {
    "impl": "ours",
    "torch": "torch",
    "composed": "eager",
    "analytic": "custom autograd",
    "fused": "compiled",
    "native": "F.conv2d",
}

MOST = 32  # characters of a name in a figure


def label(name: str) -> str:
    """Return the label of a built-in candidate, or the name of a custom one."""
    custom = f"custom {name}" if name.startswith("_") else name  # matplotlib's legends omit a leading _
    return LABELS.get(name, custom)


def short(name: str) -> str:
    """Return the label, in a figure: of a long one the beginning and the end, which tells names apart.

    Example:
        >>> short("sgelu"), short("a/folder/of/activations.py:Snake(alpha=0.5)@01234567")
        ('SGELU', 'a/folder/of/…alpha=0.5)@01234567')
    """
    text = label(name)
    return text if len(text) <= MOST else f"{text[: MOST // 3 + 2]}…{text[-MOST // 2 - 3 :]}"


def words(name: str) -> str:
    """Return a compared quantity such as "swish impl" in words: "Swish (ours)"."""
    *parts, last = name.split(" ")
    if parts and last in BACKENDS:
        return f"{' '.join(BACKENDS.get(part, label(part)) for part in parts)} ({BACKENDS[last]})"
    return " ".join(BACKENDS.get(part, label(part)) for part in (*parts, last))


def ordered(names: Iterable[object]) -> list[str]:
    """Return names in the registry's order, custom ones last."""
    given = [str(name) for name in names]
    return [*(n for n in ACTIVATIONS if n in given), *(n for n in given if n not in ACTIVATIONS)]
