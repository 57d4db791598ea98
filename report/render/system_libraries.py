"""Checks that the C libraries of WeasyPrint load, and installs or names them where they do not.

`python -m report.native` ends well either way: without them only the PDF is missing.
"""

import os
import shutil
import subprocess
import sys

COMMANDS = {
    "Debian, Ubuntu": "sudo apt-get install -y libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
    "Fedora": "sudo dnf install -y pango harfbuzz",
    "macOS": "brew install pango",
}
PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")


def remedy() -> str:
    """One command for each system that installs what WeasyPrint needs."""
    lines = [f"  {system}: {command}" for system, command in COMMANDS.items()]
    return "\n".join(["The PDF needs Pango and HarfBuzz. To install them:", *lines])


def loads() -> bool:
    """Whether WeasyPrint can be imported, tried in a fresh interpreter because this one keeps a failure."""
    # Without harfbuzz-subset the import works, warns, and embeds fonts worse: that counts as missing.
    trial = "import weasyprint; from weasyprint.text import ffi; assert ffi.harfbuzz_subset"
    return subprocess.run([sys.executable, "-c", trial], capture_output=True).returncode == 0


def privilege() -> list[str] | None:
    """Words to put before apt-get: none for root, sudo where it asks nothing, None where it may not run."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n"]
    return None


def install(prefix: list[str]) -> bool:
    """Install the Debian packages; whether apt-get said that it did."""
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    update = subprocess.run([*apt, "update", "-q"], stdout=subprocess.DEVNULL)
    if update.returncode:
        print("apt-get update failed; trying with the lists at hand.")
    return (
        subprocess.run([*apt, "install", "-qq", "-y", *PACKAGES], stdout=subprocess.DEVNULL).returncode == 0
    )


def main() -> int:
    """Check, install where that is allowed, and say what is missing; always 0: the page needs none of it."""
    if loads():
        print("WeasyPrint's native libraries load.")
        return 0
    prefix = privilege()
    if prefix is not None:
        print(f"WeasyPrint's native libraries are missing; installing {', '.join(PACKAGES)} with apt-get.")
        if install(prefix) and loads():
            print("WeasyPrint's native libraries load now.")
            return 0
    print(remedy())
    print("Without them the report is made as HTML only: build/report.pdf will be missing.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
