"""What a colour profile adds to the cost of an image, from its header."""

from typing import Final

# Building a transform, and applying it to a pixel, on two cores of 2023.
_S_A_TRANSFORM: Final = 3e-3
_S_A_LARGE_TRANSFORM: Final = 0.08
_LARGE_BYTES: Final = 2**15
_S_A_PIXEL: Final = 20e-9


def profile_s(profile_bytes: int, num_pixels: float) -> float:
    """Return the seconds of a core for a profile of that many bytes and that many pixels to convert."""
    building = _S_A_LARGE_TRANSFORM if profile_bytes > _LARGE_BYTES else _S_A_TRANSFORM
    return building + num_pixels * _S_A_PIXEL
