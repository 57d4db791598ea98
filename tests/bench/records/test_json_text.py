"""What other programs read is valid JSON, whatever was measured."""

import json
import math

import pytest

from bench.records.json_text import json_text


def test_numbers_that_json_lacks_are_null():
    data = {"a": [1.5, math.nan, (math.inf, "nan")], "b": {"c": -math.inf}, "d": None, "e": True}
    text = json_text(data)
    assert text.endswith("}\n")
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": [1.5, None, [None, "nan"]],
        "b": {"c": None},
        "d": None,
        "e": True,
    }
