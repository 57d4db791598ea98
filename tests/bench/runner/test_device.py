"""The device is available and known, or the error says what is."""

import pytest
import torch

from bench.runner.device import device_name


def test_cuda_without_a_gpu_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="finds no usable GPU; use cpu"):
        device_name("cuda")


def test_unknown_device_lists_the_known():
    with pytest.raises(ValueError, match="Unknown device 'gpu0'; expected one of: cpu, cuda"):
        device_name("gpu0")
