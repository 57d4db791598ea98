"""Names of custom candidates: their parts, their arguments as literals, and lists of them."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.candidate_names import arguments, canonical, is_custom, parse, split

BUILTINS = ["relu", "gelu", "swish"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mine.py:B", ("mine.py", "B", "", "")),
        ("mine.py:B@0123abcd", ("mine.py", "B", "", "0123abcd")),
        ("/x/job@2/b.py:B", ("/x/job@2/b.py", "B", "", "")),
        ("/x/job@2/b.py:B@0123abcd", ("/x/job@2/b.py", "B", "", "0123abcd")),
        ("/x/a,b/p.py:B", ("/x/a,b/p.py", "B", "", "")),
        ("/x/a:b/p q(1).py:B(2)", ("/x/a:b/p q(1).py", "B", "(2)", "")),
        ("torch.nn:LeakyReLU(0.2)", ("torch.nn", "LeakyReLU", "(0.2)", "")),
        ("torch.nn:modules.activation.SiLU", ("torch.nn", "modules.activation.SiLU", "", "")),
        ("m:f(a='x:y(z)@q', b=[1, 2])@00000000", ("m", "f", "(a='x:y(z)@q', b=[1, 2])", "00000000")),
        ("mine.py:größe", ("mine.py", "größe", "", "")),
    ],
)
def test_parts_of_a_name(name, parts):
    found = parse(name)
    assert (found.place, found.attribute, found.arguments, found.digest) == parts
    assert str(found) == name
    assert found.label == parts[1] + parts[2]


@pytest.mark.parametrize(
    "name", ["relu", "Swish(beta=2)", "relu@0123abcd", ":B", "m:", "m:1b", "m:f(", "m:f@xyz"]
)
def test_what_is_no_custom_name(name):
    assert not is_custom(name)


LITERALS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.lists(LITERALS, max_size=3), st.dictionaries(st.sampled_from("abcd"), LITERALS))
def test_arguments_are_read_back_whatever_their_order(positional, named):
    words = [*map(repr, positional), *(f"{k}={v!r}" for k, v in reversed(named.items()))]
    text = f"( {' , '.join(words)} )"
    assert arguments(text) == (positional, named)
    once = canonical(text)
    assert arguments(once) == (positional, named)
    assert canonical(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "(__import__('os').system('true'))", "(x)", "(1 + y)", "(*[1])", "(**{'a': 1})", "(a=1, a=2)",
        "(lambda: 1)",
                "(1)(2)", "(1).real", "(f'{1}')", "(1", "([i for i in 'ab'])", "(" * 500 + ")" * 500,
    ],
)  # fmt: skip
def test_what_is_no_literal_is_refused_and_never_run(text):
    with pytest.raises(ValueError, match="Invalid arguments: got"):
        arguments(text)


@given(
    st.lists(
        st.sampled_from(["relu", "m:f(1, 2)", "m:g(a='x,y', b=(1, (2,)))", "n.py:H@01234567"]), min_size=1
    )
)
def test_a_list_is_split_at_its_own_commas(names):
    assert split(",".join(names), BUILTINS) == names
    assert split(" , ".join(names), BUILTINS) == names


def test_a_comma_in_the_path_of_a_file_that_exists(tmp_path):
    folder = tmp_path / "a,b, c"
    folder.mkdir()
    (folder / "p.py").touch()
    name = f"{folder}/p.py:B(1, 2)"
    assert split(f"relu,{name},gelu", BUILTINS) == ["relu", name, "gelu"]
    assert split(f"typo,{tmp_path}/no.py:B", BUILTINS) == ["typo", f"{tmp_path}/no.py:B"]


def test_literals_are_those_of_python():
    assert arguments("(-1.5, 2j, b'x', {1})")[0] == [
        ast.literal_eval(t) for t in ("-1.5", "2j", "b'x'", "{1}")
    ]
