"""The store gives back what went in, whole runs only, and refuses what is not its own."""

import sqlite3
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from bench.records.environment import Environment
from bench.records.runs import BenchmarkCase, Measurement, RunConfig, RunResult
from bench.store import VERSION, Store, StoreError, find, latest
from tests.small_store import held, scored, snapshot, timed

HERE = Environment("cpu", 2, 1024, "Linux", "3.11", "{}", "cpu", 1, "s", "digits", "d", "c")
CONFIG = RunConfig(
    *("classifier", "sgelu", "adam", 1e-3, 128, True, "digits", 100, 2, 7),
    loss="brier",
    wrong_labels=0.1,
    initialization="variance",
)
PHENOMENON = RunConfig("zigzag", None, None, None, None, None, "digits", 100, 0, 0)
TIMING = BenchmarkCase("activation_forward", "sgelu", "impl", "4 elements", 4)
VALUES = [Measurement("test_loss", 0.5, 2.5, "1"), Measurement("test_loss", 1, 0.1 + 0.2, "1")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


def test_round_trip(path):
    pictures = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    scores = np.linspace(0, 1, 10, dtype=np.float32).reshape(5, 2)
    with Store(path) as store:
        where = store.environment_id(HERE)
        store.record(
            where, "quick", CONFIG, RunResult("finished", VALUES, {"input": pictures, "scores": scores})
        )
        store.record(where, "quick", TIMING, RunResult("finished", [Measurement("seconds", 0, 1e-6, "s")]))
    snapshot = latest(path)
    assert snapshot.environment["dataset"] == "digits"
    assert snapshot.profile == "quick"
    rows = snapshot.measurements.query("kind == 'training'")
    assert list(zip(rows.metric, rows.step, rows.value, rows.unit, strict=True)) == [tuple(v) for v in VALUES]
    assert rows[["activation", "learning_rate", "seed"]].drop_duplicates().values.tolist() == [
        ["sgelu", 1e-3, 7]
    ]
    timing = snapshot.measurements.query("kind == 'timing'").iloc[0]
    assert (timing["subject"], timing["size"], timing["value"]) == ("sgelu", 4, 1e-6)
    assert timing["seed"] == 0  # the first round
    assert {name for _, name in snapshot.arrays} == {"input", "scores"}
    for (_, name), array in snapshot.arrays.items():
        expected = {"input": pictures, "scores": scores}[name]
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)


def test_a_file_is_little_larger_than_its_arrays(path):
    scores = np.linspace(0, 1, 500, dtype=np.float32).reshape(5, 100)
    with Store(path) as store:
        where = store.environment_id(HERE)
        for seed in range(400):
            store.record(
                where, "quick", replace(CONFIG, seed=seed), RunResult("finished", VALUES, {"scores": scores})
            )
    assert path.stat().st_size < 2 * 400 * scores.nbytes  # 2.5 times in the default pages


def test_every_field_of_a_cell_comes_back(path):
    with Store(path) as store:
        where = store.environment_id(HERE)
        for config in (CONFIG, PHENOMENON):
            store.record(where, "quick", config, RunResult("finished"))
        open_one = store.snapshot(where, "quick")
    closed = latest(path)
    for runs in (open_one.runs, closed.runs):
        for config, row in zip((CONFIG, PHENOMENON), runs.to_dict("records"), strict=True):
            for name, value in asdict(config).items():
                assert pd.isna(row[name]) if value is None else row[name] == value, name
    assert open_one.environment == closed.environment
    assert open_one.id == closed.id


def test_snapshots_of_other_environments_and_profiles_are_available(path):
    with Store(path) as store:
        where = store.environment_id(HERE)
        store.record(where, "quick", CONFIG, RunResult("finished", VALUES))
        store.record(where, "reference", CONFIG, RunResult("finished", VALUES[:1]))
        assert len(store.snapshot(where, "quick").measurements) == 2
        assert len(store.snapshot(where, "reference").measurements) == 1
        assert store.snapshot(where, "third").runs.empty


def test_what_cannot_be_opened_is_named(path):
    path.mkdir()
    for attempt in (latest, Store):
        with pytest.raises(StoreError, match=f"{path} is a folder, not a results database; name a file with"):
            attempt(path)


def test_what_has_ended_is_kept_and_failed_is_tried_again(path):
    other, third, fourth = (replace(CONFIG, seed=seed) for seed in (8, 9, 10))
    with Store(path) as store:
        where = store.environment_id(HERE)
        store.record(where, "quick", CONFIG, RunResult("finished", VALUES))
        store.record(where, "quick", other, RunResult("diverged"))
        store.record(where, "quick", fourth, RunResult("collapsed"))
        store.record(where, "quick", third, RunResult("failed", error="boom"))
        assert store.finished(where, "quick") == {c.config_hash for c in (CONFIG, other, fourth)}
        assert latest(path).runs["error"].tolist() == ["", "", "", "boom"]
        store.record(where, "quick", third, RunResult("finished"))
        assert third.config_hash in store.finished(where, "quick")
    assert sorted(latest(path).runs["seed"]) == [7, 8, 9, 10]


def test_a_run_is_stored_whole_or_not_at_all(path):
    with Store(path) as store:
        where = store.environment_id(HERE)
        with pytest.raises(sqlite3.IntegrityError):
            store.record(where, "quick", CONFIG, RunResult("finished", [*VALUES, VALUES[0]]))
        assert store.finished(where, "quick") == set()
    assert latest(path) is None


def test_programs_and_profiles_are_never_mixed(path):
    elsewhere = replace(HERE, processor="other", source_sha256="other")
    with Store(path) as store:
        first, second = store.environment_id(HERE), store.environment_id(elsewhere)
        assert first != second
        assert store.environment_id(HERE) == first
        store.record(first, "quick", CONFIG, RunResult("finished", VALUES))
        store.record(first, "reference", CONFIG, RunResult("finished", VALUES))
        store.record(second, "quick", CONFIG, RunResult("finished", VALUES[:1]))
    snapshot = latest(path)
    assert snapshot.environment["processor"] == "other"
    assert len(snapshot.runs) == len(snapshot.measurements) == 1
    assert snapshot.other_environments["profile"].tolist() == ["quick", "reference"]


def test_training_runs_count_wherever_the_program_ran_and_times_only_here(path):
    elsewhere = replace(HERE, processor="other", cores=64, memory_gib=1, system="other")
    with Store(path) as store:
        here, there = store.environment_id(HERE), store.environment_id(elsewhere)
        store.record(there, "quick", CONFIG, RunResult("finished", VALUES))
        store.record(there, "quick", PHENOMENON, RunResult("failed", error="boom"))
        store.record(there, "quick", TIMING, RunResult("finished", [Measurement("seconds", 0, 0.25, "s")]))
        store.record(here, "quick", PHENOMENON, RunResult("finished"))
        assert store.finished(here, "quick") == {CONFIG.config_hash, PHENOMENON.config_hash}
        assert store.finished(there, "quick") == {c.config_hash for c in (CONFIG, PHENOMENON, TIMING)}
        snapshot = store.snapshot(here, "quick")
    assert snapshot.runs["key"].tolist() == [CONFIG.config_hash, PHENOMENON.config_hash]
    assert snapshot.runs["processor"].tolist() == ["other", HERE.processor]
    assert snapshot.runs["status"].tolist() == ["finished", "finished"]
    assert len(snapshot.measurements) == len(VALUES)
    # The machine with the times counts as that of the measurement, though another one ran last.
    shown = latest(path)
    assert shown.environment["processor"] == "other"
    assert shown.runs["key"].tolist() == [CONFIG.config_hash, TIMING.config_hash, PHENOMENON.config_hash]
    assert shown.other_environments["runs"].tolist() == [1]  # that failed


def test_of_a_run_on_two_machines_that_of_the_environment_counts(path):
    with Store(path) as store:
        places = [store.environment_id(replace(HERE, processor=name)) for name in ("first", "second")]
        for place, value in zip(places, (1.0, 2.0), strict=True):
            store.record(place, "quick", CONFIG, RunResult("finished", [Measurement("m", 0, value, "1")]))
        found = [store.snapshot(place, "quick").measurements["value"].tolist() for place in places]
    assert found == [[1.0], [2.0]]


def test_a_machine_without_runs_finds_the_training_runs_of_others(path):
    elsewhere = replace(HERE, processor="other")
    with Store(path) as store:
        there = store.environment_id(elsewhere)
        store.record(there, "quick", CONFIG, RunResult("finished", VALUES))
        store.record(there, "quick", TIMING, RunResult("finished", [Measurement("seconds", 0, 0.25, "s")]))
    found = find(path, HERE, "quick")
    assert found.runs["key"].tolist() == [CONFIG.config_hash]
    assert set(found.measurements["run"]) == set(found.runs["run"])
    assert found.environment["processor"] == HERE.processor
    assert find(path, replace(HERE, python="other"), "quick") is None
    assert len(find(path, elsewhere, "quick").runs) == 2


def test_nothing_measured_is_none(path):
    assert latest(path) is None
    with Store(path):
        assert latest(path) is None


@pytest.mark.parametrize(
    "content", [b"not a database, but a text long enough to be one" * 100, b"SQLite format 3\0"]
)
def test_foreign_file_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    for attempt in (latest, Store):
        with pytest.raises(StoreError, match=str(path)):
            attempt(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="is another program's database, not a results database; name"):
        Store(path)


@pytest.mark.parametrize(("version", "age"), [(99, "a newer"), (1, "an older"), (VERSION - 1, "an older")])
def test_another_version_is_refused_in_one_sentence_and_left_alone(path, version, age):
    with Store(path) as store:
        store.connection.execute(f"PRAGMA user_version = {version}")
    content = path.read_bytes()
    sentence = (
        f"{path} has {age} format (version {version}, expected {VERSION}); read it with {age} program, or "
        "name another file with --results; the file was not changed"
    )
    for attempt in (latest, Store):
        with pytest.raises(StoreError) as error:
            attempt(path)
        assert str(error.value) == sentence
    assert path.read_bytes() == content


def test_a_snapshot_without_a_file_equals_a_stored_one(path):
    """Tests that draw many stores take it."""
    runs = [
        scored(0.9),
        scored(0.0, rate=3e-3, seed=1, status="diverged"),
        *timed({("forward", "sgelu", "fused", 1024): [1e-6, 2e-6]}),
    ]
    real, other = snapshot(path, runs), held(runs)
    assert (other.environment, other.profile) == (real.environment, real.profile)
    pd.testing.assert_frame_equal(
        other.runs.drop(columns="finished_at"), real.runs.drop(columns="finished_at")
    )
    pd.testing.assert_frame_equal(other.measurements, real.measurements, check_categorical=False)
