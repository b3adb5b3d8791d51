"""The studio's round on a class that the model never saw: what is kept, what naming it costs and brings.

    python -m benchmarks.studio_collect ../shared/data/clothing --new hat --seed 0

A model of "a minute" is trained without one class. A service with it, a process of its own, is sent 500
photos, a tenth of them of that class. A reviewer who knows the truth answers what was kept, by keys in a real
browser (Debian's Chromium), copies it into the class folders of the copy and trains again. The test
images are never sent, never trained on, and are asked of the packages themselves.
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
from playwright.sync_api import Page

from benchmarks.studio_pile import name_groups
from benchmarks.studio_round import enter, look, train
from inference.classifier import Classifier
from inference.repository import Repository
from service.collect.kept_images import KeptImages
from service.collect.stripping import strip_metadata
from studio.projects.project import Project, open_project
from tests.service.service_process import running
from tests.studio.browser import browser_page, studio_of

KEEP: Final = "rejected,uncertain:0.6,sample:0.01"
_PATIENCE_MS: Final = 600_000
_CURRENT: Final = """() => {
  const image = document.querySelector(".large img");
  const sha256 = image && image.src.match(/photos\\/([0-9a-f]{64})/)[1];
  const keys = [...document.querySelectorAll("[data-label]")].map(
    (button) => [button.dataset.label, button.getAttribute("aria-keyshortcuts")]);
  return image && {sha256, keys: Object.fromEntries(keys)};
}"""


@dataclass(slots=True, kw_only=True)
class Reviewed:
    """What reviewing cost."""

    images: int = 0
    keys: int = 0
    seconds: float = 0.0
    slowest_next_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Photos:
    """Where the photos of a round lie: a data set without the class, what is sent, what is tested."""

    data: Path
    sent: list[tuple[Path, str]]
    test: list[tuple[Path, str]]


def main() -> int:
    """Run the round; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--new", default="hat", help="the class that the model never sees")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.1, help="of the requests, of that class")
    parser.add_argument(
        "--groups", type=int, default=0, help="actions on groups, before single images"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="where a picture of the page goes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run_round(args, Path(folder)), indent=1))
    return 0


def run_round(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Return the figures of a round."""
    photos = share_out(args, scratch / "data")
    kept = scratch / "kept"
    project = open_project(scratch / "models", photos.data.resolve())
    found: dict[str, Any] = {"new class": args.new, "requests": len(photos.sent)}
    with studio_of(project, "--keep-dir", str(kept)) as studio, browser_page() as page:
        enter(page, studio)
        train(page, studio, project)
        found["before"] = accuracies(project, photos.test, args.new)
        truth = serve(project, photos.sent, kept)
        found |= what_was_kept(kept, truth, photos.sent, args.new)
        page.goto(f"{studio.url}/#/{project.name}/collect")
        if args.groups:
            found["groups"] = asdict(name_in_groups(page, truth, args.groups))
            page.goto(f"{studio.url}/#/{project.name}/collect")
        found["review"] = asdict(review(page, truth, args.picture))
        page.get_by_role("button", name="Copy").click()
        page.get_by_text(" copied").wait_for()
        look(page, studio, project)
        train(page, studio, project)
        found["the page says"] = page.locator(".card h2").first.inner_text()
        if args.picture is not None:
            page.screenshot(path=args.picture.with_stem(f"{args.picture.stem}-trained"))
        found["after"] = accuracies(project, photos.test, args.new)
    return found


def share_out(args: argparse.Namespace, copy: Path) -> Photos:
    """Copy half of the training images of all classes but one; the other half, and that one, are sent."""
    chance = random.Random(args.seed)
    sent, known = [], []
    for folder in sorted((args.data / "train").iterdir()):
        files = chance.sample(sorted(folder.iterdir()), len(list(folder.iterdir())))
        if folder.name == args.new:
            sent += [(file, args.new) for file in files[: round(args.requests * args.share)]]
            continue
        (copy / "train" / folder.name).mkdir(parents=True)
        half = len(files) // 2
        for file in files[:half]:
            shutil.copyfile(file, copy / "train" / folder.name / file.name)
        known += [(file, folder.name) for file in files[half:]]
    while len(sent) < args.requests:  # there are not so many: some come twice, as before a camera
        sent += chance.sample(known, min(len(known), args.requests - len(sent)))
    chance.shuffle(sent)
    test = [(file, file.parent.name) for file in sorted((args.data / "test").rglob("*.*"))]
    return Photos(data=copy, sent=sent, test=test)


def serve(project: Project, sent: list[tuple[Path, str]], kept: Path) -> dict[str, str]:
    """Send photos to a service that keeps some; return the right label by what a photo is kept as."""
    truth = {}
    settings = {"GRAFT_KEEP": KEEP, "GRAFT_KEEP_DIR": str(kept)}
    with running(project.models_dir, **settings) as service:
        with httpx2.Client(base_url=service.url, timeout=60) as client:
            for file, label in sent:
                data = file.read_bytes()
                client.post("/predict", content=data).raise_for_status()
                truth[hashlib.sha256(strip_metadata(data).data).hexdigest()] = label
        service.stop()  # what waits is written
    return truth


def what_was_kept(
    kept: Path, truth: Mapping[str, str], sent: list[tuple[Path, str]], new: str
) -> dict[str, Any]:
    """Return how many images were kept, of the new class and of the others, and why."""
    images = KeptImages(kept).page(handled=None, limit=10_000).images
    label = [truth[image.answer.sha256] for image in images]
    reasons = Counter(reason for image in images for reason in image.answer.reasons)
    files = dict(sent)
    return {
        "photos sent": len(files),
        "of the new class": sum(of == new for of in files.values()),
        "kept": len(images),
        "kept of the new class": label.count(new),
        "reasons": dict(reasons),
    }


def review(page: Page, truth: Mapping[str, str], picture: Path | None) -> Reviewed:
    """Answer every image of the queue by the truth."""
    page.locator(".count, h1").first.wait_for()
    done, began = Reviewed(), time.monotonic()
    while (now := page.evaluate(_CURRENT)) is not None:
        answered = time.monotonic()
        done.images += 1
        if picture is not None and done.images == 12:
            page.wait_for_load_state("networkidle")
            page.screenshot(path=picture)
        done.keys += press(page, truth[now["sha256"]], now["keys"])
        page.wait_for_function(
            "sha256 => !document.querySelector(`.large img[src*='${sha256}']`)", arg=now["sha256"]
        )
        done.slowest_next_s = max(done.slowest_next_s, time.monotonic() - answered)
    done.seconds = round(time.monotonic() - began, 1)
    return done


def name_in_groups(page: Page, truth: Mapping[str, str], actions: int) -> Reviewed:
    """Name groups of the images that look alike; return what it cost."""
    page.get_by_role("button", name="in groups").click()
    page.get_by_role("heading", name="What are these?").wait_for(timeout=_PATIENCE_MS)
    began = time.monotonic()
    keys = name_groups(page, dict(truth), actions, actions, None)
    named = page.locator(".count span").inner_text()
    return Reviewed(
        images=int(named.split()[0]), keys=keys, seconds=round(time.monotonic() - began, 1)
    )


def press(page: Page, label: str, keys: Mapping[str, str]) -> int:
    """Give an answer; return the number of keys that it took."""
    if label in keys:
        page.keyboard.press(keys[label])
        return 1
    page.keyboard.press("o")
    page.get_by_role("combobox", name="Which label").wait_for()
    typed = 0
    for letter in label:
        page.keyboard.type(letter)
        typed += 1
        chosen = page.locator("[role=option][aria-selected=true]").inner_text()
        if chosen == label or (typed == len(label) and label in chosen):
            break
    page.keyboard.press("Enter")
    return typed + 2


def accuracies(project: Project, test: list[tuple[Path, str]], new: str) -> dict[str, Any]:
    """Return how many test images of the new class and of the others the published version names rightly."""
    package = Repository(project.models_dir).package(project.name)
    classifier = Classifier.load(package)
    counts: dict[str, list[int]] = {new: [0, 0, 0], "others": [0, 0, 0]}
    for file, label in test:
        answer = classifier.classify(file)
        count = counts[new if label == new else "others"]
        count[0] += answer.label == label
        count[1] += answer.rejected
        count[2] += 1
    return {
        name: {"accuracy": round(right / images, 3), "rejected": rejected, "images": images}
        for name, (right, rejected, images) in counts.items()
    }


if __name__ == "__main__":
    sys.exit(main())
