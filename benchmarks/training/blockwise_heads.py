"""Are heads that are fitted block by block, as large folders need, as good on real photos as scikit-learn's?

    python -m benchmarks.training.blockwise_heads --features /tmp/features

Each draw's training images are fitted in both ways, with the product's own search for C on a sixth of
them, and tested on the draw's test images. Folders as small as these are fitted by scikit-learn.
"""

import argparse
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

import numpy as np

from benchmarks.training.backbone_choice import Backbones, drawn, load
from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.data.split import Dataset
from training.probing import probe
from training.runtime.arrays import Floats

_DATA: Final = ["cifar10", "clothing"]
_SEEDS: Final = [0, 1, 2, 3]
_WAYS: Final = {"scikit-learn": 2**62, "blocks": 0}  # numbers from which on it is done in blocks
_VALIDATION_SHARE: Final = 6


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Heads by scikit-learn and block by block.")
    parser.add_argument("--features", type=Path, required=True, help="of backbone_choice")
    args = parser.parse_args()
    print("| data | backbone | seed | fitted | C | test accuracy | test loss | CPU s |")
    print("|---|---|---:|---|---:|---:|---:|---:|")
    for data in _DATA:
        images, known = load(data, args.features, Backbones(folder=args.features))
        for one in known[::2]:
            for seed in _SEEDS:
                for way, large in _WAYS.items():
                    with patch.object(probe, "_LARGE", large):
                        row = _fitted(one.embeddings, drawn(images, seed), seed)
                    print(f"| {data} | {one.name} | {seed} | {way} | {row} |", flush=True)
    return 0


def _fitted(embeddings: Floats, dataset: Dataset, seed: int) -> str:
    rows, targets = dataset.rows("train"), dataset.targets("train")
    order = np.random.default_rng(seed).permutation(len(rows))
    val, train = np.split(order, [len(rows) // _VALIDATION_SHARE])
    began = time.process_time()
    found = probe.fit_probe(
        embeddings[rows[train]], targets[train], embeddings[rows[val]], targets[val]
    )
    took_s = time.process_time() - began
    temperature = fit_temperature(found.head.logits(embeddings[rows[val]]), targets[val])
    logits, tested = found.head.logits(embeddings[dataset.rows("test")]), dataset.targets("test")
    accuracy = 100 * (logits.argmax(axis=1) == tested).mean()
    loss = negative_log_likelihood(logits, tested, temperature=temperature)
    return f"{found.chosen.C:.2g} | {accuracy:.1f} % | {loss:.3f} | {took_s:.1f}"


if __name__ == "__main__":
    raise SystemExit(main())
