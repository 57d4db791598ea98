"""Which benchmark files a change reaches, in a tree made by hand and in this one."""

from pathlib import Path

import pytest

from bench.gate.affected import affected, reached

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def tree(tmp_path):
    files = {
        "impl/__init__.py": "",
        "impl/a.py": "from impl import deep\n",
        "impl/deep.py": "",
        "impl/b.py": "import impl.c\n",
        "impl/c.py": "",
        "impl/unused.py": "",
        "bench/__init__.py": "",
        "bench/suites/conftest.py": "",
        "bench/experiments/workloads/threads.py": "",
        "bench/help.py": "",
        "bench/suites/test_a.py": "from bench.help import x\nfrom impl.a import f\n",
        "bench/suites/test_b.py": "def late():\n    from impl import b\n",
        "pyproject.toml": "",
        "report/page.py": "",
        "README.md": "",
        "data.bin": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


A, B = "bench/suites/test_a.py", "bench/suites/test_b.py"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["impl/deep.py"], [A]),
        (["impl/c.py"], [B]),
        (["impl/c.py", "bench/help.py"], [A, B]),
        (["impl/unused.py"], []),
        (["report/page.py", "README.md"], []),
        (["examples/lion.py", "examples/gone.py", "examples/data/points.npz"], []),
        (["examples/lion.py", "impl/c.py"], [B]),
        ([A], [A]),
        ([], []),
        (["impl/__init__.py"], [A, B]),
        (["bench/__init__.py"], [A]),
        (["bench/suites/conftest.py"], None),
        (["bench/experiments/workloads/threads.py"], None),
        (["pyproject.toml"], None),
        (["impl/gone.py"], None),
        (["data.bin"], None),
    ],
)
def test_a_change_reaches_what_runs_through_it(tree, changed, expected):
    assert affected(changed, tree) == expected


def test_in_this_tree_a_kernel_reaches_its_suites_and_not_all():
    found = affected(["impl/activations/erf.py"], ROOT)
    assert "bench/suites/test_activations.py" in found
    assert "bench/suites/test_linear_algebra.py" not in found
    assert "impl/svd.py" in reached(ROOT / "bench" / "suites" / "test_linear_algebra.py", ROOT)
