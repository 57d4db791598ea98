"""MNIST's four files: what is read from them, and every way in which they can be wrong."""

import gzip
import hashlib
import os
import re
import struct
import tracemalloc

import numpy as np
import pytest
import torch

from impl.data import download
from impl.data import idx as idx_files
from impl.data.datasets import load, resolve
from impl.data.idx import DataError
from tests.small_mnist import IMAGES, LABELS, SHAPES, idx, refuse, write


def test_mnist_is_what_was_written(tmp_path, arrays, contents):
    loaded = load("mnist", write(tmp_path, contents))
    for images, labels, part in [
        (loaded.train_images, loaded.train_labels, "train"),
        (loaded.test_images, loaded.test_labels, "t10k"),
    ]:
        expected = torch.from_numpy(arrays[f"{part}-images-idx3-ubyte"])
        assert images.shape == (len(expected), 1, 28, 28)
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert torch.equal(images[:, 0], expected.float() / 255)
        assert torch.equal(labels, torch.from_numpy(arrays[f"{part}-labels-idx1-ubyte"]).long())
    assert (loaded.name, loaded.notice) == ("mnist", "")


def test_mnist_is_what_torchvision_reads(tmp_path, contents):
    root = write(tmp_path, contents)
    loaded, oracle = load("mnist", root), download.torchvision_mnist()
    for images, labels, train in [
        (loaded.train_images, loaded.train_labels, True),
        (loaded.test_images, loaded.test_labels, False),
    ]:
        dataset = oracle(root, train=train, download=False)
        assert torch.equal((images[:, 0] * 255).round().byte(), dataset.data)
        assert torch.equal(labels, dataset.targets)


def test_mnist_digest_follows_the_files(tmp_path, contents):
    digests = [hashlib.sha256(content).hexdigest() for content in contents.values()]
    loaded = load("mnist", write(tmp_path, contents))
    assert loaded.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()


def flip_bit(content):
    return content[:-1] + bytes([content[-1] ^ 1])


DAMAGES = {
    "truncated": (IMAGES, lambda c: c[:-1], "5503 bytes with header 00 00 08 03"),
    "header cut off": (IMAGES, lambda c: c[:9], "9 bytes with header 00 00 08 03"),
    "too long": (IMAGES, lambda c: c + b"\0", "5505 bytes with header 00 00 08 03"),
    "empty": (LABELS, lambda c: b"", "0 bytes with header nothing"),
    "wrong magic": (
        IMAGES,
        lambda c: b"\0\0\x0d" + c[3:],
        "header 00 00 0d 03",
    ),
    "compressed": (LABELS, gzip.compress, "header 1f 8b 08 00"),
    "labels for images": (IMAGES, lambda c: idx(np.zeros(7, np.uint8)), "header 00 00 08 01"),
    "other dimensions": (
        IMAGES,
        lambda c: c[:4] + struct.pack(">3I", 28, 28, 7) + c[16:],
        r"header [0-9a-f ]+ 00 00 00 07, .* dimensions \(7, 28, 28\)",
    ),
    "label 10": (
        LABELS,
        lambda c: c[:-2] + b"\x0a" + c[-1:],
        "label 10, expected .* labels 0 to 9",
    ),
    "flipped bit": (IMAGES, flip_bit, r"SHA-256 [0-9a-f]{64}, expected"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("explicit", [True, False])
def test_damaged_file_is_named(tmp_path, contents, damage, explicit):
    name, change, message = DAMAGES[damage]
    root = write(tmp_path, contents | {name: change(contents[name])})
    message = (
        rf"Invalid .*{name}: got .*{message}.* and SHA-256 {hashlib.sha256(contents[name]).hexdigest()}\."
    )
    with pytest.raises(DataError, match=message):
        load("mnist", root)
    with pytest.raises(DataError, match=message):
        resolve(root) if explicit else resolve(None, default_root=root, download=refuse)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_within_twice_its_memory(tmp_path, damage):
    name, change, _ = DAMAGES[damage]
    values = np.zeros((2000, *SHAPES[name][1:]), np.uint8)
    (tmp_path / name).write_bytes(change(idx(values)))
    expected = idx_files.IdxFile(values.shape, hashlib.sha256(idx(values)).hexdigest())
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            idx_files.read_idx(tmp_path / name, expected)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 2 * values.nbytes + 2**17  # the messages, and what is loaded at the first error


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("asked", [None, "MNIST"])
def test_missing_file_is_named_and_never_replaced_by_digits(tmp_path, contents, name, asked):
    root = write(tmp_path, {key: value for key, value in contents.items() if key != name})
    wanted = re.escape(f"expected an idx file of dimensions {SHAPES[name]}")
    with pytest.raises(DataError, match=rf"{name}: got a file that cannot be read .*, {wanted}"):
        resolve(root, asked, download=refuse)


def test_folder_in_place_of_a_file(tmp_path, contents):
    (tmp_path / "MNIST" / "raw" / IMAGES).mkdir(parents=True)
    with pytest.raises(DataError, match=f"{IMAGES}: got a file that cannot be read"):
        resolve(tmp_path)


@pytest.mark.parametrize("how", ["file", "pipe", "sparse", "longer"])
def test_what_is_no_file_of_the_folder_is_never_read(tmp_path, contents, how):
    """A link to what lies elsewhere, a pipe that nobody writes, files that claim or hold more than memory."""
    root = write(tmp_path / "data", contents)
    path = root / "MNIST" / "raw" / IMAGES
    elsewhere = path.rename(tmp_path / "elsewhere")
    if how == "file":
        path.symlink_to(elsewhere)
        message = rf"it is a link out of its folder, to {elsewhere}"
    elif how == "pipe":
        os.mkfifo(path)
        message = "it is no regular file"
    elif how == "longer":
        path.write_bytes(elsewhere.read_bytes())
        os.truncate(path, 2**40)
        message = f"got {2**40} bytes with header"
    else:
        path.write_bytes(struct.pack(">4I", 0x803, 2**32 - 1, 28, 28))
        os.truncate(path, 2**40)
        message = f"got {2**40} bytes with header 00 00 08 03 ff ff ff ff"
    with pytest.raises(DataError, match=rf"{IMAGES}: .*{message}"):
        load("mnist", root)
    if how == "sparse":
        with pytest.raises(DataError, match=rf"{message} .* dimensions \(1 to 1000000, 28, 28\)"):
            idx_files.read_idx(path, idx_files.SIMILAR_FILES[IMAGES])


def test_a_data_set_of_which_nothing_is_known_has_between_one_image_and_a_million():
    fits = idx_files.SIMILAR_FILES[IMAGES].fits
    assert [fits((n, 28, 28)) for n in (0, 1, 1_000_000, 1_000_001)] == [False, True, True, False]
    assert not fits((1, 28, 27))


def test_links_to_a_whole_folder_and_within_it_are_the_users_own_way(tmp_path, contents):
    write(tmp_path / "there", contents)
    raw = tmp_path / "there" / "MNIST" / "raw"
    (raw / IMAGES).rename(raw / "images")
    (raw / IMAGES).symlink_to("images")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    assert len(load("mnist", tmp_path / "here").train_images) == 7


def test_the_known_hashes_are_of_mnist():
    # Sizes of LeCun's four files: 16 or 8 bytes of header and 784 or 1 for each sample.
    assert [name for name in idx_files.FILES] == list(SHAPES)
    assert [expected.shape for expected in idx_files.FILES.values()] == [
        (60_000, 28, 28),
        (60_000,),
        (10_000, 28, 28),
        (10_000,),
    ]
    assert all(len(bytes.fromhex(expected.sha256)) == 32 for expected in idx_files.FILES.values())
