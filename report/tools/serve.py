"""Preview server: serves the report on this machine, rebuilds it on changes and reloads the browser.

Only the served copy carries the script that reloads it; the file stays as it is.
"""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from report.document.formats import integrity

HOST = "127.0.0.1"
VERSION = "/version"
SCRIPT = """
let first;
setInterval(async () => {
  const version = await fetch("VERSION", {cache: "no-store"}).then((answer) => answer.text(), () => first);
  if (first !== undefined && version !== first) location.reload();
  first = version;
}, 1000);
""".replace("VERSION", VERSION)
POLICY = "script-src "  # of the page's content security policy
WAIT = "<!doctype html><title>Report</title><body><p>The report is being built.</p></body>"


def with_reload(html: str) -> str:
    """Add the script that reloads the page, and allow it in the page's content security policy."""
    allowed = html.replace(POLICY, f"connect-src 'self'; {POLICY}'{integrity(SCRIPT)}' ", 1)
    head, body, tail = allowed.rpartition("</body>")
    return f"{head}<script>{SCRIPT}</script>{body}{tail}"


def server(page: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of the page, and of nothing else, on loopback; port 0: any free port.

    Raises:
        OSError: if the port is in use.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # called by http.server
            path = self.path.partition("?")[0]
            if path == VERSION:
                self._send("text/plain", str(page.stat().st_mtime_ns) if page.exists() else "")
            elif path in ("/", f"/{page.name}"):
                self._send("text/html", with_reload(page.read_text("utf-8") if page.exists() else WAIT))
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _send(self, kind: str, text: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:  # a request a second is not worth a line
            pass

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise OSError(
            f"port {port} is unavailable ({error.strerror}); choose another with --port, or omit it"
        ) from error


def serve(
    page: Path, port: int, build: Sequence[str], changes: Iterable[object], say: Callable[[str], None]
) -> None:
    """Run the build command and serve the page; rebuild on every change, until Ctrl-C.

    changes: sets of changes, maybe empty; the first comes once files are watched, and starts the first build.
    """
    with server(page, port) as listening:
        Thread(target=listening.serve_forever, daemon=True).start()
        say(f"Serving http://{HOST}:{listening.server_port}/. Press Ctrl-C to stop.")
        try:
            for number, changed in enumerate(changes):
                if changed and number:
                    say("Files changed; rebuilding.")
                # A session of its own keeps Ctrl-C from the build.
                if (changed or not number) and subprocess.run(build, start_new_session=True).returncode:
                    say("Build failed; keeping the previous page until the next change.")
        except KeyboardInterrupt:
            say("Stopped.")
        finally:
            listening.shutdown()
