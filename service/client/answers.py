"""What the service answers, as values and errors."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

# The service is busy, or not ready yet: it is asked again.
RETRIED: Final = frozenset({429, 503})
_NOT_THE_SERVICE: Final = "not_the_service"

Read = TypeVar("Read")


class ClientError(Exception):
    """Base class of what goes wrong between this client and its service."""


class Unreachable(ClientError):
    """The service does not answer at all, or another answers in its place."""

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


def read_json(data: bytes, url: str) -> dict[str, Any]:
    """Return the object of an answer.

    Raises:
        Unreachable: it holds none.
    """
    found = _object(data)
    if found is None:
        raise Unreachable(f"what answers at {url} is not the service: it sends no JSON")
    return found


def understood(body: dict[str, Any], url: str, read: Callable[[dict[str, Any]], Read]) -> Read:
    """Return what `read` takes from the object of an answer.

    Raises:
        Unreachable: it is not there.
    """
    try:
        return read(body)
    except (LookupError, TypeError, ValueError) as err:
        raise Unreachable(
            f"what answers at {url} is not the service: its JSON holds other things"
        ) from err


def answer_of(body: dict[str, Any]) -> Answer:
    """Return the answer for the one image of a request."""
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


def models_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the descriptions of the models."""
    return [dict(model) for model in body["models"]]


def refusal(status: int, data: bytes, location: str | None) -> Refused:
    """Return the error of an answer that is not 200."""
    return Refused(status, _object(data) or _strange(status, data, location))


def _strange(status: int, data: bytes, location: str | None) -> dict[str, Any]:
    """Describe a refusal that is not the service's own, but of a proxy or another server."""
    if location and 300 <= status < 400:
        detail = f"the answer is a redirect to {location}; give that address"
    elif b"HTTPS" in data or b"SSL-enabled" in data:  # as nginx and Apache say it
        detail = f"the server answered {status}: it speaks https; give https://…"
    else:
        detail = f"the server answered {status} without a reason; is this the service's address?"
    lasting = status not in RETRIED and status < 500
    return {"detail": detail, "code": _NOT_THE_SERVICE if lasting else ""}


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
