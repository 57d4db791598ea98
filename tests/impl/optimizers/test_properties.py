"""Optimizers of any parameters, options and gradients: step for step what torch's own do."""

import io
import math
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from impl.compilation.aot import compile_update_rule
from impl.optimizers import flat_params
from impl.optimizers.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from impl.optimizers.registry import OPTIMIZERS
from tests.draws import normal, seeds

EPS, BELOW_ONE = st.floats(1e-8, 0.1), st.floats(0, 0.99)
COMMON = {"lr": st.floats(1e-3, 0.5), "weight_decay": st.floats(0, 0.3)}
MOMENTUM = {**COMMON, "momentum": st.floats(0.1, 0.99), "nesterov": st.booleans()}
ADAM = {**COMMON, "eps": EPS, "betas": st.tuples(BELOW_ONE, BELOW_ONE)}
# Ours, torch's, and the options that both have.
COUNTERPARTS = {
    "sgd": (SGD, torch.optim.SGD, COMMON),
    "momentum": (SGD, torch.optim.SGD, MOMENTUM),
    "adagrad": (Adagrad, torch.optim.Adagrad, {**COMMON, "eps": EPS, "lr_decay": st.floats(0, 2)}),
    "rmsprop": (RMSprop, torch.optim.RMSprop, {**COMMON, "eps": EPS, "alpha": BELOW_ONE}),
    "adam": (Adam, torch.optim.Adam, ADAM),
    "adamw": (AdamW, torch.optim.AdamW, ADAM),
}  # fmt: skip
CLOSE = {torch.float64: {"rtol": 1e-9, "atol": 1e-9}, torch.float32: {"rtol": 1e-4, "atol": 1e-4}}
shapes = st.lists(st.sampled_from([2, 3, 4, 1, 0]), max_size=3).map(tuple)


@pytest.fixture(autouse=True, scope="module")
def _six_elements_are_large():
    """Drawn parameters are small and large ones; and rules run uncompiled, for a compiler takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat_params, "LARGE", 6)
        patch.setenv("TORCH_COMPILE_DISABLE", "1")
        compile_update_rule.cache_clear()
        yield
    compile_update_rule.cache_clear()


@st.composite
def walks(draw, options, groups=2):
    """Groups of shapes with options of their own, and which parameters have a gradient at each step."""
    group = st.tuples(st.lists(shapes, min_size=1, max_size=3), st.fixed_dictionaries(options))
    groups = draw(st.lists(group, min_size=1, max_size=groups))
    n = sum(len(of_group) for of_group, _ in groups)
    steps = st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=2, max_size=6)
    return groups, draw(steps), draw(seeds)


def made(make, groups, seed, dtype=torch.float64):
    """An optimizer of parameters drawn from the seed, and all of them in one list."""
    parameters = [[nn.Parameter(normal(seed, *shape).to(dtype)) for shape in of] for of, _ in groups]
    options = [of_group for _, of_group in groups]
    optimizer = make([{"params": p, **o} for p, o in zip(parameters, options, strict=True)])
    return optimizer, list(chain(*parameters))


def step(optimizer, parameters, gradients, seed):
    for i, (p, given_one) in enumerate(zip(parameters, gradients, strict=True)):
        p.grad = normal(seed + i, *p.shape).to(p.dtype) if given_one else None
    optimizer.step()


@given(data=st.data())
@settings(max_examples=30)
@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_every_step_is_that_of_torchs_own(name, dtype, data):
    ours, theirs, options = COUNTERPARTS[name]
    groups, steps, seed = data.draw(walks(options))
    mine, parameters = made(ours, groups, seed, dtype)
    counterpart, expected = made(theirs, groups, seed, dtype)
    for t, gradients in enumerate(steps):
        before = [p.detach().clone() for p in parameters]
        step(mine, parameters, gradients, seed + 100 * t)
        step(counterpart, expected, gradients, seed + 100 * t)
        torch.testing.assert_close(parameters, expected, **CLOSE[dtype])
        for p, old, given_one in zip(parameters, before, gradients, strict=True):
            assert given_one or torch.equal(p, old)
    for p, *ever in zip(parameters, *steps, strict=True):
        assert any(ever) or p not in mine.state


@given(data=st.data(), eps=st.floats(1e-6, 1), lr=st.floats(1e-3, 0.5))
@settings(max_examples=20)
def test_epsilon_inside_the_root_is_as_the_assignment_prints_it(data, eps, lr):
    beta1, beta2 = 0.7, 0.9
    options = {"lr": st.just(lr), "eps": st.just(eps), "betas": st.just((beta1, beta2))}
    groups, steps, seed = data.draw(walks(options))
    optimizer, parameters = made(lambda p: OPTIMIZERS["adam_eps_inside"].make(p, 1.0), groups, seed)
    theta = [p.detach().numpy().copy() for p in parameters]
    m, v = ([np.zeros_like(p) for p in theta] for _ in range(2))
    for t in range(1, len(steps) + 1):
        step(optimizer, parameters, [True] * len(parameters), seed + 100 * t)
        for i, p in enumerate(parameters):
            g = p.grad.numpy()
            m[i] = beta1 * m[i] + (1 - beta1) * g
            v[i] = beta2 * v[i] + (1 - beta2) * g**2
            theta[i] = theta[i] - lr * m[i] / (1 - beta1**t) / np.sqrt(v[i] / (1 - beta2**t) + eps)
            np.testing.assert_allclose(p.detach().numpy(), theta[i], rtol=1e-10, atol=1e-10)


@given(data=st.data())
@settings(max_examples=20)
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_saved_and_loaded_at_any_step_nothing_changes(name, data):
    make, _, options = COUNTERPARTS[name]
    groups, steps, seed = data.draw(walks(options))
    saved_at = data.draw(st.integers(0, len(steps)))
    one, whole = made(make, groups, seed)
    other, resumed = made(make, groups, seed)
    for t, gradients in enumerate(steps):
        if t == saved_at:
            file = io.BytesIO()
            torch.save(other.state_dict(), file)
            file.seek(0)
            before = resumed
            other, resumed = made(make, [(of_group, {}) for of_group, _ in groups], seed)
            for p, value in zip(resumed, before, strict=True):
                p.data.copy_(value)
            other.load_state_dict(torch.load(file))
        step(one, whole, gradients, seed + 100 * t)
        step(other, resumed, gradients, seed + 100 * t)
        assert all(map(torch.equal, whole, resumed))


@given(data=st.data())
@settings(max_examples=20)
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_group_added_later_is_one_that_had_no_gradients_before(name, data):
    ours, theirs, options = COUNTERPARTS[name]
    (first, *later), steps, seed = data.draw(walks(options))
    added_at = data.draw(st.integers(0, len(steps) - 1))
    n = len(first[0])
    counterpart, expected = made(theirs, [first, *later], seed)
    optimizer, parameters = made(ours, [first], seed)
    for t, gradients in enumerate(steps):
        if t == added_at:
            for of_group, own in later:
                _, new = made(ours, [(of_group, own)], seed)
                optimizer.add_param_group({"params": new, **own})
                parameters += new
        had = [g and (i < n or t >= added_at) for i, g in enumerate(gradients)]
        step(counterpart, expected, had, seed + 100 * t)
        step(optimizer, parameters, had[: len(parameters)], seed + 100 * t)
    torch.testing.assert_close(parameters, expected, **CLOSE[torch.float64])


OUTSIDE = {
    "lr": st.floats(max_value=-1e-9) | st.sampled_from([math.nan, math.inf]),
    "weight_decay": st.floats(max_value=-1e-9) | st.sampled_from([math.nan, math.inf]),
    "eps": st.floats(max_value=-1e-9) | st.sampled_from([math.nan, math.inf]),
    "lr_decay": st.floats(max_value=-1e-9) | st.sampled_from([math.nan, math.inf]),
    "momentum": st.floats(max_value=-1e-9) | st.floats(min_value=1),
    "alpha": st.floats(max_value=-1e-9) | st.floats(min_value=1),
    "betas": st.tuples(BELOW_ONE, st.floats(min_value=1)) | st.tuples(st.floats(max_value=-1e-9), BELOW_ONE),
}


@given(data=st.data())
@settings(max_examples=20)
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_group_with_an_option_out_of_range_is_refused_and_changes_nothing(name, data):
    make, _, options = COUNTERPARTS[name]
    groups, steps, seed = data.draw(walks(options, groups=1))
    wrong = data.draw(st.sampled_from([option for option in options if option in OUTSIDE]))
    one, whole = made(make, groups, seed)
    other, parameters = made(make, groups, seed)
    with pytest.raises(ValueError, match=r"^Invalid .*: got .*, expected "):
        other.add_param_group({"params": [nn.Parameter(torch.ones(2))], wrong: data.draw(OUTSIDE[wrong])})
    for t, gradients in enumerate(steps):
        step(one, whole, gradients, seed + 100 * t)
        step(other, parameters, gradients, seed + 100 * t)
    assert all(map(torch.equal, whole, parameters))
    assert len(other.param_groups) == 1


# How torch computes, not what.
MEANS = {"foreach", "fused", "capturable"}


@given(data=st.data())
@settings(max_examples=15)
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_a_group_with_an_option_of_torchs_that_we_lack_is_refused(name, data):
    make, counterpart, _ = COUNTERPARTS[name]
    theta = [nn.Parameter(torch.ones(2))]
    optimizer = make(theta, 0.1)
    lacking = {k: v for k, v in counterpart(theta, 0.1).defaults.items() if k not in optimizer.defaults}
    option = data.draw(st.sampled_from(sorted(set(lacking) - MEANS)))
    usual = lacking[option]
    other = not usual if isinstance(usual, bool) else data.draw(st.floats(0.1, 0.9))
    optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2))], option: usual})
    with pytest.raises(ValueError, match=rf"Invalid {option} of \w+: got {other!r}, expected {usual!r}"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.ones(2))], option: other})
    assert len(optimizer.param_groups) == 2


@given(
    parameters=st.lists(
        st.builds(torch.zeros, st.integers(0, 7), dtype=st.sampled_from([torch.float32, torch.float64])),
        max_size=3,
    )
)
def test_a_loop_is_worth_compiling_for_six_elements_of_single_precision(parameters):
    single = all(p.dtype == torch.float32 for p in parameters)
    assert flat_params.worth_compiling(parameters) == (single and sum(map(len, parameters)) >= 6)


def laid_out(tensor, layout):
    """The values of a tensor, or of its transpose, in another order of memory."""
    if layout == "transposed":
        return tensor.movedim(0, -1) if tensor.dim() else tensor
    return torch.stack([tensor, tensor], -1)[..., 0] if layout == "with gaps" else tensor


@given(
    kinds=st.lists(
        st.tuples(
            shapes,
            st.sampled_from([torch.float32, torch.float64]),
            st.sampled_from(["dense", "transposed", "with gaps"]),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=6,
    ),
    decay=st.floats(0, 0.5),
    lr=st.floats(0.01, 1),
    seed=seeds,
)
def test_buffers_hold_each_parameter_once_and_step_as_each_would_alone(kinds, decay, lr, seed):
    def rule(theta, g, total, work, lr):
        total.mul_(0.5).add_(g)
        theta.sub_(total, alpha=lr)

    parameters, states, expected = [], [], []
    for i, (shape, dtype, layout, t) in enumerate(kinds):
        p = nn.Parameter(laid_out(normal(seed + i, *shape).to(dtype), layout))
        p.grad = normal(seed + 100 + i, *p.shape).to(dtype)
        total = normal(seed + 200 + i, *p.shape).to(dtype) if t else torch.zeros_like(p)
        parameters.append(p)
        states.append({"step": torch.tensor(float(t)), "total": total} if t else {})
        after = total / 2 + p.grad + decay * p.detach()
        expected.append((p.detach() - lr * after, after, t))
    found = flat_params.flatten(parameters, states, ["step", "total"])
    assert len(found) == len({(dtype, t) for _, dtype, _, t in kinds})
    assert sorted(id(p) for each in found for p in each.parameters) == sorted(map(id, parameters))
    for (_, _, t), state in zip(expected, states, strict=True):
        assert state["step"] == t
    for each in found:
        assert each.compile == flat_params.worth_compiling(each.parameters)
        with torch.no_grad():
            each.step(rule, [lr], decay)
        assert each.intact()
    for p, state, (theta, total, t) in zip(parameters, states, expected, strict=True):
        torch.testing.assert_close((p.detach(), state["total"]), (theta, total))
        assert state["step"] == t + 1
    states[0]["total"] = states[0]["total"].clone()
    assert [each.intact() for each in found].count(False) == 1
