"""What the report shows as files for use elsewhere: drawings as SVG and PNG, tables as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from report.figures.drawing import PAPER_INK
from report.render.render import drawings, write_whole

DPI = 216  # three pixels a point: sharp in print and on any screen


def export(context: Mapping[str, Any], html: str, folder: Path) -> int:
    """Write every drawing of a page, every table behind one and every table of it; returns how many files.

    folder: gets figures/<name>.svg and .png, on white, and tables/<name>.csv, those that the PDF carries
    among them. context: the fields of `Page`; html: the page made of them.
    """
    from resvg_py import svg_to_bytes  # for those who want pictures

    files: dict[str, bytes] = {}
    for drawing in drawings([section.values for section in context["sections"]]):
        svg = drawing.svg.replace("currentColor", PAPER_INK)
        files[f"figures/{drawing.name}.svg"] = svg.encode()
        files[f"figures/{drawing.name}.png"] = svg_to_bytes(
            svg_string=svg, background="white", dpi=DPI, skip_system_fonts=True
        )
        files[f"tables/{drawing.name}.csv"] = drawing.csv().encode()
    for file in context.get("attachments", ()):
        files[f"tables/{file.name}"] = file.content().encode()
    files |= {f"tables/{name}.csv": text.encode() for name, text in tables(html)}
    for name, content in files.items():
        write_whole(folder / name, content)
    return len(files)


def tables(html: str) -> Iterator[tuple[str, str]]:
    """The tables of a page that have an anchor, each with it and its rows as CSV; texts as they are read."""
    from tinyhtml5 import parse

    for table in parse(html, namespace_html_elements=False).iter("table"):
        if anchor := table.get("id"):
            written = io.StringIO()
            rows = ([" ".join("".join(cell.itertext()).split()) for cell in row] for row in table.iter("tr"))
            csv.writer(written, lineterminator="\n").writerows(rows)
            yield anchor, written.getvalue()
