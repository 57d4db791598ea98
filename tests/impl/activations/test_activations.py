"""Values against mpmath over whole formats, derivatives, torch's transforms, and every backend."""

import math

import mpmath
import pytest
import torch
from torch import nn
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import jvp, vmap

from impl import activations
from impl.activations import (
    ACTIVATIONS,
    ELU,
    SGELU,
    AdaSGELU,
    Swish,
    ada_sgelu,
    autograd,
    sgelu,
    swish,
    swish_derivative,
)
from impl.activations.autograd import BACKENDS
from impl.compilation import inductor
from tests import oracles


def at_one(f):
    """The formula at the parameter 1, where those that have one begin."""
    return lambda x: f(x, mpmath.mpf(1))


ORACLES = {name: at_one(f) for name, f in oracles.ORACLES.items()}


def limits(f):
    """f at -inf and inf, by its value far out: an integer or infinite."""
    with mpmath.workdps(60):
        far = [f(mpmath.mpf(x)) for x in (-1e8, 1e8)]
        return tuple(float(mpmath.sign(y) * mpmath.inf if abs(y) > 1e6 else mpmath.nint(y)) for y in far)


def slope(f):
    return lambda x: mpmath.diff(f, x)


LIMITS = {name: (limits(f), limits(slope(f))) for name, f in ORACLES.items()}
KINKS = {"relu": 0}  # torch's slope at 0, where there is none
SLOPE_AT_ZERO = {name: KINKS.get(name, float(mpmath.diff(f, 0))) for name, f in ORACLES.items()}
LARGEST_SLOPE = dict.fromkeys(("sgelu", "ada_sgelu", "sgelu_yu"), 1.2578)  # erf(1) + 2/(√π e)
POINTS = torch.tensor(
    [-30.0, -6.5, -3.0, -1.1, -0.75, -1e-3, -1e-9, 1e-9, 1e-3, 0.3, 1.0, 2.5, 7.0, 30.0], dtype=torch.float64
)
HALF_TYPES = [torch.float16, torch.bfloat16]
# torch's own forward mode compiles decompositions with torch.jit when it is first used
FORWARD_MODE = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
HAS_COMPILER = inductor.compiler("cpu") is not None


def values(f, points):
    """f by mpmath, 40 digits, as float64."""
    with mpmath.workdps(40):
        return torch.tensor([float(f(mpmath.mpf(x))) for x in points.tolist()], dtype=torch.float64)


def all_halves(dtype):
    return torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)


def spacing(x, dtype):
    """Unit in the last place of `dtype` at x (float64)."""
    info = torch.finfo(dtype)
    exponent = torch.frexp(x.abs().clamp(min=info.tiny)).exponent - 1
    return torch.ldexp(torch.full_like(x, info.eps), exponent)


def test_every_activation_has_its_oracle():
    missing = ACTIVATIONS.keys() - ORACLES.keys()
    assert not missing, f"add the formula of {', '.join(missing)} to tests/oracles.py"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_row_gives_function_derivative_and_module(name):
    """The package exports what follows from the registry; the module's documentation is its function's."""
    row = ACTIVATIONS[name]
    for exported in (row.f, row.derivative, row.module):
        assert getattr(activations, exported.__name__) is exported
        assert exported.__name__ in activations.__all__
    for part in ("Shape:", "Example:", f">>> {row.module.__name__}()(", "References:"):
        assert part in row.module.__doc__, f"{row.f.__name__}'s docstring lacks {part}"


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_value_is_that_of_mpmath(name):
    torch.testing.assert_close(
        ACTIVATIONS[name].f(POINTS), values(ORACLES[name], POINTS), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_derivative_is_that_of_mpmath(name):
    expected = values(lambda x: mpmath.diff(ORACLES[name], x), POINTS)
    torch.testing.assert_close(ACTIVATIONS[name].derivative(POINTS), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dtype", HALF_TYPES, ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_half_precision_value(name, dtype):
    activation, x = ACTIVATIONS[name], all_halves(dtype)
    wide = x.double()
    # float64 stands for mpmath where it was seen to agree with it, on every 61st value
    some = torch.arange(0, 2**16, 61)
    some = some[wide[some].isfinite() & (wide[some] != 0)]
    torch.testing.assert_close(
        activation.f(wide[some]), values(ORACLES[name], wide[some]), rtol=1e-12, atol=1e-290
    )
    for f in (activation.f, activation.derivative):
        exact, ours = f(wide), f(x)
        assert ours.dtype == dtype
        largest = torch.finfo(dtype).max
        finite = wide.isfinite() & (exact.abs() <= largest)
        error, exact = (ours.double() - exact).abs()[finite], exact[finite]
        # half a unit for the rounding, the rest for single precision's own error
        assert (error <= spacing(exact, dtype) / 2 + 4 * spacing(exact, torch.float32) + 2e-7).all()
        assert ours[x.isnan()].isnan().all()
        assert not ours[wide.isfinite()].isnan().any()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, *HALF_TYPES], ids=str)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_infinity_nan_and_zero(name, dtype):
    activation = ACTIVATIONS[name]
    ends = torch.tensor([-math.inf, math.inf], dtype=dtype)
    torch.testing.assert_close(activation.f(ends).double(), torch.tensor(LIMITS[name][0]).double())
    torch.testing.assert_close(activation.derivative(ends).double(), torch.tensor(LIMITS[name][1]).double())
    zeros = torch.tensor([-0.0, 0.0], dtype=dtype)
    expected = torch.full((2,), float(ORACLES[name](mpmath.mpf(0))), dtype=dtype)
    torch.testing.assert_close(activation.f(zeros), expected)
    torch.testing.assert_close(
        activation.derivative(zeros), torch.full((2,), SLOPE_AT_ZERO[name], dtype=dtype)
    )
    nan = torch.full((3,), math.nan, dtype=dtype)
    assert activation.f(nan).isnan().all()
    assert activation.derivative(nan).isnan().all()


def singles():
    """A million values, all powers of two with their neighbours, and large ones."""
    generator = torch.Generator().manual_seed(0)
    powers = torch.tensor([2.0**k for k in range(-149, 128)])
    around = torch.cat([powers, powers.nextafter(torch.tensor(math.inf)), powers.nextafter(torch.zeros(1))])
    spread = torch.cat(
        [torch.linspace(-8, 8, 500_001), 2 * torch.randn(500_000, generator=generator), torch.tensor([1e4])]
    )
    return torch.cat([around, -around, spread, -spread[-1:]])


def pulled_back(run, x, *parameters):
    """Value and gradient in x of run(x), upstream gradients all one."""
    x = x.clone().requires_grad_()
    y = run(x, *parameters)
    return y.detach(), torch.autograd.grad(y, x, torch.ones_like(y))[0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_single_precision_on_every_backend(name, backend):
    module, x = ACTIVATIONS[name].module(), singles()
    parameters = [*module.parameters(), *module.buffers()]
    for ours, exact in zip(
        pulled_back(lambda x: BACKENDS[backend](module.op, x, *parameters), x),
        (ACTIVATIONS[name].f(x.double()), ACTIVATIONS[name].derivative(x.double())),
        strict=True,
    ):
        assert ours.isfinite().all()
        error = (ours.double() - exact).abs()
        # for the others as much as torch's own kernels are off: GELU's tail is a difference from x, and
        # autograd's slope of Swish holds x (1 - σ(x))
        absolute = 1e-7 * LARGEST_SLOPE[name] if name in LARGEST_SLOPE else 8e-7
        allowed = torch.maximum(4 * spacing(exact, torch.float32), torch.tensor(absolute))
        worst = (error / allowed).argmax()
        assert error[worst] <= allowed[worst], f"{error[worst]:.3g} at {x[worst]:.9g}"


@pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fused_values_at_infinity_and_nan(name):
    module = ACTIVATIONS[name].module()
    x = torch.tensor([-math.inf, math.inf, math.nan])
    parameters = [*module.parameters(), *module.buffers()]
    for ours, expected in zip(
        pulled_back(lambda x: BACKENDS["fused"](module.op, x, *parameters), x), LIMITS[name], strict=True
    ):
        torch.testing.assert_close(ours[:2].double(), torch.tensor(expected).double())
        assert ours[2].isnan()


FINITE = torch.tensor([-3.0, 0.0, 2.0])
SILU = {  # module, input -> whether torch's kernel is right
    "finite": (Swish(), FINITE, True),
    "no elements": (Swish(), FINITE[:0], True),
    "minus infinity": (Swish(), torch.tensor([-math.inf, 1.0]), False),
    "infinities": (Swish(), torch.tensor([-math.inf, math.inf]), False),
    "NaN": (Swish(), torch.tensor([math.nan, 1.0]), False),
    "a sum beyond float32": (Swish(), torch.tensor([3e38, 3e38, -1.0]), False),
    "another beta": (Swish(beta=2.0), FINITE, False),
    "a trained beta": (Swish(trainable=True), FINITE, False),
    "float64": (Swish(dtype=torch.float64), FINITE.double(), False),
}


@pytest.mark.parametrize(("module", "x", "right"), SILU.values(), ids=SILU)
def test_swish_calls_torchs_kernel_where_that_is_right(monkeypatch, module, x, right):
    silu, calls = torch.nn.functional.silu, []
    monkeypatch.setattr(torch.nn.functional, "silu", lambda x: calls.append(1) or silu(x))
    value, slope = pulled_back(module, x)
    assert len(calls) == right
    beta = module.beta.detach()
    torch.testing.assert_close(value, swish(x, beta), equal_nan=True)
    torch.testing.assert_close(slope, swish_derivative(x, beta), equal_nan=True)


@FORWARD_MODE
@pytest.mark.parametrize("backend", ["composed", "analytic"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_first_and_second_order(name, backend):
    # finite differences reach across a kink from the points nearer to it
    x = POINTS[POINTS.abs() >= 1e-3].requires_grad_()
    module = ACTIVATIONS[name].module(dtype=torch.float64)
    parameters = [
        torch.tensor(0.8).double().requires_grad_() for _ in (*module.parameters(), *module.buffers())
    ]

    def run(x, *parameters):
        return BACKENDS[backend](module.op, x, *parameters)

    assert gradcheck(run, (x, *parameters), check_forward_ad=True)
    assert gradgradcheck(run, (x, *parameters))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_fused_gradient_can_be_differentiated(name):
    module, x = ACTIVATIONS[name].module(), POINTS[POINTS.abs() >= 1e-3]
    second = []
    for dtype in (torch.float32, torch.float64):
        z = x.to(dtype, copy=True).requires_grad_()
        (first,) = torch.autograd.grad(module.to(dtype)(z).sum(), z, create_graph=True)
        second.append(torch.autograd.grad(first.sum(), z, allow_unused=True)[0])
    if second[0] is None:  # relu: torch knows that its slope is constant
        assert second[1] is None
    else:
        torch.testing.assert_close(second[0].double(), second[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [name for name, a in ACTIVATIONS.items() if a.native])
def test_agrees_with_torchs_kernel(name):
    x = torch.linspace(-10, 10, 4001)
    torch.testing.assert_close(ACTIVATIONS[name].f(x), ACTIVATIONS[name].native(x), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_keeps_shape_type_and_layout(name, backend):
    module = ACTIVATIONS[name].module()
    inputs = [
        torch.ones(()),
        torch.ones(0),
        torch.randn(2, 3, 4),
        torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.randn(6, 4).T,
        torch.randn(8, 8)[::2, 1::3],
        torch.randn(1, 5).expand(3, 5),
    ]
    for x in inputs:
        y, gradient = pulled_back(
            lambda x: BACKENDS[backend](module.op, x, *module.parameters(), *module.buffers()), x
        )
        exact = ACTIVATIONS[name].f(x)
        assert (y.shape, y.dtype, y.stride()) == (exact.shape, exact.dtype, exact.stride())
        torch.testing.assert_close(y, exact, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(gradient, ACTIVATIONS[name].derivative(x), rtol=1e-5, atol=1e-6)


def test_a_gradient_of_another_layout():
    x = torch.randn(2, 3, 4, 5, requires_grad=True)
    upstream = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    (gradient,) = torch.autograd.grad(SGELU()(x), x, upstream)
    torch.testing.assert_close(gradient, upstream * ACTIVATIONS["sgelu"].derivative(x))


@FORWARD_MODE
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_vmap_and_jvp(name):
    f, x = ACTIVATIONS[name].module(), torch.linspace(-3, 3, 12).view(3, 4) + 0.1
    torch.testing.assert_close(vmap(f)(x), ACTIVATIONS[name].f(x), rtol=1e-5, atol=1e-6)
    tangent = torch.randn(3, 4)
    y, derivative = jvp(f, (x,), (tangent,))
    torch.testing.assert_close(y, ACTIVATIONS[name].f(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(derivative, tangent * ACTIVATIONS[name].derivative(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_under_autocast(name):
    layers = nn.Sequential(nn.Linear(8, 8), ACTIVATIONS[name].module())
    x = torch.randn(4, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layers(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layers.parameters())


@pytest.mark.parametrize(
    ("names", "backend"),
    [
        (list(ACTIVATIONS), "aot_eager"),  # traced as for Inductor, without its minute of compiling
        pytest.param(
            ["sgelu", "ada_sgelu"],
            "inductor",
            marks=pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler"),
        ),
    ],
)
def test_a_compiled_model_trains(names, backend):
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), ACTIVATIONS[n].module()) for n in names))
    x, y = torch.randn(64, 8), torch.randn(64, 8)
    compiled = torch.compile(model, backend=backend, fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x), rtol=1e-4, atol=1e-5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (compiled(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > losses[-1]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_export(name):
    module, x = ACTIVATIONS[name].module(), torch.linspace(-3, 3, 12)
    program = torch.export.export(module, (x,))
    torch.testing.assert_close(program.module()(x), ACTIVATIONS[name].f(x), rtol=1e-5, atol=1e-6)


def test_alpha_starts_at_one_is_trained_and_its_gradient_is_x_erf_x():
    module = AdaSGELU()
    assert [(name, p.item()) for name, p in module.named_parameters()] == [("alpha", 1.0)]
    x = torch.linspace(-2, 2, 9)
    module(x).sum().backward()
    torch.testing.assert_close(module.alpha.grad, sgelu(x).sum())


@pytest.mark.parametrize(
    ("make", "f"),
    [(AdaSGELU, ada_sgelu), (Swish, swish), (ELU, ACTIVATIONS["elu"].f)],
    ids=["ada_sgelu", "swish", "elu"],
)
@pytest.mark.parametrize("value", [0.25, 1.0, 3.0])
def test_a_parameter_scales_and_is_trained(make, f, value):
    module, x = make(value, trainable=True), torch.linspace(-4, 4, 1001)
    exact = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    upstream = torch.rand(1001)  # of one sign, as the derivative is: a sum of both loses digits
    expected = f(x.double(), exact)
    (gradient,) = torch.autograd.grad(expected, exact, upstream.double())
    y = module(x)
    y.backward(upstream)
    torch.testing.assert_close(y, expected.float(), rtol=1e-5, atol=1e-6)
    (parameter,) = module.parameters()
    torch.testing.assert_close(parameter.grad, gradient.float(), rtol=1e-5, atol=1e-5)


def test_the_gradient_of_alpha_over_many_elements():
    x, module = torch.randn(2**22), AdaSGELU()
    module(x).backward(torch.ones_like(x))
    torch.testing.assert_close(module.alpha.grad.double(), sgelu(x.double()).sum(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_module_has_a_device_a_type_and_a_state(name):
    module = ACTIVATIONS[name].module(device="cpu", dtype=torch.float64)
    assert all(t.dtype == torch.float64 for t in module.state_dict().values())
    again = ACTIVATIONS[name].module(dtype=torch.float64)
    for tensor in module.state_dict().values():
        tensor.fill_(0.5)
    again.load_state_dict(module.state_dict())
    x = torch.linspace(-2, 2, 9).double()
    torch.testing.assert_close(again(x), module(x), rtol=0, atol=0)


def test_the_representation_names_the_parameter():
    assert repr(AdaSGELU(0.5)) == "AdaSGELU(alpha=0.5, trainable=True)"
    assert repr(Swish(beta=2)) == "Swish(beta=2, trainable=False)"
    assert repr(SGELU()) == "SGELU()"


@pytest.fixture
def forgetful():
    """Kernels forgotten before and after."""
    for remembered in (inductor.compile_elementwise, autograd.compiled_kernels):
        remembered.cache_clear()
    yield
    for remembered in (inductor.compile_elementwise, autograd.compiled_kernels):
        remembered.cache_clear()


@pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_all_are_compiled_with_a_parameter_that_is_trained_or_not(name, forgetful):
    """Else the next best would run, unnoticed: it gives the same values."""
    module, x = ACTIVATIONS[name].module(), torch.linspace(-4, 4, 9).requires_grad_()
    parameters = [torch.tensor(0.5) for _ in (*module.parameters(), *module.buffers())]
    for trained in (False, True)[: 1 + len(parameters)]:
        inputs = [x, *(p.clone().requires_grad_(trained) for p in parameters)]
        y = BACKENDS["fused"](module.op, *inputs)
        assert y.grad_fn.name() == "_CompiledBackward"
        exact = [v.detach().double().requires_grad_(v.requires_grad) for v in inputs]
        expected = BACKENDS["composed"](module.op, *exact)
        torch.testing.assert_close(y.double(), expected, rtol=1e-5, atol=1e-6)
        found = torch.autograd.grad(y.sum(), inputs[: 1 + trained])
        for ours, right in zip(found, torch.autograd.grad(expected.sum(), exact[: 1 + trained]), strict=True):
            torch.testing.assert_close(ours.double(), right, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")
@pytest.mark.parametrize(
    ("x", "alpha", "compiled"),
    [
        (torch.randn(2), torch.ones(()), True),
        (torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), torch.ones(()), True),
        (torch.randn(1), torch.ones(()), False),
        (torch.randn(2).double(), torch.ones(()), False),
        (torch.randn(2), torch.ones(()).double(), False),
        (torch.randn(3, 2).T, torch.ones(()), False),
        (torch.randn(2, 3, 4, 5, 6).to(memory_format=torch.channels_last_3d), torch.ones(()), False),
        (torch.randn(2, 3, 4, 5)[:, :, ::2], torch.ones(()), False),
    ],
)
def test_what_a_loop_over_memory_cannot_take_is_left_to_the_next_best(x, alpha, compiled, forgetful):
    y = BACKENDS["fused"](AdaSGELU.op, x.requires_grad_(), alpha)
    assert y.grad_fn.name() == ("_CompiledBackward" if compiled else "_CustomAutogradBackward")


@FORWARD_MODE
@pytest.mark.parametrize("backend", BACKENDS)
def test_forward_mode_in_the_parameter_alone(backend):
    x, alpha = torch.linspace(-2, 2, 9), torch.tensor(0.5)
    with forward_ad.dual_level():
        y = BACKENDS[backend](AdaSGELU.op, x, forward_ad.make_dual(alpha, torch.tensor(3.0)))
        tangent = forward_ad.unpack_dual(y).tangent
    torch.testing.assert_close(tangent, 3 * sgelu(x))


@pytest.mark.parametrize("broken", ["no compiler", "a compiler that fails"])
def test_without_a_compiler_the_next_best_runs(broken, forgetful, monkeypatch):
    if broken == "no compiler":
        monkeypatch.setenv("CXX", "no-such-compiler")
    else:
        monkeypatch.setattr(inductor, "_compile", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    x = torch.linspace(-2, 2, 9)
    y, gradient = pulled_back(SGELU(), x)
    torch.testing.assert_close(y, sgelu(x))
    torch.testing.assert_close(gradient, ACTIVATIONS["sgelu"].derivative(x))
    kernel = inductor.KERNELS["x_erf_x", "cpu"]
    assert kernel.run is None
    assert ("no compiler" if broken == "no compiler" else "disk full") in kernel.reason or not HAS_COMPILER


@pytest.mark.skipif(not HAS_COMPILER, reason="no C++ compiler")
def test_a_kernel_that_computes_something_else_is_refused(forgetful, monkeypatch):
    from torch import _inductor

    right = _inductor.standalone_compile

    def wrong(*args, **kwargs):
        run = right(*args, **kwargs)
        return lambda *tensors: run(*tensors) + 1

    monkeypatch.setattr(_inductor, "standalone_compile", wrong)
    kernel = inductor.compile_elementwise(sgelu, 1, 0, "cpu")
    assert kernel.run is None
    assert "not close" in kernel.reason
    assert kernel.seconds > 0
