"""Request bodies that are one photo."""

from collections.abc import AsyncIterator

from inference.decoding import OWN_FILES_LIMITS
from studio.errors import BadInput


async def read_photo(stream: AsyncIterator[bytes]) -> bytes:
    """Return a body that is an image, no more of it than one may have.

    Raises:
        BadInput: it is larger.
    """
    data = bytearray()
    async for chunk in stream:
        data += chunk
        if len(data) > OWN_FILES_LIMITS.max_bytes:
            raise BadInput(f"the image is above {OWN_FILES_LIMITS.max_bytes // 2**20} MiB")
    return bytes(data)
