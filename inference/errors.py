"""Everything that can go wrong between a file of bytes and a prediction.

    InferenceError
    ├── ImageError                one image cannot be answered; its neighbours can
    │   ├── UnsupportedFormat     the bytes are no image of an accepted format
    │   ├── UndecodableImage      an accepted format, but empty, truncated or damaged
    │   └── ImageTooLarge         over the limit in bytes or in pixels
    │       └── ImageTooCostly    over the limit in what decoding takes: time or memory
    ├── PackageError              a model package cannot be used or written
    │   ├── InvalidManifest       the manifest is missing, malformed or of another format version
    │   ├── InvalidName           a model name, version or alias that is not allowed
    │   ├── DigestMismatch        a file is not the one that was published
    │   ├── GoldenMismatch        the model no longer gives the answers stored with it
    │   └── TrialFailed           it never ends, takes too much memory, or crashes what runs it
    ├── ModelNotFound             no such model, version or alias in the repository
    ├── UsageError                a command line that cannot be used
    ├── OutputError               predictions cannot be written, or a run not be resumed
    └── SessionError              ONNX Runtime or OpenVINO refuses the model
        └── ProviderUnavailable   the asked-for hardware is not what the session got

Messages say what is wrong, with which value, and what to do. They never carry a path outside the
package, nor the text of a third party's exception.
"""


class InferenceError(Exception):
    """Base class of every error that `inference` raises on purpose."""


class ImageError(InferenceError):
    """One image cannot be answered."""


class UnsupportedFormat(ImageError):
    """The bytes are not an image of an accepted format."""


class UndecodableImage(ImageError):
    """The bytes claim an accepted format but cannot be decoded."""


class ImageTooLarge(ImageError):
    """The image is over the limit in bytes or in pixels.

    Attributes:
        needed_pixels: the limit in pixels that would admit it; None where none would, or another one is in
            the way.
        over_bytes: it is over the limit in bytes.
    """

    def __init__(
        self, message: str, *, needed_pixels: int | None = None, over_bytes: bool = False
    ) -> None:
        super().__init__(message)
        self.needed_pixels = needed_pixels
        self.over_bytes = over_bytes


class ImageTooCostly(ImageTooLarge):
    """Decoding the image takes more time or memory than it may."""


class PackageError(InferenceError):
    """A model package cannot be used or written."""


class InvalidManifest(PackageError):
    """The manifest is missing, malformed, or of a format version this code does not read."""


class InvalidName(PackageError):
    """A model name, version or alias is outside what is allowed."""


class DigestMismatch(PackageError):
    """A file's sha256 is not the one in the manifest."""


class GoldenMismatch(PackageError):
    """The model's answers on its golden images are not the stored ones."""


class TrialFailed(PackageError):
    """The package did not come through its trial in a process of its own."""


class ModelNotFound(InferenceError):
    """No such model, version or alias."""


class UsageError(InferenceError):
    """A command line cannot be used."""


class OutputError(InferenceError):
    """Predictions cannot be written, or a run cannot be resumed."""


class SessionError(InferenceError):
    """ONNX Runtime or OpenVINO refuses the model."""


class ProviderUnavailable(SessionError):
    """The session did not get the hardware it was told to use."""
