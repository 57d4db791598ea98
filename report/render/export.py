"""Export of figures as SVG and PNG, and of tables as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from report.figures.svg import PAPER_INK
from report.render.render import figures, write_whole

DPI = 216  # three pixels a point: sharp in print and on any screen


def export(context: Mapping[str, Any], html: str, folder: Path) -> int:
    """Write every figure of a page with its data, and every table of the page; return the number of files.

    folder: gets figures/<name>.svg and .png, on white, and tables/<name>.csv, also those attached to the PDF.
    context: the fields of `Page`; html: the page made from them.
    """
    from resvg_py import svg_to_bytes

    files: dict[str, bytes] = {}
    for figure in figures(context):
        svg = figure.svg.replace("currentColor", PAPER_INK)
        files[f"figures/{figure.name}.svg"] = svg.encode()
        files[f"figures/{figure.name}.png"] = svg_to_bytes(
            svg_string=svg, background="white", dpi=DPI, skip_system_fonts=True
        )
        files[f"tables/{figure.name}.csv"] = figure.csv().encode()
    for file in context.get("attachments", ()):
        files[f"tables/{file.name}"] = file.content().encode()
    files |= {f"tables/{name}.csv": text.encode() for name, text in tables(html)}
    for name, content in files.items():
        write_whole(folder / name, content)
    return len(files)


def tables(html: str) -> Iterator[tuple[str, str]]:
    """Yield the tables of a page that have an anchor: the anchor, and the rows as CSV."""
    from tinyhtml5 import parse

    for table in parse(html, namespace_html_elements=False).iter("table"):
        if anchor := table.get("id"):
            text = io.StringIO()
            rows = ([" ".join("".join(cell.itertext()).split()) for cell in row] for row in table.iter("tr"))
            csv.writer(text, lineterminator="\n").writerows(rows)
            yield anchor, text.getvalue()
