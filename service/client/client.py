"""The client: connections kept, overload waited out, a whole folder at once."""

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
from urllib.parse import quote, urlencode

from .answers import (
    RETRIED,
    Answer,
    ClientError,
    answer_of,
    models_of,
    read_json,
    refusal,
    understood,
)
from .folder import image_files
from .service_address import service_address, unreachable

_MAX_WAIT_S: Final = 60.0
_MAX_BACKOFF_S: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and how, a request is sent again when the service is busy or cannot be reached.

    The service's own Retry-After counts; without one the pause doubles from `first_pause_s`. A random
    part keeps many clients from coming back at the same moment.
    """

    attempts: int = 6
    first_pause_s: float = 0.25
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts must be 1 or more, got {self.attempts}")

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
        parts = service_address(url)
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
        return understood(self._ask("GET", "/models", None), self._url, models_of)

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
        return understood(body, self._url, answer_of)

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
        found = self._ask("POST", "/feedback", body, kind="application/json")
        return understood(found, self._url, lambda answered: bool(answered["agrees"]))

    def _ask(
        self, method: str, path: str, body: bytes | None, *, kind: str = "application/octet-stream"
    ) -> dict[str, Any]:
        for attempt in range(self._retry.attempts):
            last = attempt == self._retry.attempts - 1
            try:
                response, data = self._send(method, self._prefix + path, body, kind)
            except (OSError, http.client.HTTPException) as err:
                if last or isinstance(err, ssl.SSLError):  # which no waiting mends
                    raise unreachable(self._url, err) from err
                self._retry.pause(attempt, None)
                continue
            status, retry_after = response.status, response.getheader("Retry-After")
            location = response.getheader("Location")
            if status == 200:
                named = {"request_id": response.getheader("X-Request-ID", "")}
                return named | read_json(data, self._url)
            if last or status not in RETRIED:
                raise refusal(status, data, location)
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
