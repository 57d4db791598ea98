"""The section on the claims: their verdicts with the evidence."""

import math
from collections.abc import Collection, Sequence
from typing import Any

from markupsafe import Markup

from report.document.answer import Source
from report.document.formats import MINUS, count, percent
from report.document.labels import words
from report.document.page import Section
from report.document.phrases import NOT_MEASURED, listed
from report.evidence.claims import ASSIGNMENT, ClaimVerdict, claim_verdicts
from report.evidence.comparisons import Comparison
from report.evidence.specification import ROBUST, Specification, specification
from report.evidence.verdicts import LEVELS, effect

REACH = 5.0  # half-widths from the margin at which a plotted interval ends
WIDTH = 90  # of the plot of an interval

# A verdict, and how far it depends on choices of the analysis.
Judged = tuple[ClaimVerdict, Specification | None]


def judge(source: Source | None, questions: Collection[int]) -> list[Judged]:
    """Return the verdicts on the claims of these questions."""
    if source is None:
        return []
    verdicts = [v for v in claim_verdicts(source.snapshot) if v.claim.question in questions]
    return [(verdict, specification(source.snapshot, verdict)) for verdict in verdicts]


def claim_anchor(verdict: ClaimVerdict) -> str:
    """Return the anchor of the table of a claim's comparisons."""
    return f"comparisons-{verdict.claim.identifier}"


def between(comparison: Comparison) -> str:
    """Return what is compared with what; a quantity compared with its margin alone is named alone."""
    sign = "/" if comparison.effect.relative else MINUS
    a, b = words(comparison.a), words(comparison.b)
    sides = a if comparison.unit in LEVELS else f"{a} {sign} {b}"
    return f"{sides}, {comparison.where}" if comparison.where else sides


def decisive(verdict: ClaimVerdict) -> Comparison | None:
    """Return the comparison that supports the claim least: the one whose interval reaches furthest back."""
    sign = verdict.claim.sign

    def reach(comparison: Comparison) -> float:
        its = comparison.effect
        return (its.low if sign > 0 else -its.high) - sign * its.margin

    ranked = zip(verdict.supports, verdict.comparisons, strict=True)
    _, least = min(ranked, key=lambda r: (r[0], reach(r[1])), default=(0, None))
    return least


def claim_row(verdict: ClaimVerdict, forks: Specification | None) -> dict[str, Any]:
    """Return one row of the table of claims."""
    least, supports = decisive(verdict), verdict.supports
    tally = f"{supports.count(1)} for, {supports.count(-1)} against, {supports.count(0)} inconclusive"
    tally += f", {verdict.missing} {NOT_MEASURED}" if verdict.missing else ""
    pairs = sorted({c.effect.pairs for c in verdict.comparisons})
    return {
        "identifier": verdict.claim.identifier,
        "question": verdict.claim.question,
        "text": verdict.claim.text,
        "metric": verdict.claim.metric,
        "origin": "" if verdict.claim.origin == ASSIGNMENT else verdict.claim.origin,
        "verdict": verdict.verdict,
        "tally": tally if supports and len(supports) + verdict.missing > 1 else "",
        **({"plot": None} if least is None else interval_plot(least, verdict.claim.sign)),
        "effect": "" if least is None else effect(least),
        "between": "" if least is None else between(least),
        "seeds": span(pairs),
        # Rounded down, so that no fragile verdict shows the share that a robust one has.
        "agreement": "" if forks is None else percent(math.floor(100 * forks.agreement + 1e-9) / 100, 0),
        "fragile": "" if forks is None or forks.robust else forks.turns,
        "anchor": claim_anchor(verdict) if verdict.comparisons else "",
        "command": verdict.claim.command,
    }


def interval_plot(comparison: Comparison, sign: int) -> dict[str, Any]:
    """Draw an interval about its margin, in half-widths, to the right where it supports the claim.

    Returns:
        plot: SVG, None without an interval; side: what it shows, in words.
    """
    its = comparison.effect
    values = [its.low - its.margin, its.estimate - its.margin, its.high - its.margin]
    if its.relative:  # on the logarithmic scale the interval is symmetric
        values = [math.log1p(v) - math.log1p(its.margin) for v in (its.low, its.estimate, its.high)]
    low, middle, high = sorted(sign * v for v in values)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return {"plot": None, "side": ""}
    half = (high - low) / 2
    x = [WIDTH / 2 * (1 + max(-1.0, min(1.0, v / half / REACH))) for v in (low, middle, high)]
    side = "for the claim" if low > 0 else "against the claim" if high < 0 else "on both sides"
    dot = Markup('<circle cx="{:.1f}" cy="6" r="3" fill="currentColor"/>').format(x[1])
    if abs(middle) > REACH * half:  # too far to draw: an arrow at the edge
        edge, back = (WIDTH, WIDTH - 7) if middle > 0 else (0, 7)
        dot = Markup('<path class="beyond" d="M{} 6L{} 2v8z" fill="currentColor"/>').format(edge, back)
    plot = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="interval" viewBox="0 0 {0} 12" width="{0}" '
        'height="12" role="img" aria-label="{1}"><g stroke="currentColor">'
        '<path d="M{2} 0v12" stroke-width="0.7" stroke-dasharray="2 2"/>'
        '<path d="M{3:.1f} 6H{4:.1f}" stroke-width="1.6"/></g>{5}</svg>'
    ).format(WIDTH, side, WIDTH / 2, x[0], x[2], dot)
    return {"plot": plot, "side": side}


def span(pairs: Sequence[int]) -> str:
    """Format sorted numbers of pairs: two at most one by one, more as the smallest and the largest."""
    if len(pairs) > 2:
        return f"{count(pairs[0])} to {count(pairs[-1])}"
    return listed(count(n) for n in pairs) if pairs else ""


def tally(verdicts: Sequence[str]) -> str:
    """Count verdicts: "12 are confirmed and 2 refuted"."""
    counts = [(verdicts.count(verdict), verdict) for verdict in dict.fromkeys(verdicts)]
    if not counts:
        return "none is asked about here"
    (n, first), *rest = counts
    return listed([f"{n} {'is' if n == 1 else 'are'} {first}", *(f"{m} {verdict}" for m, verdict in rest)])


def sections(source: Source | None, judged: Sequence[Judged]) -> list[Section]:
    """Return the section on the verdicts on these claims; none without a source."""
    if source is None:
        return []
    decided = {
        "claims": [claim_row(verdict, forks) for verdict, forks in judged],
        "tally": tally([verdict.verdict for verdict, _ in judged if verdict.claim.origin == ASSIGNMENT]),
        "robust": ROBUST,
    }
    return [Section(0, "claims", "Claims and verdicts", "", "claims.html.j2", decided)]
