"""Which data set is to be had, and scikit-learn's digits where it is not MNIST."""

import hashlib

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as sklearn_digits

from impl.data import Source, load, resolve
from tests.small_mnist import refuse, write


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


def test_unknown_data_set():
    with pytest.raises(ValueError, match="'cifar' is none of mnist, digits"):
        load("cifar", None)
    with pytest.raises(ValueError, match="not None"):
        load("mnist", None)
