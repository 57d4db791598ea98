"""What the check of a user's own candidate found, in words, and whether it is as it should be."""

from collections.abc import Callable, Mapping

import numpy as np

from bench.store import Snapshot
from report.document.formats import number
from report.evidence.claims import NOT_MEASURED

YES, NO, NAN, RAISES = "yes", "no", "NaN", "raises an error"
EXACT = 1e-9  # so far may a strategy be from torch's in float64, as a share of the greatest
DTYPES = ("float32", "float64", "bfloat16")
LARGE = 1e4  # up to where, and from its inverse on, an activation is expected to be finite in float32

Row = tuple[str, str, bool | None]  # what was asked, what was found, whether it is as it should be


def checked(snapshot: Snapshot, task: str, name: str) -> list[Row]:
    """Every row of the check that `task` names, of one candidate; none where it was not made."""
    found = _probes(snapshot, task, name)
    return SOUND[task](found) if found else []


def _probes(snapshot: Snapshot, task: str, name: str) -> dict[str, str]:
    """What the check found, in words by probe; empty where it was not made."""
    m = snapshot.measurements
    m = m[(m["task"] == task) & (m["subject"] == name) & (m["unit"] != "s")]
    found = {}
    for metric, value in zip(m["metric"].astype(str), m["value"], strict=True):
        for ending, word in ((" is NaN", NAN), (" raises", RAISES)):
            if metric.endswith(ending):
                found[metric.removesuffix(ending)] = word
                break
        else:
            found[metric] = repr(float(value))
    return found


def _flag(found: Mapping[str, str], metric: str, words: str) -> Row:
    """Of a probe that asks whether."""
    value = found.get(metric, NOT_MEASURED)
    said = {"1.0": YES, "0.0": NO}.get(value, value)
    return words, said, None if said == NOT_MEASURED else said == YES


def _value(found: Mapping[str, str], metric: str, words: str, sound: Callable[[float], bool] | None) -> Row:
    """Of a probe that gives a number; sound: which numbers are as they should be, None where all are."""
    value = found.get(metric, NOT_MEASURED)
    if value in (NOT_MEASURED, NAN, RAISES):
        return words, value, None if value == NOT_MEASURED or sound is None else False
    x = float(value)
    said = number(x) if np.isfinite(x) else ("∞" if x > 0 else "−∞")
    return words, said, None if sound is None else sound(x)


def _of_activation(found: Mapping[str, str]) -> list[Row]:
    return [
        *(_flag(found, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        _flag(found, "gradcheck", "Gradient agrees with differences, float64"),
        _value(found, "finite up to", "Value and slope finite up to ±x, float32, x", lambda x: x >= LARGE),
        _value(
            found,
            "finite down to",
            "Value and slope finite down to ±x, float32, x",
            lambda x: 0 < x <= 1 / LARGE,
        ),
        *(
            _value(found, f"{what} at {at}", f"{what.capitalize()} at {words}", None)
            for at, words in (("inf", "∞"), ("-inf", "−∞"))
            for what in ("value", "slope")
        ),
        ("Value at NaN", *_nan(found)),
    ]


def _nan(found: Mapping[str, str]) -> tuple[str, bool | None]:
    """NaN is what NaN should give: whoever hides it hides a mistake."""
    _, said, _ = _value(found, "value at nan", "", None)
    return said, None if said == NOT_MEASURED else said == NAN


def _of_optimizer(found: Mapping[str, str]) -> list[Row]:
    quadratics = [metric for metric in found if metric.startswith("quadratic at ")]
    return [
        *(_flag(found, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        *(
            _value(
                found, m, f"Share of a quadratic left after 100 steps, rate {m.split()[-1]}", lambda x: x < 1
            )
            for m in sorted(quadratics, key=lambda m: float(m.split()[-1]))
        ),
        _flag(found, "finite at zero gradient", "Finite where the gradient is zero"),
        _flag(found, "leaves what has no gradient", "Leaves what has no gradient as it is"),
        _flag(found, "resumes", "Goes on from a stored state as if never stopped"),
    ]


def _of_strategy(found: Mapping[str, str]) -> list[Row]:
    errors = [metric for metric in found if metric.startswith("error of ")]
    return [
        *(_flag(found, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        *(
            _value(found, m, f"Distance from F.conv2d's {m.removeprefix('error of ')}", lambda x: x <= EXACT)
            for m in errors
        ),
    ]


SOUND: dict[str, Callable[[Mapping[str, str]], list[Row]]] = {
    "activation_conformance": _of_activation,
    "optimizer_conformance": _of_optimizer,
    "convolution_conformance": _of_strategy,
}
