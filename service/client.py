"""A client of the service: connections kept, overload waited out, a whole folder at once.

The standard library alone; nothing of the server is imported.

    with Client("http://127.0.0.1:8000") as client:
        print(client.predict(Path("cat.jpg")).label)
        for path, answer in client.predict_folder(Path("photos")):
            ...

As a command: `python -m service.client FOLDER [--url URL] [--model NAME]` writes a line of JSON an image.
"""

import http.client
import json
import queue
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import SplitResult, quote, urlencode, urlsplit, urlunsplit

IMAGE_SUFFIXES: Final = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".heic", ".heif",
    ".hif", ".avif", ".tif", ".tiff", ".jp2", ".j2k", ".jpf", ".jpx", ".ico", ".ppm", ".pgm", ".pbm", ".pnm",
))  # fmt: skip
_RETRIED: Final = frozenset({429, 503})
_MAX_WAIT_S: Final = 60.0
_MAX_BACKOFF_S: Final = 8.0
# What may be copied from a browser or a curl command: the service itself is above it.
_OWN_ADDRESSES: Final = ("/predict", "/models", "/docs", "/health/ready", "/health/live")
_NOT_THE_SERVICE: Final = "not_the_service"


class ClientError(Exception):
    """Base class of what goes wrong between this client and its service."""


class Unreachable(ClientError):
    """The service does not answer at all."""

    concerns_every_image = True


class Refused(ClientError):
    """The service answered with a problem.

    Attributes:
        status: of HTTP.
        code: for programs, such as "undecodable_image".
        request_id: to find the request in the service's log.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        self.request_id = str(problem.get("request_id", ""))
        super().__init__(str(problem.get("detail") or f"the service answered {status}"))

    @property
    def concerns_every_image(self) -> bool:
        """Whether any other image would be refused alike: the key, or the model that was asked for."""
        same = ("model_not_chosen", _NOT_THE_SERVICE)
        return self.status in (401, 403, 404) or self.code in same


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the service says of one image. `top` has (label, probability), the most probable first.

    `request_id` names the answer where its right label is sent back, see `Client.feedback`.
    """

    label: str
    probability: float
    rejected: bool
    top: tuple[tuple[str, float], ...]
    model: str
    version: int
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and how, a request is sent again when the service is busy or cannot be reached.

    The service's own Retry-After counts; without one the pause doubles from `first_pause_s`. A random
    part keeps many clients from coming back at the same moment.
    """

    attempts: int = 6
    first_pause_s: float = 0.25
    sleep: Callable[[float], None] = time.sleep

    def pause(self, attempt: int, retry_after: str | None) -> None:
        """Wait before the attempt after this one, the first being 0."""
        seconds = min(_MAX_BACKOFF_S, self.first_pause_s * 2**attempt)
        if retry_after is not None and retry_after.isdigit():
            seconds = min(_MAX_WAIT_S, float(retry_after))
        self.sleep(seconds * random.uniform(1.0, 1.25))


class Client:
    """See the module. May be used from several threads.

    Args:
        url: of the service, as `http://127.0.0.1:8000`; that of its /predict or page will do.
        api_key: where the service wants one.
        model: asked by default; needed where the service has several.
        timeout_s: for the service to answer one request.
        connections: kept, and images on their way at once in `predict_folder`.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        model: str | None = None,
        timeout_s: float = 30.0,
        connections: int = 8,
        retry: Retry | None = None,
    ) -> None:
        parts = _service_address(url)
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("api_key has characters that no key of the service has; copy it again")
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._url = url
        self._address = (parts.hostname or "", parts.port)
        self._prefix = parts.path
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._model = model
        self._timeout_s = timeout_s
        self._num_connections = connections
        self._retry = retry or Retry()
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection that is not in use."""
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return

    def models(self) -> list[dict[str, Any]]:
        """Return what is published, as `GET /models` describes it.

        Raises:
            Refused, Unreachable: the service did not answer that.
        """
        found: list[dict[str, Any]] = self._ask("GET", "/models", None)["models"]
        return found

    def predict(
        self, image: Path | bytes, *, version: int | str | None = None, top_k: int = 5
    ) -> Answer:
        """Classify one image, given as a file or as the bytes of one.

        Raises:
            OSError: the file cannot be read.
            Refused: the service does not take the image, or is still busy after every retry.
            Unreachable: the service does not answer.
        """
        data = image if isinstance(image, bytes) else image.read_bytes()
        query: dict[str, Any] = {"top_k": top_k}
        if version is not None:
            query["version"] = version
        path = f"/models/{quote(self._model, safe='')}/predict" if self._model else "/predict"
        body = self._ask("POST", f"{path}?{urlencode(query)}", data)
        return _answer(body)

    def predict_many(
        self, images: Iterable[Path], *, version: int | str | None = None, top_k: int = 5
    ) -> Iterator[tuple[Path, Answer | Exception]]:
        """Classify files, several at a time; yield each with its answer or its own error, in order.

        Files are read as they are sent, so there may be any number of them.
        """

        def ask(path: Path) -> Answer | Exception:
            try:
                return self.predict(path, version=version, top_k=top_k)
            except (ClientError, OSError) as err:
                return err

        waiting: deque[tuple[Path, Future[Answer | Exception]]] = deque()
        pool = ThreadPoolExecutor(self._num_connections, thread_name_prefix="graft-client")
        try:
            for path in images:
                waiting.append((path, pool.submit(ask, path)))
                if len(waiting) >= 2 * self._num_connections:
                    first, answer = waiting.popleft()
                    yield first, answer.result()
            for first, answer in waiting:
                yield first, answer.result()
        finally:  # also where the caller has seen enough: what was not begun is not sent
            pool.shutdown(cancel_futures=True)

    def predict_folder(
        self, folder: Path, *, version: int | str | None = None, top_k: int = 5
    ) -> Iterator[tuple[Path, Answer | Exception]]:
        """Classify every image file under a folder; see `predict_many`.

        Raises:
            NotADirectoryError: there is no such folder.
        """
        return self.predict_many(image_files(folder), version=version, top_k=top_k)

    def feedback(self, answer: Answer | str, label: str, *, index: int = 0) -> bool:
        """Send the right label of an image that was answered; return whether the model had given it.

        Args:
            answer: of an image that the service kept (GRAFT_KEEP), or its request's X-Request-ID.
            label: the right one, which need not be one of the model's.
            index: the image's place in that request, from 0.

        Raises:
            Refused: nothing is kept, or not this image (`code` "unknown_answer"), or the label is none.
            Unreachable: the service does not answer.
        """
        request_id = answer if isinstance(answer, str) else answer.request_id
        body = json.dumps({"request_id": request_id, "index": index, "label": label}).encode()
        return bool(self._ask("POST", "/feedback", body, kind="application/json")["agrees"])

    def _ask(
        self, method: str, path: str, body: bytes | None, *, kind: str = "application/octet-stream"
    ) -> dict[str, Any]:
        for attempt in range(self._retry.attempts):
            last = attempt == self._retry.attempts - 1
            try:
                response, data = self._send(method, self._prefix + path, body, kind)
            except (OSError, http.client.HTTPException) as err:
                if last or isinstance(err, ssl.SSLError):  # which no waiting mends
                    raise _unreachable(self._url, err) from err
                self._retry.pause(attempt, None)
                continue
            status, retry_after = response.status, response.getheader("Retry-After")
            location = response.getheader("Location")
            if status == 200:
                named = {"request_id": response.getheader("X-Request-ID", "")}
                return named | _json(data, self._url)
            if last or status not in _RETRIED:
                raise Refused(status, _problem(data) or _strange(status, data, location))
            self._retry.pause(attempt, retry_after)
        raise AssertionError("a retry has at least one attempt")

    def _send(
        self, method: str, path: str, body: bytes | None, kind: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = kind
        with self._connection() as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response, response.read()

    @contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        """Lend a connection; one that failed is not used again."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            host, port = self._address
            connection = self._kind(host, port, timeout=self._timeout_s)
        worked = False
        try:
            yield connection
            worked = True
        finally:
            if worked:
                self._idle.put(connection)
            else:
                connection.close()


def image_files(folder: Path) -> list[Path]:
    """Return the image files under a folder, by name; hidden ones are left out.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise NotADirectoryError(f"folder {str(folder)!r} {what}")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _service_address(url: str) -> SplitResult:
    """Return the parts of the service's address, its path without the slash at the end.

    Raises:
        ValueError: it is none, or has more in it than an address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url is {url!r}, must be like http://127.0.0.1:8000")
    before, _, model = parts.path.partition("/models/")
    if model or parts.query:
        name = model.partition("/")[0] or "NAME"
        base = urlunsplit((parts.scheme, parts.netloc, before.removesuffix("/predict"), "", ""))
        raise ValueError(
            f"url is {url!r}; give {base}, and the model apart from it (--model {name})"
        )
    path = parts.path.rstrip("/")
    for own in _OWN_ADDRESSES:
        path = path.removesuffix(own)
    return parts._replace(path=path)


def _unreachable(url: str, err: Exception) -> Unreachable:
    hint = ""
    rest = url.partition("://")[2]
    if isinstance(err, ssl.SSLCertVerificationError):
        hint = "; name the file of its certificate's authority in SSL_CERT_FILE"
    elif isinstance(err, ssl.SSLError):
        hint = f"; if it speaks plain http, give http://{rest}"
    elif url.startswith("http://") and isinstance(
        err, (http.client.BadStatusLine, ConnectionResetError)
    ):
        hint = f"; if it speaks https, give https://{rest}"
    return Unreachable(f"no service answers at {url}: {err}{hint}")


def _strange(status: int, data: bytes, location: str | None) -> dict[str, Any]:
    """Describe a refusal that is not the service's own, but of a proxy or another server."""
    if location and 300 <= status < 400:
        detail = f"the answer is a redirect to {location}; give that address"
    elif b"HTTPS" in data or b"SSL-enabled" in data:  # as nginx and Apache say it
        detail = f"the server answered {status}: it speaks https; give https://…"
    else:
        detail = f"the server answered {status} without a reason; is this the service's address?"
    lasting = status not in _RETRIED and status < 500
    return {"detail": detail, "code": _NOT_THE_SERVICE if lasting else ""}


def _json(data: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(f"what answers at {url} is not the service: it sends no JSON")
    return found


def _answer(body: dict[str, Any]) -> Answer:
    (entry,) = body["predictions"]
    return Answer(
        label=entry["label"],
        probability=entry["probability"],
        rejected=entry["rejected"],
        top=tuple((choice["label"], choice["probability"]) for choice in entry["top"]),
        model=body["model"]["name"],
        version=body["model"]["version"],
        request_id=body["request_id"],
    )


def _problem(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    import sys

    from service.client_command import main

    sys.exit(main())
