"""Convolutions inside torch.func's transforms and under autocast, compared with torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn, vmap
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jvp, vjp

from impl.convolution import STRATEGIES, avg_pool2d, conv2d, conv_transpose2d, max_pool2d
from impl.convolution.layers import AvgPool2d, Conv2d, ConvTranspose2d, Flatten, Linear, MaxPool2d
from tests.draws import draw_tensors

EXACT = {"rtol": 1e-10, "atol": 1e-10}
SETTINGS = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
NAMES = [*STRATEGIES, "transposed"]
# torch's forward mode scripts some of its formulas when it is first used
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.*torch.jit.script. is deprecated:DeprecationWarning")


def pair_of(name, **settings):
    """The convolution under test and torch's."""
    if name == "transposed":
        return (
            lambda *tensors: conv_transpose2d(*tensors, **settings),
            lambda *tensors: F.conv_transpose2d(*tensors, **settings),
        )
    return (
        lambda *tensors: conv2d(*tensors, **settings, strategy=name),
        lambda *tensors: F.conv2d(*tensors, **settings),
    )


def tensors(seed=0, batch=2):
    return [t.detach() for t in draw_tensors(seed, (batch, 4, 5, 6), (4, 2, 3, 2), (4,))]


def loss(convolve):
    """The sum of a function that is not linear in the output."""
    return lambda *arguments: convolve(*arguments).sin().sum()


# What is done to a convolution of three tensors, and to which
TRANSFORMS = {
    "grad": lambda f, x, w, b: grad(loss(f), (0, 1, 2))(x, w, b),
    "grad in the input": lambda f, x, w, b: grad(loss(f))(x, w, b),
    "grad of grad": lambda f, x, w, b: grad(lambda w: grad(loss(f), 1)(x, w, b).sin().sum())(w),
    "vjp": lambda f, x, w, b: (lambda y, pull: pull(y.cos()))(*vjp(f, x, w, b)),
    "jvp": lambda f, x, w, b: jvp(f, (x, w, b), (x.cos(), w.cos(), b.cos())),
    "jvp in the bias": lambda f, x, w, b: jvp(lambda b: f(x, w, b), (b,), (b.cos(),)),
    "vmap over inputs": lambda f, x, w, b: vmap(f, (0, None, None))(torch.stack([x, x.cos()]), w, b),
    "vmap over images": lambda f, x, w, b: vmap(f, (0, None, None))(x, w, b),
    "vmap over weights": lambda f, x, w, b: vmap(f, (None, 0, None))(x, torch.stack([w, w.cos()]), b),
    "vmap over biases": lambda f, x, w, b: vmap(f, (None, None, 0))(x, w, torch.stack([b, b.cos()])),
    "vmap over all, elsewhere": lambda f, x, w, b: vmap(f, (4, 2, 1), 3)(
        *(torch.stack([t, t.cos()], dim) for t, dim in ((x, 4), (w, 2), (b, 1)))
    ),
    "vmap of vmap": lambda f, x, w, b: vmap(vmap(f, (0, None, None)), (None, 0, 0))(
        x, torch.stack([w, w.cos()]), torch.stack([b, b.cos()])
    ),
    "vmap of grad": lambda f, x, w, b: vmap(grad(loss(f), (0, 1, 2)), (0, None, None))(x, w, b),
    "vmap of jvp": lambda f, x, w, b: vmap(lambda x: jvp(lambda w: f(x, w, b), (w,), (w.cos(),)))(x),
    "jvp of grad": lambda f, x, w, b: jvp(lambda w: grad(loss(f), 1)(x, w, b), (w,), (w.cos(),)),
    "hessian": lambda f, x, w, b: hessian(lambda w: loss(f)(x, w, b))(w),
    "jacfwd": lambda f, x, w, b: jacfwd(f, (1, 2))(x, w, b),
}


@FORWARD_MODE
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_a_transform_equals_that_of_torch(name, transform):
    arguments, apply = tensors(), TRANSFORMS[transform]
    found, expected = (apply(f, *arguments) for f in pair_of(name, **SETTINGS))
    torch.testing.assert_close(found, expected, **EXACT)


@FORWARD_MODE
@pytest.mark.parametrize("name", NAMES)
def test_dual_tensors(name):
    x, w, b = tensors(1)
    found = []
    for f in pair_of(name, **SETTINGS):
        with forward_ad.dual_level():
            dual = f(x, forward_ad.make_dual(w, w.cos()), b)
            found.append(tuple(forward_ad.unpack_dual(dual)))
    torch.testing.assert_close(*found, **EXACT)


@pytest.mark.parametrize("batched", [lambda f: torch._vmap_internals._vmap(f), vmap], ids=["legacy", "func"])
@pytest.mark.parametrize("create_graph", [False, True])
# of `windows`, which is made before the transform: right, and slow
@pytest.mark.filterwarnings("ignore:There is a performance drop .* aten..unfold_backward:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_many_gradients_of_one_output(name, create_graph, batched):
    leaves = [t.requires_grad_() for t in tensors(2)]
    found = []
    for f in pair_of(name, **SETTINGS):
        output = f(*leaves)
        directions = torch.stack([output.detach().cos(), output.detach().sin()])
        gradients = batched(
            lambda v, y=output: torch.autograd.grad(
                y, leaves, v, create_graph=create_graph, retain_graph=True
            )
        )
        found.append(gradients(directions))
    torch.testing.assert_close(*found, **EXACT)
    assert all(g.requires_grad == create_graph for g in found[0][:2])


@pytest.mark.parametrize("constant", [0, 1], ids=["input", "weight"])
@pytest.mark.parametrize("name", NAMES)
def test_second_derivatives_where_one_tensor_is_constant(name, constant):
    leaves = [t.requires_grad_(i != constant) for i, t in enumerate(tensors(3))]
    variable, found = leaves[1 - constant], []
    for f in pair_of(name, **SETTINGS):
        (first,) = torch.autograd.grad(loss(f)(*leaves), variable, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), variable))
    torch.testing.assert_close(*found, **EXACT)


def networks(strategy):
    """The same network of the layers here and of torch's, in float64."""
    ours = (Conv2d, ConvTranspose2d, MaxPool2d, AvgPool2d, Flatten, Linear)
    theirs = (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten, nn.Linear)
    made = []
    for conv, transposed, max_pool, avg_pool, flatten, linear in (ours, theirs):
        torch.manual_seed(4)
        named = {"strategy": strategy} if conv is Conv2d else {}
        made.append(
            nn.Sequential(
                conv(1, 4, 3, padding=1, **named), nn.Tanh(), max_pool(2), transposed(4, 2, 2, 2),
                nn.Tanh(), avg_pool(2), flatten(), linear(2 * 16, 3),
            )
        )  # fmt: skip
    return made


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradients_of_each_sample(strategy):
    (images,) = draw_tensors(5, (3, 1, 8, 8))
    found = []
    for network in networks(strategy):
        network.double()

        def sample_loss(parameters, image, network=network):
            return functional_call(network, parameters, (image[None],)).logsumexp(1).sum()

        parameters = {name: p.detach() for name, p in network.named_parameters()}
        found.append(vmap(grad(sample_loss), (None, 0))(parameters, images.detach()))
    torch.testing.assert_close(*found, **EXACT)


@pytest.mark.parametrize("within", [True, False], ids=["backward within", "backward after"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_training_under_autocast(strategy, within):
    (images,) = draw_tensors(6, (3, 1, 8, 8))
    images = images.detach().float()
    results = []
    for network in networks(strategy):
        with torch.autocast("cpu", torch.bfloat16):
            outputs = [images]
            for layer in network:
                outputs.append(layer(outputs[-1]))
            mean = outputs[-1].float().logsumexp(1).mean()
            if within:
                mean.backward()
        if not within:
            mean.backward()
        results.append((outputs, [p.grad for p in network.parameters()]))
    for ours, theirs in zip(*results, strict=True):
        assert [t.dtype for t in ours] == [t.dtype for t in theirs]
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=8 * 2**-8 * b.abs().max().item())


DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("dtypes", [(a, b) for a in DTYPES for b in DTYPES], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_the_dtype_under_autocast(name, dtypes, lower):
    x, w, b = tensors(7)
    arguments = x.to(dtypes[0]), w.to(dtypes[1]), b.to(dtypes[1])
    ours, theirs = pair_of(name, groups=2)
    with torch.autocast("cpu", lower):
        if torch.float64 in dtypes and dtypes[0] != dtypes[1]:
            with pytest.raises(RuntimeError):
                theirs(*arguments)
            with pytest.raises(
                TypeError, match=r"^Invalid dtype of weight: got torch\.\w+, expected that of"
            ):
                ours(*arguments)
            return
        found, expected = ours(*arguments), theirs(*arguments)
    assert found.dtype == expected.dtype
    scale = expected.abs().max().item()
    torch.testing.assert_close(found, expected, rtol=0, atol=8 * torch.finfo(expected.dtype).eps * scale)


@pytest.mark.parametrize("name", NAMES)
def test_autocast_takes_tensors_by_name(name):
    x, w, b = (t.float() for t in tensors(8))
    function = conv_transpose2d if name == "transposed" else conv2d
    named = {} if name == "transposed" else {"strategy": name}
    with torch.autocast("cpu", torch.bfloat16):
        found = function(input=x, weight=w, bias=b, groups=2, **named)
        assert found.dtype == torch.bfloat16
        assert torch.is_autocast_enabled("cpu")
    assert function(x, w, b, groups=2, **named).dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_each_sample_under_autocast(name):
    x, w, b = (t.float() for t in tensors(9))
    found = []
    for f in pair_of(name, groups=2):
        with torch.autocast("cpu", torch.bfloat16):
            found.append(vmap(grad(loss(f), 1), (0, None, None))(x, w, b))
    assert found[0].dtype == found[1].dtype
    torch.testing.assert_close(*found, rtol=0, atol=8 * 2**-8 * found[1].abs().max().item())


@FORWARD_MODE
@pytest.mark.parametrize(
    ("ours", "theirs"), [(max_pool2d, F.max_pool2d), (avg_pool2d, F.avg_pool2d)], ids=["max", "mean"]
)
def test_pooling_inside_transforms(ours, theirs):
    x, _, _ = tensors(10)
    for transform in (
        lambda f: grad(lambda x: f(x, 2).sin().sum())(x),
        lambda f: vmap(lambda x: f(x, 2))(x),
        lambda f: vmap(grad(lambda x: f(x, 2).sin().sum()))(x),
        lambda f: jvp(lambda x: f(x, 2), (x,), (x.cos(),)),
    ):
        torch.testing.assert_close(transform(ours), transform(theirs), **EXACT)
