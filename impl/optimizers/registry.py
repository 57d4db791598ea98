"""The registry of optimizers: one row adds one, with its benchmarks, training runs and tables."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from impl.optimizers.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop

Make = Callable[[ParamsT, float], Optimizer]


@dataclass(frozen=True)
class OptimizerEntry:
    """One row of `OPTIMIZERS`.

    Attributes:
        label: name in text, tables and figures.
        make: (parameters, learning rate) -> optimizer.
        torch_counterpart: the same of torch's optimizer, where it has the same update rule.
        latex: update rule in LaTeX.
        reference: author and year.
    """

    label: str
    make: Make
    torch_counterpart: Make | None
    latex: str
    reference: str


MOMENTUM = 0.9  # the usual choice; torch's default is none


OPTIMIZERS: dict[str, OptimizerEntry] = {
    "sgd": OptimizerEntry(
        "SGD",
        SGD,
        torch.optim.SGD,
        r"\theta \leftarrow \theta - \eta\, g",
        "Robbins & Monro 1951",
    ),
    "momentum": OptimizerEntry(
        "SGD with momentum",
        lambda params, lr: SGD(params, lr, momentum=MOMENTUM),
        lambda params, lr: torch.optim.SGD(params, lr, momentum=MOMENTUM),
        r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta\, v",
        "Polyak 1964",
    ),
    "nesterov": OptimizerEntry(
        "SGD with Nesterov's momentum",
        lambda params, lr: SGD(params, lr, momentum=MOMENTUM, nesterov=True),
        lambda params, lr: torch.optim.SGD(params, lr, momentum=MOMENTUM, nesterov=True),
        r"v \leftarrow \mu v + g, \quad \theta \leftarrow \theta - \eta\,(g + \mu v)",
        "Nesterov 1983",
    ),
    "adagrad": OptimizerEntry(
        "Adagrad",
        Adagrad,
        torch.optim.Adagrad,
        r"G \leftarrow G + g^2, \quad \theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{G} + \varepsilon}",
        "Duchi, Hazan & Singer 2011",
    ),
    "rmsprop": OptimizerEntry(
        "RMSprop",
        RMSprop,
        torch.optim.RMSprop,
        r"v \leftarrow \rho v + (1 - \rho)\, g^2, \quad "
        r"\theta \leftarrow \theta - \eta\, \frac{g}{\sqrt{v} + \varepsilon}",
        "Tieleman & Hinton 2012",
    ),
    "adam": OptimizerEntry(
        "Adam",
        Adam,
        torch.optim.Adam,
        r"\theta \leftarrow \theta - \alpha\, \frac{\hat{m}}{\sqrt{\hat{v}} + \varepsilon}",
        "Kingma & Ba 2014",
    ),
    "adamw": OptimizerEntry(
        "AdamW",
        AdamW,
        torch.optim.AdamW,
        r"\theta \leftarrow (1 - \alpha \lambda)\, \theta"
        r" - \alpha\, \frac{\hat{m}}{\sqrt{\hat{v}} + \varepsilon}",
        "Loshchilov & Hutter 2019",
    ),
    "adam_eps_inside": OptimizerEntry(
        "Adam, ε inside the root",
        lambda params, lr: Adam(params, lr, eps_inside_root=True),
        None,
        r"\theta \leftarrow \theta - \alpha\, \frac{\hat{m}}{\sqrt{\hat{v} + \varepsilon}}",
        "as the assignment prints it",
    ),
}
