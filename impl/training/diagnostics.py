"""What goes on inside a network: the size of activations and gradients, layer by layer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def _outputs(model: nn.Module, kind: type[nn.Module]) -> Iterator[list[Tensor]]:
    """Collect what every module of a kind gives, in the order of the calls."""
    found: list[Tensor] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output: found.append(output.detach()))
        for module in model.modules()
        if isinstance(module, kind)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def diagnose(
    model: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    activation: type[nn.Module],
) -> list[tuple[str, float]]:
    """Named numbers of one batch, layers counted from 1 in evaluation mode; the model is left as it was.

    `activation mean k` and `activation rms k`, √E[h²], of what the k-th module of type `activation` gives;
    `gradient norm k`, the Frobenius norm of the loss's gradient in the k-th matrix or kernel; `alpha k`, the
    k-th trained parameter of that name. inputs (N, ...), targets (N, ...).

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> x, y = torch.zeros(4, 2), torch.zeros(4, 1)
    >>> [name for name, _ in diagnose(model, x, y, nn.functional.mse_loss, nn.ReLU)]
    ['activation mean 1', 'activation rms 1', 'gradient norm 1', 'gradient norm 2']
    """
    training = model.training
    model.eval()
    weights = [p for p in model.parameters() if p.dim() > 1]  # of batch norms and biases, none
    with torch.enable_grad(), _outputs(model, activation) as outputs:
        gradients = torch.autograd.grad(loss(model(inputs), targets), weights)
    model.train(training)
    alphas = [p.detach() for name, p in model.named_parameters() if name.endswith("alpha")]
    series = {
        "activation mean": [h.mean() for h in outputs],
        "activation rms": [h.square().mean().sqrt() for h in outputs],
        "gradient norm": [g.norm() for g in gradients],
        "alpha": alphas,
    }
    return [
        (f"{name} {k}", float(value)) for name, found in series.items() for k, value in enumerate(found, 1)
    ]
