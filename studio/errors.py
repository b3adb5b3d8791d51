"""Every refusal of the studio: one tree, each with its HTTP status.

    StudioError
    ├── NotAllowed       a folder outside the roots, or a caller without the secret
    ├── NotFound         no such project, image, class or model
    ├── BadInput         a name, label or path that cannot be used
    ├── NotNow           what was asked for needs something else first, or is running already
    └── DiskProblem      a file of the workspace cannot be written

Messages say what is wrong, with which value, and what to do. `code` is a stable name: the page has its
own words for some of them.
"""

from typing import ClassVar


class StudioError(Exception):
    """Base class of every error that `studio` raises on purpose."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "studio_error"


class NotAllowed(StudioError):
    """The caller may not do that."""

    status = 403
    code = "not_allowed"


class NotFound(StudioError):
    """There is no such thing."""

    status = 404
    code = "not_found"


class BadInput(StudioError):
    """A value cannot be used."""

    status = 422
    code = "bad_input"


class NotNow(StudioError):
    """Something else comes first."""

    status = 409
    code = "not_now"


class DiskProblem(StudioError):
    """The workspace cannot be written."""

    status = 507
    code = "disk_problem"
