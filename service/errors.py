"""Everything that the service refuses on purpose. No HTTP number is known here; see `problems.py`.

    ServiceError
    ├── RequestError                the caller can mend it
    │   ├── MalformedRequest        what was sent is no HTTP
    │   ├── MalformedBody           the body is not what its content type says
    │   ├── UnsupportedBody         a content type or encoding that is not read
    │   ├── BodyTooLarge            the request, or one image of it, has too many bytes
    │   ├── BodyTimeout             the body came too slowly
    │   ├── HeadTimeout             the headers came too slowly
    │   ├── HeadTooLarge            the headers are too long or too many
    │   ├── NoImages                a well-formed body without an image
    │   ├── TooManyImages           more images than one request may hold
    │   ├── ImagesTooCostly         its images take longer to decode together than they may
    │   ├── InvalidBase64           one JSON image is not base64
    │   ├── AddressNotFetched       an address was sent in place of an image
    │   ├── InvalidParameter        a value that does not fit this model
    │   ├── ModelNotChosen          several models and none was named
    │   ├── NoImageAnswered         every image of the request failed
    │   ├── NoReport                the version was published without a report
    │   └── UnknownAnswer           no image of that request was kept
    ├── AccessError
    │   ├── KeyRequired             no API key, or one that is not known
    │   ├── KeyInsufficient         a key without the admin right
    │   ├── AdminDisabled           no admin key is set, so no admin call is possible
    │   └── FeedbackDisabled        no images are kept, so there is nothing that feedback could be about
    └── UnavailableError            the caller may try again
        ├── Overloaded              as many images wait as may wait, or as can be answered in time
        │   └── RateLimited         this caller sends more than it may
        ├── TooManyConnections      as many clients are connected as may be
        ├── DeadlineExceeded        the answer did not come in time
        ├── ModelNotReady           the model is loading, failed to load, or was unloaded
        ├── NoModels                nothing is published yet
        ├── NotPassedOn             an admin call cannot reach the other worker processes
        ├── FeedbackNotStored       the disk does not take it
        └── ShuttingDown            the service is stopping
    ModelMisbehaved                 the model gave another number of answers than it got images

Messages are for the caller: what is wrong, with which value, and what to do. Never a path.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """Base class of what the service refuses on purpose."""


class RequestError(ServiceError):
    """The caller can mend it."""


class MalformedRequest(RequestError):
    """What was sent is no HTTP."""


class MalformedBody(RequestError):
    """The body is not what its content type says."""


class UnsupportedBody(RequestError):
    """A content type or content encoding that is not read."""


class BodyTooLarge(RequestError):
    """The request, or one image of it, has too many bytes.

    `hang_up` says that so much is still to come that the connection is better closed.
    """

    def __init__(self, message: str, *, hang_up: bool = False) -> None:
        super().__init__(message)
        self.hang_up = hang_up


class BodyTimeout(RequestError):
    """The body came too slowly."""


class HeadTimeout(RequestError):
    """The headers came too slowly."""


class HeadTooLarge(RequestError):
    """The address and headers are too long, or the headers too many."""


class NoImages(RequestError):
    """A well-formed body without an image."""


class TooManyImages(RequestError):
    """More images than one request may hold."""


class ImagesTooCostly(RequestError):
    """The images of one request take longer to decode together than they may."""


class InvalidBase64(RequestError):
    """One image of a JSON body is not base64."""


class AddressNotFetched(RequestError):
    """An address was sent in place of an image. Nothing is fetched for a caller."""


class InvalidParameter(RequestError):
    """A parameter whose value does not fit this model."""


class ModelNotChosen(RequestError):
    """Several models are published and the request names none."""


class NoImageAnswered(RequestError):
    """Every image of a request failed; `failures` maps each index to its own error."""

    def __init__(self, message: str, *, failures: Mapping[int, Exception]) -> None:
        super().__init__(message)
        self.failures = failures


class NoReport(RequestError):
    """The version was published without a report."""


class UnknownAnswer(RequestError):
    """No image of that request was kept, so feedback on it would be about nothing."""


class AccessError(ServiceError):
    """The caller may not do this."""


class KeyRequired(AccessError):
    """No API key was sent, or one that is not known."""


class KeyInsufficient(AccessError):
    """The API key is known but has no admin right."""


class AdminDisabled(AccessError):
    """No admin key is set, so no admin call is possible."""


class FeedbackDisabled(AccessError):
    """No images are kept, so there is nothing that feedback could be about."""


class UnavailableError(ServiceError):
    """The caller may try again; after `retry_after_s` seconds where that is known."""

    def __init__(self, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Overloaded(UnavailableError):
    """As many images wait as may wait, or as can be answered in time."""

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message, retry_after_s=retry_after_s)


class RateLimited(Overloaded):
    """This caller sends more than it may."""


class TooManyConnections(UnavailableError):
    """As many clients are connected as may be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=1)


class DeadlineExceeded(UnavailableError):
    """The answer did not come in time."""


class ModelNotReady(UnavailableError):
    """The model is loading, failed to load, or was unloaded."""


class NoModels(UnavailableError):
    """Nothing is published yet."""


class NotPassedOn(UnavailableError):
    """An admin call cannot be passed on to the other worker processes."""


class FeedbackNotStored(UnavailableError):
    """The disk does not take it."""


class ShuttingDown(UnavailableError):
    """The service is stopping."""

    def __init__(self, message: str = "the service is stopping; send the request again") -> None:
        super().__init__(message, retry_after_s=1)


class ModelMisbehaved(ServiceError):
    """The model gave another number of answers than it got images."""
