"""Bits of a byte string, from the highest to the lowest: how video codecs write their headers."""


class Bits:
    """Reads on from bit to bit. Past the end there are zeros."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next so many bits as a number."""
        self._left -= count
        if self._left < 0:
            return 0
        return self._value >> self._left & ((1 << count) - 1)

    def take_exp_golomb(self) -> int:
        """Return a number of any length: zeros, as many bits as these, behind a one."""
        zeros = 0
        while self._left > 0 and zeros < 32 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)
