"""The assignment's empirical claims and the comparisons that decide each; written before the runs.

A claim is confirmed if the interval of every comparison that it names lies on the claimed side of the margin,
refuted if one lies on the other side, and undecided otherwise, also where a candidate that it names was not
run. The intervals of a claim cover all its comparisons together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bench.records.names import AGAIN, BASELINES, CONTROLS, CONVOLUTIONS, PASSES, PROPOSED, TWICE
from bench.statistics.standing import EQUIVALENCE_MARGIN
from bench.statistics.training_runs import EARLY, LAST, NETWORKS, OPTIMIZED, network
from bench.store import Snapshot
from report.document.phrases import NOT_MEASURED, WHEN
from report.evidence import comparisons
from report.evidence.comparisons import (
    Comparison,
    Family,
    Trained,
    against,
)

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"
# Whose claim it is: the assignment's, this project's, or one that follows from the algebra, whose measurement
# tests the code. Only the assignment's are counted.
ASSIGNMENT, OURS, THEOREM = "assignment", "ours", "theorem"

TIMES = "make bench PROFILE=reference ONLY=benchmarks"  # five rounds at least
HORIZONS = {"early": EARLY, "late": LAST}
ADAM = [("adam", other) for other in ("adagrad", "rmsprop", "sgd", "momentum", "nesterov")]
EACH = against(PROPOSED)
SGELU = against(("sgelu",))


def cost_of_swish(task: str) -> Family:
    """Compare Swish's times with the sigmoid's, both of torch and both of ours."""
    kinds = [(("swish", kind), ("sigmoid", kind)) for kind in ("torch", "impl")]
    return comparisons.times({task: PASSES[task]}, kinds)


# Not a claim: torch's kernels measured under two names.
against_themselves = comparisons.times(
    PASSES | CONVOLUTIONS,
    [((name, AGAIN), (name, "torch")) for name in TWICE],
    margin=0.0,
    simultaneous=False,
)


@dataclass(frozen=True)
class Claim:
    """A claim, reworded, with the comparisons that decide it.

    Attributes:
        identifier: Question and word.
        question: Number of the question.
        text: The claim.
        metric: What is compared, and when.
        family: The comparisons that it names.
        sign: +1 if they should lie above their margin, -1 if below.
        named: Number of comparisons that it names, where that is known before anything is measured.
        origin: ASSIGNMENT, OURS or THEOREM.
        command: What measures the claim where it is missing.
    """

    identifier: str
    question: int
    text: str
    metric: str
    family: Family
    sign: int
    named: int = 0
    origin: str = ASSIGNMENT
    command: str = "make bench"


def _trained(
    identifier: str,
    text: str,
    where: tuple[str, bool | None],
    pairs: Sequence[tuple[str, str]],
    sign: int,
    *,
    margin: float = 0.0,
    command: str = "make bench",
    beside: Sequence[tuple[str, str]] = (),
) -> list[Claim]:
    """Return a claim on activations at the first horizon and at the last one; `text` has a place for when."""
    metric = "test loss" if where[0].endswith("autoencoder") else "test accuracy"
    bound = ", no worse than the margin" if margin else ""
    return [
        Claim(
            f"{identifier}-{name}" if horizon == EARLY else identifier,
            11,
            text.format(when=WHEN[horizon]),
            f"{metric} {WHEN[horizon]}{bound}",
            Trained(network(*where), "activation", pairs, horizon, margin, beside=beside),
            sign,
            len(pairs),
            command=command,
        )
        for name, horizon in HORIZONS.items()
    ]


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "q03-early",
        3,
        "Stochastic descent makes more progress a sample early on",
        "excess loss after one pass over the digits",
        comparisons.descents(1.0),
        -1,
    ),
    Claim(
        "q03-closer",
        3,
        "At equal passes batch descent ends closer to the minimum",
        "excess loss at the end",
        comparisons.descents(None),
        1,
    ),
    Claim(
        "q03-escape",
        3,
        "Stochastic descent leaves a bad local minimum where batch descent stays",
        "share of descents that end in the deep well",
        comparisons.observed(
            "double_well", "escaped stochastic", "escaped batch", "share", steps=(0, 1, 2), pool=True
        ),
        1,
    ),
    Claim(
        "q03-redundant",
        3,
        "Gradients of few samples agree with that of all more at the start than near the minimum",
        "cosine with the gradient of all samples",
        comparisons.between_steps("gradient_agreement", ("cosine sample", "cosine mini-batch"), "cosine"),
        1,
    ),
    Claim(
        "q05-adam-early",
        5,
        "Adam learns faster than Adagrad, RMSprop and SGD, with momentum and without",
        "test accuracy early in training",
        Trained(OPTIMIZED, "optimizer", ADAM, EARLY),
        1,
        named=len(ADAM),
    ),
    Claim(
        "q05-adam",
        5,
        "Adam ends better than Adagrad, RMSprop and SGD, with momentum and without",
        "test accuracy at the end of training",
        Trained(OPTIMIZED, "optimizer", ADAM),
        1,
        named=len(ADAM),
    ),
    Claim(
        "q05-eps",
        5,
        "Adam with ε inside the root trains as well as with ε outside",
        "test accuracy at the end of training within the margin, both ways",
        Trained(
            OPTIMIZED,
            "optimizer",
            [("adam", "adam_eps_inside"), ("adam_eps_inside", "adam")],
            margin=-EQUIVALENCE_MARGIN,
        ),
        1,
        named=2,
        origin=OURS,
    ),
    Claim(
        "q06-speed",
        6,
        "Squared error takes longer than cross-entropy to unlearn confident mistakes",
        "steps at each loss's best rate",
        comparisons.observed(
            "confidently_wrong", "steps brier", "steps cross_entropy", "ratio", relative=True
        ),
        1,
    ),
    Claim(
        "q06-outliers",
        6,
        "Cross-entropy loses more to label noise than squared error does",
        "loss of test accuracy, rates tuned alike",
        comparisons.label_noise,
        1,
    ),
    Claim(
        "q07-linear",
        7,
        "Without activations a network is linear",
        "departure from superposition",
        comparisons.observed("affinity", "superposition error none", 0.0, "1", margin=1e-9),
        -1,
        origin=THEOREM,
    ),
    Claim(
        "q07-nonlinear",
        7,
        "With ReLU it is not",
        "departure from superposition",
        comparisons.observed("affinity", "superposition error relu", 0.0, "1", margin=1e-9),
        1,
        origin=THEOREM,
    ),
    Claim(
        "q08-sample",
        8,
        "Behind sigmoids all weights of a neuron move in one direction for one sample",
        "share of neurons whose gradient has one sign",
        comparisons.observed("gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(1,), margin=0.99),
        1,
        origin=THEOREM,
    ),
    Claim(
        "q08-batch",
        8,
        "They do so for batches too",
        "share of neurons whose gradient has one sign, above one half",
        comparisons.observed(
            "gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(2, 8, 32, 128), margin=0.5
        ),
        1,
    ),
    *(
        Claim(
            f"q08-slow-{place}-{when}",
            8,
            f"A sigmoid trains more slowly than tanh in the {words}, {WHEN[horizon]}",
            f"training loss {WHEN[horizon]}",
            Trained(network(*where), "activation", [("sigmoid", "tanh")], horizon, metric="train_loss"),
            1,
            named=1,
        )
        for place, words, where in (
            ("shallow", "classifier", ("classifier", False)),
            ("deep", "GELU paper's classifier", ("deep_classifier", None)),
        )
        for when, horizon in HORIZONS.items()
    ),
    Claim(
        "q08-zigzag",
        8,
        "Zero-centred input shortens the zigzag",
        "length of the path over its span",
        comparisons.observed("zigzag", "detour positive", "detour zero-centred", "ratio", relative=True),
        1,
    ),
    Claim(
        "q08-arrival",
        8,
        "Zero-centred input saves steps",
        "steps at each input's best rate",
        comparisons.observed("zigzag", "steps positive", "steps zero-centred", "ratio", relative=True),
        1,
    ),
    Claim(
        "q09-forward",
        9,
        "Swish costs more than the sigmoid, forward",
        "time of one pass",
        cost_of_swish("activation_forward"),
        1,
        command=TIMES,
    ),
    Claim(
        "q09-backward",
        9,
        "Swish costs more than the sigmoid, backward",
        "time of one pass",
        cost_of_swish("activation_backward"),
        1,
        command=TIMES,
    ),
    Claim(
        "q09-composed",
        9,
        "Composed of torch's operations Swish takes longer than in one pass",
        "time of one pass",
        comparisons.times(PASSES, [(("swish", "composed"), ("swish", "impl"))]),
        1,
        command=TIMES,
    ),
    Claim(
        "q10-vectorised",
        10,
        "Vectorised, the convolution is faster than in loops",
        "time of one pass",
        comparisons.times(CONVOLUTIONS, [(("loops", "impl"), ("unfold", "impl"))]),
        1,
        command=TIMES,
    ),
    Claim(
        "q10-torch",
        10,
        "Fold and unfold are slower than torch's own convolution all the same",
        "time of one pass",
        comparisons.times(CONVOLUTIONS, [(("unfold", "impl"), ("native", "torch"))]),
        1,
        command=TIMES,
    ),
    *_trained(
        "q11-par",
        "SGELU and AdaSGELU are on par with ReLU and GELU on classification, {when}",
        ("classifier", True),
        EACH,
        1,
        margin=-EQUIVALENCE_MARGIN,
    ),
    *_trained(
        "q11-better",
        "SGELU and AdaSGELU do better on classification, {when}",
        ("classifier", True),
        EACH,
        1,
    ),
    *_trained(
        "q11-fc",
        "SGELU and AdaSGELU struggle on the fully connected autoencoder, {when}",
        ("fc_autoencoder", True),
        EACH,
        1,
    ),
    *_trained(
        "q11-conv",
        "SGELU and AdaSGELU struggle on the convolutional autoencoder, {when}",
        ("conv_autoencoder", True),
        EACH,
        1,
        command="make bench PROFILE=reference ONLY=conv_autoencoder",
    ),
    *_trained(
        "q11-batch-norm",
        "Without batch norm SGELU struggles even on classification, {when}",
        ("classifier", False),
        SGELU,
        -1,
        beside=EACH,
    ),
    *_trained(
        "q11-deep",
        "Without batch norm SGELU and AdaSGELU struggle on the GELU paper's classifier, {when}",
        ("deep_classifier", None),
        EACH,
        -1,
    ),
    Claim(
        "q11-initial",
        11,
        "Initial weights that keep the variance help SGELU and AdaSGELU without batch norm",
        "test accuracy at the end of training",
        comparisons.initialization(PROPOSED),
        1,
        2 * len(PROPOSED),
        OURS,
    ),
)


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on a claim and the comparisons behind it.

    Attributes:
        claim: The claim.
        verdict: CONFIRMED, REFUTED, UNDECIDED or NOT_MEASURED.
        comparisons: The comparisons that were measured.
        supports: For each comparison +1 if it supports the claim, -1 if it contradicts it, else 0.
        missing: How many of the comparisons that the claim names were not run.
    """

    claim: Claim
    verdict: str
    comparisons: tuple[Comparison, ...]
    supports: tuple[int, ...]
    missing: int = 0


def combine(supports: Sequence[int]) -> str:
    """Return the verdict on a claim from the support of its comparisons."""
    if not supports:
        return NOT_MEASURED
    if -1 in supports:
        return REFUTED
    return UNDECIDED if 0 in supports else CONFIRMED


def decide(claim: Claim, found: Sequence[Comparison]) -> ClaimVerdict:
    """Return the verdict on a claim from the comparisons that were measured."""
    supports = tuple(claim.sign * c.effect.direction for c in found)
    missing = max(0, claim.named - len(found))
    verdict = combine([*supports, *[0] * missing] if supports else [])
    return ClaimVerdict(claim, verdict, tuple(found), supports, missing)


@lru_cache(maxsize=4)
def claim_verdicts(snapshot: Snapshot) -> tuple[ClaimVerdict, ...]:
    """Return the verdict on every claim."""
    return tuple(decide(claim, claim.family(snapshot)) for claim in CLAIMS)


@lru_cache(maxsize=64)
def explored(snapshot: Snapshot, words: str, horizon: int = LAST) -> tuple[Comparison, ...]:
    """Return the exploratory comparisons of a network: every activation with ReLU and GELU, all together."""
    return tuple(comparisons.exploratory(*NETWORKS[words], horizon)(snapshot))


@lru_cache(maxsize=64)
def controls(snapshot: Snapshot, words: str, horizon: int = LAST) -> tuple[Comparison, ...]:
    """Return the comparisons of ReLU under other seeds with ReLU; a decided one is a false alarm."""
    pairs = [(name, BASELINES[0]) for name in CONTROLS]
    family = Trained(network(*NETWORKS[words]), "activation", pairs, horizon)
    return tuple(family(snapshot))
