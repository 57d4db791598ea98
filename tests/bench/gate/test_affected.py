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
        "bench/conftest.py": "",
        "bench/threads.py": "",
        "bench/help.py": "",
        "bench/test_a.py": "from bench.help import x\nfrom impl.a import f\n",
        "bench/test_b.py": "def late():\n    from impl import b\n",
        "pyproject.toml": "",
        "report/page.py": "",
        "README.md": "",
        "data.bin": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


A, B = "bench/test_a.py", "bench/test_b.py"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (["impl/deep.py"], [A]),
        (["impl/c.py"], [B]),
        (["impl/c.py", "bench/help.py"], [A, B]),
        (["impl/unused.py"], []),
        (["report/page.py", "README.md"], []),
        ([A], [A]),
        ([], []),
        (["impl/__init__.py"], [A, B]),
        (["bench/__init__.py"], [A]),
        (["bench/conftest.py"], None),
        (["bench/threads.py"], None),
        (["pyproject.toml"], None),
        (["impl/gone.py"], None),
        (["data.bin"], None),
    ],
)
def test_a_change_reaches_what_runs_through_it(tree, changed, expected):
    assert affected(changed, tree) == expected


def test_in_this_tree_a_kernel_reaches_its_suites_and_not_all():
    found = affected(["impl/erf.py"], ROOT)
    assert "bench/test_activations.py" in found
    assert "bench/test_linear_algebra.py" not in found
    assert "impl/svd.py" in reached(ROOT / "bench" / "test_linear_algebra.py", ROOT)
