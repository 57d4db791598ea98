"""What several property tests draw."""

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

numbers = st.floats(-50, 50, allow_subnormal=False)
seeds = st.integers(0, 2**31 - 1)


def matrices(least=1, most=7, elements=numbers):
    return hnp.arrays(np.float64, st.tuples(*(st.integers(least, most),) * 2), elements=elements)


def normal(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def draw_tensors(seed, *shapes):
    """Leaves of a graph, of normal numbers."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]
