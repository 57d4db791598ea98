"""Write the reference pages of the registries: one page per activation and optimizer, from their rows."""

import shutil
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure

from impl.activations import ACTIVATIONS
from impl.optimizers import OPTIMIZERS

RANGE = 4.0  # the plots show f and f' on [-RANGE, RANGE]
AXES = "#8a8172"  # readable on light and dark pages


def write(folder: Path) -> None:
    """Write `activations/` and `optimizers/` anew, so that a row taken out of a registry leaves no page."""
    for kind, registry, page in (
        ("activations", ACTIVATIONS, _activation),
        ("optimizers", OPTIMIZERS, _optimizer),
    ):
        shutil.rmtree(folder / kind, ignore_errors=True)
        (folder / kind).mkdir(parents=True)
        for name in registry:
            (folder / kind / f"{name}.md").write_text(page(name), "utf-8")
    for name in ACTIVATIONS:
        _plot(name, folder / "activations" / f"{name}.svg")


def _activation(name: str) -> str:
    """Return the page of one activation."""
    entry = ACTIVATIONS[name]
    module, function = entry.module.__name__, entry.f.__name__
    return f"""# {entry.label}

$$
{entry.latex}
$$

$$
{entry.latex_derivative}
$$

```{{image}} {name}.svg
:alt: Plot of {entry.label} and its derivative on [-{RANGE:g}, {RANGE:g}].
```

Reference: {entry.reference}.

```{{eval-rst}}
.. autoclass:: impl.activations.{module}
   :no-members:
.. autofunction:: impl.activations.{function}
.. autofunction:: impl.activations.{entry.derivative.__name__}
```
"""


def _plot(name: str, path: Path) -> None:
    """Draw f and f' at the initial parameters of the module."""
    x = torch.linspace(-RANGE, RANGE, 801, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    y = ACTIVATIONS[name].module().double()(leaf)
    (slope,) = torch.autograd.grad(y.sum(), leaf)
    with mpl.rc_context(
        {"svg.hashsalt": name, "text.color": AXES, "axes.edgecolor": AXES, "xtick.color": AXES}
    ):
        figure = Figure(figsize=(5, 2.8), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color=AXES, linewidth=0.6)
        axes.axvline(0, color=AXES, linewidth=0.6)
        axes.plot(x, y.detach(), color="#0072b2", label="f(x)")
        axes.plot(x, np.ma.masked_invalid(slope), color="#d55e00", linestyle="--", label="f′(x)")
        axes.tick_params(colors=AXES)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, labelcolor=AXES)
        figure.savefig(path, transparent=True, metadata={"Date": None})


def _optimizer(name: str) -> str:
    """Return the page of one optimizer."""
    entry = OPTIMIZERS[name]
    kind = type(entry.make([torch.nn.Parameter(torch.zeros(1))], 0.1)).__name__
    counterpart = (
        entry.torch_counterpart
        and type(entry.torch_counterpart([torch.nn.Parameter(torch.zeros(1))], 0.1)).__name__
    )
    return f"""# {entry.label}

$$
{entry.latex}
$$

Registry name: `{name}`. Counterpart in torch: {f"`torch.optim.{counterpart}`" if counterpart else "none"}.
Reference: {entry.reference}.

```{{eval-rst}}
.. autoclass:: impl.optimizers.{kind}
   :no-members:
   :no-index:
```
"""
