"""What each precision of one package answers on labelled images, and what an image costs the processor.

    python -m benchmarks.package_precisions models/clothing/1 ../shared/data/clothing/test

Accuracy and negative log-likelihood, how many images are answered otherwise than by fp32, the largest
difference of a probability, and milliseconds an image on one thread, the precisions in turn: of the
quickest run, and of the processor (median), which other work on the machine does not lengthen.
Prints a Markdown table.
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from inference import Classifier, ImageError, SessionConfig, read_package
from inference.image_file import read_image_file
from inference.manifest import Precision

_BATCHES: Final = (1, 8)
_ROUNDS: Final = {1: 60, 8: 20}
_CONFIG: Final = SessionConfig(provider="cpu", intra_op_threads=1)

Pixels = npt.NDArray[np.uint8]
HEADER: Final = (
    "| precision | runtime | accuracy | loss | answered otherwise | largest difference | "
    "ms, batch 1: quickest, processor | batch 8 |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def main() -> None:
    """Load, answer, time, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("images", type=Path, help="a folder for each class")
    args = parser.parse_args()
    package = read_package(args.package)
    classifiers = {
        precision: Classifier.load(package, session=_CONFIG, precision=precision)
        for precision in package.manifest.files or {}
    }
    pixels, targets = _read(classifiers["fp32"], args.images)
    print(HEADER)
    print("\n".join(rows(classifiers, pixels, targets, rounds=_ROUNDS)))


def rows(
    classifiers: Mapping[Precision, Classifier],
    pixels: Pixels,
    targets: npt.NDArray[np.intp],
    *,
    rounds: Mapping[int, int],
) -> Iterator[str]:
    """Yield a row for each precision, fp32 among them."""
    probabilities = {name: _answer(found, pixels) for name, found in classifiers.items()}
    times = {batch: _times(classifiers, pixels[:batch], count) for batch, count in rounds.items()}
    reference = probabilities["fp32"]
    for name, found in probabilities.items():
        right = int((found.argmax(axis=1) == targets).sum())
        otherwise = int((found.argmax(axis=1) != reference.argmax(axis=1)).sum())
        loss = -np.log(found[np.arange(len(targets)), targets]).mean()
        cells = [
            name,
            classifiers[name].session.runtime,
            f"{right} of {len(targets)}",
            f"{loss:.3f}",
            str(otherwise),
            f"{np.abs(found - reference).max():.3f}",
            *("{:.1f}, {:.1f}".format(*times[batch][name]) for batch in rounds),
        ]
        yield f"| {' | '.join(cells)} |"


def _read(classifier: Classifier, folder: Path) -> tuple[Pixels, npt.NDArray[np.intp]]:
    """Return pixels (N, H, W, 3) and the labels' indices of the images that can be read."""
    labels = classifier.manifest.labels
    pixels, targets = [], []
    for label_folder in sorted(path for path in folder.iterdir() if path.name in labels):
        for file in sorted(label_folder.iterdir()):
            try:
                pixels.append(classifier.prepare(read_image_file(file)).pixels)
            except ImageError:
                continue
            targets.append(labels.index(label_folder.name))
    if not pixels:
        raise SystemExit(f"no image in a folder of {folder} that is called as a label is")
    return np.stack(pixels), np.array(targets)


def _answer(classifier: Classifier, pixels: Pixels) -> npt.NDArray[np.float32]:
    size = max(_BATCHES)
    batches = range(0, len(pixels), size)
    return np.concatenate([classifier.run(pixels[at : at + size]).probabilities for at in batches])


def _times(
    classifiers: Mapping[Precision, Classifier], batch: Pixels, rounds: int
) -> dict[Precision, tuple[float, float]]:
    """Return the quickest run's and the processor's milliseconds an image, by precision."""
    clock: dict[Precision, list[float]] = {name: [] for name in classifiers}
    processor: dict[Precision, list[float]] = {name: [] for name in classifiers}
    for _ in range(rounds):
        for name, classifier in classifiers.items():
            started, spent = time.perf_counter(), time.process_time()
            classifier.run(batch)
            clock[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - spent)
    return {name: (_ms(min(clock[name]), batch), _ms(processor[name], batch)) for name in clock}


def _ms(seconds: float | Sequence[float], batch: Pixels) -> float:
    return 1000 * float(np.median(seconds)) / len(batch)


if __name__ == "__main__":
    main()
