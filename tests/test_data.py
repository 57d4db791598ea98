import gzip
import hashlib
import http.server
import io
import socket
import struct
import threading
from dataclasses import dataclass
from email.message import Message
from urllib.error import HTTPError, URLError

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits as sklearn_digits

from impl import download, mnist
from impl.data import Source, load, resolve
from impl.download import DownloadError, first_answering
from impl.mnist import DataError, IdxFile

SHAPES = {
    "train-images-idx3-ubyte": (7, 28, 28),
    "train-labels-idx1-ubyte": (7,),
    "t10k-images-idx3-ubyte": (3, 28, 28),
    "t10k-labels-idx1-ubyte": (3,),
}
IMAGES, LABELS, *_ = SHAPES


def idx(values):
    return struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 10 if len(shape) == 1 else 256, shape, np.uint8)
        for name, shape in SHAPES.items()
    }


@pytest.fixture
def contents(arrays, monkeypatch):
    """A small MNIST and the table that knows it."""
    contents = {name: idx(values) for name, values in arrays.items()}
    table = {
        name: IdxFile(SHAPES[name], hashlib.sha256(content).hexdigest()) for name, content in contents.items()
    }
    monkeypatch.setattr(mnist, "FILES", table)
    return contents


def write(root, contents):
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return root


def refuse(root):
    raise DownloadError("no mirror answered")


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
        twin = oracle(root, train=train, download=False)
        assert torch.equal((images[:, 0] * 255).round().byte(), twin.data)
        assert torch.equal(labels, twin.targets)


def test_mnist_digest_follows_the_files(tmp_path, contents):
    digests = [hashlib.sha256(content).hexdigest() for content in contents.values()]
    loaded = load("mnist", write(tmp_path, contents))
    assert loaded.sha256 == hashlib.sha256("".join(digests).encode()).hexdigest()


def flip_bit(content):
    return content[:-1] + bytes([content[-1] ^ 1])


DAMAGES = {
    "truncated": (IMAGES, lambda c: c[:-1], r"is 5503 bytes long; expected 5504"),
    "header cut off": (IMAGES, lambda c: c[:9], r"is 9 bytes long; expected 5504"),
    "too long": (IMAGES, lambda c: c + b"\0", r"is 5505 bytes long; expected 5504"),
    "empty": (LABELS, lambda c: b"", r"begins with nothing; expected the idx magic 00 00 08 01"),
    "wrong magic": (
        IMAGES,
        lambda c: b"\0\0\x0d" + c[3:],
        r"begins with 00 00 0d 03; expected .* 00 00 08 03",
    ),
    "compressed": (LABELS, gzip.compress, r"begins with 1f 8b 08 00; expected the idx magic"),
    "labels for images": (IMAGES, lambda c: idx(np.zeros(7, np.uint8)), r"begins with 00 00 08 01"),
    "other dimensions": (
        IMAGES,
        lambda c: c[:4] + struct.pack(">3I", 28, 28, 7) + c[16:],
        r"has dimensions \(28, 28, 7\); expected \(7, 28, 28\)",
    ),
    "label 10": (
        LABELS,
        lambda c: c[:-2] + b"\x0a" + c[-1:],
        r"holds label 10 at position 5; expected 0 to 9",
    ),
    "flipped bit": (IMAGES, flip_bit, r"has SHA-256 [0-9a-f]{64}; expected [0-9a-f]{64}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("explicit", [True, False])
def test_damaged_file_is_named(tmp_path, contents, damage, explicit):
    name, change, message = DAMAGES[damage]
    root = write(tmp_path, contents | {name: change(contents[name])})
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        load("mnist", root)
    with pytest.raises(DataError, match=rf"{name}: .*{message}"):
        resolve(root) if explicit else resolve(None, default_root=root, download=refuse)


@pytest.mark.parametrize("name", SHAPES)
def test_missing_file_is_named_and_never_replaced_by_digits(tmp_path, contents, name):
    root = write(tmp_path, {key: value for key, value in contents.items() if key != name})
    with pytest.raises(DataError, match=rf"{name}: cannot be read .*; expected MNIST's file of \d+ bytes"):
        resolve(root, download=refuse)


def test_folder_in_place_of_a_file(tmp_path, contents):
    (tmp_path / "MNIST" / "raw" / IMAGES).mkdir(parents=True)
    with pytest.raises(DataError, match=f"{IMAGES}: cannot be read"):
        resolve(tmp_path)


def test_the_known_hashes_are_of_mnist():
    # Sizes of LeCun's four files: 16 or 8 bytes of header and 784 or 1 for each sample.
    assert [name for name in mnist.FILES] == list(SHAPES)
    assert [expected.shape for expected in mnist.FILES.values()] == [
        (60_000, 28, 28),
        (60_000,),
        (10_000, 28, 28),
        (10_000,),
    ]
    assert all(len(bytes.fromhex(expected.sha256)) == 32 for expected in mnist.FILES.values())


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


MIRRORS = ["first/", "second/", "third/"]


def test_the_first_mirror_that_answers():
    asked = []

    def ask(url, timeout):
        asked.append(url)
        return url == "second/file"

    assert first_answering(MIRRORS, "file", 5, ask) == "second/"
    assert set(asked) <= {"first/file", "second/file", "third/file"}


def test_no_mirror_answers():
    assert first_answering(MIRRORS, "file", 5, lambda url, timeout: False) is None


def test_mirrors_that_hang_hold_nobody():
    release, daemons = threading.Event(), []

    def ask(url, timeout):
        daemons.append(threading.current_thread().daemon)
        return release.wait()

    assert first_answering(MIRRORS, "file", 0.01, ask) is None
    release.set()
    assert all(daemons)  # others would keep the program from ending
    assert daemons


@pytest.mark.parametrize("error", [URLError("no such host"), TimeoutError(), ConnectionResetError()])
def test_a_failing_connection_is_no_answer(monkeypatch, error):
    def urlopen(url, timeout):
        raise error

    monkeypatch.setattr(download, "urlopen", urlopen)
    assert first_answering(MIRRORS, "file", 5) is None


def test_a_refusal_is_no_answer_and_is_closed(monkeypatch):
    body = io.BytesIO(b"no such page")
    error = HTTPError("first/file", 404, "Not Found", Message(), body)

    def urlopen(url, timeout):
        raise error

    monkeypatch.setattr(download, "urlopen", urlopen)
    assert first_answering(MIRRORS[:1], "file", 5) is None
    assert body.closed


@dataclass
class Mirror:
    mnist: type
    served: dict[str, bytes]


@pytest.fixture
def mirror(contents, monkeypatch):
    """Serve the small MNIST on this machine to torchvision's own downloader."""
    served = {f"/{name}.gz": gzip.compress(content) for name, content in contents.items()}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            content = served.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments):
            pass

    resources = [
        (path[1:], hashlib.md5(content, usedforsecurity=False).hexdigest())
        for path, content in served.items()
    ]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/"
        fields = {"mirrors": [address], "resources": resources}
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        twin = type("MNIST", (download.torchvision_mnist(),), fields)
        monkeypatch.setattr(download, "torchvision_mnist", lambda: twin)
        yield Mirror(twin, served)
        server.shutdown()
        thread.join()


def files(root):
    return {path.name for path in root.rglob("*") if path.is_file()}


def test_download_from_the_mirror_that_answers(tmp_path, contents, mirror):
    (address,) = mirror.mnist.mirrors
    mirror.mnist.mirrors = [address + "gone/", address]
    source = resolve(None, default_root=tmp_path / "data")
    assert source == Source("mnist", tmp_path / "data", "")
    assert files(tmp_path) == set(contents)
    assert len(source.load().train_labels) == 7


@pytest.mark.parametrize("replacement", [b"<html>Please log in</html>", b""])
def test_a_bad_download_leaves_nothing_behind(tmp_path, contents, mirror, replacement):
    good = mirror.served[f"/{IMAGES}.gz"]
    mirror.served[f"/{IMAGES}.gz"] = replacement
    source = resolve(None, default_root=tmp_path)
    assert source.name == "digits"
    assert f"Error downloading {IMAGES}.gz)" in source.notice
    assert files(tmp_path) == set()
    mirror.served[f"/{IMAGES}.gz"] = good
    assert resolve(None, default_root=tmp_path).name == "mnist"


def test_a_download_that_stalls_is_timed_out(tmp_path, mirror, monkeypatch):
    seen = []

    def observe(self):
        seen.append(socket.getdefaulttimeout())
        raise TimeoutError

    monkeypatch.setattr(mirror.mnist, "download", observe)
    socket.setdefaulttimeout(77)
    try:
        source = resolve(None, default_root=tmp_path)
        assert socket.getdefaulttimeout() == 77
    finally:
        socket.setdefaulttimeout(None)
    assert seen == [download.PATIENCE_SECONDS]
    assert "TimeoutError" in source.notice


def test_a_download_that_is_not_our_mnist(tmp_path, contents, mirror, monkeypatch):
    foreign = mnist.FILES | {IMAGES: IdxFile(SHAPES[IMAGES], "0" * 64)}
    monkeypatch.setattr(mnist, "FILES", foreign)
    source = resolve(None, default_root=tmp_path)
    assert source.name == "digits"
    assert "SHA-256" in source.notice
    assert files(tmp_path) == set()


def test_download_completes_an_interrupted_one(tmp_path, contents, mirror):
    root = write(tmp_path, {LABELS: contents[LABELS]})
    (root / ".download-left-by-a-kill").mkdir()
    assert resolve(None, default_root=root).name == "mnist"


def test_a_folder_that_cannot_be_written(tmp_path, mirror):
    (tmp_path / "data").write_text("a file, where a folder is wanted")
    source = resolve(None, default_root=tmp_path / "data")
    assert source.name == "digits"
    assert "could not be downloaded" in source.notice


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "first_answering", lambda *arguments: None)
    assert "no mirror answered" in resolve(None, default_root=tmp_path / "data").notice
