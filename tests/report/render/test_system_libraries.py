"""The check installs only where it may, and always ends with what to do next."""

import subprocess
from pathlib import Path

import pytest

from report.render import system_libraries as native


class Machine:
    """Stands in for the machine: what is installed, who is asking, and which commands were run."""

    def __init__(self, monkeypatch, *, loads=(False,), root=False, programs=(), sudo=1, install=0):
        self.ran, self.loads = [], list(loads)
        self.codes = {"sudo": sudo, "install": install}
        monkeypatch.setattr(
            native, "loads", lambda: self.loads.pop(0) if len(self.loads) > 1 else self.loads[0]
        )
        monkeypatch.setattr(native.os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(native.shutil, "which", lambda p: f"/usr/bin/{p}" if p in programs else None)
        monkeypatch.setattr(native.subprocess, "run", self.run)

    def run(self, command, **options):
        self.ran.append(" ".join(command))
        code = (
            self.codes["sudo"]
            if command[-1] == "true"
            else self.codes["install"]
            if "install" in command
            else 0
        )
        return subprocess.CompletedProcess(command, code)


def test_nothing_is_done_where_they_load(monkeypatch, capsys):
    machine = Machine(monkeypatch, loads=[True], root=True, programs=["apt-get"])
    assert native.main() == 0
    assert machine.ran == []
    assert "load" in capsys.readouterr().out


@pytest.mark.parametrize("root", [True, False])
def test_apt_installs_where_it_may(monkeypatch, capsys, root):
    machine = Machine(monkeypatch, loads=[False, True], root=root, programs=["apt-get", "sudo"], sudo=0)
    assert native.main() == 0
    update, install = machine.ran[-2:]
    assert "apt-get update" in update
    assert install.endswith("libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0")
    assert all(("sudo -n env" in command) != root for command in (update, install))
    assert "load now" in capsys.readouterr().out


REFUSED = {
    "no apt-get": {"root": True},
    "no sudo": {"programs": ["apt-get"]},
    "sudo asks": {"programs": ["apt-get", "sudo"], "sudo": 1},
    "apt-get fails": {"root": True, "programs": ["apt-get"], "install": 100},
    "installed and still not loading": {"root": True, "programs": ["apt-get"]},
}


@pytest.mark.parametrize("case", REFUSED)
def test_remedy_where_it_may_not(monkeypatch, capsys, case):
    machine = Machine(monkeypatch, **REFUSED[case])
    assert native.main() == 0
    said = capsys.readouterr().out
    assert native.remedy() in said
    assert "report.pdf will be missing" in said
    assert any("install" in command for command in machine.ran) == (case in list(REFUSED)[3:])


def test_remedy_has_one_command_a_system():
    lines = native.remedy().splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["Debian, Ubuntu", "Fedora", "macOS"]
    assert all(word in native.remedy() for word in ("apt-get install", "dnf install", "brew install"))


@pytest.mark.parametrize("code", [0, 1])
def test_loading_is_tried_in_a_fresh_interpreter(monkeypatch, code):
    seen = []

    def run(command, **options):
        seen.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(native.subprocess, "run", run)
    assert native.loads() == (code == 0)
    assert seen[0][0] == native.sys.executable
    assert "import weasyprint" in seen[0][2]


def test_the_container_installs_what_is_missing_on_debian():
    words = (Path(__file__).resolve().parents[3] / "Containerfile").read_text("utf-8").split()
    assert set(native.PACKAGES) <= set(words)
