"""Test images for a folder that comes with none: a random third of each class, drawn anew by each seed."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

SHARE: Final = 1 / 3

# A class's name to its files' paths, relative to the folder.
Classes = Mapping[str, Sequence[str]]


def hold_out(classes: Classes, copies: Iterable[Sequence[str]], *, seed: int) -> set[str]:
    """Return the paths of the test images: of each class at least a third, as whole groups.

    Args:
        classes: each class's paths.
        copies: paths that show one photo and may not be parted; overlaps are united.
        seed: of the draw.
    """
    group_of = _groups(classes, copies)
    rng = random.Random(seed)
    chosen: set[str] = set()
    for name in sorted(classes):
        paths = classes[name]
        wanted = round(SHARE * len(paths))
        order = sorted({group_of[path] for path in paths})
        rng.shuffle(order)
        for group in order:
            if sum(group_of[path] in chosen for path in paths) >= wanted:
                break
            chosen.add(group)
    return {path for path, group in group_of.items() if group in chosen}


def find_copies(data: Path, work: Path) -> list[list[str]]:
    """Return the groups of equal and nearly equal images that `training.audit` finds in a folder."""
    report, cache = work / "audit.json", work / "audit-cache"
    command = [sys.executable, "-m", "training.audit", str(data), "--offline"]
    subprocess.run(
        [*command, "--json", str(report), "--cache-dir", str(cache)],
        check=False,  # findings make its exit code 1
        stdout=subprocess.DEVNULL,
    )
    found = json.loads(report.read_text(encoding="utf-8"))
    return [*found["exact_duplicates"], *found["near_duplicates"]]


def write_split(data: Path, out: Path, copies: Iterable[Sequence[str]], *, seed: int) -> None:
    """Copy a folder of class folders into `out/train` and `out/test`."""
    classes = {
        folder.name: sorted(p.relative_to(data).as_posix() for p in folder.iterdir() if p.is_file())
        for folder in sorted(data.iterdir())
        if folder.is_dir()
    }
    test = hold_out(classes, copies, seed=seed)
    for path in (path for paths in classes.values() for path in paths):
        target = out / ("test" if path in test else "train") / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(data / path, target)


def _groups(classes: Classes, copies: Iterable[Sequence[str]]) -> dict[str, str]:
    """Return for each path the first path of its group."""
    group_of = {path: path for paths in classes.values() for path in paths}
    for joined in copies:
        known = [path for path in joined if path in group_of]
        groups = {group_of[path] for path in known}
        for path, group in group_of.items():
            if group in groups:
                group_of[path] = min(groups)
    return group_of
