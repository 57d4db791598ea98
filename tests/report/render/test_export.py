"""Every drawing of a page is a file of its own that others can use, with the table behind it."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from report.document.page import Attachment, Section
from report.figures.style import INK, style
from report.figures.svg import svg_figure
from report.render.export import export

PAGE = """<!doctype html><table><tr><td>without an anchor</table>
<table id="steps"><caption>Steps</caption>
<thead><tr><th>Name, of it</th><th><math><mi>θ</mi></math> 1</th></tr></thead>
<tbody><tr><th>a &lt;
 b</th><td>1.5</td></tr><tr><th>c "d"</th><td>2.0</td></tr></tbody></table>"""
TABLE = pd.DataFrame({"x": [0, 1], "y": [0.0, 1 / 3]})


def black(name):
    """A drawing 2 by 1 inches whose left half is ink."""
    with style():
        figure, axes = plt.subplots(figsize=(2, 1), layout="none")
        figure.subplots_adjust(0, 0, 1, 1)
        axes.axis("off")
        axes.set(xlim=(0, 2), ylim=(0, 1))
        axes.fill_between([0, 1], 0, 1, color=INK, linewidth=0)
        return svg_figure(figure, TABLE, name=name, title="Half", alt="Half of it is black.")


@pytest.fixture
def files(tmp_path):
    deep = {"deep": [{"figure": black("of-evidence")}]}
    values = {"figure": black("of-answer"), "number": 1.0, "measured": deep}
    context = {
        "title": "T",
        "subtitle": "S",
        "summary": {},
        "sections": [Section(1, "q01", "T", "Q", "answers/q01.html.j2", values)],
        "attachments": [Attachment("here-runs.csv", "Runs.", lambda: "a\n1\n")],
    }
    count = export(context, PAGE, tmp_path)
    found = {p.relative_to(tmp_path).as_posix(): p.read_bytes() for p in tmp_path.rglob("*.*")}
    assert count == len(found)
    return found


def test_every_drawing_and_every_table_has_its_files(files):
    names = ("of-answer", "of-evidence")
    assert set(files) == {
        *(f"figures/{name}.{ending}" for name in names for ending in ("svg", "png")),
        *(f"tables/{name}.csv" for name in (*names, "steps")),
        "tables/here-runs.csv",
    }
    assert files["tables/here-runs.csv"] == b"a\n1\n"
    steps = pd.read_csv(io.BytesIO(files["tables/steps.csv"]))
    assert steps.to_dict("list") == {"Name, of it": ["a < b", 'c "d"'], "θ 1": [1.5, 2.0]}
    read = pd.read_csv(io.BytesIO(files["tables/of-answer.csv"]))
    np.testing.assert_allclose(read, TABLE, rtol=1e-5)


def test_a_drawing_stands_alone(files):
    svg = files["figures/of-evidence.svg"].decode()
    assert "currentColor" not in svg  # nothing around it says which
    assert ET.fromstring(svg).get("viewBox") == "0 0 144 72"


def test_a_picture_is_the_drawing_on_white(files):
    picture = Image.open(io.BytesIO(files["figures/of-answer.png"]))
    assert picture.size == (2 * 216, 216)
    pixels = np.asarray(picture.convert("L"))
    assert (pixels[:, :200] < 50).all()
    assert (pixels[:, 232:] == 255).all()
