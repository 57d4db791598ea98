"""The settings that compilers run under; tests/system/test_compiler_settings.py has their kernels."""

import contextlib
import warnings

import pytest
import torch

from impl.compilation.settings import torch_defaults


def described() -> dict[str, object]:
    """The settings as they are."""
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.empty(0).device.type,
        "gradients": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
    }


TORCHS = {
    "dtype": torch.float32,
    "device": "cpu",
    "gradients": False,
    "inference": False,
    "anomaly": False,
    "autocast": False,
    "deterministic": False,
    "warn only": False,
}


@contextlib.contextmanager
def everything_else():
    """All settings away from torch's own."""
    with warnings.catch_warnings(), torch.inference_mode(), torch.autocast("cpu"), torch.device("meta"):
        warnings.simplefilter("ignore")  # anomaly detection is said to be slow
        with torch.autograd.detect_anomaly():
            torch.set_default_dtype(torch.float64)
            torch.use_deterministic_algorithms(True, warn_only=True)
            try:
                yield
            finally:
                torch.set_default_dtype(torch.float32)
                torch.use_deterministic_algorithms(False)


def test_settings_are_those_of_torch_inside_and_the_callers_after():
    with everything_else():
        before = described()
        assert not [name for name in TORCHS if name != "gradients" and before[name] == TORCHS[name]]
        with torch_defaults():
            assert described() == TORCHS
        assert described() == before
        with pytest.raises(ZeroDivisionError), torch_defaults():
            raise ZeroDivisionError
        assert described() == before
    with torch_defaults():
        assert described() == TORCHS
    assert described() == {**TORCHS, "gradients": True}


def test_random_numbers_go_on_as_without():
    state = torch.get_rng_state()
    with torch_defaults():
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), state)
