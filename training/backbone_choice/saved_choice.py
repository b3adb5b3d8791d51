"""A choice on disk, so that a resumed run trains the backbone that it began with."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from inference.backbone_choice import BackboneChoice
from inference.errors import PackageError
from inference.strictjson import from_json, parse_json, to_json
from training.backbone_choice.candidate_list import CandidateBackbone
from training.backbone_choice.teaching import teaches_best
from training.config import FinetuneConfig


def choice_key(
    config: FinetuneConfig, candidates: Sequence[CandidateBackbone], fingerprint: str
) -> str:
    """Return what a saved choice must have been made of: the images, the candidates, the limits."""
    options = [config.max_ms, config.max_mb, config.seed, teaches_best(config), fingerprint]
    own = [[one.name, one.config.record(), one.config.weights] for one in candidates]
    return hashlib.sha256(json.dumps([options, own], default=str).encode()).hexdigest()


def save_choice(file: Path, choice: BackboneChoice, key: str) -> None:
    """Write a choice. A disk without room ends no run: it would be made again."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"key": key, "choice": to_json(choice)}), encoding="utf-8")
    except OSError:
        file.unlink(missing_ok=True)


def load_choice(file: Path, key: str) -> BackboneChoice | None:
    """Return the saved choice of that key, None where there is none, or it cannot be read."""
    try:
        saved = parse_json(file.read_text(encoding="utf-8"))
        if not isinstance(saved, dict) or saved.get("key") != key:
            return None
        return from_json(BackboneChoice, saved["choice"], where="choice")
    except (OSError, ValueError, KeyError, PackageError):
        return None
