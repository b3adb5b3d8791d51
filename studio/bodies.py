"""Request bodies that are one photo."""

from collections.abc import AsyncIterator

from inference.decoding import DEFAULT_LIMITS
from studio.errors import BadInput


async def read_photo(stream: AsyncIterator[bytes]) -> bytes:
    """Return a body that is an image, no more of it than one may have.

    Raises:
        BadInput: it is larger.
    """
    data = bytearray()
    async for chunk in stream:
        data += chunk
        if len(data) > DEFAULT_LIMITS.max_bytes:
            raise BadInput(f"the image is above {DEFAULT_LIMITS.max_bytes // 2**20} MiB")
    return bytes(data)
