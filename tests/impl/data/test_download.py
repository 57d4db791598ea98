"""The download of MNIST: mirrors that answer, hang, refuse or lie, served from this machine."""

import gzip
import hashlib
import http.server
import io
import socket
import threading
import tracemalloc
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest

from impl.data import download
from impl.data import idx as mnist
from impl.data.datasets import Source, resolve
from impl.data.download import first_answering
from impl.data.idx import IdxFile
from tests.small_mnist import IMAGES, LABELS, SHAPES, write

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


def test_mirrors_are_asked_for_the_smallest_file_and_the_first_to_answer_is_the_first_to_be_used(
    tmp_path, mirror, monkeypatch
):
    (address,) = mirror.mnist.mirrors
    mirror.mnist.mirrors = ["http://slow/", address, "http://slower/"]
    asked, used = [], []

    def answering(mirrors, file, seconds):
        asked.append((mirrors, file))
        return address

    def observe(self):
        used.append((self.mirrors, Path(self.root).parent))
        raise TimeoutError

    monkeypatch.setattr(download, "first_answering", answering)
    monkeypatch.setattr(mirror.mnist, "download", observe)
    resolve(None, default_root=tmp_path)
    smallest = min(mirror.served, key=lambda path: len(gzip.decompress(mirror.served[path])))
    assert asked == [(mirror.mnist.mirrors, smallest[1:])]
    # beside the data, from where a file is moved whole
    assert used == [([address, "http://slow/", "http://slower/"], tmp_path)]


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


def test_a_bomb_is_known_by_its_hash_and_never_unpacked(tmp_path, mirror):
    mirror.served[f"/{IMAGES}.gz"] = bomb = gzip.compress(bytes(2**28))
    tracemalloc.start()
    try:
        source = resolve(None, default_root=tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < 2**19
    assert peak < 2**24
    assert source.name == "digits"
    assert f"Error downloading {IMAGES}.gz)" in source.notice
    assert files(tmp_path) == set()


def test_the_name_within_an_archive_leads_nowhere(tmp_path, contents, mirror):
    """Also where torchvision's table takes the archive for the right one."""
    packed = io.BytesIO()
    with gzip.GzipFile("../../outside", "wb", fileobj=packed) as file:
        file.write(contents[IMAGES])
    named = b"../../outside"  # gzip keeps only a base name; the format lets anything stand there
    archive = packed.getvalue().replace(b"outside\0", named + b"\0", 1)
    assert named in archive
    mirror.served[f"/{IMAGES}.gz"] = archive
    digest = hashlib.md5(archive, usedforsecurity=False).hexdigest()
    mirror.mnist.resources = [
        (name, digest if name == f"{IMAGES}.gz" else md5) for name, md5 in mirror.mnist.resources
    ]
    assert resolve(None, default_root=tmp_path / "a" / "b" / "data").name == "mnist"
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {
        tmp_path / "a" / "b" / "data" / "MNIST" / "raw"
    }


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
