"""Results of the conformance checks of custom candidates, in words, with whether each passed."""

from collections.abc import Callable, Mapping

import numpy as np

from bench.store import Snapshot
from report.document.formats import number
from report.document.phrases import NOT_MEASURED

YES, NO, NAN, RAISES = "yes", "no", "NaN", "raises an error"
EXACT = 1e-9  # allowed distance of a strategy from torch's in float64, as a share of the largest value
DTYPES = ("float32", "float64", "bfloat16")
LARGE = 1e4  # an activation should be finite in float32 up to here, and down to its inverse

Row = tuple[str, str, bool | None]  # property, result, whether it passed


def checked(snapshot: Snapshot, task: str, name: str) -> list[Row]:
    """Return every row of the check named `task` for one candidate; none where it was not run."""
    results = _probes(snapshot, task, name)
    return CHECKS[task](results) if results else []


def _probes(snapshot: Snapshot, task: str, name: str) -> dict[str, str]:
    """Return the results of a check by probe, in words; empty where it was not run."""
    m = snapshot.measurements
    m = m[(m["task"] == task) & (m["subject"] == name) & (m["unit"] != "s")]
    results = {}
    for metric, value in zip(m["metric"].astype(str), m["value"], strict=True):
        for ending, word in ((" is NaN", NAN), (" raises", RAISES)):
            if metric.endswith(ending):
                results[metric.removesuffix(ending)] = word
                break
        else:
            results[metric] = repr(float(value))
    return results


def _flag(results: Mapping[str, str], metric: str, words: str) -> Row:
    """Return the row of a yes-or-no probe."""
    value = results.get(metric, NOT_MEASURED)
    text = {"1.0": YES, "0.0": NO}.get(value, value)
    return words, text, None if text == NOT_MEASURED else text == YES


def _value(
    results: Mapping[str, str], metric: str, words: str, passes: Callable[[float], bool] | None
) -> Row:
    """Return the row of a numeric probe; passes: which numbers pass, None where all do."""
    value = results.get(metric, NOT_MEASURED)
    if value in (NOT_MEASURED, NAN, RAISES):
        return words, value, None if value == NOT_MEASURED or passes is None else False
    x = float(value)
    text = number(x) if np.isfinite(x) else ("∞" if x > 0 else "−∞")
    return words, text, None if passes is None else passes(x)


def _of_activation(results: Mapping[str, str]) -> list[Row]:
    return [
        *(_flag(results, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        _flag(results, "gradcheck", "Gradient agrees with differences, float64"),
        _value(results, "finite up to", "Value and slope finite up to ±x, float32, x", lambda x: x >= LARGE),
        _value(
            results,
            "finite down to",
            "Value and slope finite down to ±x, float32, x",
            lambda x: 0 < x <= 1 / LARGE,
        ),
        *(
            _value(results, f"{what} at {at}", f"{what.capitalize()} at {words}", None)
            for at, words in (("inf", "∞"), ("-inf", "−∞"))
            for what in ("value", "slope")
        ),
        ("Value at NaN", *_nan(results)),
    ]


def _nan(results: Mapping[str, str]) -> tuple[str, bool | None]:
    """Return the result at NaN, which should be NaN: another value hides an error."""
    _, text, _ = _value(results, "value at nan", "", None)
    return text, None if text == NOT_MEASURED else text == NAN


def _of_optimizer(results: Mapping[str, str]) -> list[Row]:
    quadratics = [metric for metric in results if metric.startswith("quadratic at ")]
    return [
        *(_flag(results, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        *(
            _value(
                results,
                m,
                f"Share of a quadratic left after 100 steps, rate {m.split()[-1]}",
                lambda x: x < 1,
            )
            for m in sorted(quadratics, key=lambda m: float(m.split()[-1]))
        ),
        _flag(results, "finite at zero gradient", "Finite where the gradient is zero"),
        _flag(results, "leaves what has no gradient", "Leaves what has no gradient as it is"),
        _flag(results, "resumes", "Goes on from a stored state as if never stopped"),
    ]


def _of_strategy(results: Mapping[str, str]) -> list[Row]:
    errors = [metric for metric in results if metric.startswith("error of ")]
    return [
        *(_flag(results, f"keeps {dtype}", f"Keeps shape and type of {dtype}") for dtype in DTYPES),
        *(
            _value(
                results, m, f"Distance from F.conv2d's {m.removeprefix('error of ')}", lambda x: x <= EXACT
            )
            for m in errors
        ),
    ]


CHECKS: dict[str, Callable[[Mapping[str, str]], list[Row]]] = {
    "activation_conformance": _of_activation,
    "optimizer_conformance": _of_optimizer,
    "convolution_conformance": _of_strategy,
}
