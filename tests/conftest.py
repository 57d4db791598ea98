"""Fixtures that several test files share."""

import hashlib
import os

import numpy as np
import pytest
import torch
from hypothesis import settings

from impl.data import idx
from impl.data.idx import IdxFile
from tests.small_mnist import SHAPES, idx_bytes

# A process that is started here is no worker of pytest-xdist, in which pytest-benchmark measures nothing.
os.environ.pop("PYTEST_XDIST_WORKER", None)

# A shared machine is slow for moments; and what is drawn is the same wherever a failure is looked into.
settings.register_profile("shared machine", deadline=None, max_examples=50, derandomize=True, database=None)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def _same_draws():
    """What a test draws from torch is the same whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 10 if len(shape) == 1 else 256, shape, np.uint8)
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def contents(arrays, monkeypatch):
    """A small MNIST and the table that knows it."""
    contents = {name: idx_bytes(values) for name, values in arrays.items()}
    table = {
        name: IdxFile(SHAPES[name], hashlib.sha256(content).hexdigest()) for name, content in contents.items()
    }
    monkeypatch.setattr(idx, "FILES", table)
    return contents
