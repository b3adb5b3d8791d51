"""By which rule should a model be chosen on few validation images: by its loss, its accuracy, or both?

    python -m benchmarks.training.choice_evidence

Makes small training runs (`choice_draws`), unless they are already in the file of results, and applies
each rule (`choice_rules`) to what their options said of the validation images. Its score is what it loses
on test images against the best option. Cut off, the same command goes on.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.machine import this_machine
from benchmarks.training.choice_draws import Choice, Draw, Option, record_draw
from benchmarks.training.choice_rules import markdown

# Data, classes, images of each, epochs, learning rate. Below 20 images a class there are folds.
_SIZES: Final = (
    ("cifar10", 5, 25, 8, None),
    ("clothing", 5, 25, 8, None),
    ("members", 5, 7, 12, None),
    ("cifar10", 10, 20, 8, None),
    ("clothing", 10, 7, 12, None),
    ("cifar10", 5, 25, 8, 3e-3),
    ("clothing", 5, 25, 8, 3e-3),
)
_IMAGE_PX: Final = 96


def plan(num_seeds: int, test_images: int) -> Iterator[Draw]:
    """Yield a draw of each size for each seed."""
    for seed in range(num_seeds):
        for data, num_classes, per_class, epochs, rate in _SIZES:
            yield Draw(
                data=data,
                num_classes=num_classes,
                per_class=per_class,
                image_px=_IMAGE_PX,
                epochs=epochs,
                seed=seed,
                learning_rate=rate,
                test_images=test_images,
            )


def read_choices(file: Path) -> dict[str, list[Choice]]:
    """Return the choices of each draw that is in a file, by the draw's name."""
    found = {}
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for line in lines:
        values = json.loads(line)
        found[values["draw"]] = [
            Choice(**choice | {"options": tuple(Option(**o) for o in choice["options"])})
            for choice in values["choices"]
        ]
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N-1")
    parser.add_argument("--test-images", type=int, default=250, metavar="N", help="at most")
    parser.add_argument("--only", default="", metavar="TEXT", help="draws with this in their names")
    parser.add_argument("--results", type=Path, default=Path("training-choices.jsonl"))
    args = parser.parse_args()
    done = read_choices(args.results)
    with tempfile.TemporaryDirectory(prefix="graft-choices-") as folder:
        for draw in plan(args.seeds, args.test_images):
            if draw.name in done or args.only not in draw.name:
                continue
            choices, seconds = record_draw(draw, Path(folder), Path(folder) / "cache")
            values = {
                "draw": draw.name,
                "seconds": round(seconds, 1),
                "machine": this_machine(),
                "choices": [asdict(choice) for choice in choices],
            }
            with args.results.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(values) + "\n")
            print(f"{draw.name}: {seconds:.0f} s", flush=True)
    print(markdown(read_choices(args.results)))


if __name__ == "__main__":
    main()
