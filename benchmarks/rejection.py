"""Which score tells known images from unknown ones: ours beside others, far and near.

    python -m benchmarks.rejection --data ../shared/data [--known clothing digits] [--seeds 0 1 2]

Far: each data set is known in turn, and the images of all others are unknown. Near: each class is left
out in turn, and its images are unknown to a probe on the rest. The backbone is the default one, frozen.
"accepted": unknown images at or above the threshold that accepts 95 % of the validation images; "own
rejected": known test images below it. Means over the seeds, which deal the images and choose nothing.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from benchmarks.rejection_scores import Known, Scorer, make_scorers
from inference.formats import IMAGE_SUFFIXES
from inference.preprocessing import prepare_image
from scripts.digits import ensure_digits
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.export.trace import export_trunk
from training.networks.transfer_network import TransferNetwork
from training.ood.threshold import accepting_threshold
from training.probing.embeddings import compute_embeddings
from training.probing.probe import fit_head, fit_probe

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

DATA_SETS: Final = ("clothing", "members", "digits", "cifar10", "photos")
# A class of its own needs labels; the photos are of a thousand classes.
LABELLED: Final = DATA_SETS[:-1]
_TEST_SHARE: Final = 0.2
_VAL_SHARE: Final = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Embeddings (N, D), classes (N,), and whether an image comes from a folder `test`, (N,)."""

    embeddings: Floats
    targets: Integers
    given_test: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one score did against one kind of unknown images, shares 0..1."""

    auroc: float
    accepted: float
    own_rejected: float


def main() -> None:
    """Embed, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--known", nargs="+", choices=LABELLED, default=list(LABELLED))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--cache", type=Path, default=Path("runs/rejection"))
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    sets = embed_all(args.data, args.cache)
    found = {name: compare(name, sets, args.seeds) for name in args.known}
    for name, results in found.items():
        print(f"\nknown: {name}\n{table(results)}")
    print(json.dumps({name: _plain(results) for name, results in found.items()}))


def embed_all(data: Path, cache: Path) -> dict[str, DataSet]:
    """Return every data set's embeddings, computed once and kept in `cache`."""
    roots = {name: data / name for name in DATA_SETS} | {"digits": ensure_digits(cache / "digits")}
    missing = [name for name in DATA_SETS if not (cache / f"{name}.npz").exists()]
    if missing:
        backbone = build_backbone(FinetuneConfig(data=data))
        trunk = export_trunk(TransferNetwork(backbone, 2), backbone.spec)
        for name in missing:
            files = sorted(p for p in roots[name].rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
            pixels = np.stack([prepare_image(p.read_bytes(), backbone.spec).pixels for p in files])
            parents = [p.relative_to(roots[name]).parent.as_posix() for p in files]
            embeddings = compute_embeddings(trunk, pixels, np.arange(len(files)))
            np.savez(cache / f"{name}.npz", embeddings=embeddings, parents=parents)
            print(f"embedded {len(files)} images of {name}")
    return {name: _read(cache / f"{name}.npz") for name in DATA_SETS}


def compare(
    name: str, sets: Mapping[str, DataSet], seeds: Sequence[int]
) -> dict[str, dict[str, Result]]:
    """Return the mean result of each score, by what is unknown."""
    runs: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for seed in seeds:
        for unknown, results in _rounds(name, sets, seed):
            for score, result in results.items():
                runs[score, unknown].append(result)
    means: dict[str, dict[str, Result]] = defaultdict(dict)
    for (score, unknown), results_of_score in runs.items():
        rows = [list(asdict(result).values()) for result in results_of_score]
        auroc, accepted, own_rejected = np.mean(rows, axis=0).tolist()
        means[score][unknown] = Result(auroc=auroc, accepted=accepted, own_rejected=own_rejected)
    return dict(means)


def table(results: Mapping[str, Mapping[str, Result]]) -> str:
    """Return a Markdown table: AUROC, and in brackets % accepted; own rejected in the last column."""
    unknowns = list(next(iter(results.values())))
    lines = [
        f"| score | {' | '.join(unknowns)} | own rejected |",
        "|---" * (len(unknowns) + 2) + "|",
    ]
    for score, row in results.items():
        cells = [f"{row[u].auroc:.3f} ({100 * row[u].accepted:.0f} %)" for u in unknowns]
        own = 100 * row[unknowns[0]].own_rejected
        lines.append(f"| {score} | {' | '.join(cells)} | {own:.1f} % |")
    return "\n".join(lines)


def _rounds(
    name: str, sets: Mapping[str, DataSet], seed: int
) -> Iterator[tuple[str, dict[str, Result]]]:
    """Yield what is unknown and how each score did, for each data set and each class left out."""
    known = sets[name]
    parts = deal(known, seed)
    train, val = (known.embeddings[parts == part] for part in ("train", "val"))
    targets, val_targets = (known.targets[parts == part] for part in ("train", "val"))
    probe = fit_probe(train, targets, val, val_targets)
    scorers = make_scorers(Known(train=train, targets=targets, val=val, head=probe.head))
    test = known.embeddings[parts == "test"]
    for other in DATA_SETS:
        if other != name:
            yield f"far: {other}", _judge(scorers, val, test, sets[other].embeddings)
    for left_out in np.unique(known.targets):
        out = known.targets == left_out
        kept = np.unique(targets[targets != left_out], return_inverse=True)[1]
        inputs = train[targets != left_out]
        head = fit_head(inputs, kept, C=probe.chosen.C)
        held = known.embeddings[(parts == "val") & ~out]
        scorers = make_scorers(Known(train=inputs, targets=kept, val=held, head=head))
        yield (
            "near",
            _judge(
                scorers, held, known.embeddings[(parts == "test") & ~out], known.embeddings[out]
            ),
        )


def deal(known: DataSet, seed: int) -> npt.NDArray[np.str_]:
    """Return "train", "val" or "test" for each image, class by class; a given test stays."""
    rng = np.random.default_rng(seed)
    parts = np.where(known.given_test, "test", "train").astype("U5")
    for label in np.unique(known.targets):
        rest = rng.permutation(np.flatnonzero((known.targets == label) & ~known.given_test))
        num_test = 0 if known.given_test.any() else max(1, round(_TEST_SHARE * len(rest)))
        num_val = max(1, round(_VAL_SHARE * len(rest)))
        parts[rest[:num_test]] = "test"
        parts[rest[num_test : num_test + num_val]] = "val"
    return parts


def _judge(
    scorers: Mapping[str, Scorer], val: Floats, test: Floats, unknown: Floats
) -> dict[str, Result]:
    results = {}
    is_known = np.repeat([1, 0], [len(test), len(unknown)])
    for name, score in scorers.items():
        threshold = accepting_threshold(score(val))
        own, others = score(test), score(unknown)
        results[name] = Result(
            auroc=float(roc_auc_score(is_known, np.concatenate([own, others]))),
            accepted=float((others >= threshold).mean()),
            own_rejected=float((own < threshold).mean()),
        )
    return results


def _read(file: Path) -> DataSet:
    with np.load(file, allow_pickle=False) as stored:
        parents, embeddings = stored["parents"], stored["embeddings"]
    folders = [str(parent).split("/") for parent in parents]
    targets = np.unique([parts[-1] for parts in folders], return_inverse=True)[1]
    given_test = np.array([parts[0] == "test" for parts in folders])
    return DataSet(embeddings=embeddings, targets=targets, given_test=given_test)


def _plain(results: Mapping[str, Mapping[str, Result]]) -> dict[str, dict[str, object]]:
    return {score: {u: asdict(r) for u, r in row.items()} for score, row in results.items()}


if __name__ == "__main__":
    main()
