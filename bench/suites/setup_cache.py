"""Reuse of set-up results between the processes of a regression check."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cached(function: Callable[..., Any], *arguments: object) -> Any:
    """Return function(*arguments), from the JSON file `SETUP_CACHE` if an earlier process computed it.

    The regression check sets the environment variable to one file per side, so that set-ups that take longer
    than what is timed run once per comparison, not once per round. Without it, nothing is cached.
    """
    file = Path(os.environ.get("SETUP_CACHE", os.devnull))
    known = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    key = repr((function.__qualname__, arguments))
    if key not in known:
        known[key] = function(*arguments)
        file.write_text(json.dumps(known), "utf-8")
    return known[key]
