"""cleanvision and cleanlab at their defaults, written in the form of our audit's JSON.

`python -m benchmarks.peers {cleanvision,cleanlab} DATA FILE`: each in a process of its own, because
cleanvision forks, which goes badly after other libraries have started threads.
Needs `pip install cleanvision cleanlab datasets`.
"""

import argparse
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from rich.console import Console

from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import Scan, open_cache, scan_folder
from training.data.views import Views
from training.probing.network_features import compute_features
from training.runtime.progress import Display

CHECKS: Final = (
    "quarantined",
    "exact_duplicates",
    "near_duplicates",
    "leakage",
    "suspect_labels",
)


def main() -> None:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=("cleanvision", "cleanlab"))
    parser.add_argument("data", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--cache-dir", type=Path, default=None)
    args = parser.parse_args()
    if args.tool == "cleanvision":
        found = run_cleanvision(args.data)
    else:
        found = run_cleanlab(args.data, args.cache_dir)
    report = dict.fromkeys(CHECKS) | found
    args.file.write_text(json.dumps(report, indent=1), encoding="utf-8")


def run_cleanvision(data: Path) -> dict[str, Any]:
    """Return its exact and near duplicates; it has no check for leakage, labels or broken files."""
    from cleanvision import Imagelab

    lab = Imagelab(data_path=str(data), verbose=False)
    lab.find_issues(verbose=False)
    return {
        name: [[_relative(path, data) for path in group] for group in lab.info[name]["sets"]]
        for name in ("exact_duplicates", "near_duplicates")
    }


def run_cleanlab(data: Path, cache_dir: Path | None) -> dict[str, Any]:
    """Return Datalab's label issues, the worst first, and its duplicates (one list for both kinds).

    As its tutorials do: embeddings (here those of our default backbone, the same that our audit
    sees), out-of-fold probabilities of `LogisticRegression` by `cross_val_predict`.
    """
    from cleanlab import Datalab
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    scan, embeddings = _embed(data, cache_dir)
    paths = [scan.folder.relative(image.file) for image in scan.images]
    labels = [image.file.label for image in scan.images]
    model = LogisticRegression(max_iter=400)
    probabilities = cross_val_predict(model, embeddings, labels, method="predict_proba")
    lab = Datalab(data={"label": labels}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=probabilities, features=embeddings)
    duplicates = _datalab_duplicates(lab, paths)
    return {
        "exact_duplicates": duplicates,
        "near_duplicates": duplicates,
        "suspect_labels": _datalab_suspects(lab, paths),
    }


def _embed(data: Path, cache_dir: Path | None) -> tuple[Scan, npt.NDArray[np.float32]]:
    config = FinetuneConfig(data=data, cache_dir=cache_dir)
    backbone = build_backbone(config)
    display = Display(Console(file=io.StringIO()))
    views = Views(backbone.spec, for_training=False)
    with open_cache(cache_dir, views) as cache:
        scan = scan_folder(read_folder(data), views, cache)
        return scan, compute_features(backbone, scan, display).embeddings


def _datalab_suspects(lab: Any, paths: Sequence[str]) -> list[dict[str, Any]]:
    issues = lab.get_issues("label")
    ranked = issues[issues["is_label_issue"]].sort_values("label_score", kind="stable")
    return [
        {
            "path": paths[index],
            "label": str(row["given_label"]),
            "suggested": str(row["predicted_label"]),
            "score": float(row["label_score"]),
        }
        for index, row in ranked.iterrows()
    ]


def _datalab_duplicates(lab: Any, paths: Sequence[str]) -> list[list[str]]:
    """Return pairs: its sets are each image's own neighbours, not groups."""
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"]
    pairs = {
        (min(index, int(other)), max(index, int(other)))
        for index, others in enumerate(sets)
        for other in others
    }
    return [[paths[one], paths[other]] for one, other in sorted(pairs)]


def _relative(path: str, data: Path) -> str:
    return str(Path(path).absolute().relative_to(data.absolute()))


if __name__ == "__main__":
    main()
