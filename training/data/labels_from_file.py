"""Labels by a file: in place of folder names, or as corrections on top of them.

The same for `--labels FILE`, for a `metadata.csv` or `metadata.jsonl` that lies in the folder (Hugging Face's
image folders), and for the corrections that the studio writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from inference.manifest import LabelsFileInfo
from training.data.folder import ImageFile, Split
from training.data.folder_check.labels_file_lines import (
    double_lines,
    line_findings,
    which_labels,
)
from training.data.folder_check.twin_names import twin_labels
from training.data.labels_file import LabelLine, LabelsFile
from training.data.layout_draft import LayoutDraft
from training.data.listed_images import ListedImages
from training.data.place import Place
from training.data.split_names import split_names

METADATA_NAMES: Final = ("metadata.csv", "metadata.jsonl")
# From this share of labels that are class folders on, the file corrects them.
_KNOWN_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LineMatches:
    """What the lines of a file mean in a folder.

    Attributes:
        by_image: the line of each image that has one.
        by_content: those that were found by content, where another image, or none, lies at the path.
        unknown: lines that no image fits.
        changed_content: lines whose image has other content now than when it was labelled.
        doubles: lines that say again what an earlier one said.
        contradictions: pairs of lines that give one image two labels.
    """

    by_image: dict[Path, LabelLine]
    by_content: int
    unknown: tuple[LabelLine, ...]
    changed_content: tuple[LabelLine, ...]
    doubles: tuple[LabelLine, ...]
    contradictions: tuple[tuple[LabelLine, LabelLine], ...]


def find_metadata(root: Place) -> list[Path]:
    """Return the metadata files of a folder: its own, else those of its splits."""
    own = [root.path / name for name, _ in root.folder.others if name in METADATA_NAMES]
    if own:
        return own[:1]
    splits = split_names(sub.name for sub in root.with_images)
    return [
        sub.path / name
        for sub in root.with_images
        if sub.name in splits
        for name, _ in sub.folder.others
        if name in METADATA_NAMES
    ]


def label_by_file(root: Place, file: LabelsFile, base: LayoutDraft) -> LayoutDraft:
    """Return the draft with the file's labels.

    Args:
        root: the data folder.
        file: what the file says.
        base: what the folder is without it; may be unusable.
    """
    known = {image.label for image in base.files}
    given = {line.label for line in file.lines if line.label}
    corrects = base.usable and len(given & known) >= _KNOWN_SHARE * len(given)
    mode: Literal["labels", "corrections"] = "corrections" if corrects else "labels"
    images = base.files if corrects else _every_image(root)
    matches = match_lines(root, file, [image.path for image in images])
    draft = LayoutDraft(words=base.words, places=base.places or [root])
    draft.files, applied = _apply(images, file, matches, mode)
    if corrects:
        draft.findings += base.findings
        draft.words = f"{base.words}, corrected by {file.path.name}"
    else:
        draft.words = f"labels by {file.path.name}"
    draft.labels = _labels_of(draft.files, base if corrects else None)
    labels = draft.every_label()
    draft.findings += twin_labels(labels, known=known if corrects else ())
    draft.findings += line_findings(file, matches.unknown, matches.changed_content, root)
    draft.findings += double_lines(matches.doubles, matches.contradictions)
    unlisted = [i for i in images if i.path not in matches.by_image]
    draft.findings += which_labels(root, applied, draft.files, unlisted, labels)
    draft.applied = applied
    return draft


def match_lines(root: Place, file: LabelsFile, images: Sequence[Path]) -> LineMatches:
    """Find the image of each line. A hash wins over a path, and holds for every copy of the image."""
    listed = ListedImages(root.path, images)
    beside = file.path.absolute().parent if _is_within(file.path, root.path) else root.path
    beside = root.path / beside.relative_to(root.path.absolute()) if beside != root.path else beside
    contents = listed.of_content(file.lines, beside=beside)
    by_image: dict[Path, LabelLine] = {}
    unknown: list[LabelLine] = []
    changed: list[LabelLine] = []
    doubles: list[LabelLine] = []
    contradictions: list[tuple[LabelLine, LabelLine]] = []
    by_content = 0
    # Lines with a hash first: their image is sure.
    for line in sorted(file.lines, key=lambda line: line.sha256 is None):
        at_path = listed.find(line.file_name, beside=beside) if line.file_name else None
        found = contents.get(line.sha256, []) if line.sha256 else [at_path] if at_path else []
        if not found:
            (changed if at_path else unknown).append(line)
        by_content += bool(found) and at_path not in found
        for path in found:
            earlier = by_image.setdefault(path, line)
            if earlier is line:
                continue
            if earlier.label == line.label or (earlier.sha256 and not line.sha256):
                doubles.append(line)
            else:
                contradictions.append((earlier, line))
    return LineMatches(
        by_image=by_image,
        by_content=by_content,
        unknown=tuple(sorted(unknown, key=lambda line: line.line)),
        changed_content=tuple(changed),
        doubles=tuple(doubles),
        contradictions=tuple(contradictions),
    )


def _is_within(file: Path, root: Path) -> bool:
    return file.absolute().is_relative_to(root.absolute())


def _every_image(root: Place) -> list[ImageFile]:
    """Return all images with the split that their outermost folder names."""
    splits = split_names(sub.name for sub in root.with_images)
    if "train" not in splits.values():
        splits = {}
    unknown = root.unknown()
    apart = set(unknown.images()) if unknown else set()
    return [
        ImageFile(path=path, label="", split=splits.get(path.relative_to(root.path).parts[0]))
        for path in root.images()
        if path not in apart
    ]


def _apply(
    images: Sequence[ImageFile],
    file: LabelsFile,
    matches: LineMatches,
    mode: Literal["labels", "corrections"],
) -> tuple[list[ImageFile], LabelsFileInfo]:
    kept, changed, left_out, unlisted = [], 0, 0, 0
    splits = _line_splits(file.lines) if mode == "labels" else {}
    for image in images:
        line = matches.by_image.get(image.path)
        if line is None:
            unlisted += 1
            if mode == "corrections":
                kept.append(image)
        elif not line.label:
            left_out += 1
        else:
            changed += mode == "corrections" and line.label != image.label
            split = splits.get(line.split or "") if splits else image.split
            kept.append(replace(image, label=line.label, split=split))
    return _without_lone_split(kept), LabelsFileInfo(
        file=file.path.name,
        sha256=file.sha256,
        mode=mode,
        lines=len(file.lines),
        labelled=len(images) - unlisted - left_out,
        changed=changed,
        left_out=left_out,
        unlisted=unlisted,
        unknown=len(matches.unknown),
    )


def _line_splits(lines: Sequence[LabelLine]) -> dict[str, Split]:
    """Return what the words of a column `split` mean, where there is one that says train."""
    found = split_names({line.split for line in lines if line.split})
    return found if "train" in found.values() else {}


def _without_lone_split(files: list[ImageFile]) -> list[ImageFile]:
    """Drop the splits where one is all there is, or images are in none: one is to be made."""
    splits = {file.split for file in files}
    if len(splits) > 1 and None not in splits:
        return files
    return [replace(file, split=None) for file in files]


def _labels_of(
    files: Sequence[ImageFile], base: LayoutDraft | None
) -> dict[Split | None, list[str]]:
    """Return the labels of each split; class folders that lost all images keep their place."""
    found: dict[Split | None, list[str]] = {}
    if base is not None and any(file.split is not None for file in files):
        found = {split: list(labels) for split, labels in base.labels.items()}
    elif base is not None:  # it had no splits, or one of two lost all images
        found = {None: base.every_label()}
    for file in files:
        labels = found.setdefault(file.split, [])
        if file.label not in labels:
            labels.append(file.label)
    return found
