"""What Pillow's decoders raise on damaged files, and how its warnings are kept from the user."""

import ctypes
import re
import struct
import threading
import warnings
import zlib
from contextlib import suppress
from functools import cache
from typing import Final

from PIL import Image

# As they were seen. Listed, so that a mistake of ours (NameError, AssertionError, …) is not taken for a
# bad image.
PILLOW_FAILURES: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    OverflowError,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# Pillow warns of untidy metadata and of large images; `DecodeLimits` and this package's rules decide
# instead. In the order and form of `warnings.filters`.
_FILTERS_LOCK: Final = threading.Lock()
_SILENCED: Final = tuple(
    ("ignore", None, category, re.compile(r"PIL\."), 0)
    for category in (UserWarning, Image.DecompressionBombWarning)
)


def silence_pillow() -> None:
    """Keep Pillow's warnings from the user, and from raising where warnings are errors.

    `warnings.catch_warnings` swaps the process's filters back and forth, which races between
    threads. These filters are added once and stay; they are looked for on every call because a
    test runner or a caller's `catch_warnings` takes them away again.
    """
    if all(kind in warnings.filters for kind in _SILENCED):
        return
    with _FILTERS_LOCK:
        for _, _, category, module, _ in (k for k in _SILENCED if k not in warnings.filters):
            warnings.filterwarnings("ignore", category=category, module=module.pattern)


@cache
def silence_libtiff() -> None:
    """Keep libtiff from writing to standard error, with words from a file, what Pillow raises anyway.

    Pillow switches its warnings off, and not its errors.
    """
    from PIL import _imaging

    with suppress(
        OSError, AttributeError
    ):  # Windows' Pillow has it inside and shows none of its names
        ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler(None)
