"""The training loop against a hand calculation and against the same seed."""

import pytest
import torch
from torch import nn

from impl.losses import LOSSES
from impl.optimizers.optimizers import SGD, Adam
from impl.training.loop import EVALUATION_BATCH, evaluate, fit


class Scale(nn.Module):
    """y = w x with w starting at 1."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.w * x


def squared(output, target):
    return (output - target).square().mean()


def without_seconds(history):
    return [{name: value for name, value in e.items() if name != "seconds"} for e in history.records.values()]


def test_two_epochs_by_hand():
    # One sample x = 1, t = 0: loss w², gradient 2w, w ← w - 0.25 · 2w = w/2, so w = 1, 1/2, 1/4.
    data = torch.ones(1, 1), torch.zeros(1, 1)
    model = Scale()
    history = fit(
        model,
        data,
        observe=lambda: {"w": model.w.item(), "square": model.w.item() ** 2},
        loss=squared,
        optimizer=SGD(model.parameters(), lr=0.25),
        batch_size=1,
        horizons=range(1, 3),
        generator=torch.Generator().manual_seed(0),
    )
    assert [list(history.records[epoch]) for epoch in (1, 2)] == [
        ["train_loss", "seconds", "w", "square"]
    ] * 2
    assert without_seconds(history) == [
        {"w": 1.0, "square": 1.0},
        {"train_loss": 1.0, "w": 0.5, "square": 0.25},
        {"train_loss": 0.25, "w": 0.25, "square": 0.0625},
    ]
    assert history.diverged is False


def test_the_loss_of_an_epoch_is_the_mean_over_samples_of_batches_of_unequal_size():
    x = torch.arange(1.0, 8.0)[:, None]
    model = Scale()
    history = fit(
        model,
        (x, torch.zeros_like(x)),
        observe=dict,
        loss=squared,
        optimizer=SGD(model.parameters(), lr=0.0),
        batch_size=3,
        horizons=range(1, 2),
        generator=torch.Generator().manual_seed(0),
    )
    assert history.records[1]["train_loss"] == pytest.approx((1 + 4 + 9 + 16 + 25 + 36 + 49) / 7)


def test_no_epoch_is_a_look_at_the_initial_model():
    model, x = Scale(), torch.ones(1, 1)
    history = fit(
        model,
        (x, x),
        observe=lambda: {"w": model.w.item()},
        loss=squared,
        optimizer=SGD(model.parameters(), lr=0.1),
        batch_size=1,
        horizons=[],
        generator=torch.Generator(),
    )
    assert history.records == {0: {"w": 1.0}}


def test_divergence_is_said_and_not_recorded_as_a_number():
    data = torch.full((1, 1), 1e20), torch.zeros(1, 1)
    model = Scale()
    history = fit(
        model,
        data,
        observe=lambda: {"w": model.w.item()},
        loss=squared,
        optimizer=SGD(model.parameters(), lr=1e20),
        batch_size=1,
        horizons=range(1, 4),
        generator=torch.Generator().manual_seed(0),
    )
    assert history.diverged
    assert history.records == {0: {"w": 1.0}}  # of the epoch that diverged, nothing


def test_same_seed_same_numbers_other_order_other_numbers():
    x, t = torch.randn(64, 3, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3

    def run(seed):
        model = nn.Linear(3, 3)
        nn.init.eye_(model.weight)
        nn.init.zeros_(model.bias)
        history = fit(
            model,
            (x, t),
            observe=lambda: evaluate(model, x, t, LOSSES["cross_entropy"].value),
            loss=LOSSES["cross_entropy"].value,
            optimizer=Adam(model.parameters(), lr=0.1),
            batch_size=8,
            horizons=range(1, 3),
            generator=torch.Generator().manual_seed(seed),
        )
        return without_seconds(history)

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_every_sample_once_an_epoch():
    seen = []

    class Spy(Scale):
        def forward(self, x):
            if self.training:
                seen.append(x.detach().flatten())
            return super().forward(x)

    model, x = Spy(), torch.arange(10.0)[:, None]
    fit(
        model,
        (x, x),
        observe=dict,
        loss=squared,
        optimizer=SGD(model.parameters(), lr=0.0),
        batch_size=4,
        horizons=range(1, 2),
        generator=torch.Generator().manual_seed(0),
    )
    assert [len(batch) for batch in seen] == [4, 4, 2]
    assert sorted(torch.cat(seen).tolist()) == list(range(10))


def test_accuracy_counts_the_largest_logit():
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [5.0, 4.0], [1.0, 0.0]])
    metrics = evaluate(nn.Identity(), logits, torch.tensor([0, 1, 1, 0]), nn.functional.cross_entropy)
    assert metrics["accuracy"] == 0.75
    torch.testing.assert_close(
        metrics["loss"], nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1, 0])).item()
    )


def test_evaluation_is_that_of_the_mean_over_batches_of_unequal_size_and_leaves_dropout_out():
    """A reconstruction has a loss only, and the model goes on training."""
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 4))
    x = torch.randn(2 * EVALUATION_BATCH + 7, 4, generator=torch.Generator().manual_seed(0))
    metrics = evaluate(model, x, x, squared)
    assert model.training
    assert set(metrics) == {"loss"}
    expected = (x @ model[1].weight.T + model[1].bias - x).square().mean().item()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-5)


def test_what_observes_is_not_timed_and_is_asked_before_the_first_epoch_and_after_each(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("impl.training.loop.time.perf_counter", lambda: now[0])

    class Takes(Scale):
        def forward(self, x):
            now[0] += 1.0
            return super().forward(x)

    def observe():
        now[0] += 100.0
        return {"now": now[0]}

    model, x = Takes(), torch.ones(3, 1)
    history = fit(
        model,
        (x, x),
        observe=observe,
        loss=squared,
        optimizer=SGD(model.parameters(), lr=0.0),
        batch_size=1,
        horizons=range(1, 3),
        generator=torch.Generator().manual_seed(0),
    )
    assert [record["now"] for record in history.records.values()] == [100.0, 203.0, 306.0]
    assert [history.records[epoch]["seconds"] for epoch in (1, 2)] == [3.0, 6.0]


@pytest.mark.parametrize("horizons", [[0.5, 1.0, 1.5], [0.25, 2.0], [1.5], [3.0]])
def test_horizons_within_an_epoch_change_no_step_and_end_the_training(horizons):
    """Eight batches an epoch: the weight after k steps is that of plain descent over the same order."""
    x = torch.randn(64, 1, generator=torch.Generator().manual_seed(0))

    def trained(due):
        model, steps, at = Scale(), [], []

        def loss(output, target):
            steps.append(model.w.item())
            return squared(output, target)

        history = fit(
            model,
            (x, torch.zeros_like(x)),
            observe=lambda: at.append(len(steps)) or {"w": model.w.item()},
            loss=loss,
            optimizer=SGD(model.parameters(), lr=0.1),
            batch_size=8,
            horizons=due,
            generator=torch.Generator().manual_seed(1),
        )
        return history, steps, at

    history, steps, at = trained(horizons)
    _, whole, _ = trained([3])
    assert at == [0, *(int(8 * horizon) for horizon in horizons)]
    assert steps == whole[: int(8 * horizons[-1])]
    assert list(history.records) == [0.0, *horizons]
    after = [*whole, None]
    for horizon in horizons[:-1]:
        assert history.records[horizon]["w"] == after[int(8 * horizon)]


def test_the_loss_at_a_horizon_is_that_of_its_part_of_the_epoch():
    x, targets = torch.ones(4, 1), torch.arange(4.0)[:, None]
    model, seen = Scale(), []

    def loss(output, target):
        seen.append(squared(output, target).item())
        return squared(output, target)

    history = fit(
        model,
        (x, targets),
        observe=dict,
        loss=loss,
        optimizer=SGD(model.parameters(), lr=0.0),
        batch_size=1,
        horizons=[0.5, 1, 2],
        generator=torch.Generator().manual_seed(0),
    )
    found = [history.records[horizon]["train_loss"] for horizon in (0.5, 1, 2)]
    assert found == pytest.approx([sum(seen[:2]) / 2, sum(seen[2:4]) / 2, sum(seen[4:]) / 4])


@pytest.mark.parametrize(("batch_size", "horizon"), [(0, 1), (1, -1), (1, float("inf")), (1, 0)])
def test_bad_sizes_are_refused(batch_size, horizon):
    x = torch.ones(1, 1)
    with pytest.raises(ValueError, match=rf"batch_size {batch_size} and horizons \[{horizon}\]"):
        fit(
            Scale(),
            (x, x),
            observe=dict,
            loss=squared,
            optimizer=SGD(Scale().parameters(), lr=0.1),
            batch_size=batch_size,
            horizons=[horizon],
            generator=torch.Generator(),
        )
