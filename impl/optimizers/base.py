"""Base class of the optimizers: parameter groups, closures and state as in torch."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

from impl.compilation import private_torch
from impl.compilation.aot import UpdateRule, compile_update_rule
from impl.names import invalid
from impl.optimizers.flat_params import FlatBuffer, flatten, worth_compiling


def _check_group(group: Mapping[str, Any]) -> None:
    """Raise ValueError for a hyperparameter out of range."""
    for name in ("lr", "eps", "weight_decay", "lr_decay", "initial_accumulator_value"):
        if not 0 <= group.get(name, 0) < math.inf:
            raise ValueError(invalid(name, group[name], "a finite number >= 0"))
    betas = group.get("betas", (0, 0))
    if len(betas) != 2:
        raise ValueError(invalid("betas", betas, "two numbers"))
    decays = [(name, group.get(name, 0)) for name in ("momentum", "alpha")]
    for name, decay in [*decays, *((f"betas[{i}]", beta) for i, beta in enumerate(betas))]:
        if not 0 <= decay < 1:
            raise ValueError(invalid(name, decay, f"0 <= {name} < 1"))


class FlatOptimizer(Optimizer):
    """Step flat parameter buffers by an update rule, as a `torch.optim.Optimizer`.

    A subclass gives the rule. FIXED holds the options of the torch counterpart with one possible value here:
    torch looks for them in a saved group, and a group with another value is refused.
    """

    FIXED: ClassVar[Mapping[str, Any]] = {}
    _buffers: dict[int, tuple[object, list[FlatBuffer]]]  # of each group, with what they are valid for

    def rule(self, group: dict[str, Any], t: int) -> tuple[UpdateRule, Sequence[float]]:
        """Return the update rule of step `t`, counted from 1, and its scalars."""
        raise NotImplementedError

    def state_keys(self, group: dict[str, Any]) -> Sequence[str]:
        """Return torch's keys of the rule's state in order, after `step` where torch counts steps."""
        raise NotImplementedError

    def decay(self, group: dict[str, Any]) -> float:
        """Return λ of g + λ θ in place of g: weight decay as a penalty λ/2 |θ|² on the loss."""
        return float(group["weight_decay"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with its own options, as in torch.

        Args:
            param_group: `params` and options.

        Raises:
            ValueError: an option is out of range, or one of torch's that is not supported here.
        """
        _check_group({**self.defaults, **param_group})
        self._refuse_unknown(param_group)
        super().add_param_group({**self.FIXED, **param_group})
        self._buffers = {}
        group = self.param_groups[-1]
        if (keys := self.state_keys(group)) and worth_compiling(group["params"]):
            rule, scalars = self.rule(group, 1)  # compiled now rather than in the first step
            compile_update_rule(rule, 2 + len(keys) - ("step" in keys), len(scalars))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore groups and state; options that a saved group lacks take their defaults."""
        super().__setstate__(state)
        self._buffers = {}
        for group in self.param_groups:
            for name, default in {**self.defaults, **self.FIXED}.items():
                group.setdefault(name, default)
            self._refuse_unknown(group)

    def _refuse_unknown(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for an option of torch's that is not supported here."""
        for name, value in {**_TORCH_ONLY, **self.FIXED}.items():
            if group.get(name, value) != value:
                raise ValueError(invalid(f"{name} of {type(self).__name__}", repr(group[name]), repr(value)))

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient.

        Args:
            closure: recomputes the loss first; its value is returned.
        """
        if private_torch.step_is_observed(self):
            return self._step_with_hooks(closure)
        return self._step(closure)

    private_torch.leave_unwrapped(step)

    def _step(self, closure: Callable[[], float] | None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for index, group in enumerate(self.param_groups):
                self.update(index, group, [p for p in group["params"] if p.grad is not None])
        return loss

    _step_with_hooks = private_torch.with_hooks(_step)

    def update(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """Step the group at `index` along the gradients of `parameters`."""
        decay = self.decay(group)
        for buffer in self._flattened(index, group, parameters):
            buffer.step(*self.rule(group, buffer.t + 1), decay)

    def _flattened(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> list[FlatBuffer]:
        """Return the group's buffers, rebuilt when parameters, their memory or their state were replaced."""
        identity, buffers = self._buffers.get(index, (None, []))
        if identity != self._identity(parameters) or not all(buffer.intact() for buffer in buffers):
            buffers = flatten(parameters, [self.state[p] for p in parameters], self.state_keys(group))
            self._buffers[index] = self._identity(parameters), buffers
        return buffers

    def _identity(self, parameters: list[Tensor]) -> object:
        """Return a value that is equal for the same parameters in the same memory and the same states."""
        memory = (list(map(look, parameters)) for look in (id, Tensor.data_ptr, Tensor.stride))
        return *memory, list(map(id, self.state.values()))


# Options of torch without an implementation here.
_TORCH_ONLY = {"maximize": False, "amsgrad": False, "differentiable": False}
