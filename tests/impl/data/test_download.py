"""The download of MNIST: mirrors that answer, hang, refuse or lie, served from this machine."""

import gzip
import hashlib
import http.server
import io
import threading
import tracemalloc
from dataclasses import dataclass

import pytest

from impl.data import download
from impl.data import idx as idx_files
from impl.data.datasets import Source, resolve
from impl.data.download import DownloadError
from impl.data.idx import IdxFile
from tests.small_mnist import IMAGES, LABELS, SHAPES, write


@dataclass
class Mirror:
    mnist: type
    served: dict[str, bytes]


@pytest.fixture
def mirror(contents, monkeypatch):
    """Serve the small MNIST on this machine in place of torchvision's addresses."""
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
        published = type("MNIST", (download.torchvision_mnist(),), fields)
        monkeypatch.setattr(download, "torchvision_mnist", lambda: published)
        yield Mirror(published, served)
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


def test_files_are_fetched_beside_the_data_and_moved_whole(tmp_path, mirror, monkeypatch):
    folders = []

    def create(folder, *arguments, **keywords):
        folders.append(folder.parent)
        raise OSError

    monkeypatch.setattr(download.pooch, "create", create)
    resolve(None, default_root=tmp_path)
    assert folders == [tmp_path]


@pytest.mark.parametrize("replacement", [b"<html>Please log in</html>", b""])
def test_a_bad_download_leaves_nothing_behind(tmp_path, contents, mirror, replacement):
    good = mirror.served[f"/{IMAGES}.gz"]
    mirror.served[f"/{IMAGES}.gz"] = replacement
    source = resolve(None, default_root=tmp_path)
    assert source.name == "digits"
    assert f"{IMAGES}.gz: ValueError)" in source.notice
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
    assert f"{IMAGES}.gz: ValueError)" in source.notice
    assert files(tmp_path) == set()


def test_the_name_within_an_archive_leads_nowhere(tmp_path, contents, mirror):
    """Also where the table of hashes takes the archive for the right one."""
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


def test_who_never_answers_is_given_up_in_time(tmp_path, mirror, monkeypatch):
    """A name server that never answers heeds no timeout of a connection."""
    release, daemons = threading.Event(), []

    def hang(*arguments):
        daemons.append(threading.current_thread().daemon)
        release.wait()

    monkeypatch.setattr(download, "_fetch", hang)
    with pytest.raises(DownloadError, match=r"no mirror answered within 0\.01 s"):
        download.download_mnist(tmp_path, 0.01)
    release.set()
    assert daemons == [True]  # others would keep the program from ending
    assert files(tmp_path) == set()


def test_a_connection_that_stalls_is_given_up(tmp_path, mirror, monkeypatch):
    seconds = []

    def stall(url, timeout, **keywords):
        seconds.append(timeout)
        raise TimeoutError

    monkeypatch.setattr("requests.get", stall)
    source = resolve(None, default_root=tmp_path)
    assert set(seconds) == {download.PATIENCE_SECONDS}
    assert "TimeoutError" in source.notice


def test_a_download_that_is_not_our_mnist(tmp_path, contents, mirror, monkeypatch):
    foreign = idx_files.FILES | {IMAGES: IdxFile(SHAPES[IMAGES], "0" * 64)}
    monkeypatch.setattr(idx_files, "FILES", foreign)
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
