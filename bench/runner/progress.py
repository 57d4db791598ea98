"""Progress of a run: a bar in a terminal, a line every few seconds elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

LINE_EVERY = 10.0  # seconds

console = Console(stderr=True, highlight=False)


class Steps:
    """Progress of items with unequal weights: the count shows items, the time left follows the weights."""

    def __init__(self, label: str) -> None:
        self.label, self.items, self.done, self.failed = label, 0, 0, 0
        self.weight = self.done_weight = 0.0
        self.started = self.printed = time.monotonic()
        # The current item gets the remaining width and is truncated first.
        current = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self.bar = Progress(
            TextColumn("{task.description}", table_column=current),
            BarColumn(bar_width=12),
            *(TextColumn("{task.fields[count]}"), TextColumn("left"), TimeRemainingColumn()),
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

    def begin(self, items: int, weight: float) -> None:
        """Announce the number of items and the sum of their weights."""
        self.items, self.weight = items, weight
        if items:
            self.row = self.bar.add_task(self.label, total=weight, count=self._count())
        self._show("begin", every=0.0)

    def revise(self, items: int, weight: float) -> None:
        """Add items and weight, or remove them if negative."""
        self.items, self.weight = self.items + items, self.weight + weight
        self.bar.update(self.row, total=self.weight)

    def advance(self, item: str, weight: float = 1.0, failed: int = 0) -> None:
        """Count one finished item; `failed` is the number of failed items so far."""
        self.done, self.done_weight, self.failed = self.done + 1, self.done_weight + weight, failed
        self.bar.update(self.row, advance=weight, description=f"{self.label}: {item}", count=self._count())
        self._show(item, every=LINE_EVERY)

    def _show(self, item: str, every: float) -> None:
        """Print a line if there is no terminal and the last one is `every` seconds old."""
        now = time.monotonic()
        if console.is_terminal or not self.items or now - self.printed < every:
            return
        self.printed, elapsed = now, now - self.started
        remaining = elapsed * (self.weight / self.done_weight - 1) if self.done_weight else None
        left = "" if remaining is None else f", about {remaining:.0f} s left"
        line = f"{self.label} {self._count()}, {elapsed:.0f} s{left}: {item}"
        console.print(line, markup=False, soft_wrap=True)

    def _count(self) -> str:
        """Return finished and all items, items per minute, and failures."""
        minutes = (time.monotonic() - self.started) / 60
        rate = self.done / minutes if minutes else 0.0
        speed = f", {rate:.{0 if rate >= 10 else 1}f}/min" if rate else ""
        return f"{self.done}/{self.items}{speed}" + (f", {self.failed} failed" if self.failed else "")
