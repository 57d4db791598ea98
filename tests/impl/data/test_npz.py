"""Data sets in Keras's layout: what numpy wrote is what is read, all else is refused in one line."""

import contextlib
import hashlib
import io
import os
import re
import tracemalloc
import zipfile
from collections import namedtuple

import numpy as np
import pytest
import torch
from sklearn.preprocessing import LabelEncoder

from bench.records.runs import held_out
from impl.data import npz
from impl.data.datasets import Source, load, resolve
from impl.data.idx import DataError
from impl.data.npz import MIN_TRAIN, read_npz
from tests.small_npz import TEST, TRAIN, features, images, write

PARTS = ("train", "test")


def in_order(values, n):
    """Return rows in the order in which the file's rows are read."""
    return values[np.random.default_rng(0).permutation(n)]


def read(path, arrays, save=np.savez):
    return read_npz(write(path / "mine.npz", arrays, save))


def refused(path, match):
    """Check that a file is refused in one line that names it."""
    with pytest.raises(DataError, match=match) as error:
        read_npz(path)
    assert str(error.value).count("\n") == 0
    assert path.name in str(error.value)
    assert str(error.value).startswith("Invalid ")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_features_are_the_files_rows_shuffled_alike_with_their_labels(tmp_path, save):
    arrays = features()
    data = read(tmp_path, arrays, save)
    for (x, y), part, n in zip((data.train, data.test), PARTS, (TRAIN, TEST), strict=True):
        assert (x.dtype, y.dtype, y.shape) == (np.float32, np.int64, (n,))
        np.testing.assert_array_equal(x, in_order(arrays[f"x_{part}"], n).astype(np.float32))
        numbers = x[:, 0].astype(int)
        assert sorted(numbers) == list(range(n))
        assert list(numbers) != list(range(n))
        np.testing.assert_array_equal(y, arrays[f"y_{part}"][numbers])
    assert data.classes == 2
    assert set(data.train[1][-held_out(TRAIN) :]) == {0, 1}  # of a file sorted by class
    assert data.sha256 == hashlib.sha256((tmp_path / "mine.npz").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5, 7), None),
        ((1, 5, 7), (0, 1, 2)),
        ((3, 5, 7), (0, 1, 2)),
        ((5, 7, 3), (2, 0, 1)),
        ((5, 7, 4), (2, 0, 1)),
    ],
)
def test_images_of_every_layout_are_channels_first_and_scaled(tmp_path, shape, axes):
    arrays = images(*shape)
    data = read(tmp_path, arrays)
    for (x, _), part, n in zip((data.train, data.test), PARTS, (TRAIN, TEST), strict=True):
        rows = in_order(arrays[f"x_{part}"], n)
        expected = rows[:, None] if axes is None else np.moveaxis(rows, [a + 1 for a in axes], [1, 2, 3])
        oracle = torch.from_numpy(np.ascontiguousarray(expected)).float() / 255
        assert torch.equal(torch.from_numpy(x), oracle)
        assert x.flags.c_contiguous


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint16", ">u2", "int64", "float16", "float32", ">f4", "float64"]
)
def test_other_numbers_are_taken_as_they_are(tmp_path, dtype):
    arrays = images(5, 7, dtype=dtype)
    x = read(tmp_path, arrays).train[0]
    np.testing.assert_array_equal(x[:, 0], in_order(arrays["x_train"], TRAIN).astype("float32"))
    assert x.dtype == np.dtype("=f4")


def test_features_of_bytes_are_not_pixels(tmp_path):
    arrays = images(5)
    np.testing.assert_array_equal(read(tmp_path, arrays).train[0], in_order(arrays["x_train"], TRAIN))


def test_arrays_in_fortran_order_are_the_same(tmp_path):
    arrays = images(5, 7, 3)
    plain = read(tmp_path, arrays)
    other = read(tmp_path, {name: np.asfortranarray(values) for name, values in arrays.items()})
    np.testing.assert_array_equal(plain.train[0], other.train[0])


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("classes", [[3, 7], [-5, 0, 2**40], [False, True], [250, 255]])
@pytest.mark.parametrize("dtype", [None, "one-hot", "one-hot floats"])
def test_classes_are_numbered_in_order(tmp_path, classes, column, dtype):
    rng, arrays = np.random.default_rng(1), features()
    y = {
        f"y_{part}": rng.permutation(np.resize(classes, n)) for part, n in (("train", TRAIN), ("test", TEST))
    }
    encoder = LabelEncoder().fit(y["y_train"])
    expected = {name: encoder.transform(values) for name, values in y.items()}
    if dtype:
        y = {
            k: np.eye(len(classes), dtype=float if "floats" in dtype else int)[v] for k, v in expected.items()
        }
    elif column:
        y = {name: values[:, None] for name, values in y.items()}
    data = read(tmp_path, {**arrays, **y})
    assert data.classes == len(classes)
    np.testing.assert_array_equal(data.train[1], in_order(expected["y_train"], TRAIN))
    np.testing.assert_array_equal(data.test[1], in_order(expected["y_test"], TEST))
    assert data.train[1].dtype == data.test[1].dtype == np.int64


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_floats_are_values(tmp_path, shape, dtype):
    rng, arrays = np.random.default_rng(1), features()
    for part, n in (("train", TRAIN), ("test", TEST)):
        arrays[f"y_{part}"] = rng.normal(size=(n, *shape)).astype(dtype)
    data = read(tmp_path, arrays)
    assert data.classes is None
    expected = in_order(arrays["y_train"], TRAIN).reshape(TRAIN, -1).astype(np.float32)
    np.testing.assert_array_equal(data.train[1], expected)
    assert data.train[1].dtype == data.test[1].dtype == np.float32
    assert data.test[1].shape == (TEST, *(shape or (1,)))


def test_whole_floats_are_values_too(tmp_path):
    arrays = features()
    y = {name: arrays[name].astype(float) for name in ("y_train", "y_test")}
    assert read(tmp_path, {**arrays, **y}).classes is None
    ones = {"y_train": np.ones((TRAIN, 1)), "y_test": np.ones((TEST, 1))}  # a column is no one-hot row
    assert read(tmp_path, {**arrays, **ones}).train[1].shape == (TRAIN, 1)
    rows = {"y_train": np.eye(2)[arrays["y_train"]], "y_test": np.full((TEST, 2), 0.5)}
    assert read(tmp_path, {**arrays, **rows}).classes is None


def changed(**arrays):
    """Return the arrays of a right file with some replaced; None takes one away."""
    return {name: values for name, values in {**features(), **arrays}.items() if values is not None}


def with_value(name, value):
    values = features()[name].copy()
    values[3] = value
    return changed(**{name: values})


OBJECTS = np.array([[{}, None, "a"]] * TRAIN, dtype=object)
WRONG = {
    "no x_test": (
        changed(x_test=None),
        r"got the arrays \['x_train', 'y_train', 'y_test'\], expected a .npz",
    ),
    "one more": (changed(weights=np.ones(3)), r"got the arrays \[.*'weights'\]"),
    "many more": ({f"a{i}": np.ones(1) for i in range(99)}, r"'a7', '…'\]"),
    "objects": (
        changed(x_train=OBJECTS),
        "x_train in .*: got dtype object, expected bool, integers or floats",
    ),
    "object labels": (changed(y_train=OBJECTS[:, 0]), "y_train in .*: got dtype object"),
    "complex": (changed(x_train=np.ones((TRAIN, 3), complex)), "got dtype complex128"),
    "strings": (changed(y_train=np.array(["cat"] * TRAIN)), "y_train in .*: got dtype <U3"),
    "records": (changed(x_train=np.ones((TRAIN, 3), "f4,i2")), "x_train in .*: got dtype"),
    "dates": (changed(y_train=np.zeros(TRAIN, "M8[D]")), "y_train in .*: got dtype datetime64"),
    "scalar": (changed(x_train=np.float32(1)), r"got shape \(\)"),
    "no samples": (
        changed(x_test=np.ones((0, 3)), y_test=np.ones(0, int)),
        r"x_test in .*: got shape \(0, 3\)",
    ),
    "no features": (changed(x_train=np.ones((TRAIN, 0))), rf"got shape \({TRAIN}, 0\)"),
    "one axis": (
        changed(x_train=np.ones(TRAIN)),
        r"got shape \(20,\), expected features \(N, D\) or images",
    ),
    "five axes": (changed(x_train=np.ones((TRAIN, 1, 2, 2, 2))), r"expected features \(N, D\)"),
    "two channels": (images(2, 5, 7), r"got shape \(20, 2, 5, 7\), expected .* of length 1, 3 or 4"),
    "either layout": (images(3, 5, 4), r"got shape \(20, 3, 5, 4\), in which axis 1 or axis 3 may be"),
    "other features": (
        changed(x_test=np.ones((TEST, 4))),
        r"x_test in .*: got shape \(8, 4\) .*like x_train's",
    ),
    "other dtype": (
        changed(x_test=np.ones((TEST, 3), "u1")),
        "x_test in .*: got .* dtype uint8, expected .*float64",
    ),
    "labels missing": (changed(y_train=np.arange(TRAIN - 1) % 2), r"y_train in .*: got shape \(19,\)"),
    "test labels missing": (
        changed(y_test=np.arange(TEST + 1) % 2),
        r"y_test in .*: got shape \(9,\) .*\(8,\)",
    ),
    "label images": (changed(y_train=np.ones((TRAIN, 2, 2))), r"y_train in .*: got shape \(20, 2, 2\)"),
    "scalar label": (changed(y_test=np.int64(1)), r"y_test in .*: got shape \(\)"),
    "values for classes": (
        changed(y_test=np.ones(TEST)),
        "y_test in .*: got .*float64, expected labels like",
    ),
    "other widths": (
        changed(y_train=np.ones((TRAIN, 4)), y_test=np.ones((TEST, 1))),
        r"y_test in .*: got shape \(8, 1\)",
    ),
    "many labels": (
        changed(y_train=np.ones((TRAIN, 2), int), y_test=np.ones((TEST, 2), int)),
        "one-hot rows",
    ),
    "one class": (
        changed(y_train=np.full(TRAIN, 7), y_test=np.full(TEST, 7)),
        "the one class 7, expected at least two",
    ),
    "unknown class": (with_value("y_test", 9), "y_test in .*: got label 9, expected one of the 2 classes"),
    "NaN": (
        with_value("x_train", np.nan),
        r"x_train in .*: got 3 values that are NaN .* the first at \(3, 0\)",
    ),
    "infinite": (with_value("x_test", -np.inf), "x_test in .*: got 3 values"),
    "beyond float32": (
        with_value("x_train", 1e39),
        "x_train in .*: got 3 values .*finite numbers of float32",
    ),
    "NaN to predict": (
        changed(y_train=np.full(TRAIN, np.nan), y_test=np.ones(TEST)),
        "y_train in .*: got 20 values",
    ),
    "few samples": (
        changed(x_train=np.ones((MIN_TRAIN - 1, 3)), y_train=np.arange(MIN_TRAIN - 1) % 2),
        "x_train in .*: got 4 samples, expected at least 5",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_contents_are_refused(tmp_path, kind):
    arrays, match = WRONG[kind]
    refused(write(tmp_path / "mine.npz", arrays), match)


def test_fewest_samples_can_be_held_out():
    assert held_out(MIN_TRAIN) == 1
    assert held_out(MIN_TRAIN - 1) == 0


@pytest.mark.parametrize("content", [b"", b"x_train,y_train\n", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    refused(path, "expected a .npz file of the arrays x_train, y_train, x_test, y_test")


def test_what_is_no_file_is_refused(tmp_path):
    refused(tmp_path / "mine.npz", "got no file, expected a .npz file")
    (tmp_path / "mine.npz").mkdir()
    refused(tmp_path / "mine.npz", "got no regular file")
    os.mkfifo(tmp_path / "pipe.npz")
    refused(tmp_path / "pipe.npz", "got no regular file")  # and is not waited for
    refused(tmp_path / ("a" * 300 + ".npz"), "cannot be read")


def test_a_name_of_two_lines_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"Invalid data file: got '.*a\\nb.npz', expected a name of printable"
    ):
        read_npz(write(tmp_path / "a\nb.npz", features()))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_every_truncated_or_changed_file_is_read_alike_or_refused(tmp_path, save):
    path = write(tmp_path / "mine.npz", features(), save)
    content, right = path.read_bytes(), read_npz(path)
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        refused(path, "cannot be read")
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 400):
        path.write_bytes(
            content[:place] + bytes([content[place] ^ rng.integers(1, 256)]) + content[place + 1 :]
        )
        with contextlib.suppress(DataError):  # else it was a time or an attribute
            found = read_npz(path)
            np.testing.assert_array_equal(found.train[0], right.train[0])
            np.testing.assert_array_equal(found.test[1], right.test[1])


def header(shape, descr="<f4", version=(1, 0), length=None):
    """Return the head of an .npy file of any shape."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + size.to_bytes(2 if version == (1, 0) else 4, "little") + text


def forged(path, contents, **claimed):
    """Write a right file but for some members, whose sizes the zip's directory may exaggerate."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in features().items():
            buffer = io.BytesIO()
            np.save(buffer, values.astype("<f4") if name == "x_test" else values)
            archive.writestr(f"{name}.npy", contents.get(name, buffer.getvalue()))
            archive.getinfo(f"{name}.npy").file_size += claimed.get(name, 0)
    return path


@pytest.mark.parametrize(
    "shape", [(10**12, 3), (TRAIN, 10**12), (10**4000, 3), (TRAIN, -3), (-1, -3), (3, 10**30)]
)
def test_nothing_is_allocated_for_what_a_header_claims(tmp_path, shape):
    path = forged(tmp_path / "mine.npz", {"x_train": header(shape) + bytes(30_000_000)})
    tracemalloc.start()
    refused(path, "x_train|cannot be read")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**21


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    """Header and directory agree on 10^12 samples, as in a file of zeros that a zip packs a thousandfold."""
    heads = {"x_train": header((10**12, 3)), "y_train": header((10**12,), "<i8")}
    path = forged(tmp_path / "mine.npz", heads, x_train=12 * 10**12, y_train=8 * 10**12)
    refused(
        path, r"got x_train \(1000000000000, 3\), .*expected arrays that fit into [\d.]+ GiB, not 48428\.8"
    )


def test_memory_is_counted_before_it_is_taken(tmp_path, monkeypatch):
    path = write(tmp_path / "mine.npz", images(100, 100))
    needed = sum(values.size * (values.itemsize + 8) for values in images(100, 100).values())
    memory = namedtuple("memory", "available")
    monkeypatch.setattr(npz.psutil, "virtual_memory", lambda: memory(needed))
    read_npz(path)
    monkeypatch.setattr(npz.psutil, "virtual_memory", lambda: memory(needed - 1))
    refused(path, "expected arrays that fit into 0.0 GiB, not 0.0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        header((TRAIN, 3), version=(3, 0)) + bytes(12 * TRAIN),
        header((TRAIN, 3), version=(9, 9)) + bytes(12 * TRAIN),
        header((TRAIN, 3), version=(2, 0), length=2**32 - 1) + bytes(12 * TRAIN),
        header("[" * 500),
        header("__import__('os').abort()"),
        header("(20, 3), 'more': 1"),
        header("(20.0, 3)") + bytes(12 * TRAIN),
        header((TRAIN, 3), "<f3") + bytes(12 * TRAIN),
        header((TRAIN, 3), "|O") + b"cos\nabort\n(tR.",
        header((TRAIN, 3)) + bytes(12 * TRAIN - 1),
        header((TRAIN, 3)) + bytes(12 * TRAIN + 1),
    ],
)
def test_damaged_arrays_are_refused(tmp_path, content):
    refused(forged(tmp_path / "mine.npz", {"x_train": content}), "x_train|cannot be read")


def test_version_two_of_the_format_is_read(tmp_path):
    values = np.arange(3 * TRAIN, dtype="<f4").reshape(TRAIN, 3)
    path = forged(tmp_path / "mine.npz", {"x_train": header((TRAIN, 3), version=(2, 0)) + values.tobytes()})
    np.testing.assert_array_equal(read_npz(path).train[0], in_order(values, TRAIN))


def test_a_member_shorter_or_of_other_bytes_than_the_directory_says_is_refused(tmp_path):
    right = header((TRAIN, 3)) + bytes(12 * TRAIN)
    refused(forged(tmp_path / "mine.npz", {"x_train": right[:-12]}, x_train=12), "cannot be read")


def test_two_members_of_a_name_are_refused(tmp_path):
    path = write(tmp_path / "mine.npz", features())
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x_train.npy", b"")
    refused(path, "got the arrays")


def test_load_and_resolve_take_a_path(tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    path = write(folder / "mine.npz", features())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    expected = Source(
        "mine.npz",
        folder,
        f"Using mine.npz: {TRAIN} training and {TEST} test samples of 3 features, 2 classes.",
    )
    for name in (str(path), "folder/mine.npz", "~/folder/mine.npz", "elsewhere/../folder/mine.npz"):
        found = resolve(None, name, download=None)
        assert (found.name, found.root.resolve(), found.notice) == (expected.name, folder, expected.notice)
        assert resolve(elsewhere, name) == found
        assert found.root.is_absolute()
        assert found.load().sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert resolve(folder, "mine.npz") == resolve(None, "mine.npz", default_root=folder) == expected
    loaded = load("mine.npz", folder)  # as a worker does, in its own working folder
    assert (loaded.name, loaded.notice, loaded.classes) == ("mine.npz", expected.notice, 2)
    assert torch.equal(loaded.train_images, torch.from_numpy(read_npz(path).train[0]))
    assert torch.equal(loaded.test_labels, torch.from_numpy(read_npz(path).test[1]))
    assert load(str(path), elsewhere).sha256 == load("folder/mine.npz", None).sha256 == loaded.sha256


def test_the_file_in_the_working_folder_comes_first(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    write(tmp_path / "root" / "mine.npz", features(4))
    monkeypatch.chdir(tmp_path)
    assert resolve(tmp_path / "root", "mine.npz").load().train_images.shape == (TRAIN, 4)
    write(tmp_path / "mine.npz", features(3))
    assert resolve(tmp_path / "root", "mine.npz").load().train_images.shape == (TRAIN, 3)


def test_a_file_is_not_taken_for_a_built_in_data_set(tmp_path):
    for name in ("mnist.npz", "digits.npz", "MNIST.NPZ"):
        with (tmp_path / name).open("wb") as file:
            np.savez(file, **images(28, 28))
        assert resolve(tmp_path, name).name == name
        loaded = resolve(None, str(tmp_path / name)).load()
        assert (loaded.name, loaded.classes) == (name, 2)
        assert loaded.train_images.shape == (TRAIN, 1, 28, 28)
        assert "1×28×28 pixels, 2 classes" in loaded.notice


def test_values_are_loaded_as_a_column(tmp_path):
    arrays = {**features(), "y_train": np.ones(TRAIN), "y_test": np.zeros(TEST)}
    write(tmp_path / "mine.npz", arrays)
    loaded = load("mine.npz", tmp_path)
    assert loaded.classes is None
    assert torch.equal(loaded.train_labels, torch.ones(TRAIN, 1))
    assert loaded.notice.endswith("of 3 features, 1 value each.")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("gone.npz", r"Invalid gone.npz: got no file, expected a .npz file"),
        ("~nobody-of-this-name/a.npz", "expected a path with a known home directory"),
        ("nul\0.npz", "printable"),
        ("folder/mine.csv", re.escape("'FashionMNIST', or an .npz file")),
    ],
)
def test_resolve_names_what_is_missing(tmp_path, monkeypatch, name, match):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=match) as error:
        resolve(None, name, default_root=tmp_path / "data", download=None)
    assert "\n" not in str(error.value)


def test_built_in_data_sets_have_ten_classes(tmp_path):
    assert load("digits", None).classes == 10
