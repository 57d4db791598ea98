"""Figures as SVG: many in a page, in both themes, always the same bytes, with alt text."""

import itertools
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from impl.activations.registry import ACTIVATIONS
from report.figures.style import INK, PALETTE, STROKES, stroke, style
from report.figures.svg import SHOWN, path_frame, power, svg_figure

TABLE = pd.DataFrame({"x": [0, 1, 2], "y, in s": [0.0, 1.0, -1.0]})


def example(name="one", title="A line"):
    with style():
        figure, axes = plt.subplots(figsize=(4, 2))
        axes.plot([0, 1, 2], [0, 1, -1], label="line", **stroke("gelu"))
        axes.set(xlabel="x", ylabel="y")
        axes.legend()
        return svg_figure(figure, TABLE, name=name, title=title, alt="It rises & falls.").svg


def test_bytes_are_the_same_every_time():
    assert example() == example()


def test_ids_are_the_figures_own_and_found():
    first, second = example("one"), example("two")
    ids = [re.findall(r'\bid="([^"]+)"', svg) for svg in (first, second)]
    assert not set(ids[0]) & set(ids[1])
    assert len(ids[0]) == len(set(ids[0]))
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', first)
    assert used
    assert set(used) <= set(ids[0])


def test_words_and_size():
    svg = ET.fromstring(example(title="A < B"))
    name = "{http://www.w3.org/2000/svg}"
    assert svg.get("role") == "img"
    assert svg.find(f"{name}title").text == "A < B"
    assert svg.find(f"{name}desc").text == "It rises & falls."
    assert svg.get("viewBox") == "0 0 288 144"  # 4 by 2 inches in points
    assert (svg.get("width"), svg.get("height")) == ("288pt", "144pt")


def test_ink_follows_the_text_and_paper_shows_through():
    svg = example()
    assert INK not in svg
    assert "currentColor" in svg
    assert not re.search(r'fill="(?:#ffffff|white)"', svg)
    assert not re.search(r"<style|\bstyle=", svg)


def test_figure_is_closed():
    before = plt.get_fignums()
    example()
    assert plt.get_fignums() == before


def test_name_must_be_an_id():
    with style():
        figure = plt.figure()
    with pytest.raises(ValueError, match="figure name '1 x' may hold only"):
        svg_figure(figure, TABLE, name="1 x", title="", alt="")
    with pytest.raises(ValueError, match="figure 'x' has no rows behind it"):
        svg_figure(figure, TABLE.iloc[:0], name="x", title="", alt="")
    plt.close(figure)


def drawn(table):
    with style():
        return svg_figure(plt.subplots()[0], table, name="x", title="", alt="")


def test_the_whole_table_goes_with_the_figure():
    n = 10 * SHOWN + 1
    found = drawn(pd.DataFrame({"k": range(n), "value": np.linspace(0, 1 / 3, n), "name": "a,b"}))
    assert found.stride == 11
    assert [row[0] for row in found.rows] == [str(k) for k in range(0, n, 11)]
    assert found.rows[0][1:] == ["0", "a,b"]
    lines = found.csv().splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("k,value,name", f'{n - 1},0.333333,"a,b"', n + 1)


def test_what_is_missing_from_a_table_is_said():
    assert drawn(pd.DataFrame({"low": [float("nan"), -0.5]})).rows == [["none"], ["−0.5000"]]


def test_powers_are_written_out():
    assert [power(10, x) for x in (1e-3, 1.0, 1e5, 20.0)] == ["10⁻³", "10⁰", "10⁵", ""]
    assert power(2, 2.0**14) == "2¹⁴"


@pytest.mark.parametrize("base", [2, 10])
def test_logarithmic_axes_have_their_powers(base):
    with style():
        figure, axes = plt.subplots()
        axes.plot([base**3, base**6], [1, 2])
        axes.set_xscale("log", base=base)
        svg = svg_figure(figure, TABLE, name="x", title="", alt="").svg
    assert f"<!-- {base}³ -->" in svg


def test_paths_become_one_frame():
    found = path_frame("method", {"a": [[0, 1], [2, 3]], "b": [[4, 5]]})
    assert found.to_dict("list") == {
        "method": ["a", "a", "b"], "step": [0, 1, 0], "w1": [0, 2, 4], "w2": [1, 3, 5]
    }  # fmt: skip


def luminance(color):
    """Relative luminance of sRGB (WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("paper", ["#ffffff", "#14161a"])
@pytest.mark.parametrize("look", STROKES, ids=lambda look: look.color)
def test_strokes_stand_out_in_both_themes(look, paper):
    light, dark = sorted((luminance(look.color), luminance(paper)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 3


@pytest.mark.parametrize("pair", list(itertools.combinations(STROKES, 2)), ids=str)
def test_no_two_strokes_look_alike_in_grey(pair):
    one, other = pair
    assert one.dash != other.dash
    assert one.marker != other.marker
    assert one.color != other.color


def test_every_activation_has_a_stroke_of_its_own():
    assert list(PALETTE) == list(ACTIVATIONS)
    assert len(set(PALETTE.values())) == len(ACTIVATIONS), "add strokes to report.figures.style.STROKES"


def test_a_custom_activation_has_a_stroke():
    assert stroke("theirs")["color"] not in {known.color for known in PALETTE.values()}
