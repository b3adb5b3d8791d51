"""Classes that one split has and another lacks."""

from collections.abc import Mapping, Sequence
from typing import Final

from training.data.finding import Finding, named
from training.data.folder import Split

MISSING_IN_SPLIT: Final = "class_missing_in_split"
MISSING_IN_TRAIN: Final = "class_missing_in_train"
_NAMED: Final = 20


def classes_of_splits(
    labels: Mapping[Split | None, Sequence[str]], folders: Mapping[Split, str]
) -> list[Finding]:
    """Refuse splits that differ in their classes, each with all of its differences.

    Args:
        labels: those that have a folder, of each split.
        folders: where each split lies, below the data folder; its usual name where it is in no place.
    """
    known = set(labels.get("train", ()))
    train = folders.get("train", "train")
    findings = []
    splits: tuple[Split, ...] = ("val", "test")
    for split in splits:
        if split not in labels or "train" not in labels:
            continue
        have = set(labels[split])
        place = folders.get(split, split)
        if missing := [label for label in labels["train"] if label not in have]:
            findings.append(
                Finding(
                    kind=MISSING_IN_SPLIT,
                    severity="error",
                    message=f"{place}/ lacks {_class_folders(missing)}; every split needs all classes",
                    count=len(missing),
                    next_step=f"add images of {_them(missing)} to {place}/, or move {place}/ out of the "
                    "folder and a split is made",
                )
            )
        if extra := [label for label in labels[split] if label not in known]:
            findings.append(
                Finding(
                    kind=MISSING_IN_TRAIN,
                    severity="error",
                    message=f"{place}/ has {_class_folders(extra)}, which {train}/ lacks",
                    count=len(extra),
                    next_step=f"add images of {_them(extra)} to {train}/, or remove {_them(extra)} from "
                    f"{place}/",
                )
            )
    return findings


def _class_folders(labels: Sequence[str]) -> str:
    return f"the class folder{'s' * (len(labels) > 1)} {named(labels, most=_NAMED)}"


def _them(labels: Sequence[str]) -> str:
    return "it" if len(labels) == 1 else "them"
