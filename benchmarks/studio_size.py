"""The studio's page among many images: first paint, views, and from an answer's key to the next image.

    python -m benchmarks.studio_size --classes 1000 --images 100

In a real browser (Debian's Chromium). The folder is made of small images of noise, and counts as looked at;
one image of each class is in doubt.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from studio.projects.project import Project
from tests.studio.browser import RunningStudio, browser_page, studio_of
from tests.studio.projects import with_analysis

_ANSWERS: Final = 40
_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
_SHOWN: Final = """before => {
  const image = document.querySelector(".large img");
  return image && image.complete && image.naturalWidth && image.src !== before;
}"""
_CURRENT: Final = "document.querySelector('.large img').src"


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--images", type=int, default=100, help="of each class")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        labels = tuple(f"class {number:04}" for number in range(args.classes))
        data = write_folder(Path(folder, "photos"), labels, args.images)
        project = with_analysis(data, labels, count=args.images)
        with studio_of(project) as studio, browser_page() as page:
            found = measure(page, studio, project, labels[args.classes // 2], args.classes)
    print(json.dumps(found, indent=1))
    return 0


def write_folder(data: Path, labels: Sequence[str], count: int) -> Path:
    """Write `count` small images a class, no two alike; return the folder."""
    chance = np.random.default_rng(0)
    for label in labels:
        (data / label).mkdir(parents=True)
        noise = chance.integers(0, 255, (count, 24, 24, 3), np.uint8)
        for number in range(count):
            Image.fromarray(noise[number]).save(data / label / f"{number:03}.png", compress_level=1)
    return data


def measure(
    page: Page, studio: RunningStudio, project: Project, label: str, num_questions: int
) -> dict[str, Any]:
    """Return milliseconds of each step."""
    found: dict[str, Any] = {"load average": round(os.getloadavg()[0], 1)}
    found["data, all classes"] = timed(lambda: opened(page, studio.entrance, ".classes a"))
    found["first paint of the page"] = round(page.evaluate(_PAINT))
    for view, place, ready in (
        ("data again", "data", ".classes a"),
        ("a class", f"class/{label}", ".tile img"),
        ("train", "train", ".choice"),
        ("review, the first image", "review", ".large img"),
    ):
        page.goto("about:blank")
        address = f"{studio.url}/#/{project.name}/{place}"
        found[view] = timed(partial(opened, page, address, ready))
    answers = [timed(lambda: answer(page)) for _ in range(min(_ANSWERS, num_questions - 1))]
    found["key to next image, median"] = round(statistics.median(answers))
    found["key to next image, slowest"] = max(answers)
    return found


def opened(page: Page, address: str, ready: str) -> None:
    """Go somewhere, and wait until the last of something is there."""
    page.goto(address)
    page.locator(ready).last.wait_for()


def answer(page: Page) -> None:
    """Keep a label, and wait until the next image is there to be seen."""
    before = page.evaluate(_CURRENT)
    page.keyboard.press("k")
    page.wait_for_function(_SHOWN, arg=before)


def timed(work: Callable[[], object]) -> int:
    """Return the milliseconds that something takes."""
    began = time.perf_counter()
    work()
    return round(1000 * (time.perf_counter() - began))


if __name__ == "__main__":
    sys.exit(main())
