"""A run beside the reference: shared effects, times within each machine, and nothing without both."""

import pytest

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from report.document.answer import Source
from report.pages import beside
from report.render.render import environment
from tests import small_store as small
from tests.said import check_section

LEVELS = {"relu": 0.5, "gelu": 0.52, "sgelu": 0.6}


def timing(subject, way, seconds, elements):
    rows = [Measurement("seconds", step, seconds, "s") for step in range(3)]
    case = BenchmarkCase("activation_forward", subject, way, f"{elements} elements", elements)
    return small.by_round((case, RunResult("finished", rows)))


def source(folder, name, levels, seeds, seconds):
    runs = [
        small.scored(level + 0.001 * (seed % 3), seed=seed, activation=activation)
        for activation, level in levels.items()
        for seed in range(seeds)
    ]
    runs += [*timing("gelu", "torch", 1e-3, 2**14), *timing("sgelu", "impl", seconds, 2**14)]
    return Source(name, name.title(), small.snapshot(folder / f"{name}.sqlite", runs))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    return [
        source(folder, "reference", {**LEVELS, "ada_sgelu": 0.55}, 8, 2e-3),
        source(folder, "here", {**LEVELS, "relu": 0.7}, 4, 3e-3),
    ]


def test_only_a_run_beside_the_reference_has_the_section(both):
    assert beside.sections([]) == beside.sections(both[:1]) == []
    (section,) = beside.sections(both)
    assert (section.id, section.number) == ("beside", 0)
    check_section(section)
    page = environment("html").get_template(section.template).render(section.values)
    assert "(Here)" in page
    assert "(label)" not in page


def test_effects_that_both_measured_are_drawn_each_with_its_own_size(both):
    table = beside.effects(*both).table
    assert set(table["row"]) == {"SGELU against ReLU", "SGELU against GELU"}  # AdaSGELU ran in one
    values = table.set_index(["shade", "row"])["value"]
    assert values["the reference", "SGELU against ReLU"] == pytest.approx(10, abs=0.01)
    assert values["your run", "SGELU against ReLU"] == pytest.approx(-10, abs=0.01)
    assert set(table["note"]) == {"8 × 2 and 4 × 2\nseeds × epochs"}


def test_times_are_ratios_within_each_source(both):
    assert beside.time_rows(*both) == [
        ["SGELU, forward, 16\u202f384 elements", "2.00 (2.00 to 2.00)", "3.00 (3.00 to 3.00)"]
    ]


def test_without_shared_runs_there_is_no_figure(both, tmp_path):
    other = Source("here", "Here", small.snapshot(tmp_path / "r.sqlite", [small.scored(0.5)]))
    assert beside.effects(both[0], other) is None
    (section,) = beside.sections([both[0], other])
    page = environment("html").get_template("beside.html.j2").render(section.values)
    assert "Effects on trained networks: <span" in page
