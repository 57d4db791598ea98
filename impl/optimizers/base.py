"""What the optimizers share: parameter groups, closures and state as in torch, one update rule a subclass."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, overload

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from impl.compilation.aot import Rule, compiled
from impl.optimizers.flat_params import Pack, pack, pays


def _check_group(group: Mapping[str, Any]) -> None:
    """Raise ValueError for a hyperparameter outside the range in which its rule makes sense."""
    for name in ("lr", "eps", "weight_decay"):
        if not 0 <= group.get(name, 0) < math.inf:
            raise ValueError(f"{name} {group[name]} is not a finite number >= 0")
    if len(group.get("betas", (0, 0))) != 2:
        raise ValueError(f"betas {group['betas']} are not two numbers")
    decays = [(name, group.get(name, 0)) for name in ("momentum", "alpha")]
    for name, decay in [*decays, *(("beta", beta) for beta in group.get("betas", ()))]:
        if not 0 <= decay < 1:
            raise ValueError(f"{name} {decay} is not in [0, 1)")


class PackedOptimizer(Optimizer):
    """A `torch.optim.Optimizer` that steps along packs of parameters; a subclass says by which rule.

    FIXED holds the options of torch's twin that have no other value here: torch looks for them in a saved
    group, and a group with another value is refused.
    """

    FIXED: ClassVar[Mapping[str, Any]] = {}
    _packs: dict[int, tuple[object, list[Pack]]]  # of each group, with what they are valid for

    def rule(self, group: dict[str, Any], t: int) -> tuple[Rule, Sequence[float]]:
        """The update rule of step `t`, counted from 1, and its scalars."""
        raise NotImplementedError

    def names(self, group: dict[str, Any]) -> Sequence[str]:
        """Torch's names of the rule's state in its order, and `step` before them where torch counts steps."""
        raise NotImplementedError

    def decay(self, group: dict[str, Any]) -> float:
        """λ of g + λ θ in place of g: weight decay as a penalty λ/2 |θ|² on the loss."""
        return float(group["weight_decay"])

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own, as in torch.

        Raises ValueError for an option out of range, or of torch's that would go unheeded.
        """
        _check_group({**self.defaults, **param_group})
        self._refuse_unknown(param_group)
        super().add_param_group({**self.FIXED, **param_group})
        self._packs = {}
        group = self.param_groups[-1]
        if (names := self.names(group)) and pays(group["params"]):
            rule, scalars = self.rule(group, 1)  # compiled now rather than in the first step
            compiled(rule, 2 + len(names) - ("step" in names), len(scalars))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore groups and state; an option that a saved group lacks, as torch's may, is the default."""
        super().__setstate__(state)
        self._packs = {}
        for group in self.param_groups:
            for name, default in {**self.defaults, **self.FIXED}.items():
                group.setdefault(name, default)
            self._refuse_unknown(group)

    def _refuse_unknown(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for an option of torch's that would go unheeded."""
        for name, value in {**_TORCH_ONLY, **self.FIXED}.items():
            if group.get(name, value) != value:
                raise ValueError(f"{name}={group[name]!r}: {type(self).__name__} has only {value!r}")

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; `closure` recomputes the loss first and is returned."""
        hooks = self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks
        if (
            hooks
            or _global_optimizer_pre_hooks
            or _global_optimizer_post_hooks
            or torch._C._autograd._profiler_enabled()
        ):
            return self._step_with_hooks(closure)
        return self._step(closure)

    # torch wraps `step` to run hooks and to tell its profiler, at a third of a small step's time, unless told
    # that it is wrapped already
    step.hooked = True  # type: ignore[attr-defined]

    def _step(self, closure: Callable[[], float] | None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for index, group in enumerate(self.param_groups):
                self.update(index, group, [p for p in group["params"] if p.grad is not None])
        return loss

    _step_with_hooks = Optimizer.profile_hook_step(_step)

    def update(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> None:
        """One step of the group at `index` along the gradients of `parameters`."""
        decay = self.decay(group)
        for packed in self._packed(index, group, parameters):
            packed.step(*self.rule(group, packed.t + 1), decay)

    def _packed(self, index: int, group: dict[str, Any], parameters: list[Tensor]) -> list[Pack]:
        """The group's packs, made anew when parameters, their memory or their state have become others."""
        known, packs = self._packs.get(index, (None, []))
        if known != self._identity(parameters) or not all(packed.intact() for packed in packs):
            packs = pack(parameters, [self.state[p] for p in parameters], self.names(group))
            self._packs[index] = self._identity(parameters), packs
        return packs

    def _identity(self, parameters: list[Tensor]) -> object:
        """Equal for the same parameters in the same memory and the same states."""
        memory = (list(map(look, parameters)) for look in (id, Tensor.data_ptr, Tensor.stride))
        return *memory, list(map(id, self.state.values()))


_TORCH_ONLY = {"maximize": False, "amsgrad": False, "differentiable": False}
