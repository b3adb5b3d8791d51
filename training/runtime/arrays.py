"""The arrays that this package passes around, by what they hold. Docstrings give the shapes."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
HalfFloats = npt.NDArray[np.float16]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
