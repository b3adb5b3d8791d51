"""The audit in plain sentences, the worst first. A sentence says what was seen, not more."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from training.audit.duplicates import Duplicates, Group
from training.audit.left_out_files import left_out_findings
from training.audit.noted_files import noted_findings
from training.audit.outliers import Outlier
from training.audit.poor_images import PoorImages
from training.audit.result import (
    class_counts,
    conflicting_groups,
    harmless_groups,
    leaking_groups,
)
from training.audit.suspect_labels import SuspectLabel
from training.data.class_weights import BALANCE_FROM
from training.data.conflicts_and_leaks import LEAK_NEXT_STEP, conflict_next_step
from training.data.finding import Finding, costliest_first
from training.data.folder import Folder
from training.data.scan import ScannedImage, UnreadableFile
from training.data.split import FOLDS_BELOW

# The ratio of the largest to the smallest class from which it is worth a word.
_IMBALANCE: Final = 2.0
_IMBALANCE_WARNING: Final = 10.0
_NAMED_CLASSES: Final = 5
_LEFT_OUT: Final = "nothing needs doing: training leaves out those of the earlier splits"


def write_findings(
    *,
    folder: Folder,
    images: Sequence[ScannedImage],
    counts: Mapping[str, int],
    unreadable: Sequence[UnreadableFile],
    duplicates: Duplicates,
    suspects: Sequence[SuspectLabel],
    outliers: Sequence[Outlier],
    poor: PoorImages,
    backbone_px: int,
    tolerated: Collection[str],
) -> tuple[Finding, ...]:
    """Return those of the folder check and one for each kind of trouble that the images have.

    The costliest come first. An error is what stops a training run: here equal files in two given splits
    or under two labels, unless its kind is in `tolerated`.
    """
    found = (
        *folder.findings,
        *_false_accuracy_findings(images, duplicates, tolerated),
        *_duplicate_findings(images, duplicates),
        *left_out_findings(unreadable),
        *_label_findings(suspects),
        *_few_image_findings(folder, images),
        *_imbalance_findings(counts),
        *_image_findings(len(images), poor, backbone_px),
        *noted_findings(images, folder.relative),
        *_outlier_findings(outliers),
    )
    return costliest_first(found)


def _false_accuracy_findings(
    images: Sequence[ScannedImage], duplicates: Duplicates, tolerated: Collection[str]
) -> Iterator[Finding]:
    certain_conflicts = conflicting_groups(images, duplicates.exact)
    leak_stops = leaking_groups(images, duplicates.exact) and "leakage" not in tolerated
    described = (
        (
            "leakage",
            leaking_groups,
            "in more than one split",
            LEAK_NEXT_STEP if leak_stops else _LEFT_OUT,
        ),
        (
            "conflicting_labels",
            conflicting_groups,
            "under more than one label",
            conflict_next_step([[images[row] for row in group] for group in certain_conflicts])
            if certain_conflicts
            else "keep each under the label that is right, or under none",
        ),
    )
    for kind, select, where, next_step in described:
        groups, equal = select(images, duplicates.every), select(images, duplicates.exact)
        if not groups:
            continue
        certain = f", {len(equal)} of them as exact duplicates" if equal else ", as near-duplicates"
        yield Finding(
            kind=kind,
            severity="error" if equal and kind not in tolerated else "warning",
            message=f"{_count(len(groups), 'photo')} {where} ({_files(groups)}){certain}",
            count=sum(map(len, groups)),
            next_step=next_step,
            cost="accuracy",
        )


def _duplicate_findings(
    images: Sequence[ScannedImage], duplicates: Duplicates
) -> Iterator[Finding]:
    exact, near = (
        harmless_groups(images, groups, duplicates.every)
        for groups in (duplicates.exact, duplicates.near)
    )
    if exact:
        copies = _extra(exact)
        yield Finding(
            kind="exact_duplicates",
            severity="warning",
            message=f"{copies} exact {_plural(copies, 'duplicate', 'duplicates')}",
            count=copies,
            next_step="nothing needs doing: copies stay on one side of a split and count once; removing "
            "them makes training faster",
            cost="quality",
        )
    if near:
        yield Finding(
            kind="near_duplicates",
            severity="warning",
            message=f"{len(near)} {_plural(len(near), 'group', 'groups')} of "
            f"near-duplicates (re-encoded, cropped, flipped or relit; {_files(near)})",
            count=sum(map(len, near)),
            next_step="nothing needs doing: versions of a photo stay on one side of a split and count once",
            cost="quality",
        )


def _label_findings(suspects: Sequence[SuspectLabel]) -> Iterator[Finding]:
    if suspects:
        number = len(suspects)
        yield Finding(
            kind="suspect_labels",
            severity="warning",
            message=f"{number} possible label {_plural(number, 'error', 'errors')}: "
            f"{_plural(number, 'the image looks', 'the images look')} like another class",
            count=number,
            next_step=f"look at {_plural(number, 'it', 'them')} and move what is wrong "
            "(python -m training.audit DATA --html audit.html, or python -m studio DATA)",
            cost="labels",
        )


def _few_image_findings(folder: Folder, images: Sequence[ScannedImage]) -> Iterator[Finding]:
    """Count what there is to learn from: images of a given `val/` or `test/` are not."""
    splits = folder.given_splits
    pool = [image for image in images if image.file.split in (None, "train")]
    counts = class_counts(pool, folder.labels)
    few = {label: n for label, n in counts.items() if n < FOLDS_BELOW}
    if not few:
        return
    listed = _listed([f"{label!r} ({n})" for label, n in few.items()])
    reason = "few to learn a class from"
    if "val" not in splits:
        reason = "too few to hold some of them out and measure by those"
    yield Finding(
        kind="few_images",
        severity="warning",
        message=f"under {FOLDS_BELOW} {'training ' * bool(splits)}images in {listed}: {reason}",
        count=sum(few.values()),
        next_step="add images",
        cost="quality",
    )


def _imbalance_findings(counts: Mapping[str, int]) -> Iterator[Finding]:
    smallest, largest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    ratio = counts[largest] / max(counts[smallest], 1)
    weighed = "; classes are weighed as if they were equal" if ratio >= BALANCE_FROM else ""
    if ratio >= _IMBALANCE:
        yield Finding(
            kind="imbalance",
            severity="warning" if ratio >= _IMBALANCE_WARNING else "info",
            message=f"{largest!r} has {ratio:.1f} times the images of {smallest!r} "
            f"({counts[largest]} to {counts[smallest]})",
            count=counts[largest],
            next_step=f"add images of {smallest!r}{weighed}",
            cost="quality",
        )


def _image_findings(num_images: int, poor: PoorImages, backbone_px: int) -> Iterator[Finding]:
    if poor.too_small:
        yield Finding(
            kind="too_small",
            severity="warning",
            message=f"{len(poor.too_small)} of {_images(num_images)} with a shorter side under half "
            f"of the {backbone_px} px that the model sees: enlarged more than twice",
            count=len(poor.too_small),
            next_step="use the originals, or a smaller --image-size",
            cost="quality",
        )
    described: Sequence[tuple[str, Group, str]] = (
        ("dark", poor.dark, "nearly black"),
        ("blank", poor.blank, "nearly of one colour"),
        ("blurry", poor.blurry, "much less sharp than the rest"),
    )
    for kind, rows, adjective in described:
        if rows:
            yield Finding(
                kind=kind,
                severity="info",
                message=f"{_images(len(rows))} {adjective}",
                count=len(rows),
                next_step="look whether the class can be seen, and remove what shows nothing",
                cost="quality",
            )


def _outlier_findings(outliers: Sequence[Outlier]) -> Iterator[Finding]:
    if outliers:
        number = len(outliers)
        yield Finding(
            kind="outliers",
            severity="info",
            message=f"{number} {_plural(number, 'image stands', 'images stand')} out from "
            f"{_plural(number, 'its', 'their')} class",
            count=number,
            next_step="look whether they belong there",
            cost="quality",
        )


def _count(number: int, noun: str) -> str:
    """Return such as "1 photo is" or "3 photos are"."""
    return f"{number} {_plural(number, f'{noun} is', f'{noun}s are')}"


def _images(number: int) -> str:
    return f"{number} {_plural(number, 'image', 'images')}"


def _plural(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _files(groups: Iterable[Group]) -> str:
    return f"{sum(map(len, groups))} files"


def _extra(groups: Iterable[Group]) -> int:
    return sum(len(group) - 1 for group in groups)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_CLASSES
    return ", ".join(names[:_NAMED_CLASSES]) + (f" and {more} more classes" if more > 0 else "")
