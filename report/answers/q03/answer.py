"""Question 3: batch, mini-batch and stochastic descent."""

from bench.store import Snapshot
from report.answers.q03.evidence import convergence, times, times_to_minimum
from report.answers.q03.example import worked
from report.answers.q03.quadratics import quadratics
from report.document.answer import Answer, Values
from report.document.formats import number
from report.document.page import Erratum


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
            "Mini-batches are used primarily because the entire data set often cannot be loaded into memory.",
            "Batch descent needs no more memory than mini-batch descent; what it costs is a whole pass over "
            "the data for each step.",
            r"The mean gradient is a sum over samples, \(\nabla L = \frac{1}{N} \sum_i \nabla L_i\), and can "
            f"be gathered chunk by chunk. In {v['n'] // v['mini']} chunks of {v['mini']} samples it differs "
            f"from that of all {v['n']} at once by at most {number(v['chunk_difference'], 1)}, which is "
            "rounding.",
        )
    ]


def evidence(snapshot: Snapshot) -> Values:
    """Return convergence on the digits and times to the target; None where not measured."""
    return {
        "convergence": convergence(snapshot),
        "times": times(snapshot),
        "times_to_minimum": times_to_minimum(snapshot),
    }


ANSWER = Answer(
    "Stochastic and batch gradient descent",
    "How many samples should one step of gradient descent look at?",
    values,
    errata,
    evidence,
)
