"""Draw the architecture as one SVG figure from the imports of the code."""

from dataclasses import dataclass
from html import escape

import grimp

PACKAGES = ("impl", "bench", "report")
BOX, GAP, ROW, PAD, ARROWS = 168, 14, 14, 8, 130  # widths, heights and margins in pixels
PER_ROW = 3  # boxes side by side within a package
STYLE = (
    "text{font:11px sans-serif;fill:#1a1a1a}.title{font-weight:bold;font-size:17px}"
    ".name{font-weight:bold;font-size:12px}.edge{stroke:#8a8172;stroke-opacity:.6;fill:none}"
    ".package{fill:#f4f1ea;stroke:#8a8172}.box{fill:#fff;stroke:#8a8172}"
    ".arrow{stroke:#444;fill:none;marker-end:url(#head)}"
)


@dataclass(frozen=True)
class Box:
    """A module or subpackage of a package.

    imports: the siblings that it imports, without those that another import already implies.
    """

    name: str
    modules: tuple[str, ...]
    floor: int
    imports: frozenset[str]

    @property
    def height(self) -> int:
        """Height in pixels."""
        return 2 * PAD + ROW * (1 + len(self.modules))


def boxes(graph: grimp.ImportGraph, package: str) -> list[Box]:
    """Return the direct children of a package; a child's floor lies above those of all it imports."""
    children = [c for c in sorted(graph.find_children(package)) if not c.endswith(".__main__")]
    imports = {
        a: frozenset(
            b
            for b in children
            if a != b and graph.direct_import_exists(importer=a, imported=b, as_packages=True)
        )
        for a in children
    }

    def floor(child: str) -> int:
        return 1 + max(map(floor, imports[child]), default=-1)

    def below(child: str) -> frozenset[str]:
        return imports[child].union(*map(below, imports[child]))

    def essential(child: str) -> frozenset[str]:
        return imports[child].difference(*map(below, imports[child]))

    modules = {c: sorted(m.removeprefix(f"{c}.") for m in graph.find_children(c)) for c in children}
    return [Box(c, tuple(modules[c]), floor(c), essential(c)) for c in children]


def picture() -> str:
    """Return the SVG: a column per package, its boxes on floors, and the imports between them."""
    graph = grimp.build_graph(*PACKAGES)
    parts: list[str] = []
    left, right, bottoms = {}, {}, {}
    x = 10
    for package in PACKAGES:
        rows = _rows(boxes(graph, package))
        width = max(map(len, rows)) * (BOX + GAP) + GAP
        drawn, bottoms[package] = _package(rows, package, x, 60, width)
        parts += drawn
        left[package], right[package] = x, x + width
        x += width + ARROWS
    middle = {package: (left[package] + right[package]) / 2 for package in PACKAGES}
    for importing, imported in (("bench", "impl"), ("report", "bench"), ("report", "impl")):
        count = sum(
            importer.startswith(f"{importing}.") and module.startswith(f"{imported}.")
            for importer in graph.modules
            for module in graph.find_modules_directly_imported_by(importer)
        )
        start, end = left[importing], right[imported]
        if PACKAGES.index(importing) - PACKAGES.index(imported) == 1:
            parts += _arrow(f"M{start} 110 H{end + 8}", (start + end) / 2, 102, f"{count} imports")
        else:  # over the package in between
            path = f"M{middle[importing]} 60 V35 H{middle[imported]} V54"
            parts += _arrow(path, (start + end) / 2, 28, f"{count} imports")
    end = max(bottoms.values()) + 40
    for package, text in (("bench", "writes results/results.sqlite"), ("report", "reads it, writes build/")):
        parts += _arrow(f"M{middle[package]} {bottoms[package]} V{end - 18}", middle[package], end, text)
    head = '<defs><marker id="head" markerWidth="9" markerHeight="9" refX="7" refY="4" orient="auto">'
    head += '<path d="M0 0 L8 4 L0 8 z" fill="#444"/></marker></defs>'
    size = f'viewBox="0 0 {right["report"] + 10} {end + 20}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>{head}{"".join(parts)}</svg>'
    )


def _rows(children: list[Box]) -> list[list[Box]]:
    """Arrange boxes in rows of at most PER_ROW, the highest floor first."""
    rows = []
    for floor in sorted({box.floor for box in children}, reverse=True):
        level = sorted((box for box in children if box.floor == floor), key=lambda box: -box.height)
        rows += [level[start : start + PER_ROW] for start in range(0, len(level), PER_ROW)]
    return rows


def _package(rows: list[list[Box]], package: str, left: int, top: int, width: int) -> tuple[list[str], int]:
    """Draw one package; the second value is its bottom."""
    places: dict[str, tuple[float, float, Box]] = {}
    y = top + 40
    for row in rows:
        margin = (width - len(row) * (BOX + GAP) + GAP) / 2
        for k, box in enumerate(row):
            places[box.name] = (left + margin + k * (BOX + GAP), y, box)
        y += row[0].height + 2 * GAP
    parts = [f'<rect class="package" x="{left}" y="{top}" width="{width}" height="{y - top}"/>']
    parts.append(f'<text class="title" x="{left + GAP}" y="{top + 26}">{package}/</text>')
    for x, at, box in places.values():
        for imported in box.imports:
            to_x, to_y, _ = places[imported]
            start_x, start_y, end_x = x + BOX / 2, at + box.height, to_x + BOX / 2
            curve = f"M{start_x} {start_y} C{start_x} {start_y + 30} {end_x} {to_y - 30} {end_x} {to_y}"
            parts.append(f'<path class="edge" d="{curve}"/>')
    for x, at, box in places.values():
        name = box.name.removeprefix(f"{package}.") + ("/" if box.modules else "")
        parts.append(f'<rect class="box" x="{x}" y="{at}" width="{BOX}" height="{box.height}"/>')
        parts.append(f'<text class="name" x="{x + PAD}" y="{at + PAD + 10}">{escape(name)}</text>')
        for k, module in enumerate(box.modules, 1):
            parts.append(f'<text x="{x + PAD}" y="{at + PAD + 10 + ROW * k}">{escape(module)}</text>')
    return parts, y


def _arrow(path: str, x: float, y: float, text: str) -> list[str]:
    """Draw an arrow with its label."""
    return [f'<path class="arrow" d="{path}"/>', f'<text x="{x}" y="{y}" text-anchor="middle">{text}</text>']
