"""The training report of a package, as a page that can do nothing but be read."""

import asyncio
from typing import Final

from inference import Package, PackageError
from inference.files import read_regular_file
from service.errors import NoReport
from service.repository.catalog import PublishedVersion

REPORT_FILE: Final = "report.html"
_MAX_REPORT_BYTES: Final = 32 * 2**20
# A package may come from elsewhere: its page gets an origin of its own and reaches no network.
REPORT_HEADERS: Final = {
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; img-src data:; font-src data:; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    ),
    "Referrer-Policy": "no-referrer",
}


async def read_report(published: PublishedVersion) -> bytes:
    """Return the report's HTML.

    Raises:
        NoReport: the version has none, or one that is no file, too large, or a link out of its package.
    """
    missing = NoReport(f"version {published.number} of model {published.name!r} has no report")
    if published.package is None:
        raise missing
    try:
        return await asyncio.to_thread(_read, published.package)
    except (OSError, PackageError) as err:
        raise missing from err


def _read(package: Package) -> bytes:
    return read_regular_file(package.path, REPORT_FILE, max_bytes=_MAX_REPORT_BYTES)
