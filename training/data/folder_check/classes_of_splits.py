"""Classes that one split has and another lacks."""

from collections.abc import Mapping, Sequence
from typing import Final

from training.data.finding import Finding, named
from training.data.folder import Split

MISSING_IN_SPLIT: Final = "class_missing_in_split"
MISSING_IN_TRAIN: Final = "class_missing_in_train"


def classes_of_splits(labels: Mapping[Split | None, Sequence[str]]) -> list[Finding]:
    """Refuse splits that differ in their classes, each with all of its differences."""
    known = set(labels.get("train", ()))
    findings = []
    for split in ("val", "test"):
        if split not in labels or "train" not in labels:
            continue
        have = set(labels[split])
        if missing := [label for label in labels["train"] if label not in have]:
            findings.append(
                Finding(
                    kind=MISSING_IN_SPLIT,
                    severity="error",
                    message=f"{split}/ lacks the class folders {_listed(missing)}; every split needs "
                    "all classes",
                    count=len(missing),
                    next_step=f"add images of them to {split}/, or move {split}/ out of the folder and "
                    "a split is made",
                )
            )
        if extra := [label for label in labels[split] if label not in known]:
            findings.append(
                Finding(
                    kind=MISSING_IN_TRAIN,
                    severity="error",
                    message=f"{split}/ has the class folders {_listed(extra)}, which train/ lacks",
                    count=len(extra),
                    next_step=f"add images of them to train/, or remove them from {split}/",
                )
            )
    return findings


def _listed(labels: Sequence[str]) -> str:
    return f"[{named(labels, most=20)}]"
