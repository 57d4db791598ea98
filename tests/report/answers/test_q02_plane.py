"""MNIST's plane: drawn from files where they lie, said to be missing where they do not."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from impl.data.datasets import DataError
from impl.data.idx import FILES, IdxFile
from report.answers.q02 import plane as q02_plane
from tests.small_mnist import SHAPES, idx_bytes, write


@pytest.fixture
def contents():
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(256 if len(shape) > 1 else 10, size=shape, dtype=np.uint8)
        for name, shape in SHAPES.items()
    }


def test_the_plane_is_scikit_learns(contents, tmp_path, monkeypatch):
    files = {name: IdxFile(shape) for name, shape in SHAPES.items()}  # no hash is known of these
    monkeypatch.setattr(q02_plane, "FILES", files)
    write(tmp_path, {name: idx_bytes(array) for name, array in contents.items()})
    plane = q02_plane.mnist(tmp_path)["mnist"]
    images, labels = (contents[name] for name in list(SHAPES)[2:])
    oracle = PCA(2).fit(images.reshape(len(images), -1) / 255)
    assert plane["share"] == pytest.approx(oracle.explained_variance_ratio_.sum(), rel=1e-5)
    assert (plane["samples"], plane["features"]) == (3, 784)
    table = plane["figure"].table
    assert table["digit"].tolist() == labels.tolist()
    scores = oracle.transform(images.reshape(len(images), -1) / 255)
    np.testing.assert_allclose(np.abs(table[["first", "second"]]), np.abs(scores), rtol=1e-5)


def test_without_files_it_is_missing(tmp_path):
    assert q02_plane.mnist(tmp_path) == {"mnist": None}


def test_a_file_that_is_not_mnists_is_refused(contents, tmp_path):
    write(tmp_path, {name: idx_bytes(array) for name, array in contents.items()})
    assert set(contents) == set(FILES)
    with pytest.raises(DataError, match="t10k-images"):
        q02_plane.mnist(tmp_path)
