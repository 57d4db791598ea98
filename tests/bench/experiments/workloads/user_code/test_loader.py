"""Custom code: what its identity covers, what is executed once it was edited, and its names."""

import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest
import torch

from bench.experiments.workloads.registry import identify, module_of, optimizer_of, resolve, spelled
from bench.experiments.workloads.training_run import execute
from bench.records.candidate_names import parse
from bench.records.runs import RunConfig
from impl.models import sized

CONFIG = RunConfig(
    "classifier", "relu", "torch.optim:SGD", 0.1, 32, True, "digits", 96, 1, 0,
    loss="cross_entropy", initialization="torch",
)  # fmt: skip
X = torch.tensor([-2.0, 1.0])


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file in the working folder; return its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return name

    return write


def value(name):
    return sized(module_of(name), 2)(X).tolist()


FORMS = {
    "partial": "act = functools.partial(leaky_relu, negative_slope={})",
    "lambda": "act = lambda x: torch.where(x > 0, x, {} * x)",
    "compiled": "@functools.wraps(leaky_relu)\ndef act(x): return torch.where(x > 0, x, {} * x)\n"
    "act = torch.compile(act, backend='eager')",
    "scripted": "@torch.jit.script\ndef act(x):\n    return torch.where(x > 0, x, {} * x)",
    "decorated": "def same(f):\n    def g(*a, **k): return f(*a, **k)\n    return g\n"
    "@same\ndef act(x): return torch.where(x > 0, x, {} * x)",
    "imported": "from torch.nn import LeakyReLU\nact = LeakyReLU({})",
    "class attribute": "class A:\n    f = staticmethod(functools.partial(leaky_relu, negative_slope={}))\n"
    "act = A.f",
    "apply": "class F(torch.autograd.Function):\n"
    "    forward = staticmethod(lambda c, x: (c.save_for_backward(x), torch.where(x > 0, x, {0} * x))[1])\n"
    "    backward = staticmethod(lambda c, g: torch.where(c.saved_tensors[0] > 0, g, {0} * g))\n"
    "act = F.apply",
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # read by the compiler
@pytest.mark.parametrize("form", FORMS)
def test_an_edited_slope_is_another_candidate_with_its_own_numbers(write, form):
    """However the name is bound, its file is hashed, and the text that is hashed is what is executed."""
    head = "import functools, torch\nfrom torch.nn.functional import leaky_relu\n"
    found = []
    for slope in (0.1, 0.9):  # of equal length, within the same second
        write(head + FORMS[form].format(slope))
        assert value("mine.py:act") == pytest.approx([-2 * slope, 1.0])
        found.append(resolve("mine.py:act", "activation"))
    assert found[0] != found[1]


HELPERS = {
    "a module": ("from helper import SLOPE", "helper.py"),
    "an attribute": ("import helper\nSLOPE = helper.SLOPE", "helper.py"),
    "a package": ("from pack.inner import SLOPE", "pack/inner.py"),
    "its __init__": ("from pack import SLOPE", "pack/__init__.py"),
    "by a string": ("import importlib\nSLOPE = importlib.import_module('hel' + 'per').SLOPE", "helper.py"),
    "a star": ("from helper import *", "helper.py"),
    "indirectly": ("from between import SLOPE", "helper.py"),
    "when called": ("SLOPE = None", "helper.py"),
    "run": ("import runpy\nSLOPE = runpy.run_path(__file__.replace('mine', 'helper'))['SLOPE']", "helper.py"),
    "a table": (
        "import pathlib\nSLOPE = eval(pathlib.Path(__file__).with_name('t.txt').read_text()[8:])",
        "t.txt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", HELPERS)
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_file_takes_from_its_folder_belongs_to_it(write, tmp_path, monkeypatch, how, elsewhere):
    """Also where the working folder is another."""
    line, file = HELPERS[how]
    write("from helper import SLOPE", "d/between.py")
    inside = "from helper import SLOPE\n    " if how == "when called" else ""
    write(
        f"import torch\n{line}\ndef act(x):\n    {inside}return torch.where(x > 0, x, SLOPE * x)\n",
        "d/mine.py",
    )
    if elsewhere:
        monkeypatch.chdir("/")
    name, found = f"{tmp_path}/d/mine.py:act" if elsewhere else "d/mine.py:act", []
    for slope in (0.1, 0.9):
        write(f"SLOPE = {slope}", f"d/{file}")
        identified = resolve(name, "activation")
        config = replace(CONFIG, activation=identified)
        found.append(
            (identified, {m.metric: m.value for m in execute(config, None).measurements if m.unit == "1"})
        )
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]


def test_two_folders_with_equal_names_of_files(write):
    slopes = {"one": 0.5, "two": 0.25}
    for folder, slope in slopes.items():
        write("from helper import f as act", f"{folder}/mine.py")
        write("def f(x):\n    import deeper\n    return x * deeper.S", f"{folder}/helper.py")
        write(f"S = {slope}", f"{folder}/deeper.py")
    assert "helper" not in sys.modules
    for _ in range(2):
        for folder in slopes:
            name = resolve(f"{folder}/mine.py:act", "activation")
            config = replace(CONFIG, activation=name)
            assert execute(config, None).status == "finished"
    assert not {"helper", "deeper"} & sys.modules.keys()


def test_a_run_of_a_text_that_is_gone_fails_and_says_so(write):
    write("def act(x): return x * 0.1")
    name = resolve("mine.py:act", "activation")
    write("def act(x): return x * 0.9")
    with pytest.raises(
        ValueError,
        match=rf"'mine.py:act' has changed: its code has the hash \w+, expected {parse(name).digest}",
    ):
        execute(replace(CONFIG, activation=name), None)


def test_a_module_of_the_users_is_read_anew_and_the_users_own_stays(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    package = f"p{abs(hash(tmp_path))}"
    write("", f"{package}/__init__.py")
    write("from .other import S\ndef act(x): return x * S", f"{package}/acts.py")
    write("S = 0.1", f"{package}/other.py")
    module = __import__(f"{package}.acts").acts
    first = identify(f"{package}.acts:act")
    assert value(f"{package}.acts:act") == pytest.approx([-0.2, 0.1])
    write("S = 0.9", f"{package}/other.py")
    assert value(f"{package}.acts:act") == pytest.approx([-1.8, 0.9])
    assert identify(f"{package}.acts:act") != first
    assert sys.modules[f"{package}.acts"] is module
    assert module.act(X).tolist() == pytest.approx([-0.2, 0.1])


def test_installed_modules_are_identified_by_their_text_and_version(monkeypatch):
    first = identify("torch.nn:SiLU")
    assert identify("torch.nn:GELU").partition("@")[2] == first.partition("@")[2]
    from bench.experiments.workloads.user_code import loader

    monkeypatch.setattr(loader, "version", lambda name: "0.0")
    monkeypatch.setattr(loader, "_sources", {})
    assert identify("torch.nn:SiLU") != first


PLACES = ["job@2/b.py", "a,b/p.py", "a b/p(1).py", "a:b/ü.py", "a@0123abcd/b.py", "x.y/b.c.py"]


@pytest.mark.parametrize("place", PLACES)
def test_any_character_in_a_path(write, place):
    write("def act(x): return x * 0.5", place)
    name = resolve(f"{place}:act", "activation")
    assert parse(name).place == place
    assert execute(replace(CONFIG, activation=name), None).status == "finished"


def test_one_file_has_one_name(write, tmp_path, monkeypatch):
    write("def act(x): return x * 0.5", "d/mine.py")
    monkeypatch.setenv("HOME", str(tmp_path))
    spellings = (
        "d/mine.py:act",
        "./d/mine.py:act",
        f"{tmp_path}/d/mine.py:act",
        "~/d/mine.py:act",
        "d//mine.py:act",
    )
    assert {resolve(name, "activation").partition("@")[0] for name in spellings} == {"d/mine.py:act"}


def test_arguments_are_part_of_the_identity(write):
    write(
        """
        import torch
        from torch import nn
        class Snake(nn.Module):
            def __init__(self, a=1.0):
                super().__init__()
                self.a = a
            def forward(self, x):
                return x + torch.sin(self.a * x) ** 2 / self.a
        def leaky(x, slope=0.1):
            return torch.where(x > 0, x, slope * x)
        """
    )
    for a in (0.5, 2.0):
        for spelling in (f"mine.py:Snake(a={a})", f"mine.py:Snake( {a} )"):
            assert value(spelling) == pytest.approx((X + torch.sin(a * X) ** 2 / a).tolist())
    names = [
        resolve(f"mine.py:{text}", "activation")
        for text in ("Snake(a=0.5)", "Snake( a = .5)", "Snake(a=2.0)", "Snake")
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert value("mine.py:leaky(slope=0.25)") == [-0.5, 1.0]
    assert value("torch.nn:LeakyReLU(0.25)") == [-0.5, 1.0]
    assert value("torch.nn.functional:leaky_relu(negative_slope=0.25)") == [-0.5, 1.0]


def test_built_in_classes_take_arguments_too():
    for spelling in ("Swish(beta=1.702)", "swish(beta=1.702)", "impl.activations:Swish(beta=1.702)"):
        assert value(spelling) == pytest.approx((X * torch.sigmoid(1.702 * X)).tolist())
        assert resolve(spelling, "activation").startswith("impl.activations:Swish(beta=1.702)@")
    assert spelled("Swish", "activation") == spelled("Swish()", "activation") == "swish"
    p = torch.nn.Parameter(torch.ones(3))
    assert optimizer_of("Adam(betas=(0.5, 0.75))")([p], 0.1).defaults["betas"] == (0.5, 0.75)


@pytest.mark.parametrize("text", ["Snake(a=open('x'))", "Swish(beta=one)"])
def test_arguments_are_never_evaluated(write, text):
    write("one = 1\nclass Snake: pass")
    with pytest.raises(ValueError, match="Invalid arguments"):
        resolve(text if text[1] == "w" else f"mine.py:{text}", "activation")


def test_a_line_printed_at_import_does_not_reach_stdout(write, tmp_path):
    write("print('hello')\ndef act(x):\n    print('again')\n    return x * 0.5")
    command = [
        sys.executable,
        "-m",
        "bench",
        "status",
        "--json",
        "--dataset",
        "digits",
        "--only",
        "deep_classifier",
    ]
    done = subprocess.run(
        [*command, "--activation", "mine.py:act"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ,
    )
    assert done.stdout.lstrip()[0] == "{"
    assert "hello" in done.stderr
