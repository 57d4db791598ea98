"""Check for the C libraries of WeasyPrint; install them as root, otherwise print how to.

`make setup` runs it. Without the libraries only the PDF is missing, so it always exits with status 0.
"""

import os
import shutil
import subprocess
import sys

# The fonts are those of the PDF: in DejaVu, which Pango brings, it has six more pages.
PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-liberation")
COMMANDS = {
    "Debian, Ubuntu": f"sudo apt-get install -y {' '.join(PACKAGES)}",
    "Fedora": "sudo dnf install -y pango harfbuzz",
    "macOS": "brew install pango",
}


def remedy() -> str:
    """Return the installation command for each system."""
    lines = [f"  {system}: {command}" for system, command in COMMANDS.items()]
    return "\n".join(["The PDF requires Pango and HarfBuzz. To install them:", *lines])


def loads() -> bool:
    """Tell whether WeasyPrint's libraries load, in a fresh interpreter because this one caches a failure."""
    # Without harfbuzz-subset the import succeeds, with a warning and larger fonts: that counts as missing.
    trial = "import weasyprint; from weasyprint.text import ffi; assert ffi.harfbuzz_subset"
    return subprocess.run([sys.executable, "-c", trial], capture_output=True).returncode == 0


def install() -> None:
    """Install the Debian packages, if this is root on a system with apt-get."""
    if os.geteuid() or shutil.which("apt-get") is None:
        return
    print(f"Installing {', '.join(PACKAGES)}.")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    subprocess.run([*apt, "update", "-q"], stdout=subprocess.DEVNULL)
    subprocess.run([*apt, "install", "-qq", "-y", *PACKAGES], stdout=subprocess.DEVNULL)


def main() -> None:
    """Check for the libraries, install them as root, and print what is missing."""
    if loads():
        return
    install()
    if not loads():
        print(f"{remedy()}\nWithout them the report is HTML only: build/report.pdf is not written.")


if __name__ == "__main__":
    main()
