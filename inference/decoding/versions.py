"""The number of the decoding rules: raised whenever a byte string that gave pixels would give others.

A package says in its manifest which number it was made with (`preprocessing.decoder`), and is answered by
those rules for ever. What was refused before and is read now needs no number.

1. 16-bit grey and colour keep their high byte; colour profiles are ignored.
2. Deep samples are scaled by the bits that they use (`deep_samples.py`); colours with a profile are
   converted to sRGB (`colour_profile.py`).
3. TIFFs that Pillow misreads are read here (`tiff_layout.py` says which); where the lowest grey is black and
   the highest white, padding, infinity and what is no number are left out of these (`deep_samples.py`).
   A PNG's transparent grey of 1, 2 or 4 bits is that grey. A JPEG 2000 whose white may be black is refused.
"""

from typing import Final

CURRENT_DECODER: Final = 3


def check_decoder(number: int) -> None:
    """Refuse a number that this program does not know.

    Raises:
        ValueError: it is not 1 to `CURRENT_DECODER`.
    """
    if not 1 <= number <= CURRENT_DECODER:
        raise ValueError(
            f"decoder {number} is not known here, which knows 1 to {CURRENT_DECODER}; update graft"
        )
