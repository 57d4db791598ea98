"""The architecture in one picture, drawn from the imports of the code."""

import ast
import re
from collections import Counter
from html import escape
from pathlib import Path

ROOMS = ("impl", "bench", "report")
COLUMNS, ROW, WIDTH, PAD, GAP = 3, 17, 138, 14, 140  # columns of names in a box; the rest in pixels
STYLE = (
    "text{font:12px sans-serif;fill:#1a1a1a}.title{font-weight:bold;font-size:15px}"
    ".room{fill:#f4f1ea;stroke:#8a8172}.arrow{stroke:#444;fill:none;marker-end:url(#head)}"
)


def modules(root: Path, room: str) -> list[str]:
    """Names of a room's modules, without the benchmarks and what belongs to one answer."""
    found = (root / room).rglob("*.py")
    names = (path.relative_to(root / room).with_suffix("").as_posix() for path in found)
    return sorted(name for name in names if not re.search(r"(^|/)(_|test_|q\d\d_)", name))


def imports(root: Path) -> Counter[tuple[str, str]]:
    """How many modules of one room import how often from another: (importing, imported) -> imports."""
    found: Counter[tuple[str, str]] = Counter()
    for room in ROOMS:
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                others = {name.split(".")[0] for name in names} & set(ROOMS) - {room}
                found.update((room, other) for other in others)
    return found


def picture(root: Path) -> str:
    """SVG: a box a room with its modules, what imports what, and what is read and written."""
    parts, top, width = [], 60, COLUMNS * WIDTH + 2 * PAD
    left = {room: 20 + k * (width + GAP) for k, room in enumerate(ROOMS)}
    bottom = {}
    for room, x in left.items():
        names = modules(root, room)
        rows = -(-len(names) // COLUMNS)
        bottom[room] = top + 40 + rows * ROW + PAD
        parts.append(f'<rect class="room" x="{x}" y="{top}" width="{width}" height="{bottom[room] - top}"/>')
        parts.append(f'<text class="title" x="{x + PAD}" y="{top + 25}">{room}/</text>')
        for k, name in enumerate(names):
            at = f'x="{x + PAD + k // rows * WIDTH}" y="{top + 48 + k % rows * ROW}"'
            parts.append(f"<text {at}>{escape(name)}</text>")
    for (importing, imported), count in sorted(imports(root).items()):
        start, end = left[importing], left[imported] + width
        if ROOMS.index(importing) - ROOMS.index(imported) == 1:
            parts += _arrow(
                f"M{start} {top + 60} H{end + 8}", (start + end) / 2, top + 52, f"{count} imports"
            )
        else:  # over the room in between
            path = f"M{start + width / 2} {top} V35 H{end - width / 2} V{top - 6}"
            parts += _arrow(path, (start + end) / 2, 28, f"{count} imports")
    end = max(bottom.values()) + 40
    for room, words in (("bench", "writes results/results.sqlite"), ("report", "reads it, writes build/")):
        at = left[room] + width / 2
        parts += _arrow(f"M{at} {bottom[room]} V{end - 18}", at, end, words)
    head = '<defs><marker id="head" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto">'
    head += '<path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>'
    size = f'viewBox="0 0 {left[ROOMS[-1]] + width + 20} {end + 20}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{head}{"".join(parts)}</svg>'
    )


def _arrow(path: str, x: float, y: float, words: str) -> list[str]:
    """An arrow, and what it says."""
    return [
        f'<path class="arrow" d="{path}"/>',
        f'<text x="{x}" y="{y}" text-anchor="middle">{words}</text>',
    ]
