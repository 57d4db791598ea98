"""Question 3: batch, mini-batch and stochastic descent."""

from bench.store import Snapshot
from report.answers.q03.evidence import convergence, problem_samples, times, times_to_minimum
from report.answers.q03.example import worked
from report.answers.q03.quadratics import quadratics
from report.document.answer import Answer, Values
from report.document.page import WRONG_REASONING, Erratum


def values() -> Values:
    """Compute the worked examples."""
    return {**worked(), "quadratics": quadratics()}


def errata(v: Values) -> list[Erratum]:
    """Return the erratum on memory, if the gradient in chunks equals the gradient."""
    if v["chunk_difference"] > 1e-12 * v["gradient_size"]:
        return []
    return [
        Erratum(
            "q03-memory",
            3,
            WRONG_REASONING,
            "Mini-batches are used primarily because the data set often does not fit into memory.",
            "Batch descent needs no more memory than mini-batch descent. Its cost is a whole pass over the "
            "data for each step.",
            r"The mean gradient is a sum over samples, \(\nabla L = \frac{1}{N} \sum_i \nabla L_i\), and can "
            f"be added up in chunks. In {v['n'] // v['mini']} chunks of {v['mini']} samples, it equals the "
            f"gradient of all {v['n']} at once up to rounding.",
        )
    ]


def evidence(snapshot: Snapshot) -> Values:
    """Return convergence on the digits and times to the target; None where not measured."""
    return {
        "convergence": convergence(snapshot),
        "times": times(snapshot),
        "times_to_minimum": times_to_minimum(snapshot),
        "problem_samples": problem_samples(snapshot),
    }


ANSWER = Answer(
    "Stochastic and batch gradient descent",
    "How many samples should one step of gradient descent look at?",
    values,
    errata,
    evidence,
)
