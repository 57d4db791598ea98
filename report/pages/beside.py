"""The section "Your run beside the reference": which of its effects a smaller run repeats."""

from collections.abc import Sequence

from bench.records.names import BASELINES, PASSES, PROPOSED
from report.document.answer import Source
from report.document.formats import count
from report.document.labels import label
from report.document.page import Section
from report.document.phrases import NOT_MEASURED, ratio, sentence
from report.evidence import headline
from report.evidence.queries import time_ratio
from report.evidence.sources import dataset_name, unfinished
from report.figures.forest import forest
from report.figures.svg import SvgFigure, svg_figure
from report.pages.summary import SIZES, labelled


def effects(reference: Source, here: Source) -> SvgFigure | None:
    """Draw the effects that both sources measured; None if there are none."""
    frame = labelled(headline.beside(reference.snapshot, here.snapshot))
    if frame.empty:
        return None
    return svg_figure(
        forest(frame),
        frame,
        name="beside",
        title="Effects of your run and of the reference",
        alt="Dots with intervals: effects of the proposed activations in the reference and in your run.",
    )


def time_rows(reference: Source, here: Source) -> list[list[str]]:
    """Return rows: pass and size with the activation, and its ratio to torch's GELU in each source."""
    rows = []
    for task, way in PASSES.items():
        for size in SIZES:
            for name in (BASELINES[0], *PROPOSED):
                ratios = [
                    time_ratio(side.snapshot, task, f"{size} elements", (name, "impl"), ("gelu", "torch"))
                    for side in (reference, here)
                ]
                if any(ratios):
                    texts = [ratio(r) if r else NOT_MEASURED for r in ratios]
                    rows.append([f"{label(name)}, {way}, {count(size)} elements", *texts])
    return rows


def sections(sources: Sequence[Source]) -> list[Section]:
    """Return the section; none unless there is a run beside the reference."""
    if len(sources) < 2:
        return []
    reference, here = sources
    values = {
        "measured_here": here.label,
        "where": dataset_name(here.snapshot),
        "same": here.snapshot.environment["dataset"] == reference.snapshot.environment["dataset"],
        "profile": here.snapshot.profile,
        "unfinished": [sentence(line) for line in unfinished(here)],
        "effects": effects(reference, here),
        "times": time_rows(reference, here),
    }
    return [Section(0, "beside", "Your run beside the reference", "", "beside.html.j2", values)]
