"""The performance gate: base and head in rounds of fresh processes until the verdicts are clear."""

import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.gate import verdicts as gate
from bench.gate.affected import affected
from bench.gate.noise import beforehand, drifted, yardstick
from bench.gate.rounds import PLUGINS, RoundError, Side, collect, group_of, kept, measure
from impl.names import unknown

REPEATS = 3  # of a round that was disturbed
MINUTES = 11.0  # no further round is begun after as many, so that it all ends within twelve
SECONDS = 0.03  # of a benchmark in a round
Say = Callable[[str], None]


class GateError(ValueError):
    """A comparison that cannot be made; the message says why."""


@dataclass(frozen=True)
class Comparison:
    """What was found, and what a reader must know of how."""

    base: str
    head: str
    verdicts: tuple[gate.Judged, ...]
    notices: tuple[str, ...]
    rounds: pd.DataFrame  # name, group, metric, round, base and head; none where nothing was to be compared
    seconds: float

    @property
    def count(self) -> int:
        """Of rounds."""
        return int(self.rounds["round"].nunique())


def git(root: Path, *arguments: str) -> str:
    """Output of a git command in `root`; raises GateError with git's own words."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise GateError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def project() -> Path:
    """The root of the repository that one stands in: this one, or another with benchmarks in bench/."""
    return Path(git(Path.cwd(), "rev-parse", "--show-toplevel"))


def commit(root: Path, ref: str) -> str:
    """The commit that a ref names. Raises GateError where none does."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    except GateError:
        known = git(root, "branch", "--all", "--format=%(refname:short)").splitlines()
        raise GateError(
            f"BASE is {ref!r}, which no commit here is called; branches: {', '.join(known) or 'none'}"
        ) from None


def changed(root: Path, base: str) -> list[str]:
    """Files that differ between a commit and the working tree, untracked ones included."""
    tracked = git(root, "diff", "--name-only", base).splitlines()
    return [*tracked, *git(root, "ls-files", "--others", "--exclude-standard").splitlines()]


@contextmanager
def checked_out(root: Path, base: str, folder: Path) -> Iterator[Path]:
    """A worktree of the commit, for the time of a `with`."""
    git(root, "worktree", "prune")
    shutil.rmtree(folder, ignore_errors=True)
    git(root, "worktree", "add", "--detach", "--force", str(folder), base)
    try:
        yield folder
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=root, capture_output=True)


def dependencies(tree: Path) -> tuple[object, str]:
    """What a tree says it needs, and in which versions."""
    project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = tree / "constraints.txt"
    return project.get("dependencies"), pinned.read_text("utf-8") if pinned.exists() else ""


def interpreter(tree: Path, head: Path, folder: Path, say: Say) -> tuple[Path, str]:
    """Base's Python: head's own, or where it needs other packages one of its own; and the notice to give."""
    if dependencies(tree) == dependencies(head):
        return Path(sys.executable), ""
    say("base needs other packages; making it an environment of its own")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", "."],
        cwd=tree,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise GateError(f"base's own environment cannot be made: {done.stderr.strip()[-500:]}")
    return python, "base and head need different packages, and each ran in an environment of its own"


def benchmarks_of_head(tree: Path, head: Path, python: Path, log: Path) -> tuple[bool, str]:
    """Put head's benchmarks into base's tree where they can be collected there; and the notice to give."""
    own = tree / "bench"
    kept = tree / "bench of base"
    shutil.move(own, kept)
    shutil.copytree(head / "bench", own, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        collect(Side("base", tree, python), ["bench"], log)
    except RoundError:
        shutil.rmtree(own)
        shutil.move(kept, own)
        for plugin in PLUGINS:
            shutil.copy(head / "bench" / f"{plugin}.py", own)
        return False, "head's benchmarks do not run on base's code, and each side ran its own"
    return True, ""


def compare(
    root: Path,
    ref: str,
    folder: Path,
    *,
    only: Sequence[str] = (),
    everything: bool = False,
    tolerance: float | None = None,
    fewest: int = gate.FEWEST,
    minutes: float = MINUTES,
    say: Say = print,
) -> Comparison:
    """Measure a commit and the working tree in rounds, and judge.

    folder: where the worktree and every round's file go. only: groups of benchmarks; everything: also those
    that the change cannot have touched. tolerance: of every group, in place of the project's own; fewest: rounds
    of every benchmark; minutes: after which no further round is begun. Raises GateError or RoundError for
    what cannot be compared.
    """
    begin, base = time.monotonic(), commit(root, ref)
    notices = (
        ["the working tree has changes that no commit has"] if git(root, "status", "--porcelain") else []
    )
    head = git(root, "rev-parse", "HEAD")
    suites = None if everything else affected(changed(root, base), root)
    if suites == []:
        nothing = (*notices, "nothing that a benchmark runs through differs")
        return Comparison(base, head, (), nothing, pd.DataFrame(columns=["round"]), 0.0)
    with checked_out(root, base, folder / "tree") as tree:
        python, notice = interpreter(tree, root, folder / "venv", say)
        shared, other = benchmarks_of_head(tree, root, python, folder / "base-collected.log")
        notices += [n for n in (notice, other) if n]
        sides = Side("base", tree, python), Side("head", root, Path(sys.executable))
        there = {s.name: _benchmarks(s, suites if shared else None, folder) for s in sides}
        nodes = {name: [n for n in all_ if not only or group_of(n) in only] for name, all_ in there.items()}
        if not any(nodes.values()):
            touched = sorted({group_of(node) for all_ in there.values() for node in all_})
            rest = "" if everything else " Add --all for groups that the change cannot have touched."
            raise GateError(unknown("group", ",".join(only), touched) + rest)
        groups = {group_of(node) for names in nodes.values() for node in names}
        allowed = budgets(root) if tolerance is None else dict.fromkeys(groups, tolerance)
        frame = rounds_of(sides, nodes, folder, begin + 60 * minutes, allowed, notices, say, fewest=fewest)
    verdicts = tuple(gate.judge(frame, allowed))
    return Comparison(base, head, verdicts, tuple(notices), frame, time.monotonic() - begin)


def budgets(root: Path) -> dict[str, float]:
    """Budgets of groups, from pyproject.toml's table tool.gate.budgets."""
    tools = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("tool", {})
    return dict(tools.get("gate", {}).get("budgets", {}))


def _benchmarks(side: Side, suites: Sequence[str] | None, folder: Path) -> list[str]:
    """The side's benchmarks, of the suites or of all."""
    return collect(side, suites or ["bench"], folder / f"{side.name}-collected.log")


def rounds_of(
    sides: Sequence[Side],
    nodes: dict[str, list[str]],
    folder: Path,
    deadline: float,
    allowed: dict[str, float],
    notices: list[str],
    say: Say,
    *,
    fewest: int = gate.FEWEST,
) -> pd.DataFrame:
    """Rounds in ABBA order: all benchmarks as often as the gate wants at least, then those left undecided.

    nodes: by side; allowed: budgets by group; what a reader should know is added to `notices`.
    """
    parts: list[pd.DataFrame] = []
    yardsticks = list[float]()
    for side in sides:
        kept(side, folder).unlink(missing_ok=True)  # of a comparison before, of other code
    if noise := beforehand():
        notices.append(f"before the first round {noise}")
    wanted: set[str] | None = None
    for number in range(gate.MOST):
        if number >= fewest:
            wanted = gate.undecided(gate.judge(pd.concat(parts), allowed))
            if not wanted or time.monotonic() > deadline:
                break
        order = sides if number % 2 == 0 else sides[::-1]  # base head, head base, base head, …
        chosen = {side: [n for n in names if wanted is None or n in wanted] for side, names in nodes.items()}
        yardsticks.append(yardstick())
        measured = _undisturbed(order, chosen, folder, number, notices, say)
        parts.append(measured.assign(round=number))
    notices += filter(None, [drifted(yardsticks)])
    return _without_failing(pd.concat(parts), nodes)


def _without_failing(frame: pd.DataFrame, nodes: dict[str, list[str]]) -> pd.DataFrame:
    """The rounds, with no value on either side for a benchmark that a side has and never finished.

    So it is neither taken for new or removed, nor dropped in silence.
    """
    finished = {side: set(frame.loc[frame[side].notna(), "name"]) for side in nodes}
    failing = [name for side, names in nodes.items() for name in names if name not in finished[side]]
    rows = [(name, group_of(name), "seconds", 0) for name in dict.fromkeys(failing)]
    kept = frame[~frame["name"].isin(failing)]
    return pd.concat([kept, pd.DataFrame(rows, columns=["name", "group", "metric", "round"])])


def _undisturbed(
    sides: Sequence[Side],
    nodes: dict[str, list[str]],
    folder: Path,
    number: int,
    notices: list[str],
    say: Say,
) -> pd.DataFrame:
    """A round, repeated where something disturbed it; the last is taken as it is, and said."""
    files = {side.name: folder / f"round-{number + 1:02d}-{side.name}.json" for side in sides}
    count = len(set().union(*nodes.values()))
    for _ in range(REPEATS):
        say(f"round {number + 1}: {count} benchmarks, {' before '.join(files)}")
        frame, noise = measure(sides, nodes, SECONDS, files)
        if not noise:
            return frame
        say(f"round {number + 1} disturbed: {noise}; again")
    notices.append(f"round {number + 1} stayed disturbed: {noise}")
    return frame
