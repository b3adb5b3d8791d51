"""Accuracy against time: Graft, fastai, a timm recipe and torchvision's reference loop.

    python -m benchmarks.training.against_peers
    python -m benchmarks.training.against_peers --only clothing fastai --minutes 1,5

All get the same images, the same EfficientNet-Lite0 weights and the same wall time, from the start of
the process to the last test image named. Each peer is in its documented defaults (`peers/`), in an
environment of its own where it is not a library that Graft has anyway; environments are built before
the clock starts. Results are appended to a file, and the same command goes on; in the file of
`benchmarks.training.table` our runs are the same ones, and made once.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import timm
import torch

from benchmarks.training.results import Result, Trial
from benchmarks.training.trials import (
    DATA,
    LITE0,
    parse_minutes,
    run_all,
    run_command,
    run_graft,
    seeds_of,
    selected,
)
from scripts.tool_environments import tool_python
from training.backbones.catalogue import find_backbone
from training.backbones.packaged import packaged_weights

BACKBONE: Final = "tf_efficientnet_lite0"
OURS: Final = "finetune"
_PEERS: Final = Path(__file__).parent / "peers"
# The requirements of each peer's environment; none: this one, which has timm and torchvision.
PEERS: Final = {"fastai": "fastai.txt", "timm": None, "torchvision": None}


def plan(minutes: tuple[float, ...], num_seeds: int | None) -> list[Trial]:
    """Return a trial for each data set, length, seed and trainer."""
    return [
        Trial(data=data, weights=LITE0.name, method=method, minutes=limit, seed=seed)
        for data in DATA
        for limit in minutes
        for seed in seeds_of(data, num_seeds)
        for method in (OURS, *PEERS)
    ]


def run_trial(trial: Trial, data: Path, work: Path) -> Result:
    """Make one run."""
    if trial.method == OURS:
        return run_graft(trial, data, work, LITE0)
    weights = work / "weights.pth"
    write_weights(weights)
    command = [
        *(str(interpreter(trial.method)), str(_PEERS / f"{trial.method}_peer.py")),
        *("--data", str(data), "--weights", str(weights), "--seed", str(trial.seed)),
    ]
    # By the clock on the wall: what the process needs to import counts, too.
    assert trial.minutes is not None
    deadline = ["--deadline", str(time.time() + 60 * trial.minutes)]
    return run_command(trial, [*command, *deadline], _last_line)


def write_weights(file: Path) -> None:
    """Write the initial weights as a plain timm state dict, with the classifier of ImageNet."""
    network = timm.create_model(BACKBONE, pretrained=False)
    tensors, _ = packaged_weights(find_backbone(BACKBONE), network)
    network.load_state_dict(dict(tensors))
    torch.save(network.state_dict(), file)


def interpreter(peer: str) -> Path:
    """Return the Python of a peer's environment, which is built on its first use."""
    listed = PEERS[peer]
    if listed is None:
        return Path(sys.executable)
    lines = (_PEERS / listed).read_text(encoding="utf-8").splitlines()
    return tool_python(peer, [line for line in lines if line and not line.startswith("#")])


def _last_line(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="runs with all of these words"
    )
    parser.add_argument("--minutes", type=parse_minutes, default=(1.0, 5.0, 15.0), metavar="1,5,15")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (1)")
    parser.add_argument("--results", type=Path, default=Path("training-peers.jsonl"))
    args = parser.parse_args()
    run_all(selected(plan(args.minutes, args.seeds), args.only), args.results, run_trial)


if __name__ == "__main__":
    main()
