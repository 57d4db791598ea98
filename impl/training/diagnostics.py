"""Diagnostics of a network: size of activations and gradients, layer by layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Kinds = type[nn.Module] | tuple[type[nn.Module], ...]


@contextmanager
def _batch_statistics(model: nn.Module) -> Iterator[None]:
    """Evaluate without dropout, but let batch norms use the statistics of the batch, as in training."""
    modes = {module: module.training for module in model.modules()}
    norms = [module for module in modes if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    tracking = [norm.track_running_stats for norm in norms]
    model.eval()
    for norm in norms:
        # Without tracking neither running statistics nor their counter change.
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for norm, tracks in zip(norms, tracking, strict=True):
            norm.track_running_stats = tracks
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def _outputs(model: nn.Module, kind: Kinds) -> Iterator[list[Tensor]]:
    """Collect the outputs of all modules of some kind, in the order of the calls."""
    outputs: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: outputs.append(output.detach()))
        for module in model.modules()
        if isinstance(module, kind)
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def diagnose(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    activation: Kinds,
) -> list[tuple[str, float]]:
    """Measure the activations and gradients of one batch; layers count from 1.

    Batch norms normalize by the statistics of the batch, as in training: the running ones are 0 and 1 before
    the first step, with which they would change nothing. Dropout is off.

    =================  =================================================
    metric             of
    =================  =================================================
    activation mean k  output of the k-th activation
    activation rms k   output of the k-th activation, √E[h²]
    gradient norm k    gradient of the loss in the k-th matrix or kernel
    alpha k            k-th trained parameter of this name
    =================  =================================================

    Args:
        model: the model; it is left as it was.
        inputs: (N, …).
        targets: (N, …).
        loss: (output, target) -> scalar.
        activation: class of the activations, or a tuple of classes.

    Returns:
        Metrics by name, as pairs.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
        >>> x, y = torch.zeros(4, 2), torch.zeros(4, 1)
        >>> [name for name, _ in diagnose(model, x, y, nn.functional.mse_loss, nn.ReLU)]
        ['activation mean 1', 'activation rms 1', 'gradient norm 1', 'gradient norm 2']
    """
    weights = [p for p in model.parameters() if p.dim() > 1]  # neither batch norms nor biases
    with torch.enable_grad(), _batch_statistics(model), _outputs(model, activation) as outputs:
        gradients = torch.autograd.grad(loss(model(inputs), targets), weights)
    alphas = [p.detach() for name, p in model.named_parameters() if name.endswith("alpha")]
    series = {
        "activation mean": [h.mean() for h in outputs],
        "activation rms": [h.square().mean().sqrt() for h in outputs],
        "gradient norm": [g.norm() for g in gradients],
        "alpha": alphas,
    }
    return [
        (f"{name} {k}", float(value)) for name, values in series.items() for k, value in enumerate(values, 1)
    ]
