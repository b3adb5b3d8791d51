"""Naming a pile: how many photos get a name in so many actions, and how many of them the right one.

    python -m benchmarks.studio_pile ../shared/data/clothing --actions 40

300 photos of 10 classes without their folders are named on the page, in a real browser, by a person who
knows the truth: a group gets the name of its majority (one action), and where few do not belong they are
struck out before (an action each).
"""

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

from studio.projects.corrections import Corrections
from studio.projects.project import open_project
from tests.studio.browser import browser_page, studio_of

_PATIENCE_MS: Final = 600_000
_SHOWN: Final = """() => [...document.querySelectorAll('.tile img')]
  .map(i => i.src.match(/photos\\/([0-9a-f]{64})/)[1])"""


def main() -> int:
    """Name a pile; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--per-class", type=int, default=30)
    parser.add_argument("--actions", type=int, default=40)
    parser.add_argument("--strike", type=int, default=2, help="most that are struck out of a group")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, help="where a picture of the page goes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(name_pile(args, Path(folder)), indent=1))
    return 0


def name_pile(args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Return how many photos were named, and how many rightly."""
    pile = scratch / "pile"
    truth = make_pile(args.data, pile, per_class=args.per_class, seed=args.seed)
    project = open_project(scratch / "models", pile.resolve())
    with studio_of(project) as studio, browser_page(refused=409) as page:
        page.goto(studio.entrance)
        page.get_by_role("heading", level=1).wait_for()
        page.goto(f"{studio.url}/#/{project.name}/pile")
        page.get_by_role("button", name="Sort the photos of this project").click()
        page.get_by_role("heading", name="What are these?").wait_for(timeout=_PATIENCE_MS)
        actions = name_groups(page, truth, args.actions, args.strike, args.picture)
    named = {s: c.label for s, c in Corrections(project.workspace).read().items()}
    right = sum(truth[sha256] == label for sha256, label in named.items())
    return {
        "photos": len(truth),
        "actions": actions,
        "named": len(named),
        "purity": round(right / max(1, len(named)), 3),
    }


def make_pile(data: Path, pile: Path, *, per_class: int, seed: int) -> dict[str, str]:
    """Copy photos of each class into one folder; return the label by content."""
    pile.mkdir()
    chance, truth = random.Random(seed), {}
    for folder in sorted((data / "train").iterdir()):
        for file in chance.sample(sorted(folder.iterdir()), per_class):
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            shutil.copyfile(file, pile / f"{digest[:12]}{file.suffix}")
            truth[digest] = folder.name
    return truth


def name_groups(
    page: Page, truth: dict[str, str], budget: int, strike: int, picture: Path | None
) -> int:
    """Name groups while there is a budget; return the number of actions."""
    actions = 0
    while actions < budget and (shown := page.evaluate(_SHOWN)):
        label = Counter(truth[sha256] for sha256 in shown).most_common(1)[0][0]
        others = [place for place, sha256 in enumerate(shown) if truth[sha256] != label]
        if len(others) <= strike and actions + len(others) < budget:
            for place in others:
                page.locator(".tile").nth(place).click()
                actions += 1
        if picture is not None and actions > budget // 4:
            page.wait_for_load_state("networkidle")
            page.screenshot(path=picture)
            picture = None
        page.keyboard.press("n")
        page.get_by_role("combobox", name="Which label").fill(label)
        page.keyboard.press("Enter")
        actions += 1
        page.wait_for_function(
            f"before => JSON.stringify(({_SHOWN})()) !== before", arg=_json(shown)
        )
    return actions


def _json(shown: list[str]) -> str:
    return json.dumps(shown, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main())
