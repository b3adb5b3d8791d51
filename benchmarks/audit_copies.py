"""CPU time of looking for copies in a folder of photos: what it costs to know that there are few.

`python -m benchmarks.audit_copies --data ../shared/data/clothing [--parts 2] [--planted]`

With `--parts 2` each photo is cut into 2 x 2, which makes 3,380 photos of 845 that share no content and
are alike in pairs, as a folder of thousands has them. `--planted` also puts copies into the folder. The
features are computed first and not counted; reading each image's pixels from the cache is.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps
from rich.console import Console

from benchmarks.memory import peak_mb
from benchmarks.planting import plant_faults
from training.audit.candidate_pairs import candidate_pairs
from training.audit.duplicates import find_duplicates
from training.audit.principal_components import main_components
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import open_cache, scan_folder
from training.data.views import Views
from training.probing.network_features import compute_features
from training.runtime.progress import Display

_QUALITY: Final = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiesCost:
    """What the search took, in seconds of all threads' CPU time but for `wall_s`.

    Attributes:
        images, pairs: of the folder; what was compared by pixels.
        groups: groups of copies, equal files included.
        pairs_s: proposing the pairs.
        compared_s: comparing them.
        wall_s: both.
        before_mb, peak_mb: largest resident set before the search and after it.
    """

    images: int
    pairs: int
    groups: int
    pairs_s: float
    compared_s: float
    wall_s: float
    before_mb: float
    peak_mb: float


def main() -> None:
    """Make the folder, measure in a process of its own, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=1, help="cut each photo into PARTS x PARTS")
    parser.add_argument("--planted", action="store_true", help="put copies of each kind into it")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one is not None:
        print(json.dumps(asdict(measure(args.one))))
        return
    with tempfile.TemporaryDirectory(prefix="audit-copies-") as work:
        data = args.data.resolve()
        if args.parts > 1:
            data = _cut(data, Path(work) / "parts", args.parts)
        if args.planted:
            plant_faults(data, Path(work) / "planted", seed=0)
            data = Path(work) / "planted"
        cost = _in_child(data)
    print(table(cost))
    print(json.dumps({"benchmark": "audit_copies", "parts": args.parts, **asdict(cost)}))


def measure(data: Path) -> CopiesCost:
    """Scan, compute features, and look for copies."""
    display = Display(Console(file=io.StringIO()))
    with tempfile.TemporaryDirectory(prefix="audit-copies-cache-") as cache_dir:
        config = FinetuneConfig(data=data, cache_dir=Path(cache_dir))
        backbone = build_backbone(config)
        views = Views(backbone.spec, for_training=False, limits=config.decode_limits)
        with open_cache(config.cache_dir, views) as cache:
            scan = scan_folder(read_folder(data), views, cache, may_lack_classes=True)
            embeddings = main_components(compute_features(backbone, scan, display).embeddings)
            before_mb = peak_mb()
            began, began_cpu = time.perf_counter(), _cpu_s()
            found = find_duplicates(scan.images, embeddings, scan.evaluation)
            wall_s, search_s = time.perf_counter() - began, _cpu_s() - began_cpu
            after_mb = peak_mb()
            different = list({image.sha256: image for image in reversed(scan.images)}.values())
            began_cpu = _cpu_s()
            pairs = candidate_pairs(different, embeddings)
            pairs_s = _cpu_s() - began_cpu
    return CopiesCost(
        images=len(scan.images),
        pairs=len(pairs),
        groups=len(found.every),
        pairs_s=round(pairs_s, 2),
        compared_s=round(search_s - pairs_s, 2),
        wall_s=round(wall_s, 2),
        before_mb=round(before_mb),
        peak_mb=round(after_mb),
    )


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


def _cut(data: Path, folder: Path, parts: int) -> Path:
    """Write each photo in parts x parts under its label, and return the folder."""
    for number, file in enumerate(read_folder(data).files):
        (folder / file.label).mkdir(parents=True, exist_ok=True)
        with Image.open(file.path) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        width, height = image.width // parts, image.height // parts
        for part in range(parts * parts):
            left, top = part % parts * width, part // parts * height
            piece = image.crop((left, top, left + width, top + height))
            piece.save(folder / file.label / f"{number}-{part}.jpg", quality=_QUALITY)
    return folder


def _in_child(data: Path) -> CopiesCost:
    """Measure in a process that has made nothing else."""
    command = [sys.executable, "-m", "benchmarks.audit_copies", "--data", str(data)]
    done = subprocess.run(
        [*command, "--one", str(data)], check=True, stdout=subprocess.PIPE, text=True
    )
    return CopiesCost(**json.loads(done.stdout))


def table(cost: CopiesCost) -> str:
    """Return a Markdown table."""
    each_ms = 1000 * (cost.pairs_s + cost.compared_s) / max(cost.images, 1)
    return "\n".join(
        [
            "| images | pairs | groups found | proposing, CPU s | comparing, CPU s | CPU ms an image "
            "| wall, s | memory before, MB | peak, MB |",
            "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            f"| {cost.images:,} | {cost.pairs:,} | {cost.groups} | {cost.pairs_s} | {cost.compared_s} "
            f"| {each_ms:.2f} | {cost.wall_s} | {cost.before_mb:.0f} | {cost.peak_mb:.0f} |",
        ]
    )


if __name__ == "__main__":
    main()
