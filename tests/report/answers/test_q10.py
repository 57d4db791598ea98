import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from bench.records.runs import BenchmarkCase, Measurement, RunResult
from impl.convolution import STRATEGIES
from report.answers.q10 import answer as q10
from report.answers.q10 import evidence as q10_evidence
from report.answers.q10 import layer, winograd
from tests import small_store as small
from tests.said import said


@pytest.fixture(scope="module")
def values():
    return q10.values()


def test_example_by_hand():
    found = q10.example()
    # x = [[1 2 0] [3 1 1] [0 2 4]], w = [[1 2] [0 -1]]: 1+4-1, 2+0-1, 3+2-2, 1+2-4
    np.testing.assert_array_equal(found["result"], [[4, 1], [3, -1]])
    # each pixel's gradient is the sum of the weights that meet it
    np.testing.assert_array_equal(found["gradient"], [[1, 3, 2], [1, 2, 1], [0, -1, -1]])
    assert found["error"] == found["gradient_error"] == 0


def test_fold_is_the_adjoint_and_counts_windows():
    found = q10.adjoint()
    assert found["left"] == found["right"] != 0
    np.testing.assert_array_equal(found["times"], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])


def test_strategies_agree():
    worst = {name: max(row) for name, row in q10.agreement().items()}
    assert list(worst) == list(STRATEGIES)
    assert max(worst.values()) < 1e-10


def test_layers_and_their_arithmetic_by_hand():
    assert list(q10.layers()) == ["1→16 at 28×28", "16→32 at 14×14", "32→64 at 7×7"]
    digits = ["".join(c for c in row[1] if c.isdigit()) for row in q10.costs()]
    assert digits == [str(9 * 16 * 28**2), str(9 * 16 * 32 * 14**2), str(9 * 32 * 64 * 7**2)]


@pytest.mark.parametrize(("there", "identifiers"), [(False, ["q10-module"]), (True, [])])
def test_erratum_only_where_the_printed_module_lacks_the_functions(there, identifiers):
    modules = {"torch.functional": {"fold": there, "unfold": there}, "torch.nn.functional": {"fold": True}}
    assert [e.identifier for e in q10.errata({"functions": modules})] == identifiers


def test_the_installed_torch_is_asked():
    found = q10.functions()
    assert all(found["torch.nn.functional"].values())
    assert not any(found["torch.functional"].values())


@pytest.mark.parametrize(
    ("shapes", "padding"), [(((2, 3, 7, 6), (4, 3, 3, 3)), 1), (((1, 1, 4, 5), (2, 1, 2, 2)), 0)]
)
def test_the_printed_layer_runs_and_is_torch_s(shapes, padding):
    scope = {"torch": torch, "F": functional}
    exec(layer.listing(), scope)
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in (*shapes, shapes[1][:1])
    ]
    found, right = scope["Convolution"].apply(*tensors, padding), functional.conv2d(*tensors, padding=padding)
    torch.testing.assert_close(found, right)
    upstream = torch.randn(right.shape, generator=generator, dtype=torch.float64)
    for mine, theirs in zip(
        *(torch.autograd.grad(y, tensors, upstream, retain_graph=True) for y in (found, right)), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_every_strategy_has_its_idea_and_its_memory(values):
    assert list(q10.IDEAS) == list(STRATEGIES)
    found = values["ideas"]
    # 9 columns of 16·14·14 values are the most of the three layers: 64 of them in float32
    assert found["layer"] == "16→32 at 14×14"
    memory = {row[0]: row[2] for row in found["rows"]}
    assert memory["unfold"] == f"{9 * 16 * 14 * 14 * 64 * 4 / 1e6:.2f}\u00a0MB"


def convolution_times(tmp_path, multiples, rounds=1, batch=1):
    """A store of forward times: multiples of torch's, which is 1 ms, by strategy."""
    runs = []
    for name, multiple in {"native": 1.0, **multiples}.items():
        way = "torch" if name == "native" else "impl"
        case = BenchmarkCase("convolution_forward", name, way, "1→16 at 28×28", batch)
        samples = [Measurement("seconds", k, 1e-3 * multiple, "s") for k in range(rounds)]
        runs += small.by_round((case, RunResult("finished", samples)))
    return small.snapshot(tmp_path / "r.sqlite", runs)


def test_loops_are_told_in_words_and_left_out_of_the_figure(tmp_path, values):
    snapshot = convolution_times(tmp_path, {"loops": 16358.0, "unfold": 5.9, "tiled": 0.75})
    found = q10.evidence(snapshot)
    spans = found["strategies"]["spans"]
    assert (spans["loops"]["least"], spans["unfold"]["most"]) == ("16\u202f000", "5.9")
    assert set(found["strategies"]["figure"].table["row"]) == {"unfold", "tiled"}
    text = said("q10", values, measured=found)
    assert "Plain loops take 16 000 to 16 000 times as long as torch's convolution." in text
    assert "the strategy nearest to torch is tiled" in text
    assert "There is one round of times, so no interval" in text
    assert "It is faster" not in text  # one round decides nothing


def test_a_strategy_may_be_faster_than_torch(tmp_path, values):
    snapshot = convolution_times(tmp_path, {"unfold": 2.0, "tiled": 0.75}, rounds=5, batch=64)
    text = said("q10", values, measured=q10.evidence(snapshot))
    assert "In batches of 64 the strategy nearest to torch is tiled" in text
    assert "It is faster in every case there." in text
    assert "Unfold takes 2.0 to 2.0 times as long as torch's." in text
    assert "no interval" not in text


def test_the_figure_has_the_order_of_the_tables():
    columns = ["panel", "batch", "row", "series"]
    rows = [("forward", 64, "late", "b"), ("all", 1, "late", "mine"), ("forward", 1, "late", "b"),
            ("forward", 1, "early", "b"), ("forward", 1, "late", "a")]  # fmt: skip
    found = q10_evidence.in_order(pd.DataFrame(rows, columns=columns), ["a", "b"], ["early", "late"])
    assert [tuple(row) for row in found.to_numpy()] == [rows[4], rows[3], rows[2], rows[1], rows[0]]


def test_nearest_is_by_the_geometric_mean_in_the_largest_batches():
    rows = [(64, "a", 1.0), (64, "a", 4.0), (64, "b", 2.2), (64, "b", 2.2), (1, "c", 0.1)]
    frame = pd.DataFrame(rows, columns=["batch", "series", "value"]).assign(sign=[0, 1, 1, 1, -1])
    found = q10_evidence.nearest(frame)
    # √(1 · 4) = 2, although the mean of 1 and 4 is above 2.2
    assert found == {"name": "a", "batch": 64, "least": "1.0", "most": "4.0", "wins": 0, "cases": 2}


def test_the_text_without_measurements_and_with_a_strategy_that_differs(values):
    text = said("q10", values)
    assert "The price is memory: the columns hold each pixel up to 9 times." in text
    assert "make bench would measure it" in text
    assert "all of them agree with torch's convolution to rounding" in text
    text = said("q10", {**values, "disagreeing": ["tiled"]})
    assert "tiled differs from torch's convolution by more than rounding" in text


def test_a_strategy_without_times_is_said_to_be_not_measured():
    layer = next(iter(q10.layers()))
    rows = [("convolution_forward", layer, 1, name, np.array([1e-3])) for name in ("unfold", "native")]
    frame = pd.DataFrame(rows, columns=["task", "input", "size", "subject", "seconds"])
    found = q10_evidence.median_rows(frame, {layer: 10**6})
    cells = dict(zip(found["columns"], found["rows"][0], strict=True))
    assert list(cells) == ["Layer, batch", *STRATEGIES, "F.conv2d"]
    assert {name for name, said in cells.items() if said == "not measured"} == STRATEGIES.keys() - {"unfold"}
    # 10⁶ operations in 10⁻³ s
    assert "(1.0)" in cells["unfold"]


def epochs(seed, held_out, test):
    return small.run(
        {"validation_accuracy": dict(enumerate(held_out)), "test_accuracy": test},
        task="scratch_cnn", batch_norm=None, seed=seed,
    )  # fmt: skip


def test_accuracy_of_the_network_is_held_out_by_epoch_and_tested_at_the_end(tmp_path):
    runs = [epochs(0, (0.1, 0.5, 0.7), 0.8), epochs(1, (0.1, 0.7, 0.8), 0.9), small.scored(0.1)]
    found = q10_evidence.accuracy(small.snapshot(tmp_path / "r.sqlite", runs))
    assert found["rows"] == [
        ["0", "10.00\u00a0% (10.00\u00a0% to 10.00\u00a0%)"],
        ["1", "60.00\u00a0% (50.00\u00a0% to 70.00\u00a0%)"],
        ["2", "75.00\u00a0% (70.00\u00a0% to 80.00\u00a0%)"],
    ]
    assert found["test"] == "85.00\u00a0% (80.00\u00a0% to 90.00\u00a0%)"
    assert (found["seeds"], found["samples"], found["epochs"], found["mean"]) == (2, 100, 2, "85.0\u00a0%")


def test_one_seed_has_no_range_and_no_test_no_accuracy(tmp_path):
    alone = q10_evidence.accuracy(small.snapshot(tmp_path / "r.sqlite", [epochs(0, (0.5, 0.5, 0.5), 0.75)]))
    assert alone["test"] == "75.00\u00a0%"
    diverged = [small.scored(0, task="scratch_cnn", batch_norm=None, status="diverged")]
    assert q10_evidence.accuracy(small.snapshot(tmp_path / "none.sqlite", diverged)) is None


def test_steps_of_training_are_told_with_samples_a_second(tmp_path):
    seconds = [Measurement("seconds", step, value, "s") for step, value in enumerate((0.01, 0.02, 0.09))]
    timing = BenchmarkCase("training_step", "scratch_cnn", "impl", "relu", 32)
    found = small.snapshot(tmp_path / "r.sqlite", [(timing, RunResult("finished", seconds))])
    # 32 samples in a median of 20 ms
    assert q10_evidence.training_steps(found) == [
        ["CNN from scratch, relu", "20\u00a0ms", "1\u202f600"],
    ]


def test_networks_have_the_report_s_names():
    assert q10_evidence.NETWORKS["deep_classifier"] == "GELU paper's classifier"
    assert q10_evidence.NETWORKS["classifier"] == "classifier with batch norm"


def test_matrices_of_winograd_are_those_of_the_points_and_give_the_correlation():
    assert winograd.differs() == []
    assert winograd.residual() == 0


@pytest.mark.parametrize("name", ["AT", "G", "BT"])
def test_a_wrong_entry_is_noticed(name, monkeypatch):
    first, *others = getattr(winograd, name)
    monkeypatch.setattr(winograd, name, ((first[0] + 1, *first[1:]), *others))
    assert winograd.differs()
    assert winograd.residual() > 0


def test_costs_of_winograd_by_hand():
    found = winograd.values(q10.layers(), 2, q10.SAME)
    assert (found["direct"], found["products"]) == (144, 36)
    # 14 = 4 + 4 + 4 + 2 and 7 = 4 + 3: 4x4 and 2x2 tiles; one input channel is left to another strategy
    assert [row[0] for row in found["rows"]] == ["16→32 at 14×14", "32→64 at 7×7"]
    digits = ["".join(c for c in row[1].split("(")[0] if c.isdigit()) for row in found["rows"]]
    assert digits == [str(36 * 16 * 16 * 32), str(36 * 4 * 32 * 64)]


def test_rounding_of_winograd_is_larger_than_that_of_unfold_and_bounded():
    errors = winograd.rounding((4, 16, 14, 14), (32, 16, 3, 3), q10.SAME)
    assert 0 < errors["unfold"] < errors["winograd"] < 1e-5
