"""Reading the evidence loads neither torch nor scikit-learn."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("torch", "sklearn", "distributed", "matplotlib")


def test_evidence_imports_neither_torch_nor_scikit_learn():
    files = sorted((ROOT / "report" / "evidence").glob("*.py"))
    modules = ", ".join(f"report.evidence.{path.stem}" for path in files if path.stem != "__init__")
    program = f"import sys, {modules}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
