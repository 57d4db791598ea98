"""The choice of the data set, and scikit-learn's digits as the substitute for MNIST."""

import hashlib
import re

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as sklearn_digits

from impl.data import download, idx
from impl.data.datasets import Source, load, resolve
from impl.data.idx import DataError
from tests.small_mnist import IMAGES, LABELS, SHAPES, idx_bytes, refuse, write


def untouched(root):
    raise AssertionError(f"a download to {root} was begun")


def write_like(root, name, contents):
    """Write a data set of that name in torchvision's layout."""
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    return root


@pytest.fixture
def like(arrays):
    """Files of another data set than the one that the table knows."""
    return {
        file: idx_bytes(9 - values if values.ndim == 1 else 255 - values) for file, values in arrays.items()
    }


def test_resolve_prefers_what_is_there(tmp_path, contents):
    root = write(tmp_path, contents)
    assert resolve(root, download=refuse) == Source("mnist", root, "")
    source = resolve(None, default_root=root, download=refuse)
    assert source == Source("mnist", root, "")
    assert source.load().name == "mnist"


def test_resolve_downloads_what_is_missing(tmp_path, contents):
    source = resolve(None, default_root=tmp_path, download=lambda root: write(root, contents))
    assert source == Source("mnist", tmp_path, "")
    assert len(source.load().test_labels) == 3


def test_resolve_falls_back_with_a_notice(tmp_path):
    source = resolve(None, default_root=tmp_path / "data", download=refuse)
    assert (source.name, source.root) == ("digits", None)
    assert "no mirror answered" in source.notice
    assert "scikit-learn" in source.notice
    assert source.notice.endswith(".")
    assert "\n" not in source.notice
    loaded = source.load()
    assert (loaded.name, loaded.notice) == ("digits", source.notice)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["MNIST", "mnist"])
def test_mnist_by_name(tmp_path, contents, name):
    root = write(tmp_path, contents)
    assert resolve(root, name, download=untouched) == Source("mnist", root, "")
    assert resolve(None, name, default_root=root, download=untouched) == Source("mnist", root, "")
    assert load(name, root).sha256 == load("mnist", root).sha256
    assert load(name, root).name == "mnist"


def test_mnist_by_name_is_downloaded(tmp_path, contents):
    source = resolve(None, "MNIST", default_root=tmp_path, download=lambda root: write(root, contents))
    assert source == Source("mnist", tmp_path, "")


def test_mnist_by_name_does_not_fall_back(tmp_path):
    with pytest.raises(DataError, match=r"could not be downloaded \(no mirror answered\)"):
        resolve(None, "MNIST", default_root=tmp_path, download=refuse)


def test_digits_by_name(tmp_path, contents):
    root = write(tmp_path, contents)
    source = resolve(None, "digits", default_root=root, download=untouched)
    assert (source.name, source.root) == ("digits", None)
    assert re.fullmatch(r"Using scikit-learn's .*, as requested\.", source.notice)
    assert resolve(root, "digits", download=untouched) == source
    assert source.load().notice == source.notice


@pytest.mark.parametrize("name", ["FashionMNIST", "KMNIST"])
def test_another_data_set_is_what_torchvision_reads(tmp_path, contents, like, name):
    write_like(write(tmp_path, contents), name, like)
    source = resolve(None, name, default_root=tmp_path, download=untouched)
    assert source == resolve(tmp_path, name, download=untouched) == Source(name, tmp_path, "")
    download.torchvision_mnist()  # its import may need help
    from torchvision import datasets

    loaded, oracle = source.load(), getattr(datasets, name)
    assert (loaded.name, loaded.notice) == (name, "")
    for images, labels, train in [
        (loaded.train_images, loaded.train_labels, True),
        (loaded.test_images, loaded.test_labels, False),
    ]:
        dataset = oracle(tmp_path, train=train, download=False)
        assert images.shape == (len(dataset.data), 1, 28, 28)
        assert (images.dtype, labels.dtype) == (torch.float32, torch.int64)
        assert torch.equal(images[:, 0], dataset.data.float() / 255)
        assert torch.equal(labels, dataset.targets)
    digests = [hashlib.sha256(content).hexdigest() for content in like.values()]
    assert loaded.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()
    assert loaded.sha256 != load("mnist", tmp_path).sha256


def test_what_is_known_of_mnist_binds_no_other(tmp_path, like):
    assert [wanted.shape for wanted in idx.SIMILAR_FILES.values()] == [(None, 28, 28), (None,)] * 2
    assert list(idx.SIMILAR_FILES) == list(SHAPES)
    assert {wanted.sha256 for wanted in idx.SIMILAR_FILES.values()} == {None}
    with pytest.raises(DataError, match=r"header .* 00 00 00 07 .* dimensions \(60000, 28, 28\)"):
        load("mnist", write(tmp_path, like))


def count(content, samples):
    return content[:4] + samples.to_bytes(4, "big") + content[8:]


DAMAGES = {
    "magic": (IMAGES, lambda c: b"\x1f\x8b" + c[2:], "header 1f 8b 08 03"),
    "no bytes": (LABELS, lambda c: b"", "0 bytes with header nothing"),
    "half a header": (IMAGES, lambda c: c[:9], "9 bytes with header 00 00 08 03"),
    "no images": (
        IMAGES,
        lambda c: count(c[:16], 0),
        r"header 00 00 08 03 00 00 00 00 .* dimensions \(1 to 1000000, 28, 28\)",
    ),
    "no labels": (
        LABELS,
        lambda c: count(c[:8], 0),
        r"header 00 00 08 01 00 00 00 00, .* dimensions \(1 to 1000000,\)",
    ),
    "32x32": (
        IMAGES,
        lambda c: idx_bytes(np.zeros((7, 32, 32), np.uint8)),
        r"00 00 00 20, .* dimensions \(1 to 1000000, 28, 28\)",
    ),
    "truncated": (IMAGES, lambda c: c[:-1], "5503 bytes with header"),
    "too long": (IMAGES, lambda c: c + b"\0", "5505 bytes with header"),
    "claims terabytes": (
        IMAGES,
        lambda c: count(c, 2**32 - 1),
        r"header 00 00 08 03 ff ff ff ff .* dimensions \(1 to 1000000, 28, 28\)",
    ),
    "claims the most": (IMAGES, lambda c: count(c, 10**6), "5504 bytes with header 00 00 08 03 00 0f 42 40"),
    "label 10": (LABELS, lambda c: c[:-1] + b"\x0a", "label 10, expected .* labels 0 to 9"),
    "a label less": (LABELS, lambda c: count(c[:-1], 6), "got 6 labels, expected 7, one an image"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_damage_to_another_data_set_is_named(tmp_path, like, damage, part):
    trained, change, message = DAMAGES[damage]
    name = trained.replace("train", part)
    files = dict(zip(like, list(like.values())[:2] * 2, strict=True))  # seven samples in either part
    write_like(tmp_path, "KMNIST", files | {name: change(files[name])})
    with pytest.raises(DataError, match=rf"KMNIST.raw.{name}: .*{message}"):
        resolve(tmp_path, "KMNIST", download=untouched)


@pytest.mark.parametrize("name", SHAPES)
def test_missing_file_of_another_data_set_is_named(tmp_path, like, name):
    write_like(tmp_path, "KMNIST", {file: content for file, content in like.items() if file != name})
    wanted = r"\(1 to 1000000, 28, 28\)" if "images" in name else r"\(1 to 1000000,\)"
    with pytest.raises(
        DataError, match=rf"{name}: got a file that cannot be read .*, expected an idx file .* {wanted}"
    ):
        resolve(None, "KMNIST", default_root=tmp_path, download=untouched)


def test_missing_data_set_says_what_there_is(tmp_path, contents, like):
    with pytest.raises(DataError, match=r"Invalid dataset: got 'KMNIST', .* holds none\.$"):
        resolve(tmp_path / "nowhere", "KMNIST", download=untouched)
    write_like(write(tmp_path, contents), "FashionMNIST", like)
    write_like(tmp_path, "Incomplete", {IMAGES: like[IMAGES]})
    with pytest.raises(DataError, match=r"Invalid dataset: got 'KMNIST', .* holds FashionMNIST, MNIST\.$"):
        resolve(tmp_path, "KMNIST", download=untouched)


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "..", ".", "", "/", "x/", "/x", "C:x", "a\\b", "..\\x", "./x"]
)
def test_a_path_is_no_name(tmp_path, like, name):
    write_like(tmp_path, "x", like)
    (tmp_path / "a").mkdir()
    with pytest.raises(
        ValueError, match=r"Invalid dataset name: .* expected a directory name such as 'FashionMNIST'"
    ) as error:
        resolve(tmp_path / "a", name, download=untouched)
    assert repr(name) in str(error.value)


def test_digits():
    loaded = load("digits", None)
    assert loaded.train_images.shape == (1437, 1, 28, 28)
    assert loaded.test_images.shape == (360, 1, 28, 28)
    assert loaded.train_images.dtype == loaded.test_images.dtype == torch.float32
    assert loaded.train_labels.dtype == loaded.test_labels.dtype == torch.int64
    images = torch.cat([loaded.test_images, loaded.train_images])
    labels = torch.cat([loaded.test_labels, loaded.train_labels])
    assert 0 == images.min() < images.max() <= 1
    assert set(loaded.test_labels.tolist()) == set(range(10))
    assert "MNIST" in loaded.notice

    bunch = sklearn_digits()
    order = np.random.default_rng(0).permutation(1797)
    assert labels.tolist() == bunch.target[order].tolist()
    # Bilinear at scale 28/8, half-pixel centres: output pixel i lies at (i + 1/2)·8/28 - 1/2 of the 8 inputs.
    place = (np.arange(28) + 0.5) * 8 / 28 - 0.5
    for index in (0, 359, 360, 1796):
        small = bunch.images[order[index]] / 16
        rows = np.stack([np.interp(place, np.arange(8), column) for column in small.T], axis=1)
        expected = np.stack([np.interp(place, np.arange(8), row) for row in rows])
        np.testing.assert_allclose(images[index, 0].numpy(), expected, atol=1e-6)


def test_digits_digest():
    bunch = sklearn_digits()
    content = bytes(int(value) for value in bunch.images.ravel()) + bytes(bunch.target.tolist())
    assert load("digits", None).sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", ["mnist", "KMNIST"])
def test_files_need_a_folder(name):
    with pytest.raises(
        ValueError, match=f"Invalid root: got None, expected the folder of the data set '{name}'"
    ):
        load(name, None)
