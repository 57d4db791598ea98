"""Data files of any content: what was written comes back, and nothing else is taken for it."""

import hashlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from impl.data.datasets import load
from impl.data.idx import DataError, IdxFile, read_idx
from tests.draws import seeds
from tests.small_mnist import SHAPES, idx

labels = st.lists(st.integers(0, 11), min_size=1, max_size=9).map(
    lambda values: bytes([0, 0, 8, 1]) + len(values).to_bytes(4) + bytes(values)
)


@given(content=st.binary(max_size=64) | labels)
def test_any_bytes_are_an_array_or_a_data_error(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any-idx1-ubyte"
    path.write_bytes(content)
    whole = content[:4] == bytes([0, 0, 8, 1]) and len(content) == 8 + int.from_bytes(content[4:8])
    if whole and len(content) - 8 > 0 and max(content[8:]) < 10:
        values, _ = read_idx(path, IdxFile((None,)))
        assert values.tobytes() == content[8:]
    else:
        with pytest.raises(DataError, match=re.escape(str(path))):
            read_idx(path, IdxFile((None,)))


bytes_of_digits = hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(0, 9))


@given(values=bytes_of_digits, data=st.data())
def test_a_file_gives_its_array_back_and_no_other_is_taken_for_it(values, data, tmp_path_factory):
    path, content = tmp_path_factory.getbasetemp() / "any-idx-ubyte", idx(values)
    known = hashlib.sha256(content).hexdigest()
    shape = tuple(data.draw(st.sampled_from([None, n])) for n in values.shape)
    path.write_bytes(content)
    for expected in (IdxFile(shape), IdxFile(shape, known)):
        found, digest = read_idx(path, expected)
        np.testing.assert_array_equal(found, values)
        assert digest == known
    place = data.draw(st.integers(0, len(content) - 1))
    flipped = bytes([content[place] ^ data.draw(st.integers(1, 255))])
    for other in (content[:place], content + b"\0", content[:place] + flipped + content[place + 1 :]):
        path.write_bytes(other)
        with pytest.raises(DataError, match=re.escape(str(path))):
            read_idx(path, IdxFile(shape, known))


@given(
    images=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    labels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    seed=seeds,
)
@settings(max_examples=25)
def test_a_data_set_alike_is_the_bytes_of_its_files(images, labels, seed, tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("likes"), np.random.default_rng(seed)
    counts = [images[0], labels[0], images[1], labels[1]]
    shapes = [(n, *shape[1:]) for n, shape in zip(counts, SHAPES.values(), strict=True)]
    arrays = [rng.integers(0, 256 if len(shape) > 1 else 10, shape, np.uint8) for shape in shapes]
    folder = root / "Letters" / "raw"
    folder.mkdir(parents=True)
    for name, values in zip(SHAPES, arrays, strict=True):
        (folder / name).write_bytes(idx(values))
    if images != labels:
        with pytest.raises(DataError, match=r"got \d labels, expected \d, one an image"):
            load("Letters", root)
        return
    found = load("Letters", root)
    of_file = [found.train_images, found.train_labels, found.test_images, found.test_labels]
    for tensor, values in zip(of_file, arrays, strict=True):
        scaled = tensor.squeeze(1) * 255 if tensor.dim() == 4 else tensor
        np.testing.assert_array_equal(scaled.round().numpy(), values)
        assert tensor.dim() == 1 or tensor.shape[1:] == (1, 28, 28)
    digests = "".join(hashlib.sha256(idx(values)).hexdigest() for values in arrays)
    assert found.sha256 == hashlib.sha256(digests.encode()).hexdigest()


@given(name=st.text("a.:/\\", max_size=6))
def test_no_name_of_a_data_set_leads_out_of_its_folder(name, tmp_path_factory):
    root = tmp_path_factory.getbasetemp().resolve()
    with pytest.raises(ValueError, match=r"^Invalid dataset") as refused:
        load(name, root)
    if "Invalid dataset name" in str(refused.value):
        assert set(name) & set(":/\\") or name in ("", ".", "..")
    else:
        assert not set(name) & set("/\\")
        assert (root / name).resolve().parent == root
