"""What a model answered for images whose class is known."""

from dataclasses import dataclass

from training.runtime.arrays import Flags, Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPredictions:
    """N answers of a model with K classes.

    Attributes:
        labels: index = class.
        probabilities: (N, K), calibrated.
        targets: (N,) the true classes.
        paths: each image's path below its folder, for people to find it again.
    """

    labels: tuple[str, ...]
    probabilities: Floats
    targets: Integers
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def guesses(self) -> Integers:
        """The likeliest class of each image: (N,)."""
        likeliest: Integers = self.probabilities.argmax(axis=1)
        return likeliest

    @property
    def confidence(self) -> Floats:
        """The probability of that class: (N,) in 0..1."""
        highest: Floats = self.probabilities.max(axis=1)
        return highest

    @property
    def right(self) -> Flags:
        """Whether that class is the true one: (N,)."""
        right: Flags = self.guesses == self.targets
        return right
