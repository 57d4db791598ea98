"""The libraries are installed only as root; otherwise the command is printed, and nothing fails."""

import subprocess
from pathlib import Path

import pytest

from report.render import system_libraries


class Machine:
    """Stands in for the machine: what loads, who asks, and which commands were run."""

    def __init__(self, monkeypatch, *, loads=(False,), root=False, programs=("apt-get", "sudo"), code=0):
        self.ran, self.loads, self.code = [], list(loads), code
        monkeypatch.setattr(
            system_libraries, "loads", lambda: self.loads.pop(0) if len(self.loads) > 1 else self.loads[0]
        )
        monkeypatch.setattr(system_libraries.os, "geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr(
            system_libraries.shutil, "which", lambda p: f"/usr/bin/{p}" if p in programs else None
        )
        monkeypatch.setattr(system_libraries.subprocess, "run", self.run)

    def run(self, command, **options):
        self.ran.append(" ".join(command))
        return subprocess.CompletedProcess(command, self.code if "install" in command else 0)


def test_nothing_is_done_where_they_load(monkeypatch, capsys):
    machine = Machine(monkeypatch, loads=[True], root=True)
    system_libraries.main()
    assert machine.ran == []
    assert capsys.readouterr().out == ""


def test_root_installs_them(monkeypatch, capsys):
    machine = Machine(monkeypatch, loads=[False, True], root=True)
    system_libraries.main()
    update, install = machine.ran
    assert "apt-get update" in update
    assert install.endswith("libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation")
    assert not any("sudo" in command for command in machine.ran)
    assert system_libraries.remedy() not in capsys.readouterr().out


REFUSED = {
    "not root": {},
    "no apt-get": {"root": True, "programs": []},
    "apt-get fails": {"root": True, "code": 100},
    "installed and still not loading": {"root": True},
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_command_is_printed_where_they_do_not_load(monkeypatch, capsys, name):
    machine = Machine(monkeypatch, **REFUSED[name])
    system_libraries.main()
    output = capsys.readouterr().out
    assert system_libraries.remedy() in output
    assert "report.pdf is not written" in output
    assert any("install" in command for command in machine.ran) == (name in list(REFUSED)[2:])


def test_remedy_has_one_command_a_system():
    lines = system_libraries.remedy().splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["Debian, Ubuntu", "Fedora", "macOS"]
    words = ("apt-get install", "dnf install", "brew install")
    assert all(word in system_libraries.remedy() for word in words)


@pytest.mark.parametrize("code", [0, 1])
def test_loading_is_tried_in_a_fresh_interpreter(monkeypatch, code):
    commands = []

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(system_libraries.subprocess, "run", run)
    assert system_libraries.loads() == (code == 0)
    assert commands[0][0] == system_libraries.sys.executable
    assert "import weasyprint" in commands[0][2]


def test_the_container_installs_what_is_missing_on_debian():
    words = (Path(__file__).resolve().parents[3] / "Containerfile").read_text("utf-8").split()
    assert set(system_libraries.PACKAGES) <= set(words)
