"""The report in a browser while it is written: served on loopback, made again at every change, reloaded.

The page in the file stays as it is; only the copy that is served carries the script that reloads it.
"""

import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from report.document.formats import integrity

HOST = "127.0.0.1"  # no other machine reaches it
VERSION = "/version"
# Asks once a second whether the page is another than the one it came with.
SCRIPT = """
(async () => {
  const version = async () => (await fetch("VERSION", {cache: "no-store"})).text();
  let first = null;
  setInterval(async () => {
    try {
      const now = await version();
      if (first !== null && now !== first) location.reload();
      first = now;
    } catch { /* the server is gone, or busy; asked again */ }
  }, 1000);
})();
""".replace("VERSION", VERSION)
POLICY = "script-src "  # where the page says which scripts may run; only the page's own can
WAIT = "<!doctype html><title>Report</title><body><p>The report is being made.</p></body>"


def version(page: Path) -> str:
    """What changes whenever the page is written: the time of it, or nothing where there is none yet."""
    return str(page.stat().st_mtime_ns) if page.exists() else ""


def served(text: str) -> str:
    """The page with the script that reloads it, and leave for that script alone to run and to ask us."""
    allowed = text.replace(POLICY, f"connect-src 'self'; {POLICY}'{integrity(SCRIPT)}' ", 1)
    head, body, tail = allowed.rpartition("</body>")
    return f"{head}<script>{SCRIPT}</script>{body}{tail}"


def server(page: Path, port: int) -> ThreadingHTTPServer:
    """A server of the page on loopback, and of nothing else; port 0: any that is free.

    Raises:
        OSError: if the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that http.server calls
            path = self.path.partition("?")[0]
            if path == VERSION:
                self._send(HTTPStatus.OK, "text/plain", version(page))
            elif path in ("/", f"/{page.name}"):
                self._send(
                    HTTPStatus.OK, "text/html", served(page.read_text("utf-8") if page.exists() else WAIT)
                )
            else:
                self._send(HTTPStatus.NOT_FOUND, "text/plain", "there is only the report, at /\n")

        def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:  # a line a second would hide all others
            pass

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise OSError(f"port {port} cannot be had ({error.strerror}); name another, or none") from error


def watched(stores: Sequence[Path], folders: Sequence[Path]) -> Callable[[object, str], bool]:
    """Which changes make the report anew: those of code and templates in the folders, and of the stores."""
    names = {path.resolve() for path in stores}

    def matters(_: object, changed: str) -> bool:
        path = Path(changed)
        inside = any(path.is_relative_to(folder) for folder in folders)
        return path in names or (inside and path.suffix in (".py", ".j2", ".css", ".js"))

    return matters


def build(arguments: Sequence[str]) -> bool:
    """Make the page in a process of its own, which reads the code afresh; whether that went well."""
    # Ctrl-C is for us, who end it.
    command = [sys.executable, "-m", "report", "build", "--format", "html", *arguments]
    return subprocess.run(command, start_new_session=True).returncode == 0


def serve(
    page: Path,
    port: int,
    make: Callable[[], bool],
    changes: Iterable[Collection[object]],
    say: Callable[[str], None],
) -> None:
    """Make the page, serve it, and make it again at every change, until Ctrl-C or the last change.

    changes: what changed, again and again, maybe nothing; the first comes once changes are looked out for,
    and the page is made then, so that what changes meanwhile is not missed.
    """
    with server(page, port) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        try:
            say(f"http://{HOST}:{listening.server_port}/ shows the report and its changes; Ctrl-C ends")
            for number, found in enumerate(changes):
                if number and not found:
                    continue
                if number:
                    say("something changed; making the report again")
                if not make():
                    say("the page stays as it was; the next change may mend it")
        except KeyboardInterrupt:
            say("ended")
        finally:
            listening.shutdown()
