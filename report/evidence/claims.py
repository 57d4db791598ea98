"""The assignment's empirical sentences, each with the comparisons that decide it; written before the runs.

A comparison counts where its interval and its p-value, corrected for all comparisons of its family, agree. A
claim is confirmed if every one of its comparisons counts for it, refuted if any counts against it, and else
undecided; so it is where a candidate that it names was not run.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from bench.records.names import BASELINES, CONTROL, CONVOLUTIONS, PASSES, PROPOSED
from bench.statistics import adjusted, decided
from bench.store import Snapshot
from report.evidence import comparisons as cases
from report.evidence.comparisons import PAR, Case, Family

CONFIRMED, REFUTED, UNDECIDED, NOT_MEASURED = "confirmed", "refuted", "undecided", "not measured"

RUNGS = ("impl", "torch", "composed")

# What is compared; all comparisons of a family are corrected together (Holm 1979).
FAMILIES: dict[str, Family] = {
    "early descent": cases.descents(1.0),
    "late descent": cases.descents(None),
    "wells": cases.observed(
        "double_well", "escaped stochastic", "escaped batch", "share", steps=(0, 1, 2), pool=True
    ),
    "agreement of gradients": cases.between_steps(
        "gradient_agreement", ("cosine sample", "cosine mini-batch"), "cosine"
    ),
    "optimizers": cases.optimizers(),
    "optimizers, equivalence": cases.optimizers(-PAR),
    "unlearning": cases.observed(
        "confidently_wrong", "steps brier", "steps cross_entropy", "ratio", relative=True
    ),
    "wrong labels": cases.wrong_labels,
    "affinity": cases.observed("affinity", "superposition error none", 0.0, "1", margin=1e-9),
    "affinity with ReLU": cases.observed("affinity", "superposition error relu", 0.0, "1", margin=1e-9),
    "signs, one sample": cases.observed(
        "gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(1,), margin=0.99
    ),
    "signs, batches": cases.observed(
        "gradient_signs", "one sign sigmoid", 0.0, "percent", steps=(2, 8, 32, 128), margin=0.5
    ),
    "detours": cases.observed("zigzag", "detour positive", "detour zero-centred", "ratio", relative=True),
    "arrivals": cases.observed("zigzag", "steps positive", "steps zero-centred", "ratio", relative=True),
    "slow sigmoid": cases.slow_training,
    "cost of Swish": cases.times(PASSES, [(("swish", way), ("sigmoid", way)) for way in ("torch", "impl")]),
    "composing Swish": cases.times(PASSES, [(("swish", "composed"), ("swish", "impl"))]),
    "vectorisation": cases.times(CONVOLUTIONS, [(("loops", "impl"), ("unfold", "impl"))]),
    "beside torch": cases.times(CONVOLUTIONS, [(("unfold", "impl"), ("native", "torch"))]),
    "classifier": cases.activations("classifier", True, True),
    "classifier, on par": cases.activations("classifier", True, True, margin=-PAR),
    "classifier without batch norm": cases.activations("classifier", False, True),
    "fully connected autoencoder": cases.activations("fc_autoencoder", True, True),
    "convolutional autoencoder": cases.activations("conv_autoencoder", True, True),
    "GELU paper's classifier": cases.activations("deep_classifier", None, True),
    "classifier, one rate": cases.activations("classifier", True, False),
    "classifier without batch norm, one rate": cases.activations("classifier", False, False),
    "fully connected autoencoder, one rate": cases.activations("fc_autoencoder", True, False),
    "convolutional autoencoder, one rate": cases.activations("conv_autoencoder", True, False),
    "initial weights": cases.initialization,
}

Expects = Callable[[Case], int]


def all_of(sign: int) -> Expects:
    """Every comparison of the family is part of the claim, and to come out on this side of its margin."""
    return lambda case: sign


@dataclass(frozen=True)
class These:
    """The comparisons of one of `a` with one of `b`, to come out on this side of their margin."""

    sign: int
    a: tuple[str, ...]
    b: tuple[str, ...]

    def __call__(self, case: Case) -> int:
        """The sign for a comparison of the claim, 0 for any other."""
        return self.sign * (case.a in self.a and case.b in self.b)

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """All that the claim names, whether run or not."""
        return set(product(self.a, self.b))


@dataclass(frozen=True)
class Claim:
    """A sentence of the assignment in our words, the family that decides it, and which way.

    expects: +1 or -1 for the comparisons that are part of the claim and should lie above or below their
    margin, 0 for the others of the family. command: what measures it where it is missing.
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
        "wells",
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
        "Cross-entropy loses more to wrong labels than squared error does",
        "loss of test accuracy, rates tuned alike",
        "wrong labels",
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
        "cost of Swish",
        lambda c: int(c.where.startswith("forward")),
    ),
    Claim(
        "q09-backward",
        9,
        "Swish costs more than the sigmoid, backward",
        "time of one pass",
        "cost of Swish",
        lambda c: int(c.where.startswith("backward")),
    ),
    Claim(
        "q09-composed",
        9,
        "Composed of torch's operations Swish takes longer than in one pass",
        "time of one pass",
        "composing Swish",
        all_of(1),
    ),
    Claim(
        "q10-vectorised",
        10,
        "Vectorised, the convolution is faster than in loops",
        "time of one pass",
        "vectorisation",
        all_of(1),
    ),
    Claim(
        "q10-torch",
        10,
        "Fold and unfold are slower than torch's own convolution all the same",
        "time of one pass",
        "beside torch",
        all_of(1),
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

# Where ReLU is compared with itself under other seeds: what these find is the procedure's own error.
CONTROLLED = (
    "classifier",
    "classifier without batch norm",
    "fully connected autoencoder",
    "convolutional autoencoder",
    "GELU paper's classifier",
)


@dataclass(frozen=True)
class Judged:
    """A comparison with its corrected p-value, its side of the margin, and how that speaks for the claim."""

    case: Case
    p: float
    side: int
    speaks: int


@dataclass(frozen=True)
class Verdict:
    """What became of a claim; missing: how many of the comparisons that it names were not run."""

    claim: Claim
    word: str
    judged: tuple[Judged, ...]
    missing: int = 0


def judge(family: list[Case]) -> list[tuple[Case, float, int]]:
    """Each case of a family with its corrected p-value and its side of the margin, 0 where undecided."""
    corrected = adjusted([case.comparison.p for case in family])
    return [(case, p, decided(case.comparison, p)) for case, p in zip(family, corrected, strict=True)]


def word(signs: list[int]) -> str:
    """The verdict from how the comparisons of a claim speak: +1 for it, -1 against it, 0 neither."""
    if not signs:
        return NOT_MEASURED
    if -1 in signs:
        return REFUTED
    return UNDECIDED if 0 in signs else CONFIRMED


def families(snapshot: Snapshot) -> dict[str, list[tuple[Case, float, int]]]:
    """Every family of comparisons, judged."""
    return {name: judge(family(snapshot)) for name, family in FAMILIES.items()}


def verdicts(found: Mapping[str, list[tuple[Case, float, int]]]) -> list[Verdict]:
    """The verdict on every claim, from the families as `families` judged them."""
    decided_claims = []
    for claim in CLAIMS:
        judged = tuple(
            Judged(case, p, side, side * claim.expects(case))
            for case, p, side in found[claim.family]
            if claim.expects(case)
        )
        named = claim.expects.pairs if isinstance(claim.expects, These) else set()
        missing = len(named - {(j.case.a, j.case.b) for j in judged})
        signs = [j.speaks for j in judged]
        # what was not run speaks neither for nor against
        decided_claims.append(Verdict(claim, word(signs and [*signs, *[0] * missing]), judged, missing))
    return decided_claims


def controls(found: Mapping[str, list[tuple[Case, float, int]]]) -> dict[str, Judged]:
    """How ReLU under other seeds came out against ReLU, in every family that has the control."""
    return {
        name: Judged(case, p, side, side)
        for name in CONTROLLED
        for case, p, side in found[name]
        if (case.a, case.b) == (CONTROL, "relu")
    }
