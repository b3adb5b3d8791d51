"""The studio's round on wrong labels: what reviewing costs, and what of the noise's cost comes back.

    python -m benchmarks.studio_round ../shared/data/clothing --swap 0.2 --seed 0

A copy of DATA (with train/ and test/) gets a share of its training labels swapped. A reviewer who knows the
truth answers what the studio asks, by keys in a real browser (Debian's Chromium). Models of "a minute" are
trained on the noise, on the reviewed labels, and without the noise; the test images are untouched.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from inference.repository import Repository
from studio.projects.corrections import Corrections
from studio.projects.project import Project, open_project
from tests.studio.browser import RunningStudio, browser_page, studio_of

_PATIENCE_S: Final = 1800.0
_CURRENT: Final = """() => {
  const image = document.querySelector(".large img");
  const names = [...document.querySelectorAll(".review .alike h2 bdi")].map((e) => e.textContent);
  const sha256 = image && image.src.match(/photos\\/([0-9a-f]{64})/)[1];
  return image && {sha256, label: names[0], guess: names[1] || names[0]};
}"""


@dataclass(slots=True, kw_only=True)
class Reviewed:
    """What reviewing cost: keys pressed, seconds from the first question to the end."""

    questions: int = 0
    keys: int = 0
    seconds: float = 0.0
    slowest_next_s: float = 0.0


def main() -> int:
    """Run the round; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--swap", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run_round(args.data, Path(folder), args.swap, args.seed, args.rounds)
    print(json.dumps(found, indent=1))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def run_round(data: Path, scratch: Path, share: float, seed: int, rounds: int) -> dict[str, Any]:
    """Return the figures of a round."""
    noisy = scratch / "noisy"
    truth = swap_labels(data, noisy, share=share, seed=seed)
    project = open_project(scratch / "models", noisy.resolve())
    found: dict[str, Any] = {"swapped": sum(label != now for label, now in truth.values())}
    labels = {sha256: label for sha256, (label, _) in truth.items()}
    with studio_of(project) as studio, browser_page() as page:
        enter(page, studio)
        found["noise"] = train(page, studio, project)
        for number in range(1, rounds + 1):
            look(page, studio, project)
            found[f"review {number}"] = asdict(review(page, studio, project, labels))
        found["still wrong"] = still_wrong(project, truth)
        found["reviewed"] = train(page, studio, project)
    clean = open_project(scratch / "models", data.resolve(), name="clean")
    with studio_of(clean) as studio, browser_page() as page:
        enter(page, studio)
        found["clean"] = train(page, studio, clean)
    for figure in ("accuracy", "nll"):
        noise, reviewed, best = (found[k][figure] for k in ("noise", "reviewed", "clean"))
        found[f"{figure} that came back"] = round((reviewed - noise) / (best - noise), 3)
    return found


def swap_labels(data: Path, noisy: Path, *, share: float, seed: int) -> dict[str, tuple[str, str]]:
    """Copy a data set with a share of the training labels swapped; return (truth, label) by content."""
    shutil.copytree(data, noisy)
    labels = sorted(path.name for path in (noisy / "train").iterdir())
    files = sorted(path for label in labels for path in (noisy / "train" / label).iterdir())
    chance = random.Random(seed)
    swapped = set(chance.sample(files, round(share * len(files))))
    truth = {}
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        label = file.parent.name
        now = chance.choice([x for x in labels if x != label]) if file in swapped else label
        truth[digest] = (label, now)
        file.rename(noisy / "train" / now / file.name)
    for file in (noisy / "test").rglob("*.*"):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        truth[digest] = (file.parent.name, file.parent.name)
    return truth


def train(page: Page, studio: RunningStudio, project: Project) -> dict[str, float]:
    """Train for "a minute" on the page, and publish what comes of it; return its test figures."""
    page.goto(f"{studio.url}/#/{project.name}/data")
    page.get_by_role("heading", name="Classes", exact=True).wait_for(timeout=1000 * _PATIENCE_S)
    page.goto(f"{studio.url}/#/{project.name}/train")
    began = time.monotonic()
    page.get_by_role("button", name="Start").first.click()
    page.get_by_text("Stop").wait_for()
    page.get_by_text("Try it").wait_for(timeout=1000 * _PATIENCE_S)
    seconds = time.monotonic() - began
    publish = page.get_by_role("button", name="Publish")
    if publish.count():
        publish.click()
        page.get_by_text("answers now").wait_for()
    manifest = Repository(project.models_dir).package(project.name, "latest").manifest
    assert manifest.metrics.test is not None
    test = manifest.metrics.test
    return {"accuracy": test.accuracy, "nll": test.nll, "images": test.images, "seconds": seconds}


def enter(page: Page, studio: RunningStudio) -> None:
    """Open the page, which looks at the folder."""
    page.goto(studio.entrance)
    page.get_by_role("heading", name="What is in the folder").wait_for()


def look(page: Page, studio: RunningStudio, project: Project) -> None:
    """Look again, with the answers so far."""
    page.goto(f"{studio.url}/#/{project.name}/data")
    page.get_by_role("button", name="Look again").click()
    page.get_by_text("Looking at every image once.").wait_for()
    page.get_by_role("button", name="Look again").wait_for(timeout=1000 * _PATIENCE_S)


def review(
    page: Page, studio: RunningStudio, project: Project, truth: Mapping[str, str]
) -> Reviewed:
    """Answer every question about suspect labels by the truth."""
    page.goto(f"{studio.url}/#/{project.name}/review/suspect_labels")
    page.locator(".count, h1").first.wait_for()
    done = Reviewed()
    began = time.monotonic()
    while (now := page.evaluate(_CURRENT)) is not None:
        answered = time.monotonic()
        done.questions += 1
        done.keys += press(page, truth[now["sha256"]], now)
        page.wait_for_function(
            "sha256 => !document.querySelector(`.large img[src*='${sha256}']`)", arg=now["sha256"]
        )
        done.slowest_next_s = max(done.slowest_next_s, time.monotonic() - answered)
    done.seconds = time.monotonic() - began
    return done


def press(page: Page, label: str, now: Mapping[str, str]) -> int:
    """Give an answer; return the number of keys that it took."""
    if label in (now["label"], now["guess"]):
        page.keyboard.press("k" if label == now["label"] else "g")
        return 1
    page.keyboard.press("o")
    page.get_by_role("combobox", name="Which label").wait_for()
    keys = 1
    for letter in label:
        page.keyboard.type(letter)
        keys += 1
        if page.locator("[role=option][aria-selected=true]").inner_text() == label:
            break
    page.keyboard.press("Enter")
    return keys + 1


def still_wrong(project: Project, truth: Mapping[str, tuple[str, str]]) -> int:
    """Count the images whose label is wrong after the review."""
    said = Corrections(project.workspace).read()
    labels = {sha256: now for sha256, (_, now) in truth.items()}
    labels |= {sha256: correction.label for sha256, correction in said.items()}
    return sum(label not in (truth[sha256][0], "") for sha256, label in labels.items())


if __name__ == "__main__":
    sys.exit(main())
