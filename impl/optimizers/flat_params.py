"""Flat parameter buffers: small parameters side by side in one vector, large ones in their own memory.

A step along one vector costs one call, a step along each of many parameters many. Copying the small ones into
the buffer and back costs less than that; large ones are not copied.
"""

from collections import defaultdict
from collections.abc import Sequence
from operator import is_, itemgetter
from typing import Any

import torch
from torch import Tensor

from impl.compilation.aot import UpdateRule, compile_update_rule
from impl.names import invalid

LARGE = 2**13  # elements from which a parameter is a vector of its own

State = dict[str, Any]


def _dense_stride(tensor: Tensor) -> tuple[int, ...]:
    """Return the strides of a copy of `tensor` without gaps or overlaps, in its memory format."""
    return torch.empty_like(tensor, device="meta").stride()


def _is_large(tensor: Tensor) -> bool:
    """Return whether `tensor` is too large to copy and dense in memory."""
    return tensor.numel() >= LARGE and _dense_stride(tensor) == tensor.stride()


def _views(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """View successive pieces of `vector` in the shapes and memory formats of the tensors `like`."""
    views, offset = [], 0
    for tensor in like:
        views.append(vector.as_strided(tensor.shape, _dense_stride(tensor), offset))
        offset += tensor.numel()
    return views


class FlatBuffer:
    """Parameters of one dtype and device after `t` steps, and their optimizer state, as vectors.

    The state tensors become views of vectors, with their values or zeros; `step` among the keys is torch's
    count. The first vector holds the small parameters; each further one is the memory of a large parameter.

    Args:
        parameters: parameters with gradients.
        states: optimizer state of each parameter.
        keys: keys of the state.
        t: steps taken.
        compile: whether to compile the update rule.
    """

    def __init__(
        self, parameters: list[Tensor], states: list[State], keys: Sequence[str], t: int, compile: bool
    ) -> None:
        order = sorted(range(len(parameters)), key=lambda i: _is_large(parameters[i]))
        self.parameters = [parameters[i] for i in order]
        self.states = [states[i] for i in order]
        self.t, self.compile = t, compile
        self.small = [p for p in self.parameters if not _is_large(p)]
        self.large = self.parameters[len(self.small) :]
        first = parameters[0].detach()
        flat = first.new_empty(sum(p.numel() for p in self.small))
        self.g, self.work = torch.empty_like(flat), first.new_empty(0)
        self.copies, self.gradients = _views(flat, self.small), _views(self.g, self.small)
        self.thetas = [flat, *(p.detach().as_strided((p.numel(),), (1,)) for p in self.large)]
        self.counts = torch.full((len(order),), float(t), dtype=torch.float32, device="cpu")
        vectors = {name: [torch.zeros_like(v) for v in self.thetas] for name in keys if name != "step"}
        self.vectors = list(zip(*vectors.values(), strict=True))
        self.views = {name: self._state_views(vectors.get(name)) for name in keys}
        for name, views in self.views.items():
            for state, view in zip(self.states, views, strict=True):
                if state.get(name) is not None:
                    view.copy_(torch.as_tensor(state[name]))
                state[name] = view

    def _state_views(self, vectors: list[Tensor] | None) -> list[Tensor]:
        """View the vectors of one state, or the counts for None, by parameter."""
        if vectors is None:
            return list(self.counts)
        flat, *large = vectors
        alone = [_views(v, [p])[0] for v, p in zip(large, self.large, strict=True)]
        return [*_views(flat, self.small), *alone]

    def intact(self) -> bool:
        """Return whether every state still holds its view."""
        return all(
            all(map(is_, map(itemgetter(name), self.states), views)) for name, views in self.views.items()
        )

    def step(self, rule: UpdateRule, scalars: Sequence[float], decay: float) -> None:
        """Apply `rule` to θ, g + `decay` θ, the state and `scalars`, for each vector.

        Args:
            rule: the update rule, in place.
            scalars: its numbers.
            decay: weight decay λ.
        """
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if self.small:
            torch._foreach_copy_(self.gradients + self.copies, gradients[: len(self.small)] + self.small)
        gs = [self.g, *map(self._vector, self.large, gradients[len(self.small) :])]
        if decay:
            gs = list(torch._foreach_add(gs, self.thetas, alpha=decay))
        self._apply(rule, scalars, gs)
        if self.small:
            torch._foreach_copy_(self.small, self.copies)
        self.t += 1
        self.counts.add_(1)

    @staticmethod
    def _vector(parameter: Tensor, gradient: Tensor) -> Tensor:
        """View a large gradient as a vector in the order of its parameter's memory."""
        if gradient.stride() != parameter.stride():
            gradient = torch.empty_like(parameter).copy_(gradient)
        return gradient.as_strided((gradient.numel(),), (1,))

    def _apply(self, rule: UpdateRule, scalars: Sequence[float], gs: Sequence[Tensor]) -> None:
        """Apply the compiled rule where there is one, else the rule itself."""
        kernel = None
        if self.compile:
            kernel = compile_update_rule(rule, 2 + len(self.vectors[0]), len(scalars)).run
        if kernel:
            numbers = torch.tensor(scalars, dtype=torch.float64, device="cpu")
            for theta, g, state in zip(self.thetas, gs, self.vectors, strict=True):
                if len(g):
                    kernel([theta, g, *state, numbers])
            torch.autograd.graph.increment_version(self.thetas)  # as every change in place does
            return
        if not len(self.work):
            self.work = self.work.new_empty(max(map(len, gs)))
        for theta, g, state in zip(self.thetas, gs, self.vectors, strict=True):
            rule(theta, g, *state, self.work[: len(g)], *scalars)


def _check(parameter: Tensor) -> None:
    """Raise TypeError for a parameter that is not real or a gradient that is not dense."""
    assert parameter.grad is not None
    if not parameter.is_floating_point() or parameter.grad.layout != torch.strided:
        got = f"a {parameter.dtype} parameter with a {parameter.grad.layout} gradient"
        raise TypeError(invalid("parameter", got, "a floating parameter with a dense gradient"))


def worth_compiling(parameters: Sequence[Tensor]) -> bool:
    """Return whether compiled update rules support the parameters and save time on them."""
    supported = all(p.dtype == torch.float32 and p.device.type == "cpu" for p in parameters)
    return supported and sum(p.numel() for p in parameters) >= LARGE


def flatten(parameters: Sequence[Tensor], states: Sequence[State], keys: Sequence[str]) -> list[FlatBuffer]:
    """Flatten parameters with gradients into one buffer for each device, dtype and number of steps taken.

    Args:
        parameters: parameters with gradients.
        states: optimizer state of each parameter.
        keys: keys of the state.

    Raises:
        TypeError: a parameter is not real, or a gradient is not dense.
    """
    together: dict[tuple[torch.device, torch.dtype, int], list[int]] = defaultdict(list)
    for i, (parameter, state) in enumerate(zip(parameters, states, strict=True)):
        _check(parameter)
        together[parameter.device, parameter.dtype, int(state.get("step", 0))].append(i)
    buffers = []
    for (_, _, t), indices in together.items():
        members = [parameters[i] for i in indices]
        buffers.append(FlatBuffer(members, [states[i] for i in indices], keys, t, worth_compiling(members)))
    return buffers
