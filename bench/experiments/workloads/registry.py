"""Candidates by name: activations, optimizers, convolution strategies and networks, built-in or custom."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.experiments.workloads import contracts
from bench.experiments.workloads.contracts import InvalidCandidateError
from bench.experiments.workloads.networks import NETWORKS, DataShape, Network
from bench.experiments.workloads.user_code import isolated, load, placed, present
from bench.records.candidate_names import BUILT_IN, CandidateName, arguments, canonical, parse
from bench.records.names import CONTROLS
from impl.activations.registry import ACTIVATIONS
from impl.convolution import STRATEGIES, Strategy
from impl.models import sized
from impl.names import one_line
from impl.optimizers.registry import OPTIMIZERS, Make

UNKNOWN_COST = 5.0  # seconds per 60,000 samples of a custom network
CONTROL_SEEDS = 10_000  # added to the seeds of the first control, twice as much to those of the second
BUILTINS: dict[str, Callable[[], nn.Module]] = {
    **{name: activation.module for name, activation in ACTIVATIONS.items()},
    **dict.fromkeys(CONTROLS, ACTIVATIONS["relu"].module),
}
ADAPTIVE = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # learning rates of adaptive optimizers and the default of others
# Equally many rates for every optimizer, equally far apart, around its common value.
RATES: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(OPTIMIZERS, ADAPTIVE),
    "sgd": (0.01, 0.03, 0.1, 0.3, 1.0),
    **dict.fromkeys(("momentum", "nesterov", "adagrad"), (0.003, 0.01, 0.03, 0.1, 0.3)),
}


@dataclass(frozen=True)
class Kind:
    """A kind of candidate: its registry, and the contract of custom ones.

    Attributes:
        table: Built-in candidates.
        make: From a name for errors, the object that it refers to, and its positional and named arguments to
            an entry of the table.
        check: Tries such an entry once on a few numbers. Both raise InvalidCandidateError.
        classes: Built-in names by the names of their classes, which take arguments.
        package: Module of these classes.
    """

    table: Mapping[str, Any]
    make: Callable[..., Any]
    check: Callable[[str, Any], None]
    classes: Mapping[str, str]
    package: str = ""


KINDS: dict[str, Kind] = {
    "activation": Kind(
        BUILTINS,
        contracts.activation,
        contracts.check_activation,
        {entry.module.__name__: name for name, entry in ACTIVATIONS.items()},
        "impl.activations",
    ),
    "optimizer": Kind(
        {name: entry.make for name, entry in OPTIMIZERS.items()},
        contracts.optimizer,
        contracts.check_optimizer,
        {entry.make.__name__: name for name, entry in OPTIMIZERS.items() if isinstance(entry.make, type)},
        "impl.optimizers",
    ),
    "strategy": Kind(
        {name: entry.convolve for name, entry in STRATEGIES.items()},
        contracts.strategy,
        contracts.check_strategy,
        {},
    ),
    "network": Kind(
        NETWORKS, contracts.network, lambda name, build: None, {}
    ),  # tried in `network_of`, with data
}

_made: dict[tuple[str, str], Any] = {}  # custom candidates by kind and identified name


def spelled(name: str, kind: str) -> str:
    """Return a name in one spelling: `Swish` is `swish`, `Swish(beta=2)` a class of `impl.activations`.

    Raises:
        ValueError: If its arguments are not literals.
    """
    entry = KINDS[kind]
    if name in entry.table:
        return name
    if parts := parse(name):
        parts = placed(parts)
        return str(replace(parts, arguments=canonical(parts.arguments)))
    if found := BUILT_IN.fullmatch(name):
        given, keys = canonical(found["arguments"]), {key: cls for cls, key in entry.classes.items()}
        cls = keys.get(found["attribute"], found["attribute"])
        if cls in entry.classes:
            return f"{entry.package}:{cls}{given}" if given else entry.classes[cls]
        return name
    return entry.classes.get(name, name)


def _custom(kind: str, name: str) -> tuple[str, Any]:
    """Return the identified name of a custom candidate, and the equivalent of a built-in one."""
    found, source = load(kind, name, KINDS[kind].table)
    parts = _parsed(name)
    identified = str(replace(parts, digest=source.digest))
    if (kind, identified) not in _made:
        words = f"{kind} {str(parts.unidentified)!r}"
        with isolated(words), present(source):
            positional, named = arguments(parts.arguments)
            _made[kind, identified] = KINDS[kind].make(words, found, positional, named)
    return identified, _made[kind, identified]


def made(kind: str, name: str) -> Any:
    """Return the built-in candidate of that name, or the equivalent of a custom one.

    Args:
        kind: One of KINDS.
        name: Built-in name, `module:Name` or `path/to/file.py:Name`, with arguments in parentheses or not.

    Raises:
        ValueError: If there is none, if the object is not of the kind, or if the name has the hash of
            another text.
    """
    name = spelled(name, kind)
    table = KINDS[kind].table
    return table[name] if name in table else _custom(kind, name)[1]


def module_of(name: str) -> Callable[..., nn.Module]:
    """Return the constructor of an activation, for `impl.models.sized`.

    Args:
        name: One of BUILTINS, or `module:Name` or `path/to/file.py:Name` of a class or instance of modules,
            of a function that returns a module, or of a function of one tensor.

    Raises:
        ValueError: As `made` does.
    """
    return made("activation", name)


def optimizer_of(name: str) -> Make:
    """Return the constructor of an optimizer, called with parameters and learning rate; see `made`."""
    return made("optimizer", name)


def strategy_of(name: str) -> Strategy:
    """Return a convolution strategy; see `made`."""
    return made("strategy", name)


def network_of(name: str, shape: DataShape) -> Network:
    """Return a network; the outputs of a custom one on the data set determine its loss.

    Args:
        name: One of NETWORKS, or `module:Name` or `path/to/file.py:Name` of a function from a constructor of
            activations to a module.
        shape: The data set.

    Raises:
        InvalidCandidateError: If its outputs are neither scores of the classes nor values of the data set,
            nor have the shape of its inputs.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    build: contracts.BuildNetwork = made("network", name)
    words, given = f"network {str(_parsed(name).unidentified)!r}", list[nn.Module]()

    def relu() -> nn.Module:
        given.append(nn.ReLU())
        return given[-1]

    with at_work(("network", name)), torch.no_grad():
        try:
            model = build(relu, shape.inputs, shape.outputs).eval()
            output = model(torch.zeros(2, *shape.inputs))
        except ValueError:
            raise
        except Exception as error:
            reason = one_line(str(error))
            raise InvalidCandidateError(
                f"{words} does not take inputs of shape (N, {', '.join(map(str, shape.inputs))}): {reason}"
            ) from error
    if not set(given) & set(model.modules()):
        raise InvalidCandidateError(f"{words} must contain the activations that it is given, got none")
    found = tuple(output.shape[1:]) if isinstance(output, Tensor) else type(output).__name__
    if found not in ((shape.outputs,), shape.inputs):
        raise InvalidCandidateError(
            f"{words} returns outputs of shape {found} for each sample, expected {(shape.outputs,)} to "
            f"predict or {shape.inputs} to reconstruct"
        )
    reconstructs = found == shape.inputs and found != (shape.outputs,)
    return Network(
        _parsed(name).label,
        lambda activation, batch_norm, shape: build(activation, shape.inputs, shape.outputs),
        "mse" if reconstructs else "cross_entropy",
        reconstructs,
        cost=UNKNOWN_COST,
        diagnosed=False,
        bounded=False,
    )


def _parsed(name: str) -> CandidateName:
    parts = parse(name)
    assert parts is not None
    return parts


def rates_of(name: str) -> tuple[float, ...]:
    """Return the learning rates to try with an optimizer.

    Of a custom one: its attribute `rates`; one where it takes no rate or finds it itself; else the grid of
    the built-in optimizer that it derives from, or whose usual rate is nearest to its default.
    """
    if name in RATES:
        return RATES[name]
    made: contracts.CustomOptimizer = optimizer_of(name)  # type: ignore[assignment]  # no built-in one
    if made.rates is not None:
        return made.rates
    bases = getattr(made.candidate, "__mro__", ())
    for key, entry in OPTIMIZERS.items():
        if any(base in (entry.make, entry.torch_counterpart) for base in bases):
            return RATES[key]
    return min(dict.fromkeys(RATES.values()), key=made.distance) if made.default else ADAPTIVE


def seed_of(activation: str | None, seed: int) -> int:
    """Return the seed that a run uses; a control shares its seeds with no other activation."""
    arm = 1 + CONTROLS.index(activation) if activation in CONTROLS else 0
    return seed + arm * CONTROL_SEEDS


def identify(name: str, kind: str = "activation") -> str:
    """Return the name under which runs are stored; custom names carry the hash of their code as it is now."""
    name = spelled(name, kind)
    parts = parse(name)
    made(kind, str(parts.unidentified) if parts else name)
    return _custom(kind, str(parts.unidentified))[0] if parts else name


def check(name: str, kind: str = "activation") -> None:
    """Try a custom candidate once, forward and backward or for some steps, on a few numbers.

    Args:
        name: Name of the candidate.
        kind: Its kind.

    Raises:
        InvalidCandidateError: If it returns something unexpected, modifies its input or is not
            differentiable. Whatever the candidate raises is raised, too.
    """
    name = spelled(name, kind)
    if name not in KINDS[kind].table:
        candidate = made(kind, name)
        with at_work((kind, name)):
            KINDS[kind].check(f"{kind} {str(_parsed(name).unidentified)!r}", candidate)


def resolve(name: str, kind: str) -> str:
    """Return the identified name of a candidate that passes `check`.

    Args:
        name: Name of the candidate.
        kind: Its kind.

    Raises:
        ValueError: If it does not pass, or raises anything; one line.
    """
    identified = identify(name, kind)
    try:
        check(identified, kind)
    except ValueError:
        raise
    except Exception as error:
        raise InvalidCandidateError(f"{kind} {name!r} raised {one_line(repr(error))}") from error
    return identified


@contextlib.contextmanager
def at_work(*candidates: tuple[str, str]) -> Iterator[None]:
    """Isolate the process from custom candidates, and let their files import one another meanwhile.

    Args:
        *candidates: Kind and name of each, built-in or custom.
    """
    custom = {name: kind for kind, name in candidates if parse(name)}
    with contextlib.ExitStack() as stack:
        for name, kind in custom.items():
            stack.enter_context(isolated(f"{kind} {str(_parsed(name).unidentified)!r}"))
            stack.enter_context(present(load(kind, name)[1]))
        yield


def function_of(name: str) -> Callable[[Tensor], Tensor]:
    """Return the activation as a function of a tensor, at its module's initial parameters."""
    module = sized(module_of(name), 1).double()
    return lambda x: module(x).detach()
