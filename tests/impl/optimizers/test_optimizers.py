"""Update rules against torch's own optimizers and against steps worked by hand."""

import copy
import inspect
import io
import math

import pytest
import torch
from torch import nn

from impl import optimizers
from impl.compilation.aot import compile_update_rule
from impl.compilation.inductor import Kernel, compiler
from impl.models import MnistClassifier
from impl.optimizers import flat_params, update_rules
from impl.optimizers.flat_params import LARGE
from impl.optimizers.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from impl.optimizers.registry import OPTIMIZERS

LEARNING_RATE = 0.02
COUNTERPARTS = [name for name, entry in OPTIMIZERS.items() if entry.torch_counterpart]
# Options beside those of the table: our optimizer, torch's, what both are made with.
OPTIONS = [
    (SGD, torch.optim.SGD, {"weight_decay": 0.1}),
    (SGD, torch.optim.SGD, {"momentum": 0.8, "weight_decay": 0.1}),
    (SGD, torch.optim.SGD, {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True}),
    (Adagrad, torch.optim.Adagrad, {"eps": 1e-3, "weight_decay": 0.1}),
    (Adagrad, torch.optim.Adagrad, {"lr_decay": 0.3, "initial_accumulator_value": 0.5, "weight_decay": 0.1}),
    (RMSprop, torch.optim.RMSprop, {"alpha": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
    (Adam, torch.optim.Adam, {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1}),
    (AdamW, torch.optim.AdamW, {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.3}),
]


@pytest.fixture(autouse=True)
def _as_they_stand(request, monkeypatch):
    """Rules run uncompiled, but in tests that ask for `compiling`: a compiler takes seconds for each."""
    if "compiling" not in request.fixturenames:
        monkeypatch.setenv("TORCH_COMPILE_DISABLE", "1")
        compile_update_rule.cache_clear()
        yield
        compile_update_rule.cache_clear()
    else:
        yield


@pytest.fixture
def compiling():
    """Whatever this test makes is compiled; skips where there is no compiler."""
    if compiler("cpu") is None:
        pytest.skip("no compiler")
    compile_update_rule.cache_clear()


@pytest.mark.parametrize(("ours", "theirs"), dict.fromkeys(case[:2] for case in OPTIONS))
def test_options_left_alone_are_those_of_torch(ours, theirs):
    theta = nn.Parameter(torch.zeros(1))
    found, expected = ours([theta]).defaults, theirs([theta]).defaults
    assert found == {name: expected.get(name, False) for name in found}  # what torch lacks is off


def classifier(dtype: torch.dtype) -> nn.Module:
    """Without batch norm: it leaves the bias before it a gradient of rounding errors, which Adam makes ±lr.

    Narrow in float64, where a thousand steps are taken.
    """
    torch.manual_seed(0)
    hidden = 16 if dtype == torch.float64 else 128
    return MnistClassifier(nn.Tanh, hidden=hidden, batch_norm=None, dropout=0.0).to(dtype)


def follow(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[torch.Tensor]:
    """Train the classifier on noise; its parameters."""
    generator, dtype = torch.Generator().manual_seed(3), next(model.parameters()).dtype
    images = torch.rand(64, 1, 28, 28, generator=generator, dtype=dtype)
    labels = torch.randint(10, (64,), generator=generator)
    for _ in range(steps):
        rows = torch.randint(64, (4,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
        optimizer.step()
    return [p.detach() for p in model.parameters()]


def assert_follows(name: str, dtype: torch.dtype, steps: int, tolerance: float) -> None:
    entry, ours, theirs, start = OPTIMIZERS[name], *(classifier(dtype) for _ in range(3))
    actual = follow(ours, entry.make(ours.parameters(), 1e-3), steps)
    expected = follow(theirs, entry.torch_counterpart(theirs.parameters(), 1e-3), steps)
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance)
    assert (actual[0] - next(start.parameters())).abs().max() > 10 * tolerance


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_classifier_follows_its_counterpart_in_float64(name):
    assert_follows(name, torch.float64, 1000, 1e-9)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_classifier_follows_its_counterpart_in_float32(name):
    assert_follows(name, torch.float32, 100, 1e-4)


@pytest.mark.usefixtures("compiling")
def test_compiled_classifier_follows_its_counterpart():
    assert_follows("adam", torch.float32, 100, 1e-4)
    kernel = compile_update_rule(update_rules.adam, 4, 4)
    assert kernel.run
    assert not kernel.reason


def test_without_a_compiler_the_reason_is_given():
    kernel = compile_update_rule(update_rules.adam, 4, 4)
    assert kernel.run is None
    assert kernel.reason == "no compiler for cpu"


@pytest.mark.parametrize(("ours", "theirs", "options"), OPTIONS)
def test_options_equal_those_of_torch(ours, theirs, options):
    mine, other = network(), network()
    expected = trained(other, theirs(other.parameters(), LEARNING_RATE, **options), 100)
    actual = trained(mine, ours(mine.parameters(), LEARNING_RATE, **options), 100)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)


def odd_parameters() -> list[nn.Parameter]:
    """Parameters of all kinds: large and small, channels last, a transposed one, one with gaps, two types."""
    generator = torch.Generator().manual_seed(4)

    def draw(*shape, dtype=torch.float64):
        return torch.randn(shape, generator=generator, dtype=dtype)

    return [
        nn.Parameter(tensor)
        for tensor in (
            draw(3),
            draw(LARGE // 16, 16, 2, 2).to(memory_format=torch.channels_last),
            draw(4, 3, 2, 2).to(memory_format=torch.channels_last),
            draw(100, LARGE // 100 + 1).T,
            draw(LARGE, 2)[:, 0],
            draw(3, 2)[:, 0],
            draw(5, dtype=torch.float32),
            draw(),
            draw(0),
        )
    ]


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_parameters_of_all_kinds_equal_the_counterpart(name):
    """Gradients missing at times or in another memory format, and parameters in other memory once."""
    entry, both = OPTIMIZERS[name], (odd_parameters(), odd_parameters())
    optimizers = entry.make(both[0], LEARNING_RATE), entry.torch_counterpart(both[1], LEARNING_RATE)
    generator = torch.Generator().manual_seed(5)
    for step in range(8):
        for i, pair in enumerate(zip(*both, strict=True)):
            gradient = torch.randn(pair[0].shape, generator=generator, dtype=pair[0].dtype)
            for p in pair:
                p.grad = None if (i + step) % 4 == 0 else gradient.clone()
                if step == 5:
                    p.data = p.data.clone()
        for optimizer in optimizers:
            optimizer.step()
    for mine, theirs in zip(*both, strict=True):
        tolerance = 1e-12 if mine.dtype == torch.float64 else 1e-6
        torch.testing.assert_close(mine, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [3, LARGE])
@pytest.mark.parametrize("name", COUNTERPARTS)
def test_parameter_in_other_memory_equals_the_counterpart(name, size):
    entry, both = OPTIMIZERS[name], [nn.Parameter(torch.ones(size)) for _ in range(2)]
    optimizers = entry.make(both[:1], LEARNING_RATE), entry.torch_counterpart(both[1:], LEARNING_RATE)
    for step in range(4):
        for p, optimizer in zip(both, optimizers, strict=True):
            if step == 2:
                p.data = p.data.clone()
            p.grad = torch.full_like(p, 1.0 + step)
            optimizer.step()
    torch.testing.assert_close(*both, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_scheduler_and_added_group_equal_the_counterpart(name):
    entry, results = OPTIMIZERS[name], []
    for make in (entry.make, entry.torch_counterpart):
        model = network()
        first, *_, last = model
        optimizer = make(first.parameters(), LEARNING_RATE)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
        for step in range(4):
            if step == 2:
                optimizer.add_param_group({"params": last.parameters(), "lr": 0.1})
            trained(model, optimizer, 2, seed=step)
            scheduler.step()
        results.append(nn.utils.parameters_to_vector(model.parameters()).detach())
    torch.testing.assert_close(*results, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_its_counterpart_loads_its_state(name):
    entry, ours, theirs = OPTIMIZERS[name], network(), network()
    optimizer = entry.make(ours.parameters(), LEARNING_RATE)
    trained(ours, optimizer, 5)
    theirs.load_state_dict(ours.state_dict())
    counterpart = entry.torch_counterpart(theirs.parameters(), 1.0)
    counterpart.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    expected = trained(theirs, counterpart, 5, seed=2)
    torch.testing.assert_close(trained(ours, optimizer, 5, seed=2), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_state_carries_the_names_and_shapes_of_torch(name):
    entry, described = OPTIMIZERS[name], []
    for make in (entry.make, entry.torch_counterpart):
        model = network()
        optimizer = make(model.parameters(), LEARNING_RATE)
        trained(model, optimizer, 3)
        state = optimizer.state_dict()["state"]
        described.append(
            {
                i: {key: (value.shape, value.dtype) for key, value in s.items() if value is not None}
                for i, s in state.items()
                if any(value is not None for value in s.values())
            }
        )
    assert described[0] == described[1]


def test_state_reset_or_replaced_by_hand_is_heeded():
    whole, reset = network(), network()
    optimizer = Adam(reset.parameters(), LEARNING_RATE)
    trained(reset, optimizer, 3)
    optimizer.state.clear()
    reset.load_state_dict(whole.state_dict())
    expected = trained(whole, Adam(whole.parameters(), LEARNING_RATE), 4)
    assert torch.equal(trained(reset, optimizer, 4), expected)
    for state in optimizer.state.values():
        state["exp_avg"] = torch.full_like(state["exp_avg"], math.nan)
    assert trained(reset, optimizer, 1).isnan().all()


def test_pickled_optimizer_goes_on():
    model = network()
    optimizer = Adam(model.parameters(), LEARNING_RATE)
    trained(model, optimizer, 3)
    model_copy, optimizer_copy = copy.deepcopy((model, optimizer))
    expected = trained(model, optimizer, 3, seed=2)
    assert torch.equal(trained(model_copy, optimizer_copy, 3, seed=2), expected)


def test_saved_model_is_no_larger():
    sizes = []
    for optimize in (False, True):
        model = network()
        if optimize:
            trained(model, Adam(model.parameters()), 2)
        file = io.BytesIO()
        torch.save(model[0].state_dict(), file)
        sizes.append(file.tell())
    assert sizes[0] == sizes[1]


def test_hooks_run_around_a_step():
    model, seen = network(), []
    optimizer = Adam(model.parameters(), LEARNING_RATE)
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    assert not torch.equal(trained(model, optimizer, 1), before)
    assert seen == ["before", "after"]


@pytest.mark.usefixtures("compiling")
def test_compiled_step_tells_autograd_that_parameters_changed():
    """A backward pass through values that a step has changed must fail, as it does with torch's own."""
    weight = nn.Parameter(torch.ones(LARGE))
    optimizer = Adam([weight])
    loss = (weight**2).sum()
    loss.backward(retain_graph=True)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize(
    ("ours", "theirs", "options"), [case for case in OPTIONS if case[0] is not SGD], ids=str
)
def test_a_loop_is_given_all_that_its_rule_takes(ours, theirs, options, monkeypatch):
    """And is what runs, not the rule as it stands, which gives the same numbers."""
    made, run = [], []

    def compiled(rule, vectors, scalars):
        def loop(given):
            *tensors, numbers = given
            assert (len(tensors), numbers.shape, numbers.dtype) == (vectors, (scalars,), torch.float64)
            run.append(tensors[0].numel())
            rule(*tensors, torch.empty_like(tensors[0]), *numbers.tolist())

        made.append((rule.__name__, vectors, scalars))
        return Kernel(loop, 0.0, "")

    monkeypatch.setattr(flat_params, "compile_update_rule", compiled)
    sizes = [LARGE, 3, LARGE + 1]
    found, expected = ([nn.Parameter(torch.ones(n)) for n in sizes] for _ in range(2))
    for make, parameters in ((ours, found), (theirs, expected)):
        optimizer = make(parameters, LEARNING_RATE, **options)
        for step in range(2):
            for p in parameters:
                p.grad = torch.linspace(-1, 1 + step, p.numel())
            optimizer.step()
    torch.testing.assert_close(found, expected)
    arguments = inspect.signature(getattr(update_rules, made[0][0])).parameters
    tensors = [name for name, a in arguments.items() if a.annotation is torch.Tensor and name != "work"]
    assert set(made) == {(made[0][0], len(tensors), len(arguments) - len(tensors) - 1)}
    assert sorted(run) == [3, 3, LARGE, LARGE, LARGE + 1, LARGE + 1]


@pytest.mark.parametrize("option", [{"maximize": True}, {"amsgrad": True}])
def test_options_of_torch_that_we_lack_are_refused(option):
    counterpart = torch.optim.Adam(network().parameters(), **option)
    with pytest.raises(ValueError, match=f"Invalid {next(iter(option))} of Adam: got True, expected False"):
        Adam(network().parameters()).load_state_dict(counterpart.state_dict())


@pytest.mark.parametrize(
    ("parameter", "gradient", "message"),
    [
        (torch.zeros(2, dtype=torch.complex64), torch.zeros(2, dtype=torch.complex64), "complex64"),
        (torch.zeros(2), torch.zeros(2).to_sparse(), "sparse_coo"),
    ],
)
def test_other_kinds_of_numbers_are_refused(parameter, gradient, message):
    theta = nn.Parameter(parameter)
    theta.grad = gradient
    with pytest.raises(TypeError, match=message):
        Adam([theta]).step()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 1) -> torch.Tensor:
    """Train on fresh batches of noise; all parameters as one vector."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        x = torch.randn(16, 4, generator=generator, dtype=torch.float64)
        t = torch.randint(3, (16,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), t).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(model.parameters()).detach()


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_equals_its_torch_counterpart(name):
    entry, ours, theirs = OPTIMIZERS[name], network(), network()
    expected = trained(theirs, entry.torch_counterpart(theirs.parameters(), LEARNING_RATE), 200)
    actual = trained(ours, entry.make(ours.parameters(), LEARNING_RATE), 200)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-9)
    assert (actual - nn.utils.parameters_to_vector(network().parameters())).abs().max() > 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_dict_goes_on_where_it_was(name):
    entry, whole, resumed = OPTIMIZERS[name], network(), network()
    optimizer = entry.make(whole.parameters(), LEARNING_RATE)
    trained(whole, optimizer, 5)
    weights, state = copy.deepcopy(whole.state_dict()), copy.deepcopy(optimizer.state_dict())
    expected = trained(whole, optimizer, 5, seed=2)

    resumed.load_state_dict(weights)
    fresh = entry.make(resumed.parameters(), 1.0)
    fresh.load_state_dict(state)
    assert torch.equal(trained(resumed, fresh, 5, seed=2), expected)


@pytest.mark.parametrize("name", COUNTERPARTS)
def test_loads_the_state_of_its_counterpart(name):
    entry, theirs, ours = OPTIMIZERS[name], network(), network()
    counterpart = entry.torch_counterpart(theirs.parameters(), LEARNING_RATE)
    trained(theirs, counterpart, 5)
    ours.load_state_dict(theirs.state_dict())
    optimizer = entry.make(ours.parameters(), LEARNING_RATE)
    optimizer.load_state_dict(copy.deepcopy(counterpart.state_dict()))
    expected = trained(theirs, counterpart, 5, seed=2)
    torch.testing.assert_close(trained(ours, optimizer, 5, seed=2), expected, rtol=0, atol=1e-12)


DECAYING = {"lr_decay": 0.3, "initial_accumulator_value": 0.5}


@pytest.mark.parametrize("steps", [0, 5])
@pytest.mark.parametrize("start", [0.5, 2.0])
@pytest.mark.parametrize("makers", [(Adagrad, torch.optim.Adagrad), (torch.optim.Adagrad, Adagrad)])
def test_adagrad_with_decay_and_initial_value_exchanges_its_state_with_torchs(makers, start, steps):
    """Also before the first step, where only torch's has a state, and with another initial value there."""
    models = network(), network()
    saved = makers[0](models[0].parameters(), 0.1, **DECAYING)
    loaded = makers[1](models[1].parameters(), 1.0, initial_accumulator_value=start if steps else 0.5)
    trained(models[0], saved, steps)
    models[1].load_state_dict(models[0].state_dict())
    loaded.load_state_dict(copy.deepcopy(saved.state_dict()))
    expected = trained(models[0], saved, 5, seed=2)
    torch.testing.assert_close(trained(models[1], loaded, 5, seed=2), expected, rtol=0, atol=1e-12)


def test_adagrad_with_groups_of_its_own_options_follows_torchs():
    """Groups have their own decay, one added later its own steps; the initial value is the same."""
    results = []
    for make in (Adagrad, torch.optim.Adagrad):
        model = network()
        first, second = model[0], model[2]
        optimizer = make(
            [{"params": [first.weight]}, {"params": [first.bias], "lr_decay": 0.0, "lr": 0.3}],
            0.1,
            **DECAYING,
        )
        trained(model, optimizer, 3)
        optimizer.add_param_group({"params": second.parameters(), "lr_decay": 2.0})
        results.append(trained(model, optimizer, 5, seed=2))
    torch.testing.assert_close(*results, rtol=0, atol=1e-12)


@pytest.mark.usefixtures("compiling")
def test_compiled_adagrad_with_decay_and_initial_value_follows_torchs():
    generator, results = torch.Generator().manual_seed(0), []
    gradients = torch.randn(5, LARGE, generator=generator)
    for make in (Adagrad, torch.optim.Adagrad):
        theta = nn.Parameter(torch.ones(LARGE))
        optimizer = make([theta], 0.1, **DECAYING)
        for gradient in gradients:
            theta.grad = gradient.clone()
            optimizer.step()
        results.append(theta.detach())
    assert compile_update_rule(update_rules.adagrad, 3, 2).run
    torch.testing.assert_close(*results)


def test_third_step_of_adagrad_with_decay_by_hand():
    """Gradients 1, from G = 3, η = 1: steps 1/√4, 1/(1 + d)/√5 and 1/(1 + 2d)/√6."""
    theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
    optimizer = Adagrad([theta], 1.0, eps=0.0, lr_decay=0.5, initial_accumulator_value=3.0)
    for _ in range(3):
        theta.grad = torch.ones_like(theta)
        optimizer.step()
    assert -theta.item() == pytest.approx(1 / 2 + 1 / 1.5 / math.sqrt(5) + 1 / 2 / math.sqrt(6))


def one_step(make, gradient: float) -> float:
    """How far one step from 0 goes."""
    theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
    theta.grad = torch.tensor(gradient, dtype=torch.float64)
    make([theta], 1.0).step()
    return -theta.item()


@pytest.mark.parametrize("gradient", [3.0, -0.5, 1e-4, 1e-8])
def test_first_step_of_adam_by_hand(gradient):
    """m̂ = g and v̂ = g² at t = 1, so the step is g/(|g| + ε) as published, g/√(g² + ε) as printed."""
    eps = 1e-8
    assert one_step(OPTIMIZERS["adam"].make, gradient) == pytest.approx(gradient / (abs(gradient) + eps))
    inside = one_step(OPTIMIZERS["adam_eps_inside"].make, gradient)
    assert inside == pytest.approx(gradient / math.sqrt(gradient**2 + eps))


def test_eps_inside_the_root_shortens_small_gradients():
    """At |g| = √ε the printed form goes 1/√2 of a step, the published one 1/(1 + √ε): nearly a whole one."""
    assert one_step(OPTIMIZERS["adam_eps_inside"].make, 1e-4) == pytest.approx(1 / math.sqrt(2))
    assert one_step(OPTIMIZERS["adam"].make, 1e-4) == pytest.approx(1 / (1 + 1e-4))


def test_second_steps_by_hand():
    """Gradients 1 then 2, η = 1: v = 0.9 + 2 for momentum, G = 1 + 4 for Adagrad, v = ρ(1 - ρ) + 4(1 - ρ)."""
    rho = 0.75
    expected = {
        "momentum": (lambda p, lr: SGD(p, lr, momentum=0.9), 1 + 2.9),
        "adagrad": (lambda p, lr: Adagrad(p, lr, eps=0), 1 + 2 / math.sqrt(5)),
        "rmsprop": (
            lambda p, lr: RMSprop(p, lr, alpha=rho, eps=0),
            1 / math.sqrt(1 - rho) + 2 / math.sqrt((1 - rho) * (rho + 4)),
        ),
    }
    for name, (make, distance) in expected.items():
        theta = nn.Parameter(torch.zeros((), dtype=torch.float64))
        optimizer = make([theta], 1.0)
        for gradient in (1.0, 2.0):
            theta.grad = torch.tensor(gradient, dtype=torch.float64)
            optimizer.step()
        assert -theta.item() == pytest.approx(distance), name


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_closure_groups_and_missing_gradients(name):
    used, slow, unused = (nn.Parameter(torch.ones(2, dtype=torch.float64)) for _ in range(3))
    optimizer = OPTIMIZERS[name].make([{"params": [used, unused]}, {"params": [slow], "lr": 0.0}], 0.1)

    def closure():
        optimizer.zero_grad()
        loss = (used**2 + slow**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4
    assert (used < 1).all()
    assert torch.equal(slow, torch.ones_like(slow))
    assert torch.equal(unused, torch.ones_like(unused))
    assert unused not in optimizer.state


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, -0.1), "Invalid lr: got -0.1, expected a finite number >= 0"),
        (lambda p: SGD(p, math.nan), "Invalid lr: got nan"),
        (lambda p: SGD(p, 0.1, momentum=1.0), "Invalid momentum: got 1.0, expected 0 <= momentum < 1"),
        (
            lambda p: SGD(p, 0.1, nesterov=True),
            "Invalid momentum: got 0.0, expected a momentum > 0 with nesterov",
        ),
        (lambda p: SGD(p, 0.1, weight_decay=-1.0), "Invalid weight_decay: got -1.0"),
        (lambda p: Adagrad(p, 0.1, eps=-1.0), "Invalid eps: got -1.0"),
        (
            lambda p: Adagrad(p, 0.1, lr_decay=-1.0),
            "Invalid lr_decay: got -1.0, expected a finite number >= 0",
        ),
        (
            lambda p: Adagrad(p, 0.1, initial_accumulator_value=-1.0),
            "Invalid initial_accumulator_value: got -1.0, expected a finite number >= 0",
        ),
        (lambda p: Adagrad([{"params": p, "lr_decay": math.nan}]), "Invalid lr_decay: got nan"),
        (lambda p: RMSprop(p, 0.1, alpha=1.5), "Invalid alpha: got 1.5"),
        (
            lambda p: Adam(p, 0.1, betas=(0.9, 1.0)),
            r"Invalid betas\[1\]: got 1.0, expected 0 <= betas\[1\] < 1",
        ),
        (lambda p: Adam(p, 0.1, betas=(0.9,)), "Invalid betas: .* two numbers"),
        (lambda p: Adam([{"params": p, "lr": -1.0}], 0.1), "Invalid lr: got -1.0"),
    ],
)
def test_hyperparameters_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make([nn.Parameter(torch.zeros(1))])


@pytest.mark.parametrize("make", [SGD, Adagrad, RMSprop, Adam, AdamW])
def test_every_optimizer_is_documented(make):
    words = ("Args:", "Raises:", "Example:", "References:", f"Counterpart: `torch.optim.{make.__name__}`")
    assert all(word in make.__doc__ for word in words)
    assert make.__name__ in optimizers.__all__


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_entry_is_complete(name):
    entry = OPTIMIZERS[name]
    assert all((entry.label, entry.latex, entry.reference))
