"""How it was measured: the drawing has the networks' layers, and the table what the store holds."""

import pytest
from torch import nn

from impl.models import MnistClassifier
from report.document.answer import Source
from report.pages import setup
from tests import small_store as small
from tests.said import check_section


def test_layers_of_the_classifier_in_the_drawing():
    assert list(setup._layers(MnistClassifier(nn.Identity))) == [
        ("weights", "784 → 128"),
        ("batch norm", "batch norm"),
        ("activation", "f"),
        ("dropout", "dropout 0.500"),
        ("weights", "128 → 10"),
    ]


@pytest.mark.parametrize("name", setup.MODELS)
def test_every_layer_with_weights_is_drawn(name):
    model = setup.MODELS[name]
    table = setup.drawing().table
    drawn = table[table["network"].str.lower() == name.lower()]
    weights = [p for p in model.parameters() if p.dim() > 1]
    assert (drawn["kind"] == "weights").sum() == len(weights)
    assert (drawn["layer"] == "f").sum() == sum(isinstance(m, nn.Identity) for m in model.modules())


def test_rates_are_those_that_all_activations_tried(tmp_path):
    rates = {"relu": (1e-3, 3e-3, 1e-2), "gelu": (1e-3, 3e-3, 3e-2), "control": (1.0,)}
    runs = [small.scored(0.9, rate, activation=name) for name in rates for rate in rates[name]]
    assert setup.shared_rates(small.snapshot(tmp_path / "r.sqlite", runs)) == [1e-3, 3e-3]


def test_sizes_are_those_of_the_store(tmp_path):
    runs = [small.scored(0.9, seed=seed, activation=name) for name in ("relu", "gelu") for seed in range(4)]
    runs += [small.scored(0.9, seed=seed, activation="mish") for seed in range(2)]
    runs += [small.scored(0.9, seed=seed, activation="control") for seed in range(3)]
    source = Source("here", "Here", small.snapshot(tmp_path / "r.sqlite", runs))
    (row,) = setup.size_rows(source.snapshot)
    config = runs[0][0]
    assert row == [
        "Classifier with batch norm",
        str(config.samples),
        str(config.batch_size),
        "0.5, 1 and 2",
        "2 to 4",
        "1",
    ]
    assert setup.shared_rates(source.snapshot) == []  # one rate is no grid
    for section in (setup.section(source), setup.section(None)):
        check_section(section)
    assert setup.section(None).values["sizes"] == []
