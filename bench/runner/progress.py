"""Progress of a run: a bar in a terminal, a line every few seconds elsewhere."""

import time
from datetime import timedelta
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column

LINE_EVERY = 10.0  # seconds
TRUST = 30.0  # seconds of expected work after which the expectation counts half as much as what was needed

console = Console(stderr=True, highlight=False)


class Steps:
    """Progress of items with unequal weights: the count shows items, the time left follows the weights.

    Weights are expected seconds; the time left is corrected by the seconds that finished items needed.
    """

    def __init__(self, label: str) -> None:
        self.label, self.items, self.done, self.failed = label, 0, 0, 0
        self.weight = self.done_weight = 0.0
        self.at_once = 1
        self.started = self.printed = time.monotonic()
        # The current item gets the remaining width and is truncated first.
        current = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self.bar = Progress(
            TextColumn("{task.description}", table_column=current),
            BarColumn(bar_width=12),
            *(TextColumn("{task.fields[count]}"), TextColumn("left {task.fields[left]}")),
            console=console,
            expand=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "Steps":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()
        self._show("interrupted" if kind else "done", every=0.0)

    def begin(self, items: int, weight: float, at_once: int = 1) -> None:
        """Announce the number of items, the sum of their weights, and how many run at once."""
        self.items, self.weight, self.at_once = items, weight, at_once
        self.started = self.printed = time.monotonic()
        if items:
            self.row = self.bar.add_task(self.label, total=weight, **self._fields())
        self._show("begin", every=0.0)

    def revise(self, items: int, weight: float) -> None:
        """Add items and weight, or remove them if negative."""
        self.items, self.weight = self.items + items, self.weight + weight
        self.bar.update(self.row, total=self.weight)

    def advance(self, item: str, weight: float = 1.0, failed: int = 0) -> None:
        """Count one finished item; `failed` is the number of failed items so far."""
        self.done, self.done_weight, self.failed = self.done + 1, self.done_weight + weight, failed
        described = f"{self.label}: {item}"
        self.bar.update(self.row, advance=weight, description=described, **self._fields())
        self._show(item, every=LINE_EVERY)

    def _show(self, item: str, every: float) -> None:
        """Print a line if there is no terminal and the last one is `every` seconds old."""
        now = time.monotonic()
        if console.is_terminal or not self.items or now - self.printed < every:
            return
        self.printed, elapsed = now, now - self.started
        line = f"{self.label} {self._count()}, {elapsed:.0f} s, about {self._left()} s left: {item}"
        console.print(line, markup=False, soft_wrap=True)

    def _fields(self) -> dict[str, Any]:
        """Return the texts of the bar's columns."""
        return {"count": self._count(), "left": timedelta(seconds=self._left())}

    def _left(self) -> int:
        """Return the seconds left, at first as expected, then more and more as finished items needed."""
        elapsed = time.monotonic() - self.started
        slower = (elapsed + TRUST) / (self.done_weight / self.at_once + TRUST)
        return round(max(0.0, self.weight - self.done_weight) / self.at_once * slower)

    def _count(self) -> str:
        """Return finished and all items, items per minute, and failures."""
        minutes = (time.monotonic() - self.started) / 60
        rate = self.done / minutes if minutes else 0.0
        speed = f", {rate:.{0 if rate >= 10 else 1}f}/min" if rate else ""
        return f"{self.done}/{self.items}{speed}" + (f", {self.failed} failed" if self.failed else "")
