"""The pictures inside a page, read back."""

import base64
import io

from PIL import Image


def opened(url: str) -> tuple[Image.Image, int]:
    """Return the picture of a data URL, and its size in bytes."""
    kind, data = url.split(",")
    assert kind == "data:image/jpeg;base64"
    content = base64.b64decode(data)
    return Image.open(io.BytesIO(content)), len(content)
