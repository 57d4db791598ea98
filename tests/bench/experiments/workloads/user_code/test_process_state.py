"""What a custom file changes in the process is put back, or refused with the file's name."""

import gc
import logging
import os
import random
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from bench.experiments.workloads.registry import resolve
from bench.experiments.workloads.training_run import execute
from bench.experiments.workloads.user_code import ProcessStateError, isolated
from bench.records.runs import RunConfig

CONFIG = RunConfig(
    "classifier", "relu", "torch.optim:SGD", 0.1, 32, True, "digits", 96, 1, 0,
    loss="cross_entropy", initialization="torch",
)  # fmt: skip
CHANGES = {
    "torch.set_default_dtype(torch.float64)": torch.get_default_dtype,
    "torch.set_default_device('meta')": lambda: torch.ones(1).device,
    "torch.set_grad_enabled(False)": torch.is_grad_enabled,
    "torch.autograd.set_detect_anomaly(True)": torch.is_anomaly_enabled,
    "torch.autograd.set_detect_anomaly(False, check_nan=False)": torch.is_anomaly_check_nan_enabled,
    "torch.set_num_threads(torch.get_num_threads() + 1)": torch.get_num_threads,
    "torch.use_deterministic_algorithms(True, warn_only=True)": torch.are_deterministic_algorithms_enabled,
    "torch.set_float32_matmul_precision('medium')": torch.get_float32_matmul_precision,
    "torch.set_flush_denormal(True)": lambda: float(torch.tensor(1e-40) * 1),
    "torch.backends.cudnn.benchmark = True": lambda: torch.backends.cudnn.benchmark,
    "torch.set_autocast_enabled('cpu', True)": lambda: torch.is_autocast_enabled("cpu"),
    "torch.manual_seed(7)": lambda: torch.get_rng_state().tolist(),
    "torch.rand(3)": lambda: torch.get_rng_state().tolist(),
    "np.random.seed(7)": lambda: np.random.get_state()[1].tolist(),  # noqa: NPY002
    "random.seed(7)": random.getstate,
    "np.seterr(all='raise')": np.geterr,
    "os.chdir('/')": os.getcwd,
    "os.environ['OMP_NUM_THREADS'] = '7'": lambda: os.environ.get("OMP_NUM_THREADS"),
    "os.environ.pop('PATH')": lambda: os.environ.get("PATH"),
    "sys.path.insert(0, '/nowhere')": lambda: list(sys.path),
    "sys.argv.append('x')": lambda: list(sys.argv),
    "sys.setrecursionlimit(5000)": sys.getrecursionlimit,
    "sys.stdout = sys.stderr": lambda: sys.stdout,
    "sys.excepthook = print": lambda: sys.excepthook,
    "gc.disable()": gc.isenabled,
    "gc.set_threshold(1, 1, 1)": gc.get_threshold,
    "warnings.simplefilter('ignore')": lambda: list(warnings.filters),
    "logging.getLogger().setLevel('CRITICAL')": lambda: logging.root.level,
    "logging.disable()": lambda: logging.root.manager.disable,
    "logging.getLogger().handlers.clear()": lambda: list(logging.root.handlers),
    "nn.modules.module.register_module_forward_hook(print)": lambda: dict(
        nn.modules.module._global_forward_hooks
    ),
    "sys.modules['torch.optim.optimizer'].register_optimizer_step_pre_hook(print)": lambda: dict(
        sys.modules["torch.optim.optimizer"]._global_optimizer_pre_hooks
    ),
}
HEAD = (
    "import gc, logging, os, random, sys, warnings\nimport numpy as np\nimport torch\nfrom torch import nn\n"
)
PLACES = {
    "import": "{0}\ndef act(x): return torch.tanh(x)",
    "construction": "class act(nn.Module):\n"
    "    def __init__(self):\n        super().__init__()\n        {0}\n"
    "    def forward(self, x): return torch.tanh(x)",
    "forward": "def act(x):\n    y = torch.tanh(x)\n    {0}\n    return y",
    "backward": "class F(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n"
    "        y = torch.tanh(x)\n        ctx.save_for_backward(y)\n        return y\n    @staticmethod\n"
    "    def backward(ctx, g):\n        (y,) = ctx.saved_tensors\n        dx = g * (1 - y * y)\n        {0}\n"
    "        return dx\nact = F.apply",
}


@pytest.mark.parametrize("place", ["import", "forward"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_as_before(tmp_path, monkeypatch, change, place):
    """Whether the candidate is accepted or not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(HEAD + PLACES[place].format(change))
    before = CHANGES[change]()
    try:
        resolve("mine.py:act", "activation")
    except ValueError as error:
        assert "mine.py:act" in str(error)  # noqa: PT017  # either is right
    assert CHANGES[change]() == before


@pytest.mark.parametrize(
    "change", ["torch.set_default_dtype(torch.float64)", "torch.manual_seed(0)", "np.random.seed(0)"]
)
@pytest.mark.parametrize("place", PLACES)
def test_others_have_the_same_numbers_after_it(tmp_path, monkeypatch, change, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(HEAD + PLACES[place].format(change))
    others = [execute(CONFIG, None)]
    try:
        execute(RunConfig(**{**vars(CONFIG), "activation": resolve("mine.py:act", "activation")}), None)
    except Exception as error:
        assert "mine.py" in str(error) or "dtype" in str(error) or "Double" in str(error)  # noqa: PT017
    others.append(execute(CONFIG, None))
    first, second = ([m for m in other.measurements if m.unit == "1"] for other in others)
    assert first == second


PATCHES = {
    "torch.nn.functional.relu = torch.nn.functional.gelu": "torch.nn.functional.relu",
    "torch.relu = torch.tanh": "torch.relu",
    "torch.randperm = lambda *a, **k: None": "torch.randperm",
    "torch.Tensor.__add__ = lambda a, b: a": "torch.Tensor.__add__",
    "nn.ReLU.forward = lambda self, x: x": "torch.nn.modules.activation.ReLU.forward",
    "nn.ReLU.__call__ = lambda self, x: x": "torch.nn.modules.activation.ReLU.__call__",
    "nn.init.kaiming_uniform_ = lambda *a, **k: None": "torch.nn.init.kaiming_uniform_",
    "torch.optim.SGD.step = lambda self: None": "torch.optim.sgd.SGD.step",
    "np.random.rand = None": "numpy.random.rand",
    "random.random = lambda: 0.5": "random.random",
    "import time; time.perf_counter = lambda: 0.0": "time.perf_counter",
    "import impl.models; impl.models.sized = None": "impl.models.sized",
}


@pytest.mark.parametrize("patch", PATCHES)
def test_replaced_functions_are_refused_and_put_back(tmp_path, monkeypatch, patch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(f"{HEAD}{patch}\ndef act(x): return torch.tanh(x)")
    with pytest.raises(ValueError, match=rf"mine\.py.* replaces {PATCHES[patch].replace('.', '[.]')}"):
        resolve("mine.py:act", "activation")
    assert nn.ReLU()(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 2.0]
    with isolated("nothing"):
        assert torch.randperm(3).sum() == 3
    (tmp_path / "mine.py").write_text(f"{HEAD}def act(x): return torch.tanh(x)")
    assert resolve("mine.py:act", "activation")


def test_what_cannot_be_put_back_is_refused():
    mode = torch.inference_mode()
    guard = isolated("mine.py")
    guard.__enter__()
    mode.__enter__()
    with pytest.raises(ProcessStateError, match=r"mine\.py changes the inference mode of the process, which"):
        guard.__exit__(None, None, None)
    mode.__exit__(None, None, None)


def test_what_torch_itself_wraps_is_not_taken_for_a_patch(tmp_path, monkeypatch):
    """Its compiler, when first imported, wraps functions of torch."""
    code = (
        "from bench.experiments.workloads.registry import resolve as r; print(r('mine.py:act', 'activation'))"
    )
    (tmp_path / "mine.py").write_text(
        "import torch\n@torch.compile(backend='eager')\ndef act(x): return torch.tanh(x)"
    )
    root = os.path.dirname(os.path.dirname(sys.modules["bench"].__file__))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("mine.py:act@")
