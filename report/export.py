"""What the report shows as files for use elsewhere: drawings as SVG and PNG, tables as CSV."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from report.drawing import PAPER_INK
from report.render import drawings, write_whole

DPI = 216  # three pixels a point: sharp in print and on any screen


def export(context: Mapping[str, Any], folder: Path) -> int:
    """Write every drawing of a page and every table behind one; returns how many files.

    folder: gets figures/<name>.svg and .png, on white, and tables/<name>.csv, those that the PDF carries
    among them. context: the fields of `Page`.
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
    for name, content in files.items():
        write_whole(folder / name, content)
    return len(files)
