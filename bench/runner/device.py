"""The device that networks and kernels run on."""

import torch

from impl import names

DEVICES = ("cpu", "cuda")


def device_name(device: str) -> str:
    """Return `cpu`, or the name of the GPU that torch would use.

    Args:
        device: One of DEVICES.

    Raises:
        ValueError: For an unknown device, or `cuda` if torch finds no GPU.
    """
    names.check("device", [device], DEVICES)
    if device == "cpu":
        return device
    if not torch.cuda.is_available():
        raise ValueError(f"Invalid device 'cuda': torch {torch.__version__} finds no usable GPU; use cpu")
    return torch.cuda.get_device_name()
