"""Parameters as vectors: many small ones side by side in one, a large one by itself in its own memory.

A step along one vector costs one call where a step along each of many parameters costs many. Copying the
small ones together and back costs less than that; a large one is not copied.
"""

from collections import defaultdict
from collections.abc import Sequence
from operator import is_, itemgetter
from typing import Any

import torch
from torch import Tensor

from impl.compilation.aot import Rule, compiled

LARGE = 2**13  # elements from which a parameter is a vector of its own

State = dict[str, Any]


def _dense_stride(tensor: Tensor) -> tuple[int, ...]:
    """Strides of a copy of `tensor` without gaps or overlaps, in its memory format."""
    return torch.empty_like(tensor, device="meta").stride()


def _is_large(tensor: Tensor) -> bool:
    """Whether `tensor` is worth no copy, and its elements lie in memory without gaps or overlaps."""
    return tensor.numel() >= LARGE and _dense_stride(tensor) == tensor.stride()


def _views(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Successive pieces of `vector` in the shapes and memory formats of tensors."""
    views, offset = [], 0
    for tensor in like:
        views.append(vector.as_strided(tensor.shape, _dense_stride(tensor), offset))
        offset += tensor.numel()
    return views


class Pack:
    """Parameters of one type and device after `t` steps, and their state, as vectors.

    The states named by `names` become views of vectors, with the values they had or zeros; `step` among them
    is the count, as torch keeps it. The first vector holds the small parameters, each further one is a large
    parameter's memory. `compile` makes one loop of the rule where that can be had.
    """

    def __init__(
        self, parameters: list[Tensor], states: list[State], names: Sequence[str], t: int, compile: bool
    ) -> None:
        order = sorted(range(len(parameters)), key=lambda i: _is_large(parameters[i]))
        self.parameters = [parameters[i] for i in order]
        self.states = [states[i] for i in order]
        self.t, self.compile = t, compile
        self.small = [p for p in self.parameters if not _is_large(p)]
        self.large = self.parameters[len(self.small) :]
        first = parameters[0].detach()
        packed = first.new_empty(sum(p.numel() for p in self.small))
        self.g, self.work = torch.empty_like(packed), first.new_empty(0)
        self.copies, self.gradients = _views(packed, self.small), _views(self.g, self.small)
        self.thetas = [packed, *(p.detach().as_strided((p.numel(),), (1,)) for p in self.large)]
        self.counts = torch.full((len(order),), float(t))
        vectors = {name: [torch.zeros_like(v) for v in self.thetas] for name in names if name != "step"}
        self.vectors = list(zip(*vectors.values(), strict=True))
        self.views = {name: self._state_views(vectors.get(name)) for name in names}
        for name, views in self.views.items():
            for state, view in zip(self.states, views, strict=True):
                if state.get(name) is not None:
                    view.copy_(torch.as_tensor(state[name]))
                state[name] = view

    def _state_views(self, vectors: list[Tensor] | None) -> list[Tensor]:
        """Each parameter's part of the vectors of one state; of the counts for None."""
        if vectors is None:
            return list(self.counts)
        packed, *large = vectors
        alone = [_views(v, [p])[0] for v, p in zip(large, self.large, strict=True)]
        return [*_views(packed, self.small), *alone]

    def intact(self) -> bool:
        """Whether nobody has put another tensor into a parameter's state."""
        return all(
            all(map(is_, map(itemgetter(name), self.states), views)) for name, views in self.views.items()
        )

    def step(self, rule: Rule, scalars: Sequence[float], decay: float) -> None:
        """Apply `rule` to θ, g + `decay` θ, the state and `scalars`, for each vector."""
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
        """Large gradient as a vector in the order of its parameter's memory."""
        if gradient.stride() != parameter.stride():
            gradient = torch.empty_like(parameter).copy_(gradient)
        return gradient.as_strided((gradient.numel(),), (1,))

    def _apply(self, rule: Rule, scalars: Sequence[float], gs: Sequence[Tensor]) -> None:
        loop = None
        if self.compile:
            loop = compiled(rule, 2 + len(self.vectors[0]), len(scalars)).run
        if loop:
            numbers = torch.tensor(scalars, dtype=torch.float64)
            for theta, g, state in zip(self.thetas, gs, self.vectors, strict=True):
                if len(g):
                    loop([theta, g, *state, numbers])
            torch.autograd.graph.increment_version(self.thetas)  # as every change in place does
            return
        if not len(self.work):
            self.work = self.work.new_empty(max(map(len, gs)))
        for theta, g, state in zip(self.thetas, gs, self.vectors, strict=True):
            rule(theta, g, *state, self.work[: len(g)], *scalars)


def _check(parameter: Tensor) -> None:
    """Raise TypeError for a parameter that is not real, or a gradient that is not dense."""
    assert parameter.grad is not None
    if not parameter.is_floating_point() or parameter.grad.layout != torch.strided:
        raise TypeError(
            f"{parameter.dtype} parameter with {parameter.grad.layout} gradient "
            f"is not floating with a dense gradient"
        )


def pays(parameters: Sequence[Tensor]) -> bool:
    """Whether there is a compiled loop for the parameters' type and device, and work enough for it."""
    known = all(p.dtype == torch.float32 and p.device.type == "cpu" for p in parameters)
    return known and sum(p.numel() for p in parameters) >= LARGE


def pack(parameters: Sequence[Tensor], states: Sequence[State], names: Sequence[str]) -> list[Pack]:
    """Pack parameters with gradients, one pack for each device, type and number of steps taken."""
    together: dict[tuple[torch.device, torch.dtype, int], list[int]] = defaultdict(list)
    for i, (parameter, state) in enumerate(zip(parameters, states, strict=True)):
        _check(parameter)
        together[parameter.device, parameter.dtype, int(state.get("step", 0))].append(i)
    packs = []
    for (_, _, t), places in together.items():
        members = [parameters[i] for i in places]
        packs.append(Pack(members, [states[i] for i in places], names, t, pays(members)))
    return packs
