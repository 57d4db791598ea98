"""Compare a commit with the working tree: rounds of fresh processes until all verdicts are clear."""

import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.gate.affected import affected
from bench.gate.rounds import RoundError, Side, collect, group_of, measure, name_of, setup_cache
from bench.gate.verdicts import FEWEST, MOST, Verdict, inconclusive, judge
from bench.rounds.noise import background_load, drifted, reference_loop
from impl.names import unknown

REPEATS = 3  # of a disturbed round
MINUTES = 11.0  # no new round starts later, so that everything ends within twelve
Say = Callable[[str], None]


class GateError(ValueError):
    """The comparison is impossible; the message says why."""


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        base: Commit of the base.
        head: Commit of the head.
        verdicts: One per benchmark and metric.
        notices: What a reader must know about how it was measured.
        rounds: Columns name, group, metric, round, base and head; empty if there was nothing to compare.
        seconds: Duration.
    """

    base: str
    head: str
    verdicts: tuple[Verdict, ...]
    notices: tuple[str, ...]
    rounds: pd.DataFrame
    seconds: float

    @property
    def count(self) -> int:
        """Number of rounds."""
        return int(self.rounds["round"].nunique())


def git(root: Path, *arguments: str) -> str:
    """Return the output of a git command in `root`; raise GateError with git's message."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise GateError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def project() -> Path:
    """Return the root of the repository in the current directory."""
    return Path(git(Path.cwd(), "rev-parse", "--show-toplevel"))


def commit(root: Path, revision: str) -> str:
    """Return the commit of a revision; raise GateError for an unknown one."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except GateError:
        branches = git(root, "branch", "--all", "--format=%(refname:short)").splitlines()
        raise GateError(
            f"unknown revision {revision!r} (BASE); branches: {', '.join(branches) or 'none'}"
        ) from None


def changed(root: Path, base: str) -> list[str]:
    """Return the files that differ between a commit and the working tree, including untracked ones."""
    tracked = git(root, "diff", "--name-only", base).splitlines()
    return [*tracked, *git(root, "ls-files", "--others", "--exclude-standard").splitlines()]


@contextmanager
def checked_out(root: Path, base: str, folder: Path) -> Iterator[Path]:
    """Check out a commit into a temporary worktree."""
    git(root, "worktree", "prune")
    shutil.rmtree(folder, ignore_errors=True)
    git(root, "worktree", "add", "--detach", "--force", str(folder), base)
    try:
        yield folder
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=root, capture_output=True)


def dependencies(tree: Path) -> tuple[object, str]:
    """Return a tree's dependencies and their versions."""
    project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = tree / "constraints.txt"
    return project.get("dependencies"), pinned.read_text("utf-8") if pinned.exists() else ""


def interpreter(tree: Path, head: Path, folder: Path, say: Say) -> tuple[Path, list[str]]:
    """Return base's Python and notices: head's own, or a new environment if base has other dependencies."""
    if dependencies(tree) == dependencies(head):
        return Path(sys.executable), []
    say("base has other dependencies; creating an environment for it")
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", "."],
        cwd=tree,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise GateError(f"cannot create base's environment: {done.stderr.strip()[-500:]}")
    return python, ["base and head have different dependencies and ran in separate environments"]


def benchmarks_of_head(tree: Path, head: Path, python: Path, log: Path) -> list[str]:
    """Copy head's benchmarks into base's tree if they can be collected there; return notices otherwise."""
    suites, saved = tree / "bench", tree / "bench of base"
    shutil.move(suites, saved)
    shutil.copytree(head / "bench", suites, ignore=shutil.ignore_patterns("__pycache__"))
    try:
        collect(Side("base", tree, python), ["bench"], log)
    except RoundError:
        shutil.rmtree(suites)
        shutil.move(saved, suites)
        return ["head's benchmarks do not run on base's code; each side ran its own"]
    return []


def compare(
    root: Path,
    revision: str,
    folder: Path,
    *,
    only: Sequence[str] = (),
    everything: bool = False,
    tolerance: float | None = None,
    fewest: int = FEWEST,
    minutes: float = MINUTES,
    say: Say = print,
) -> Comparison:
    """Measure a commit and the working tree in rounds, and judge.

    Args:
        root: Root of the repository.
        revision: Git revision of the base.
        folder: Folder of the worktree and of every round's files.
        only: Groups of benchmarks; default: all.
        everything: Include benchmarks that the change cannot affect.
        tolerance: Tolerance of every group; default: those of the project.
        fewest: Minimum number of rounds per benchmark.
        minutes: Time after which no new round starts.
        say: Called with a line at every step.

    Raises:
        GateError: If the comparison is impossible.
        RoundError: If a side cannot be measured.
    """
    begin, base = time.monotonic(), commit(root, revision)
    dirty = git(root, "status", "--porcelain")
    notices = ["the working tree has uncommitted changes"] if dirty else []
    head = git(root, "rev-parse", "HEAD")
    suites = None if everything else affected(changed(root, base), root)
    if suites == []:
        notices.append("the change affects no benchmark")
        return Comparison(base, head, (), tuple(notices), pd.DataFrame(columns=["round"]), 0.0)
    with checked_out(root, base, folder / "tree") as tree:
        python, separate = interpreter(tree, root, folder / "venv", say)
        own_suites = benchmarks_of_head(tree, root, python, folder / "base-collected.log")
        notices += [*separate, *own_suites]
        sides = Side("base", tree, python), Side("head", root, Path(sys.executable))
        nodes = _nodes(sides, None if own_suites else suites, only, everything, folder)
        allowed = tolerances(root)
        if tolerance is not None:
            allowed = {group_of(node): tolerance for side in nodes.values() for node in side}
        deadline = begin + 60 * minutes
        frame = rounds_of(sides, nodes, folder, deadline, allowed, notices, say, fewest=fewest)
    verdicts = tuple(judge(frame, allowed))
    return Comparison(base, head, verdicts, tuple(notices), frame, time.monotonic() - begin)


def _nodes(
    sides: Sequence[Side], suites: Sequence[str] | None, only: Sequence[str], everything: bool, folder: Path
) -> dict[str, list[str]]:
    """Return the node ids of both sides' benchmarks, of the given suites and groups or of all."""
    collected = {s.name: collect(s, suites or ["bench"], folder / f"{s.name}-collected.log") for s in sides}
    nodes = {name: [n for n in ids if not only or group_of(n) in only] for name, ids in collected.items()}
    if not any(nodes.values()):
        groups = sorted({group_of(node) for ids in collected.values() for node in ids})
        hint = "" if everything else " --all adds those that the change cannot affect."
        raise GateError(unknown("group", ",".join(only), groups) + hint)
    return nodes


def tolerances(root: Path) -> dict[str, float]:
    """Return the tolerances of groups in pyproject.toml's table tool.gate.tolerances."""
    tools = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("tool", {})
    return dict(tools.get("gate", {}).get("tolerances", {}))


def rounds_of(
    sides: Sequence[Side],
    nodes: Mapping[str, Sequence[str]],
    folder: Path,
    deadline: float,
    allowed: Mapping[str, float],
    notices: list[str],
    say: Say,
    *,
    fewest: int = FEWEST,
) -> pd.DataFrame:
    """Measure rounds in ABBA order: all benchmarks `fewest` times, then the inconclusive ones.

    Args:
        sides: Base and head.
        nodes: Node ids by side.
        folder: Folder of every round's files.
        deadline: Monotonic time after which no new round starts.
        allowed: Tolerances by group.
        notices: Receives what a reader must know.
        say: Called with a line for every round.
        fewest: Minimum number of rounds.
    """
    parts: list[pd.DataFrame] = []
    loops = list[float]()
    for side in sides:
        setup_cache(side, folder).unlink(missing_ok=True)  # of another comparison
    if load := background_load():
        notices.append(f"before the first round {load}")
    wanted: set[str] | None = None
    for number in range(MOST):
        if number >= fewest:
            wanted = inconclusive(judge(pd.concat(parts), allowed))
            if not wanted or time.monotonic() > deadline:
                break
        order = sides if number % 2 == 0 else sides[::-1]  # base head, head base, base head, …
        chosen = {
            side: [n for n in ids if wanted is None or name_of(n) in wanted] for side, ids in nodes.items()
        }
        loops.append(reference_loop())
        measured = _undisturbed(order, chosen, folder, number, notices, say)
        parts.append(measured.assign(round=number))
    notices += filter(None, [drifted(loops)])
    return _without_failing(pd.concat(parts), nodes)


def _without_failing(frame: pd.DataFrame, nodes: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Remove the values of benchmarks that one side has and never finished.

    Otherwise they would count as new or removed, or disappear.
    """
    finished = {side: set(frame.loc[frame[side].notna(), "name"]) for side in nodes}
    failing = [name_of(n) for side, ids in nodes.items() for n in ids if name_of(n) not in finished[side]]
    rows = [(name, group_of(name), "seconds", 0) for name in dict.fromkeys(failing)]
    rest = frame[~frame["name"].isin(failing)]
    return pd.concat([rest, pd.DataFrame(rows, columns=["name", "group", "metric", "round"])])


def _undisturbed(
    sides: Sequence[Side],
    nodes: Mapping[str, Sequence[str]],
    folder: Path,
    number: int,
    notices: list[str],
    say: Say,
) -> pd.DataFrame:
    """Measure a round, and repeat it if something disturbed it; keep the last one with a notice."""
    files = {side.name: folder / f"round-{number + 1:02d}-{side.name}.json" for side in sides}
    count = len({name_of(node) for ids in nodes.values() for node in ids})
    for _ in range(REPEATS):
        say(f"round {number + 1}: {count} benchmarks, {' before '.join(files)}")
        frame, noise = measure(sides, nodes, files)
        if not noise:
            return frame
        say(f"round {number + 1} disturbed: {noise}; repeating it")
    notices.append(f"round {number + 1} stayed disturbed: {noise}")
    return frame
