"""Pair runs by seed: random numbers of a candidate never shift those of its network, and a check of that.

A network draws initial weights and dropout masks from one stream. Constructors and forward passes of its
activations, backward passes, and the steps of the optimizer draw from another.
"""

import contextlib
import functools
import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.experiments.workloads.contracts import InvalidCandidateError

OWN = 2**31  # added to the seed of candidates
CHECKED = 2  # first steps whose samples and dropout masks are compared


class Streams:
    """Two streams of torch's random numbers; `network` makes that of the network the current one.

    Args:
        seed: Seed of both.
        device: `cpu` or `cuda`.
    """

    def __init__(self, seed: int, device: str) -> None:
        self.device = device
        torch.manual_seed(seed)
        self.other = self.state()  # of the stream that is not the current one
        torch.manual_seed(OWN + seed)
        np.random.seed(seed)  # noqa: NPY002  # user code may draw from it
        random.seed(seed)

    def state(self) -> list[Tensor]:
        """Return the state of the current stream."""
        cuda = [torch.cuda.get_rng_state()] if self.device == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    def swap(self, *_: object) -> None:
        """Make the other stream the current one."""
        state = self.state()
        self.restore(self.other)
        self.other = state

    def restore(self, state: list[Tensor]) -> None:
        """Go back to a former state of the current stream."""
        torch.set_rng_state(state[0])
        for cuda in state[1:]:
            torch.cuda.set_rng_state(cuda)

    @contextlib.contextmanager
    def swapped(self) -> Iterator[None]:
        """Make the other stream the current one for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def fingerprint(self) -> str:
        """Return a hash of the current stream's state."""
        return hashlib.sha256(b"".join(state.numpy().tobytes() for state in self.state())).hexdigest()


@dataclass
class Trace:
    """What two runs of the same seed must have in common.

    Attributes:
        weights: Initial parameters and buffers of the network, without those of its activations.
        samples: Inputs of the first steps.
        streams: States of the network's stream before and after the first steps, which determine the masks.
    """

    weights: Mapping[str, Tensor]
    samples: list[Tensor] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)


class Paired:
    """A network whose random numbers do not depend on those of its activations.

    Args:
        build: From a constructor of activations to a network.
        activation: Constructor of activations, for `impl.models.sized`.
        seed: Seed of the run.
        device: `cpu` or `cuda`.
        example: Inputs of a first call in evaluation mode, which may make parameters; None for no call.

    Raises:
        InvalidCandidateError: If the output of the first call depends on a tensor that is no parameter.
    """

    def __init__(
        self,
        build: Callable[[Callable[..., nn.Module]], nn.Module],
        activation: Callable[..., nn.Module],
        seed: int,
        device: str,
        example: Tensor | None = None,
    ) -> None:
        self.streams = Streams(seed, device)
        self.activations: list[nn.Module] = []
        self.last: Tensor | None = None  # input of the last training step
        self.begun: list[Tensor] = []  # state of the network's stream when that step began
        self.version = 0
        self.trace = Trace({})
        with self.streams.swapped():
            self.model = build(self._outside(activation))
        self.model.register_forward_pre_hook(self._begin)
        self.model.register_forward_hook(self._end, always_call=True)
        for module in self.activations:
            module.register_forward_pre_hook(self._enter)
            module.register_forward_hook(self._leave, always_call=True)
        if example is not None:
            self._prepare(example)
        inside = {id(tensor) for a in self.activations for tensor in [*a.parameters(), *a.buffers()]}
        state = [*self.model.named_parameters(), *self.model.named_buffers()]
        self.trace.weights = {name: t.detach().clone() for name, t in state if id(t) not in inside}

    def _prepare(self, example: Tensor) -> None:
        """Let the network make the parameters that it makes at its first call, and check that it has all."""
        output = self.model.eval()(example)
        loose = unregistered(output, dict(self.model.named_parameters()))
        self.model.train()
        if loose is not None:
            raise InvalidCandidateError(
                f"a tensor of shape {tuple(loose.shape)} requires gradients and is no parameter of the "
                "network, so that no optimizer would train it; expected nn.Parameter attributes of a module"
            )

    def _outside(self, activation: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
        """Return the constructor with random numbers of the candidate's stream."""

        @functools.wraps(activation)
        def make(*args: Any, **named: Any) -> nn.Module:
            with self.streams.swapped():
                module = activation(*args, **named)
            self.activations.append(module)
            return module

        return make

    def _begin(self, model: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Draw from the network's stream; a step that evaluates its loss again repeats its masks."""
        self.streams.swap()
        if not model.training or not inputs:
            return
        if inputs[0] is self.last:
            self.streams.restore(self.begun)
            return
        self.last, self.begun = inputs[0], self.streams.state()
        if len(self.trace.samples) < CHECKED:
            self.trace.samples.append(inputs[0].detach().clone())
            self.trace.streams.append(self.streams.fingerprint())

    def _end(self, model: nn.Module, *_: object) -> None:
        if model.training and len(self.trace.streams) < 2 * len(self.trace.samples):
            self.trace.streams.append(self.streams.fingerprint())
        self.streams.swap()

    def _enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        self.streams.swap()
        self.version = inputs[0]._version if inputs else 0

    def _leave(self, module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
        self.streams.swap()
        if inputs and inputs[0]._version != self.version:
            raise InvalidCandidateError(f"{type(module).__name__} must not modify its input in place")


def check_pairing(name: str, candidate: Paired, baseline: Paired, batches: list[Tensor]) -> None:
    """Compare a candidate's run with the baseline's of the same seed.

    Args:
        name: Name of the candidate for errors.
        candidate: Its network, after its first steps.
        baseline: The network of the baseline, without steps so far; it computes outputs of `batches`.
        batches: Inputs of the first steps that the seed gives.

    Raises:
        InvalidCandidateError: If initial weights, order of samples or dropout masks differ.
    """
    baseline.model.train()
    for batch in batches:
        with torch.no_grad():
            baseline.model(batch)
    ours, theirs = candidate.trace, baseline.trace
    reason = ""
    if ours.weights.keys() != theirs.weights.keys():
        differing = min(ours.weights.keys() ^ theirs.weights.keys())
        reason = f"only one of the networks has {differing!r}"
    elif unequal := [n for n, w in ours.weights.items() if not _same(w, theirs.weights[n])]:
        reason = f"the initial values of {unequal[0]!r} differ"
    elif len(ours.samples) != len(theirs.samples) or not all(map(_same, ours.samples, theirs.samples)):
        reason = "the order of samples differs"
    elif ours.streams != theirs.streams:
        reason = "the dropout masks differ"
    if reason:
        raise InvalidCandidateError(
            f"{name} is not paired with the baseline of the same seed: {reason}; expected a candidate that "
            "leaves the rest of its network as it is"
        )


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def unregistered(output: Tensor, parameters: Mapping[str, Tensor]) -> Tensor | None:
    """Return a tensor that an output depends on and that no optimizer would train, or None.

    Args:
        output: Output of a network, with its graph.
        parameters: Parameters of the network.
    """
    known, seen, pending = {id(p) for p in parameters.values()}, set[Any](), [output.grad_fn]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if leaf is not None and id(leaf) not in known:
            return leaf
        pending += [following for following, _ in node.next_functions]
    return None
