"""What leakage is worth: the accuracy that is reported with leaks left in, and with them dropped.

`python -m benchmarks.leakage --data ../shared/data/clothing [--random ../shared/data/members]`

DATA comes with a test split. Copies of a share of its test images are planted into train (equal files,
JPEG q40, 80 % crops and mirrored, in turn). One probe is then fitted on everything, as a script
without an audit would, and one on what `--leakage drop` keeps, both by training's own code.

The folder given by --random is dealt image by image, and as training deals it, copies kept together;
several times, for one dealing is chance.
"""

import argparse
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from rich.console import Console

from benchmarks.planting import plant_leaks
from training.backbones.build import build_backbone
from training.candidates.candidate import Candidate
from training.candidates.probe_candidate import make_probe
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import open_cache
from training.data.split import Dataset, split_images
from training.data.split_groups import group_images
from training.data.views import Views
from training.export.trunk_cache import TrunkCache
from training.probing.network_features import export_backbone
from training.run.prepare import PreparedData, prepare
from training.runtime.progress import Display

SHARES: Final = (0.0, 0.05, 0.2, 0.5)
DEALINGS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakResult:
    """Test accuracies, 0..1, at one share of leaked test images.

    Attributes:
        share: of the test images.
        leaked, found: how many, and how many of them the audit put into one group with their copy.
        left_in, dropped: the accuracy on all test images.
        leaked_left_in, leaked_dropped: the same on the leaked alone; None where there are none.
    """

    share: float
    leaked: int
    found: int
    left_in: float
    dropped: float
    leaked_left_in: float | None
    leaked_dropped: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealResult:
    """Cross-validated or validation accuracy, 0..1, of one dealing."""

    seed: int
    copies: int
    parted: float
    together: float


def main() -> None:
    """Plant, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--random", type=Path, help="a folder without given splits")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leakage-") as work:
        leaks = [_plant_and_fit(args.data, Path(work), s, args.seed) for s in SHARES]
        dealt = [] if args.random is None else _deal_and_fit(args.random, Path(work))
    print(leak_table(leaks))
    if dealt:
        print(f"\n{deal_table(dealt)}")
    summary = {"leaks": [asdict(r) for r in leaks], "dealt": [asdict(r) for r in dealt]}
    print(json.dumps({"benchmark": "leakage", "seed": args.seed, **summary}))


def _plant_and_fit(data: Path, work: Path, share: float, seed: int) -> LeakResult:
    planted = work / f"{share:.0%}-leaked"
    leaks = plant_leaks(data, planted, seed=seed, share=share).faults
    config = _config(planted, work, seed)
    with _prepared(config) as prepared:
        left_in = _right_on_test(prepared, _everything(prepared, seed), config)
        dropped = _right_on_test(prepared, prepared.dataset, config)
        rows = {prepared.audit.path(image.row): image.row for image in prepared.scan.images}
        groups = group_images(prepared.scan.images, prepared.audit.duplicate_groups)
    leaked = {leak.source for leak in leaks}
    return LeakResult(
        share=share,
        leaked=len(leaked),
        found=sum(bool(groups[rows[leak.path]] == groups[rows[leak.source]]) for leak in leaks),
        left_in=_mean(left_in.values()),
        dropped=_mean(dropped.values()),
        leaked_left_in=_mean(left_in[path] for path in leaked) if leaked else None,
        leaked_dropped=_mean(dropped[path] for path in leaked) if leaked else None,
    )


def _deal_and_fit(data: Path, work: Path) -> list[DealResult]:
    config = _config(data, work, 0)
    with _prepared(config) as prepared:
        images, copies = prepared.scan.images, prepared.audit.duplicate_groups
        grouped, alone = group_images(images, copies), np.arange(len(images))
        return [
            DealResult(
                seed=seed,
                copies=sum(len(group) - 1 for group in copies),
                parted=_fit(prepared, _deal(prepared, alone, seed), config).accuracy,
                together=_fit(prepared, _deal(prepared, grouped, seed), config).accuracy,
            )
            for seed in range(DEALINGS)
        ]


def _config(data: Path, work: Path, seed: int) -> FinetuneConfig:
    """Mirror images would double the time and are the same on both sides."""
    return FinetuneConfig(
        data=data,
        seed=seed,
        horizontal_flip="no",
        leakage="drop",
        allow_conflicts=True,
        models_dir=work / "models",
        cache_dir=work / "cache",
    )


@contextmanager
def _prepared(config: FinetuneConfig) -> Iterator[PreparedData]:
    """Scan, audit and split as training does, in silence."""
    backbone = build_backbone(config)
    with open_cache(config.cache_dir, Views(backbone.spec, for_training=False)) as cache:
        folder = read_folder(config.data)
        trunks = TrunkCache.at(config.cache_dir)
        export = partial(export_backbone, backbone, len(folder.labels), trunks)
        yield prepare(folder, backbone, cache, config, _silent(), method="probe", export=export)


def _silent() -> Display:
    return Display(Console(file=io.StringIO()))


def _everything(prepared: PreparedData, seed: int) -> Dataset:
    """Return the data set of a script that looks for no copies."""
    return _deal(prepared, np.arange(len(prepared.scan.images)), seed)


def _deal(prepared: PreparedData, groups: npt.NDArray[np.int64], seed: int) -> Dataset:
    scan = prepared.scan
    return split_images(
        scan.images,
        groups,
        scan.folder.labels,
        given=scan.folder.given_splits,
        seed=seed,
        frozen={},
        pixels=scan.evaluation,
        training_pixels=None,
    )


def _fit(prepared: PreparedData, dataset: Dataset, config: FinetuneConfig) -> Candidate:
    assert prepared.features is not None
    return make_probe(prepared.features, dataset, config, _silent())


def _right_on_test(
    prepared: PreparedData, dataset: Dataset, config: FinetuneConfig
) -> Mapping[str, bool]:
    """Fit a probe; return whether it is right on each test image, by path."""
    assert prepared.features is not None
    head = _fit(prepared, dataset, config).head
    logits = head.logits(prepared.features.embeddings[dataset.rows("test")])
    right = logits.argmax(axis=1) == dataset.targets("test")
    paths = [prepared.audit.path(image.row) for image in dataset.splits["test"]]
    return dict(zip(paths, right.tolist(), strict=True))


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def leak_table(results: Sequence[LeakResult]) -> str:
    """Return a Markdown table, accuracies in %."""
    lines = [
        "| test images leaked | found | accuracy, leaks left in | dropped | difference "
        "| on the leaked alone, left in | dropped |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in results:
        difference = f"{100 * (r.left_in - r.dropped):+.1f}"
        alone = f"{_percent(r.leaked_left_in)} | {_percent(r.leaked_dropped)}"
        lines.append(
            f"| {r.leaked} ({r.share:.0%}) | {r.found} | {_percent(r.left_in)} | {_percent(r.dropped)} "
            f"| {difference} | {alone} |"
        )
    return "\n".join(lines)


def deal_table(results: Sequence[DealResult]) -> str:
    """Return a Markdown table of the mean over all dealings and its standard deviation, in %."""
    parted, together = [[100 * getattr(r, k) for r in results] for k in ("parted", "together")]
    differences = np.subtract(parted, together)
    return "\n".join(
        [
            "| dealings | copies in the folder | dealt image by image | copies together | difference |",
            "|---:|---:|---:|---:|---:|",
            f"| {len(results)} | {results[0].copies} | {_spread(parted)} | {_spread(together)} "
            f"| {_spread(differences.tolist())} |",
        ]
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f} ± {np.std(values):.1f}"


if __name__ == "__main__":
    main()
