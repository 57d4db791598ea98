"""What a user asks to be measured: candidates that are tried before anything is run, and their runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.experiments import profiles
from bench.experiments.catalog import NETWORK
from bench.experiments.plan import Plan
from bench.experiments.profiles import Profile
from bench.experiments.workloads.contracts import InvalidCandidateError, checked_rates
from bench.experiments.workloads.networks import DataShape
from bench.experiments.workloads.registry import rates_of, resolve
from bench.experiments.workloads.training_run import identified, rehearse
from bench.records.candidate_names import is_custom
from bench.records.runs import RunConfig
from impl.data.datasets import Dataset
from impl.names import one_line

SAMPLES, BATCH = 40, 16  # of a rehearsal, of which a fifth are held out
PLAIN = "torch.optim:SGD"  # in rehearsals of activations: it compiles nothing


@dataclass(frozen=True)
class Request:
    """Size of every stage, the activations to train, the custom candidates by kind, and rates to try.

    Attributes:
        profile: Size of every stage.
        activations: Identified names of the activations to train.
        custom: Identified names of custom candidates by kind.
        rates: Learning rates of custom optimizers, instead of their own; empty for those.
    """

    profile: Profile
    activations: Sequence[str]
    custom: Mapping[str, Sequence[str]]
    rates: tuple[float, ...] = ()

    def runs(self, dataset: Dataset, device: str = "cpu") -> tuple[list[Plan], list[RunConfig]]:
        """Return the plans of the experiments on a data set, and the other runs.

        Raises:
            InvalidCandidateError: If a custom candidate fails in the first steps of an experiment's network.
        """
        plans, others = profiles.everything(
            self.profile,
            identified(dataset),
            len(dataset.train_images),
            self.activations,
            self.custom,
            shape=DataShape.of(dataset),
            rates=self.rates,
        )
        _rehearse(plans, dataset, device)
        return plans, others

    def left_out(self, dataset: Dataset) -> list[str]:
        """Return why experiments cannot be run on a data set, a sentence each."""
        return list(profiles.left_out(self.profile, DataShape.of(dataset)).values())


def request(
    profile: Profile,
    only: Collection[str] | None,
    candidates: Mapping[str, Sequence[str]],
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    rates: Sequence[float] = (),
) -> Request:
    """Return what a user asks for, after trying every custom candidate on a few numbers.

    Args:
        profile: Size of every stage.
        only: Stages to run; None for the profile's.
        candidates: Names by kind.
        seeds: Number of seeds of training runs, and of rounds of benchmarks; None for the profile's.
        epochs: Number of training epochs; None for the profile's.
        rates: Learning rates of custom optimizers; empty for their own.

    Raises:
        ValueError: If a candidate or a rate is invalid; one line.
    """
    resolved = {
        kind: list(dict.fromkeys(resolve(name, kind) for name in names)) for kind, names in candidates.items()
    }
    custom = {kind: list(filter(is_custom, names)) for kind, names in resolved.items()}
    profile = profiles.with_candidates(profile, [kind for kind, names in custom.items() if names])
    stages = profile.stages if only is None else only
    if NETWORK not in stages and custom.get(NETWORK):
        raise ValueError(f"Invalid stages: got {', '.join(stages)}, expected {NETWORK} among them")
    if rates and not custom.get("optimizer"):
        raise ValueError("Invalid rates: got no custom optimizer, expected one that they are for")
    chosen = checked_rates("the optimizer", tuple(rates)) if rates else ()
    narrow = profiles.narrowed(profile, stages, seeds, epochs)
    return Request(narrow, resolved.get("activation", []), custom, chosen)


def _rehearse(plans: Sequence[Plan], dataset: Dataset, device: str) -> None:
    """Train every custom candidate for the first steps in each of its networks."""
    few = replace(
        dataset,
        train_images=dataset.train_images[:SAMPLES],
        train_labels=dataset.train_labels[:SAMPLES],
        test_images=dataset.test_images[:SAMPLES],
        test_labels=dataset.test_labels[:SAMPLES],
    )
    for config in dict.fromkeys(config for plan in plans for config in plan.candidates):
        named = (config.task, str(config.activation), str(config.optimizer))
        custom = list(filter(is_custom, named))
        if not custom or (is_custom(config.task) and config.activation != "relu" and len(custom) == 1):
            continue  # of a custom network with built-in activations, one shows what there is to see
        optimizer = str(config.optimizer) if is_custom(config.optimizer) else PLAIN
        short = replace(
            config,
            optimizer=optimizer,
            learning_rate=rates_of(optimizer)[0],
            batch_size=BATCH,
            samples=SAMPLES,
            epochs=1,
        )
        try:
            rehearse(short, few, device)
        except Exception as error:
            reason = one_line(str(error) if isinstance(error, ValueError) else repr(error))
            raise InvalidCandidateError(
                f"{' with '.join(custom)} fails in {config.task}: {reason}"
            ) from error
