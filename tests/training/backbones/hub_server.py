"""The two kinds of servers that weights come from, on this machine: the Hugging Face hub, and plain files.

What it says is what the hub says: large files are redirected to where they lie, `X-Linked-ETag` is their
sha256, ranges are served, a repository that is missing is 401 for who has no token. It is a proxy, too: for
a request that names another machine it answers in that machine's place.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_who_has_accepted"
_LARGE_BYTES = 10_000


@dataclass(kw_only=True)
class Hub:
    """What a server has, what it does wrong, and what it was asked.

    Attributes:
        repositories: the files of each, by OWNER/NAME.
        files: plain files, by name, under `/files/`.
        gated: repositories for whose licence a token is needed.
        break_after_bytes: for each coming transfer of a large file: where the connection breaks.
        knows_ranges: whether it can go on in the middle.
        requests: method, path, and the range if any.
        large_files_at: where it redirects to for large files: another machine, by its name.
        proxied: the machines in whose place it answered.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    break_after_bytes: list[int] = field(default_factory=list)
    damaged: bool = False
    knows_ranges: bool = True
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    proxied: set[str] = field(default_factory=set)
    address: str = ""
    large_files_at: str = ""

    def transfers(self) -> list[str | None]:
        """Return the ranges of the transfers of large files so far, None for whole ones."""
        return [r for method, path, r in self.requests if method == "GET" and _is_large(path)]


def _is_large(path: str) -> bool:
    return path.startswith(("/lfs/", "/files/"))


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serve a hub for a block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    hub.large_files_at = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.hub = hub
    return Handler


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        if parts.netloc:
            self.hub.proxied.add(parts.netloc)
        self.hub.requests.append((self.command, parts.path, self.headers.get("Range")))
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", parts.path)
        if resolve:
            self._resolve(*resolve.groups())
        elif parts.path.startswith("/lfs/"):
            self._large("model.safetensors", self._by_hash(parts.path.removeprefix("/lfs/")))
        elif parts.path.startswith("/files/"):
            name = parts.path.removeprefix("/files/")
            self._large(name, self.hub.files.get(name))
        elif parts.path == "/api/models":
            owner = parse_qs(parts.query).get("author", [""])[0]
            found = [{"id": r} for r in self.hub.repositories if r.startswith(f"{owner}/")]
            self._send(200, json.dumps(found).encode(), {"Content-Type": "application/json"})
        else:
            self._send(200, b"")

    def _resolve(self, repository: str, revision: str, filename: str) -> None:
        files = self.hub.repositories.get(repository)
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if files is None:
            self._refuse(404 if bearer else 401, "RepoNotFound", "Repository not found")
        elif repository in self.hub.gated and bearer != TOKEN:
            self._refuse(
                403 if bearer else 401, "GatedRepo", f"Access to {repository} is restricted"
            )
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif filename not in files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        else:
            self._describe(files[filename])

    def _describe(self, content: bytes) -> None:
        """Send a small file, or where a large one lies and what it is."""
        if len(content) < _LARGE_BYTES:
            etag = hashlib.sha1(content).hexdigest()
            self._send(200, content, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'})
            return
        sha256 = hashlib.sha256(content).hexdigest()
        headers = {
            "Location": f"{self.hub.large_files_at}/lfs/{sha256}",
            "X-Repo-Commit": COMMIT,
            "X-Linked-ETag": f'"{sha256}"',
            "X-Linked-Size": str(len(content)),
        }
        self._send(302, b"", headers)

    def _by_hash(self, sha256: str) -> bytes | None:
        contents = [c for files in self.hub.repositories.values() for c in files.values()]
        return next((c for c in contents if hashlib.sha256(c).hexdigest() == sha256), None)

    def _large(self, filename: str, content: bytes | None) -> None:
        if content is None:
            self._refuse(404, "", "there is no such file")
            return
        if self.hub.damaged:
            content = content[:-64] + bytes(64)
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(start[1]) if start and self.hub.knows_ranges else 0
        headers = {
            "ETag": '"large"',
            "Content-Disposition": f'inline; filename="{filename}";',
            "Content-Type": "application/octet-stream",
        }
        if first:
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._send(206 if first else 200, content[first:], headers, breaking=True)

    def _refuse(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": message, "X-Repo-Commit": COMMIT}
        self._send(status, message.encode(), headers)

    def _send(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str] | None = None,
        *,
        breaking: bool = False,
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if breaking and self.hub.break_after_bytes:
            content = content[: self.hub.break_after_bytes.pop(0)]
            self.close_connection = True
        self.wfile.write(content)
