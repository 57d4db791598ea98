"""Which runs are scored, and at which rate."""

import math

from report.evidence import training_runs as trained
from report.evidence.training_runs import rates, select
from tests import small_store as small


def test_the_rate_is_the_best_on_held_out_images_and_its_runs_are_told_from_the_untuned(tmp_path):
    found = small.snapshot(
        tmp_path / "r.sqlite",
        [
            *(small.tuning(score, rate, 1000 + k) for rate, scores in {
                1e-3: (0.90, 0.92), 3e-3: (0.96, 0.90), 1e-2: (0.99, 0.1),
            }.items() for k, score in enumerate(scores)),
            small.scored(0.7, rate=3e-3), small.scored(0.6, rate=1e-3), small.scored(0.5, rate=1e-2),
        ],
    )  # fmt: skip
    best = rates(found)
    assert best["learning_rate"].tolist() == [3e-3]  # the greatest mean, not the greatest run
    assert not best["edge"].item()
    frame = trained.tested(found)
    assert len(frame) == 3  # no tuning run among them
    assert select(frame)["test_accuracy"].tolist() == [0.7]
    assert select(frame, tuned=False)["test_accuracy"].tolist() == [0.6]


def test_one_rate_can_be_both(tmp_path):
    runs = [small.tuning(0.9, 1e-3), small.tuning(0.8, 1e-2), small.scored(0.7)]
    frame = trained.tested(small.snapshot(tmp_path / "r.sqlite", runs))
    assert select(frame)["run"].tolist() == select(frame, tuned=False)["run"].tolist() == [3]


def test_missing_fields_match_missing_fields(tmp_path):
    deep = {"task": "deep_classifier", "batch_norm": None}
    runs = [small.tuning(0.9, 1e-2, **deep), small.tuning(0.8, 1e-3, **deep), small.scored(0.7, 1e-2, **deep)]
    frame = trained.tested(small.snapshot(tmp_path / "r.sqlite", runs))
    assert select(frame, task="deep_classifier", batch_norm=None)["test_accuracy"].tolist() == [0.7]


def test_only_the_size_that_was_run_last_counts_and_what_diverged_is_no_number(tmp_path):
    runs = [
        small.tuning(0.9, 1e-3, epochs=2), small.scored(0.3, epochs=5),
        small.scored(0.7, seed=1), small.scored(0.0, seed=2, status="diverged"),
    ]  # fmt: skip
    frame = trained.tested(small.snapshot(tmp_path / "r.sqlite", runs))
    assert frame["seed"].tolist() == [1, 2]
    assert frame["test_accuracy"].iloc[0] == 0.7
    assert math.isnan(frame["test_accuracy"].iloc[1])
    assert frame["status"].tolist() == ["finished", "diverged"]


def test_rates_of_another_size_are_not_shown(tmp_path):
    runs = [
        small.tuning(0.9, 3e-3, epochs=5), small.scored(0.6, 3e-3, epochs=5),
        small.tuning(0.9, 1e-2), small.scored(0.7, 1e-2),
    ]  # fmt: skip
    found = small.snapshot(tmp_path / "r.sqlite", runs)
    assert rates(found)[["epochs", "learning_rate"]].to_numpy().tolist() == [[2, 1e-2]]
    assert select(trained.tested(found))["test_accuracy"].tolist() == [0.7]


def test_a_rate_at_which_a_run_diverged_is_not_chosen_and_its_scores_may_be_losses(tmp_path):
    def tuned(loss, rate, seed=1000, status="finished"):
        return small.run(
            {"validation_loss": loss}, status, task="fc_autoencoder", loss="mse", split="validation",
            learning_rate=rate, seed=seed,
        )  # fmt: skip

    runs = [
        tuned(0.3, 1e-3), tuned(0.1, 3e-3), tuned(0.2, 1e-2), tuned(0.01, 3e-2),
        tuned(9.0, 3e-2, 1001, "diverged"),
    ]  # fmt: skip
    best = rates(small.snapshot(tmp_path / "r.sqlite", runs))
    assert best["learning_rate"].tolist() == [3e-3]  # the least loss, not the greatest
    assert not best["edge"].item()


def test_a_contender_that_was_not_tuned_has_its_untuned_runs_only(tmp_path):
    runs = [small.scored(0.7), small.tuning(0.9, 1e-2, batch_norm=False)]
    frame = trained.tested(small.snapshot(tmp_path / "r.sqlite", runs))
    assert select(frame).empty
    assert select(frame, tuned=False)["test_accuracy"].tolist() == [0.7]
