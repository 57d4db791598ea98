"""The assignment's empirical claims and the comparisons that decide each; written before the runs.

A comparison is significant if its interval and its p-value, corrected for its family, agree. A claim is
confirmed if every one of its comparisons supports it, refuted if any contradicts it, and undecided otherwise,
also where a candidate that it names was not run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from bench.records.names import AGAIN, BASELINES, CONTROL, CONVOLUTIONS, PASSES, PROPOSED, TWICE
from bench.statistics import adjusted, decided
from bench.store import Snapshot
from report.document.phrases import NOT_MEASURED
from report.evidence import comparisons
from report.evidence.comparisons import EQUIVALENCE_MARGIN, Comparison, Family

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"

AGAINST_THEMSELVES = "times, against themselves"
TIMES = "make bench PROFILE=reference ONLY=benchmarks"  # five rounds at least

# The p-values of a family are corrected together (Holm 1979).
FAMILIES: dict[str, Family] = {
    "early descent": comparisons.descents(1.0),
    "late descent": comparisons.descents(None),
    "double well": comparisons.observed(
        "double_well", "escaped stochastic", "escaped batch", "share", steps=(0, 1, 2), pool=True
    ),
    "agreement of gradients": comparisons.between_steps(
        "gradient_agreement", ("cosine sample", "cosine mini-batch"), "cosine"
    ),
    "optimizers": comparisons.optimizers(),
    "optimizers, equivalence": comparisons.optimizers(-EQUIVALENCE_MARGIN),
    "unlearning": comparisons.observed(
        "confidently_wrong", "steps brier", "steps cross_entropy", "ratio", relative=True
    ),
    "label noise": comparisons.label_noise,
    "affinity": comparisons.observed("affinity", "superposition error none", 0.0, "1", margin=1e-9),
    "affinity with ReLU": comparisons.observed("affinity", "superposition error relu", 0.0, "1", margin=1e-9),
    "signs, one sample": comparisons.observed(
        "gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(1,), margin=0.99
    ),
    "signs, batches": comparisons.observed(
        "gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(2, 8, 32, 128), margin=0.5
    ),
    "detours": comparisons.observed(
        "zigzag", "detour positive", "detour zero-centred", "ratio", relative=True
    ),
    "arrivals": comparisons.observed(
        "zigzag", "steps positive", "steps zero-centred", "ratio", relative=True
    ),
    "slow sigmoid": comparisons.slow_training,
    **{
        f"cost of Swish, {way}": comparisons.times(
            {task: way}, [(("swish", kind), ("sigmoid", kind)) for kind in ("torch", "impl")]
        )
        for task, way in PASSES.items()
    },
    "composing Swish": comparisons.times(PASSES, [(("swish", "composed"), ("swish", "impl"))]),
    "vectorisation": comparisons.times(CONVOLUTIONS, [(("loops", "impl"), ("unfold", "impl"))]),
    "unfold and torch": comparisons.times(CONVOLUTIONS, [(("unfold", "impl"), ("native", "torch"))]),
    AGAINST_THEMSELVES: comparisons.times(
        PASSES | CONVOLUTIONS,
        [((name, AGAIN), (name, "torch")) for name in TWICE],
        margin=0.0,
        simultaneous=False,
    ),
    "classifier": comparisons.activations("classifier", True, True),
    "classifier, on par": comparisons.activations("classifier", True, True, margin=-EQUIVALENCE_MARGIN),
    "classifier without batch norm": comparisons.activations("classifier", False, True),
    "fully connected autoencoder": comparisons.activations("fc_autoencoder", True, True),
    "convolutional autoencoder": comparisons.activations("conv_autoencoder", True, True),
    "GELU paper's classifier": comparisons.activations("deep_classifier", None, True),
    "classifier, one rate": comparisons.activations("classifier", True, False),
    "classifier without batch norm, one rate": comparisons.activations("classifier", False, False),
    "fully connected autoencoder, one rate": comparisons.activations("fc_autoencoder", True, False),
    "convolutional autoencoder, one rate": comparisons.activations("conv_autoencoder", True, False),
    "initial weights": comparisons.initialization,
}

Expects = Callable[[Comparison], int]


def all_of(sign: int) -> Expects:
    """Return the rule by which every comparison of the family should lie on this side of its margin."""
    return lambda comparison: sign


@dataclass(frozen=True)
class These:
    """Rule by which the comparisons of one of `a` with one of `b` should lie on this side of their margin."""

    sign: int
    a: tuple[str, ...]
    b: tuple[str, ...]

    def __call__(self, comparison: Comparison) -> int:
        """Return the sign for a comparison of the claim, 0 for any other."""
        return self.sign * (comparison.a in self.a and comparison.b in self.b)

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """All comparisons that the claim names, whether run or not."""
        return set(product(self.a, self.b))


@dataclass(frozen=True)
class Claim:
    """A claim of the assignment, reworded, with the family of comparisons that decides it.

    expects: +1 or -1 for comparisons of the claim that should lie above or below their margin, 0 for the
    others of the family. command: measures the claim where it is missing.
    """

    identifier: str
    question: int
    text: str
    metric: str
    family: str
    expects: Expects
    command: str = "make bench"


EACH = (PROPOSED, BASELINES)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "q03-early",
        3,
        "Stochastic descent makes more progress a sample early on",
        "excess loss after one pass over the digits",
        "early descent",
        all_of(-1),
    ),
    Claim(
        "q03-closer",
        3,
        "Batch descent ends closer to the minimum",
        "excess loss at the end",
        "late descent",
        all_of(1),
    ),
    Claim(
        "q03-escape",
        3,
        "Stochastic descent leaves a bad local minimum where batch descent stays",
        "share of descents that end in the deep well",
        "double well",
        all_of(1),
    ),
    Claim(
        "q03-redundant",
        3,
        "Gradients of few samples agree with that of all more at the start than near the minimum",
        "cosine with the gradient of all samples",
        "agreement of gradients",
        all_of(1),
    ),
    Claim(
        "q05-adam",
        5,
        "Adam is better than Adagrad, RMSprop and SGD, with momentum and without",
        "test accuracy, rates tuned alike",
        "optimizers",
        These(1, ("adam",), ("adagrad", "rmsprop", "sgd", "momentum", "nesterov")),
    ),
    Claim(
        "q05-eps",
        5,
        "Adam with ε inside the root trains as well as with ε outside",
        "test accuracy within the margin, both ways",
        "optimizers, equivalence",
        lambda c: int({c.a, c.b} == {"adam", "adam_eps_inside"}),
    ),
    Claim(
        "q06-speed",
        6,
        "Squared error takes longer than cross-entropy to unlearn confident mistakes",
        "steps at each loss's best rate",
        "unlearning",
        all_of(1),
    ),
    Claim(
        "q06-outliers",
        6,
        "Cross-entropy loses more to label noise than squared error does",
        "loss of test accuracy, rates tuned alike",
        "label noise",
        all_of(1),
    ),
    Claim(
        "q07-linear",
        7,
        "Without activations a network is linear",
        "departure from superposition",
        "affinity",
        all_of(-1),
    ),
    Claim(
        "q07-nonlinear",
        7,
        "With ReLU it is not",
        "departure from superposition",
        "affinity with ReLU",
        all_of(1),
    ),
    Claim(
        "q08-sample",
        8,
        "Behind sigmoids all weights of a neuron move in one direction for one sample",
        "share of neurons whose gradient has one sign",
        "signs, one sample",
        all_of(1),
    ),
    Claim(
        "q08-batch",
        8,
        "They do so for batches too",
        "share of neurons whose gradient has one sign, above one half",
        "signs, batches",
        all_of(1),
    ),
    Claim(
        "q08-slow",
        8,
        "A sigmoid trains more slowly than a zero-centred activation",
        "training loss after as many epochs",
        "slow sigmoid",
        all_of(1),
    ),
    Claim(
        "q08-zigzag",
        8,
        "Zero-centred input shortens the zigzag",
        "length of the path over its span",
        "detours",
        all_of(1),
    ),
    Claim(
        "q08-arrival",
        8,
        "Zero-centred input saves steps",
        "steps at each input's best rate",
        "arrivals",
        all_of(1),
    ),
    Claim(
        "q09-forward",
        9,
        "Swish costs more than the sigmoid, forward",
        "time of one pass",
        "cost of Swish, forward",
        all_of(1),
        TIMES,
    ),
    Claim(
        "q09-backward",
        9,
        "Swish costs more than the sigmoid, backward",
        "time of one pass",
        "cost of Swish, backward",
        all_of(1),
        TIMES,
    ),
    Claim(
        "q09-composed",
        9,
        "Composed of torch's operations Swish takes longer than in one pass",
        "time of one pass",
        "composing Swish",
        all_of(1),
        TIMES,
    ),
    Claim(
        "q10-vectorised",
        10,
        "Vectorised, the convolution is faster than in loops",
        "time of one pass",
        "vectorisation",
        all_of(1),
        TIMES,
    ),
    Claim(
        "q10-torch",
        10,
        "Fold and unfold are slower than torch's own convolution all the same",
        "time of one pass",
        "unfold and torch",
        all_of(1),
        TIMES,
    ),
    Claim(
        "q11-par",
        11,
        "SGELU and AdaSGELU are on par with ReLU and GELU on classification",
        "test accuracy no worse than the margin",
        "classifier, on par",
        These(1, *EACH),
    ),
    Claim(
        "q11-better",
        11,
        "SGELU and AdaSGELU do better on classification",
        "test accuracy",
        "classifier",
        These(1, *EACH),
    ),
    Claim(
        "q11-fc",
        11,
        "SGELU and AdaSGELU struggle on the fully connected autoencoder",
        "test loss",
        "fully connected autoencoder",
        These(1, *EACH),
    ),
    Claim(
        "q11-conv",
        11,
        "SGELU and AdaSGELU struggle on the convolutional autoencoder",
        "test loss",
        "convolutional autoencoder",
        These(1, *EACH),
        "make bench PROFILE=reference",  # tuning it takes longer than a quick profile may
    ),
    Claim(
        "q11-batch-norm",
        11,
        "Without batch norm SGELU struggles even on classification",
        "test accuracy",
        "classifier without batch norm",
        These(-1, ("sgelu",), BASELINES),
    ),
    Claim(
        "q11-deep",
        11,
        "Without batch norm SGELU and AdaSGELU struggle on the GELU paper's classifier",
        "test accuracy",
        "GELU paper's classifier",
        These(-1, *EACH),
    ),
    Claim(
        "q11-initial",
        11,
        "Initial weights that keep the variance help SGELU and AdaSGELU without batch norm",
        "test accuracy",
        "initial weights",
        lambda c: int(c.a in PROPOSED),
    ),
    Claim(
        "q11-better-untuned",
        11,
        "At one rate for all, SGELU and AdaSGELU do better on classification",
        "test accuracy",
        "classifier, one rate",
        These(1, *EACH),
    ),
    Claim(
        "q11-fc-untuned",
        11,
        "At one rate for all, they struggle on the fully connected autoencoder",
        "test loss",
        "fully connected autoencoder, one rate",
        These(1, *EACH),
    ),
    Claim(
        "q11-conv-untuned",
        11,
        "At one rate for all, they struggle on the convolutional autoencoder",
        "test loss",
        "convolutional autoencoder, one rate",
        These(1, *EACH),
        "make bench PROFILE=quick ONLY=conv_autoencoder",
    ),
    Claim(
        "q11-batch-norm-untuned",
        11,
        "At one rate for all, SGELU struggles on classification without batch norm",
        "test accuracy",
        "classifier without batch norm, one rate",
        These(-1, ("sgelu",), BASELINES),
    ),
)

# Families with a control: ReLU compared with itself under other seeds.
CONTROLLED = (
    "classifier",
    "classifier without batch norm",
    "fully connected autoencoder",
    "convolutional autoencoder",
    "GELU paper's classifier",
)


class Verdict(NamedTuple):
    """A comparison, its corrected p-value and direction: +1 above the margin, -1 below, 0 inconclusive."""

    comparison: Comparison
    p: float
    direction: int


Families = Mapping[str, Sequence[Verdict]]


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on a claim and the comparisons behind it.

    supports: for each comparison +1 if it supports the claim, -1 if it contradicts it, 0 if inconclusive;
    missing: how many of the comparisons that the claim names were not run.
    """

    claim: Claim
    verdict: str
    comparisons: tuple[Verdict, ...]
    supports: tuple[int, ...]
    missing: int = 0


def decide(family: Sequence[Comparison]) -> list[Verdict]:
    """Return the verdict on each comparison of a family, with p-values corrected for their number."""
    corrected = adjusted([comparison.test.p for comparison in family])
    return [Verdict(c, p, decided(c.test, p)) for c, p in zip(family, corrected, strict=True)]


def combine(supports: Sequence[int]) -> str:
    """Return the verdict on a claim from the support of its comparisons."""
    if not supports:
        return NOT_MEASURED
    if -1 in supports:
        return REFUTED
    return UNDECIDED if 0 in supports else CONFIRMED


@lru_cache(maxsize=4)
def families(snapshot: Snapshot) -> dict[str, list[Verdict]]:
    """Return the verdicts on the comparisons of every family; computed once a snapshot."""
    return {name: decide(family(snapshot)) for name, family in FAMILIES.items()}


def decide_claims(families: Families) -> list[ClaimVerdict]:
    """Return the verdict on every claim from the verdicts on the families' comparisons."""
    decided_claims = []
    for claim in CLAIMS:
        verdicts = tuple(v for v in families[claim.family] if claim.expects(v.comparison))
        supports = tuple(v.direction * claim.expects(v.comparison) for v in verdicts)
        named = claim.expects.pairs if isinstance(claim.expects, These) else set()
        missing = len(named - {(v.comparison.a, v.comparison.b) for v in verdicts})
        verdict = combine([*supports, *[0] * missing] if supports else [])
        decided_claims.append(ClaimVerdict(claim, verdict, verdicts, supports, missing))
    return decided_claims


def claim_verdicts(snapshot: Snapshot) -> list[ClaimVerdict]:
    """Return the verdict on every claim."""
    return decide_claims(families(snapshot))


def controls(families: Families) -> dict[str, Verdict]:
    """Return the verdict on ReLU under other seeds against ReLU, for every family with a control."""
    return {
        name: verdict
        for name in CONTROLLED
        for verdict in families[name]
        if (verdict.comparison.a, verdict.comparison.b) == (CONTROL, "relu")
    }
