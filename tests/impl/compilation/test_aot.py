"""Packages of update rules: what is compiled first must not change the key of what comes next."""

import torch
from torch import _inductor

from impl.compilation import aot, private_torch
from impl.compilation.inductor import OPTIONS


def double(x, work):
    x.mul_(2)


def halve(x, work):
    x.mul_(0.5)


def test_each_rule_has_one_package_whatever_was_compiled_before(monkeypatch, tmp_path):
    """torch adds options of its own to those that it is given, which once became part of the next key."""

    def compiled(program, *, package_path, inductor_configs):
        inductor_configs["aot_inductor.package"] = True  # as torch does
        with open(package_path, "w") as file:
            file.write("package")
        return package_path

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_inductor, "aoti_compile_and_package", compiled)
    monkeypatch.setattr(private_torch, "load_package", lambda path: path.name)
    before = dict(OPTIONS)
    first, second, again = (aot._load(rule, 1, 0) for rule in (double, halve, double))
    assert first == again != second
    assert before == OPTIONS
    assert sorted(path.name for path in aot.update_rules().iterdir()) == sorted({first, second})
    assert torch.is_grad_enabled()


def negative(x):
    return (-x,)


def test_a_transform_that_cannot_be_compiled_has_a_reason_and_no_kernel(monkeypatch, tmp_path):
    def refuse(*arguments, **keywords):
        raise OSError("no space")

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_inductor, "aoti_compile_and_package", refuse)
    kernel = aot.compile_transform(negative, ((3, 5),), ((),))
    if kernel.reason != "no compiler for cpu":
        assert kernel.reason == "OSError: no space"
    assert kernel.run is None
    assert not list(tmp_path.rglob("*.pt2"))
