"""What is running and the time left: a bar on a terminal, a plain line now and then elsewhere."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

PLAIN_EVERY = 10.0  # seconds between plain lines

console = Console(stderr=True, highlight=False)


class Steps:
    """Counts finished items of one kind of work; `with Steps("training runs") as steps: steps.begin(...)`.

    Items may carry unequal weights: the time left follows the weights, the count the items.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.items = self.done = 0
        self.weight = self.done_weight = 0.0
        self.failed = 0
        self.started = self.spoken = time.monotonic()
        self.bar = Progress(
            # what is running takes the room that is left, and is cut first where there is little
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=12),
            TextColumn("{task.fields[count]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
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
        if self.items and not console.is_terminal:
            self._say("stopped" if kind else "done")

    def begin(self, items: int, weight: float) -> None:
        """Announce how much there is to do."""
        self.items, self.weight = items, weight
        if not items:
            return
        self.row = self.bar.add_task(self.label, total=weight, count=f"0/{items}")
        if not console.is_terminal:
            self._say("begin")

    def revise(self, items: int, weight: float) -> None:
        """What there is to do became known better: by so many items and so much weight more or less."""
        self.items, self.weight = self.items + items, self.weight + weight
        self.bar.update(self.row, total=self.weight)

    def advance(self, what: str, weight: float = 1.0, failed: int = 0) -> None:
        """One item is finished; `what` names it; `failed` counts how many failed until now."""
        self.done += 1
        self.done_weight += weight
        self.failed = failed
        self.bar.update(
            self.row,
            advance=weight,
            description=f"{self.label}: {what}",
            count=f"{self.done}/{self.items}{self._rate()}{self._failures()}",
        )
        if not console.is_terminal and time.monotonic() - self.spoken >= PLAIN_EVERY:
            self._say(what)

    def _say(self, what: str) -> None:
        self.spoken = time.monotonic()
        elapsed = self.spoken - self.started
        left = elapsed * (self.weight - self.done_weight) / self.done_weight if self.done_weight else None
        remaining = "" if left is None else f", about {left:.0f} s left"
        head = f"{self.label} {self.done}/{self.items}{self._failures()}"
        console.print(
            f"{head}, {elapsed:.0f} s{self._rate()}{remaining}: {what}", markup=False, soft_wrap=True
        )

    def _rate(self) -> str:
        """How many items a minute, once there is one."""
        minutes = (time.monotonic() - self.started) / 60
        if not (self.done and minutes):
            return ""
        rate = self.done / minutes
        return f", {rate:.0f}/min" if rate >= 10 else f", {rate:.1f}/min"

    def _failures(self) -> str:
        return f", {self.failed} failed" if self.failed else ""
