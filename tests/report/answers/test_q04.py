"""Question 4's gradients against autograd and differences, its errata against lines that would be right."""

import numpy as np
import pytest
import sympy
import torch
from matplotlib import pyplot as plt

from report.algebra.identities import Identity, holds, outcome
from report.answers.q04 import algebra as q04_algebra
from report.answers.q04 import example as q04_example
from report.answers.q04 import loop as q04_loop
from report.answers.q04.answer import ANSWER
from report.figures.computation import Node, computation_graph
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return dict(ANSWER.values())


def test_gradients_are_those_of_autograd_and_of_differences(values):
    p = q04_example.PARAMETERS
    oracle = q04_example.by_autograd(q04_example.loss, p)
    for gradient, expected in zip(values["g"], oracle, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=0, atol=1e-14)
    assert q04_example.distance(oracle, q04_example.by_differences(q04_example.loss, p)) < 1e-9
    assert q04_example.distance(oracle, q04_example.by_network(p)) < 1e-14


def test_a_wrong_gradient_would_be_seen():
    p = q04_example.PARAMETERS
    gradients = q04_example.by_autograd(q04_example.loss, p)
    assert q04_example.distance(gradients, gradients._replace(B2=gradients.B2 * 1.01)) > 1e-4


def test_softmax_delta_is_p_minus_y_and_the_printed_formula_is_not(values):
    softmax = values["softmax"]
    torch.testing.assert_close(softmax.full, softmax.p - q04_example.Y)
    torch.testing.assert_close(softmax.autograd, softmax.p - q04_example.Y)
    assert values["softmax_wrong"] == pytest.approx(float(softmax.p[1]))  # the second entry is lost


def test_printed_permutation_loses_a_sample_each_epoch(values):
    n = values["loop_"]["samples"]
    assert values["loop_"]["sizes"] == list(range(n, -1, -1))
    assert values["loop_"]["left_out"] == [n - 1]
    assert set(values["loop_"]["right_sizes"]) == {n}
    assert sorted(q04_loop.printed_order(5, np.random.default_rng(0))) == [0, 1, 2, 3]


def test_printed_loop_is_out_of_samples_and_the_right_one_learns_more(values):
    xor = values["loop_"]["xor"]
    assert xor["printed_empty"] == len(q04_loop.XOR)
    assert xor["learned"] > xor["printed_learned"]


def test_messages_are_those_of_python():
    assert q04_loop.message(lambda: len(3)) == "TypeError: object of type 'int' has no len()"
    assert q04_loop.message(lambda: len([3])) is None


def test_errata_are_the_five(values):
    found = [e.identifier for e in ANSWER.errata(values)]
    assert found == ["q04-range", "q04-permutation", "q04-update", "q04-bias", "q04-softmax"]


def test_the_update_line_multiplies_a_list_by_a_float(values):
    with pytest.raises(TypeError) as error:
        [torch.ones(1), torch.ones(1)] * 0.1
    assert values["loop_"]["update_error"] == f"TypeError: {error.value}"


def test_lines_that_ran_would_raise_no_erratum(values):
    right = {
        **values,
        "loop_": {**values["loop_"], "range_error": None, "left_out": [], "update_error": None},
        "bias_line": {**values["bias_line"], "product": None},
        "softmax_wrong": values["softmax_right"],
    }
    assert ANSWER.errata(right) == []


EQUATIONS = {identity.name: identity for identity in q04_algebra.identities()}


@pytest.mark.parametrize("name", EQUATIONS)
def test_backpropagation_is_derived_for_any_activation(name):
    equation = EQUATIONS[name]
    assert holds(equation)
    *rest, last = equation.right
    assert not holds(Identity(name, equation.left, [*rest, 2 * last]))


def put(expression, name, function):
    """The expression with a function of which only the name is known made another."""
    return expression.replace(lambda part: part.func.__name__ == name, lambda part: function(*part.args))


def test_derived_gradients_with_tanh_and_sigmoid_are_those_of_autograd():
    functions = {
        "f1": sympy.tanh,
        "f1'": lambda z: 1 - sympy.tanh(z) ** 2,
        "f2": lambda z: 1 / (1 + sympy.exp(-z)),
        "f2'": lambda z: sympy.exp(-z) / (1 + sympy.exp(-z)) ** 2,
    }
    generator = torch.Generator().manual_seed(0)
    sizes = {"v": (2, 2), "a": (2,), "w": (2, 2), "b": (2,), "x": (2,), "y": (2,)}
    drawn = {n: torch.randn(size, generator=generator, dtype=torch.float64) for n, size in sizes.items()}
    given = {f"{n}{k}": float(value) for n, all_ in drawn.items() for k, value in enumerate(all_.flatten())}
    leaves = [drawn[n].requires_grad_() for n in ("w", "b", "v", "a")]
    w, b, v, a = leaves
    loss = (torch.sigmoid(w @ torch.tanh(v @ drawn["x"] + a) + b) - drawn["y"]).square().sum() / 2
    for equation, expected in zip(EQUATIONS.values(), torch.autograd.grad(loss, leaves), strict=True):
        found = list(equation.right)
        for name, function in functions.items():
            found = [put(e, name, function) for e in found]
        assert [float(e.subs(given)) for e in found] == pytest.approx(expected.flatten().tolist(), rel=1e-12)


def test_the_text_says_whether_the_gradients_were_derived(values):
    assert "Sympy derives the same gradients for any elementwise" in said("q04", values)
    wrong = outcome([Identity("the bias", [sympy.Symbol("b")], [0])])
    assert "Sympy derives other gradients for the bias." in said("q04", {**values, "algebra": wrong})


def test_the_text_counts_the_starts_from_which_each_loop_learns(values):
    loop = values["loop_"]
    text = said("q04", values)
    assert "learns the exclusive or from none of 5 starts, the corrected loop from all 5 starts." in text
    other = {**loop, "left_out": [], "xor": {**loop["xor"], "learned": 4, "printed_learned": 5}}
    text = said("q04", {**values, "loop_": other})
    assert "learns the exclusive or from all 5 starts, the corrected loop from 4 of 5 starts." in text
    assert "read with Python's ranges" not in text


def test_the_graph_has_every_value_and_gradient_of_the_backward_pass(values):
    p = q04_example.PARAMETERS
    W1, B1, W2, B2, x, y = (t.clone().requires_grad_() for t in (*p, q04_example.X, q04_example.Y))
    z1 = W1 @ x + B1
    a1 = torch.sigmoid(z1)
    z2 = W2 @ a1 + B2
    a2 = torch.sigmoid(z2)
    loss = (a2 - y).square().sum() / 2
    gradients = torch.autograd.grad(loss, (z1, a1, z2, a2, loss))
    expected = dict(zip(("δ₁", "W₂ᵀδ₂", "δ₂", "A₂ − Y", "∂L/∂L"), gradients, strict=True))
    expected |= {"X": x, "Z₁": z1, "A₁": a1, "Z₂": z2, "A₂": a2, "L": loss}
    table = values["graph"].table
    assert set(table["quantity"]) == set(expected)
    for name, part in table.groupby("quantity"):
        assert part["value"].tolist() == pytest.approx(expected[name].flatten().tolist(), abs=1e-12)


def test_the_graph_draws_an_arrow_for_each_pass_between_two_nodes():
    figure = computation_graph(
        [Node("X", ["1"]), Node("Z", ["2"], ("δ", ["3"])), Node("L", ["4"], ("1", ["5"]))]
    )
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(text for text in texts if text) == sorted(["X", "1", "Z", "2", "δ\n3", "L", "4", "1\n5"])
    assert texts.count("") == 3  # two arrows to the right, one to the left: there is none to the input
    plt.close(figure)
