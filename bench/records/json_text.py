"""JSON for other programs."""

import json
import math
from typing import Any


def json_text(data: Any) -> str:
    """Return plain data as indented JSON, with null for a number that is NaN or infinite.

    Example:
        >>> print(json_text({"low": float("nan")}))
        {
         "low": null
        }
        <BLANKLINE>
    """
    return json.dumps(_finite(data), indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
