"""How good the choice of `--backbone auto` is: chosen, best and worst on test images that it never saw.

    python -m benchmarks.training.backbone_choice --features /tmp/features

Each backbone's features are computed once a data set and kept in a folder; training and test images are then
drawn from all of them, as many of each class for testing as the data set has, copies on one side. What
chooses is the product's own code.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.machine import this_machine
from benchmarks.training.trials import SHARED
from training.audit.duplicates import find_duplicates
from training.audit.principal_components import main_components
from training.backbone_choice.candidate_list import CandidateBackbone, list_candidates
from training.backbone_choice.comparison import pick_cheapest_of_the_best
from training.backbone_choice.cross_validation import ChoiceImages, images_to_compare_on
from training.backbone_choice.opened_candidate import (
    OpenedCandidate,
    build_candidate,
    open_candidate,
)
from training.backbone_choice.race import Standing, race
from training.backbone_choice.speed import timed
from training.config import AUTO, FinetuneConfig
from training.data.open_folder import open_folder
from training.data.scan import Scan, ScannedImage, open_cache, scan_folder
from training.data.split import Dataset
from training.data.split_groups import group_images
from training.data.views import Views
from training.probing.embeddings import compute_embeddings
from training.probing.probe import fit_head
from training.runtime.arrays import Floats, Integers

DATA: Final = ("clothing", "cifar10", "members")
SEEDS: Final = (6000, 6001, 6002)
# Of a data set that comes without test images.
_TEST_SHARE: Final = 1 / 3
_NUM_CLASSES: Final = 10
_DOGS: Final = SHARED / "weights" / "mobilenetv2_100.tf_dogs.safetensors"
CANDIDATES: Final = (
    "tf_efficientnet_lite0",
    "tf_efficientnet_lite1",
    "tf_efficientnet_lite2",
    f"mobilenetv2_100 weights='{_DOGS}' mean=0.5 std=0.5 pad_type=same bn_eps=0.001",
)
_HEADER: Final = (
    "| data | draw | images | chosen | its test accuracy | all, cross-validated | all, test | worst | "
    "regret | features saved | s |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFeatures:
    """One backbone's features of all images of a data set, (N, D), and milliseconds for an image."""

    name: str
    ms: float
    embeddings: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """All images of a data set, the group of each by row, and how many of each class are for testing."""

    scan: Scan
    groups: Integers
    num_test: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What came of one draw. Accuracies are on test images, 0..1, by the backbone's place."""

    images: ChoiceImages
    standings: Sequence[Standing]
    accuracies: Sequence[float]
    chosen: int
    seconds: float

    @property
    def regret(self) -> float:
        """Accuracy that the choice lacks of the best."""
        return max(self.accuracies) - self.accuracies[self.chosen]

    @property
    def saved(self) -> float:
        """Share of the features that racing saved, 0..1."""
        computed = sum(len(one.positions) for one in self.standings)
        return 1 - computed / (len(self.images) * len(self.standings))


class _Entrant:
    """A backbone whose features are known, in a race on some of the images."""

    def __init__(self, known: KnownFeatures, images: ChoiceImages) -> None:
        self._embeddings = known.embeddings[[image.row for image in images.images]]
        self.expected_image_s = 0.0

    def embed(self, positions: Integers) -> Floats:
        return self._embeddings[positions]


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help="folder for features, pixels")
    parser.add_argument("--data", nargs="+", default=DATA, choices=DATA)
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    args = parser.parse_args()
    args.features.mkdir(parents=True, exist_ok=True)
    backbones = Backbones(folder=args.features)
    print(this_machine())
    print(", ".join(f"{ms:.1f}" for ms in backbones.speeds_ms()), "ms an image")
    print(_HEADER)
    draws: list[Draw] = []
    on_average: list[float] = []
    for data in args.data:
        images, known = load(data, args.features, backbones)
        for seed in args.seeds:
            draws.append(make_draw(images, known, seed=seed))
            print(_row(data, seed, draws[-1], known), flush=True)
        on_average += _regrets_on_average(draws[-len(args.seeds) :])
    print(f"\nmean regret {100 * np.mean([draw.regret for draw in draws]):.2f} points")
    print(
        f"against the best on average over a data set's draws: {100 * np.mean(on_average):.2f} points"
    )
    for place, one in enumerate(known):
        always = np.mean([max(draw.accuracies) - draw.accuracies[place] for draw in draws])
        print(f"always {one.name}: {100 * always:.2f} points")
    return 0


def _regrets_on_average(draws: Sequence[Draw]) -> list[float]:
    """Return for each draw of a data set what its choice lacks of the best, by the means of all of them.

    The best on the test images of one draw is partly luck of these images.
    """
    means = np.mean([draw.accuracies for draw in draws], axis=0)
    return [float(means.max() - means[draw.chosen]) for draw in draws]


@dataclass(slots=True, kw_only=True)
class Backbones:
    """The candidates, opened and timed only where that is not in the folder yet."""

    folder: Path
    opened: dict[int, OpenedCandidate] | None = None

    def open(self) -> dict[int, OpenedCandidate]:
        """Return all of them, exported and timed in turn."""
        if self.opened is None:
            candidates = list_candidates(_config(DATA[0], self.folder))
            every = {i: open_candidate(one, _NUM_CLASSES) for i, one in enumerate(candidates)}
            self.opened = timed(every)
        return self.opened

    def speeds_ms(self) -> list[float]:
        """Return the milliseconds for an image of each."""
        file = self.folder / "speeds_ms.json"
        if not file.is_file():
            file.write_text(json.dumps([one.ms for one in self.open().values()]))
        speeds: list[float] = json.loads(file.read_text())
        return speeds

    def names(self) -> list[str]:
        """Return what each is called in tables."""
        return [_name(one) for one in list_candidates(_config(DATA[0], self.folder))]


def load(data: str, folder: Path, backbones: Backbones) -> tuple[Images, list[KnownFeatures]]:
    """Return a data set and each candidate's features of it, computed where they are not kept yet."""
    candidates = list_candidates(_config(data, folder))
    speeds = backbones.speeds_ms()
    known = []
    for place, candidate in reversed(list(enumerate(candidates))):
        config, file = candidate.config, folder / f"{data}-{place}.npy"
        read = open_folder(
            config.data,
            config.label_source,
            min_images=None,
            cache_dir=config.cache_dir,
            limits=config.decode_limits,
        )
        if file.is_file() and place > 0:
            known.append(_known(candidate, speeds[place], file))
            continue
        views = Views(build_candidate(candidate).spec, for_training=False)
        with open_cache(config.cache_dir, views) as cache:
            scan = scan_folder(read, views, cache)
            if not file.is_file():
                rows = np.arange(len(scan.images))
                trunk = backbones.open()[place].exported.graph
                np.save(file, compute_embeddings(trunk, scan.evaluation, rows))
            known.append(_known(candidate, speeds[place], file))
            if place == 0:
                images = _images(scan, known[-1].embeddings)
    return images, known[::-1]


def make_draw(images: Images, known: Sequence[KnownFeatures], *, seed: int) -> Draw:
    """Draw training and test images, let the product choose, and test every candidate."""
    dataset = drawn(images, seed)
    compared = images_to_compare_on(dataset, images.groups, seed=seed)
    began = time.monotonic()
    standings = race(
        [_Entrant(one, compared) for one in known], compared, seconds_left=lambda: np.inf
    )
    seconds = time.monotonic() - began
    finished = [place for place, one in enumerate(standings) if one.out is None]
    pick = pick_cheapest_of_the_best(
        [answers for place in finished if (answers := standings[place].answers) is not None],
        [known[place].ms for place in finished],
    )
    return Draw(
        images=compared,
        standings=standings,
        accuracies=[
            _tested(one, standing, compared, dataset)
            for one, standing in zip(known, standings, strict=True)
        ],
        chosen=finished[pick.chosen],
        seconds=seconds,
    )


def _config(data: str, folder: Path) -> FinetuneConfig:
    return FinetuneConfig(
        data=SHARED / "data" / data,
        backbone=AUTO,
        candidates=CANDIDATES,
        cache_dir=folder / "pixels",
        offline=True,
    )


def _known(candidate: CandidateBackbone, ms: float, file: Path) -> KnownFeatures:
    return KnownFeatures(name=_name(candidate), ms=ms, embeddings=np.load(file))


def _name(candidate: CandidateBackbone) -> str:
    return candidate.label.partition("/")[2]


def _images(scan: Scan, embeddings: Floats) -> Images:
    classes = Counter(image.file.label for image in scan.images)
    given = Counter(image.file.label for image in scan.images if image.file.split == "test")
    copies = find_duplicates(scan.images, main_components(embeddings), scan.evaluation)
    return Images(
        scan=scan,
        groups=group_images(scan.images, copies.every),
        num_test={
            label: given[label] if given else round(_TEST_SHARE * count)
            for label, count in classes.items()
        },
    )


def drawn(images: Images, seed: int) -> Dataset:
    """Return so many images of each class for testing, drawn by the seed, and all others for training."""
    groups: dict[int, list[ScannedImage]] = {}
    for image in images.scan.images:
        groups.setdefault(int(images.groups[image.row]), []).append(image)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    left = Counter(images.num_test)
    train: list[ScannedImage] = []
    test: list[ScannedImage] = []
    for group in order:
        counts = Counter(image.file.label for image in group)
        fits = all(left[label] >= count for label, count in counts.items())
        (test if fits else train).extend(group)
        if fits:
            left -= counts
    return Dataset(
        labels=images.scan.folder.labels,
        splits={"train": tuple(train), "val": (), "test": tuple(test)},
        given_val=False,
        folds=None,
        pixels=images.scan.evaluation,
        training_pixels=None,
    )


def _tested(
    known: KnownFeatures, standing: Standing, compared: ChoiceImages, dataset: Dataset
) -> float:
    """Return the accuracy on test images of a probe on all training images."""
    assert standing.answers is not None
    rows = [image.row for image in compared.images]
    head = fit_head(known.embeddings[rows], compared.targets, C=standing.answers.C)
    logits = head.logits(known.embeddings[dataset.rows("test")])
    return float((logits.argmax(axis=1) == dataset.targets("test")).mean())


def _row(data: str, seed: int, draw: Draw, known: Sequence[KnownFeatures]) -> str:
    percent = [f"{100 * accuracy:.1f}" for accuracy in draw.accuracies]
    cells = (
        data,
        seed,
        len(draw.images),
        known[draw.chosen].name,
        percent[draw.chosen],
        " / ".join(f"{100 * one.answers.accuracy:.1f}" for one in draw.standings if one.answers),
        " / ".join(percent),
        known[int(np.argmin(draw.accuracies))].name,
        f"{100 * draw.regret:.1f}",
        f"{100 * draw.saved:.0f} %",
        f"{draw.seconds:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    sys.exit(main())
