"""An image file without its metadata: what it decodes to stays the same, pixel for pixel.

Each format is taken apart into the parts that it consists of, and those that are known to bear on the
pixels or their colours are put together again, as they were. What turns the image (EXIF or XMP, as the
decoder reads them) becomes an EXIF block of that one field. What cannot be taken apart so is copied:
its pixels are encoded again.
"""

from service.collect.stripping.copying import copy_pixels
from service.collect.stripping.parts import CannotStrip, StrippedImage
from service.collect.stripping.strip_metadata import strip_metadata

__all__ = ["CannotStrip", "StrippedImage", "copy_pixels", "strip_metadata"]
