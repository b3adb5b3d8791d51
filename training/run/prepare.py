"""From a folder to a data set: scan, look for what would make the accuracy false, split."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from inference.backbone_choice import BackboneChoice
from inference.errors import InferenceError
from inference.find_package import find_package
from inference.repository import Repository
from training.audit.left_out_files import grouped_by_reason
from training.audit.result import Audit
from training.audit.scan_audit import audit_scan
from training.audit.summary import print_summary
from training.backbones.backbone_facts import BackboneFacts
from training.config import FinetuneConfig
from training.data.cache import PixelCache
from training.data.conflicts_and_leaks import ResolvedCopies, resolve_copies
from training.data.finding import counted
from training.data.folder import Folder, Split
from training.data.scan import Scan, UnreadableFile, scan_folder
from training.data.split import SPLIT_FILE, Dataset, read_frozen, split_images
from training.data.split_groups import group_images
from training.data.views import Views
from training.distillation.candidate_teacher import CandidateTeacher
from training.errors import DataError
from training.probing.features import ExportedTrunk, Features, embed
from training.run.audit_command import audit_command
from training.runtime.arrays import Integers
from training.runtime.beside import beside
from training.runtime.progress import Display

_SHOWN_FILES: Final = 10
# Fewer of them make an accuracy that one image changes by points.
_FEW_IMAGES: Final = 30
# Where they stop the run, with the files.
_SAID_LATER: Final = frozenset({"leakage", "conflicting_labels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedData:
    """All that is known before a model is fitted.

    `unknown` holds the images of no class. `features` is None for training from scratch, `choice` where
    the backbone was named. `teacher` is the best candidate where it teaches the chosen one.
    `fit_notes` says how the fit was chosen, where it was. `groups` says by row which images belong together
    and stay on one side of a split, (N,).
    """

    backbone: BackboneFacts
    scan: Scan
    unknown: Scan
    features: Features | None
    audit: Audit
    resolved: ResolvedCopies
    dataset: Dataset
    groups: Integers
    choice: BackboneChoice | None = None
    teacher: CandidateTeacher | None = None
    fit_notes: tuple[str, ...] = ()

    def read_for(
        self, backbone: BackboneFacts, scan: Scan, unknown: Scan, features: Features | None
    ) -> "PreparedData":
        """Return the same images in the same splits, as another backbone, or another fit, sees them."""
        dataset = replace(self.dataset, pixels=scan.evaluation, training_pixels=scan.training)
        return replace(
            self,
            backbone=backbone,
            scan=scan,
            unknown=unknown,
            features=features,
            dataset=dataset,
        )

    def skipped_files(self) -> list[tuple[str, str]]:
        """Return path and reason of every file that takes no part."""
        relative = self.scan.folder.relative
        unreadable = [*self.scan.unreadable, *self.unknown.unreadable]
        unread = [(relative(bad.file), bad.reason) for bad in unreadable]
        return unread + [(relative(i.file), reason) for i, reason in self.resolved.dropped]


def prepare(
    folder: Folder,
    backbone: BackboneFacts,
    cache: PixelCache,
    config: FinetuneConfig,
    display: Display,
    *,
    method: str,
    export: Callable[[], ExportedTrunk] | None,
) -> PreparedData:
    """Scan, audit and split a folder. `export` gives the trunk, None for training from scratch.

    Raises:
        DataError: a class cannot be used, or the folder would give a false accuracy.
    """
    views = Views(backbone.spec, method != "probe", config.decode_limits)
    scan, features = _look_at(folder, views, cache, display, export)
    audit = audit_scan(
        scan,
        None if features is None else features.embeddings,
        display,
        backbone_px=min(backbone.spec.crop_hw),
        seed=config.seed,
        tolerated=_tolerated(config),
    )
    _describe_audit(audit, config, display)
    photos = group_images(scan.images, audit.duplicate_groups)
    resolved = resolve_copies(
        folder,
        scan.images,
        group_images(scan.images, []),
        photos,
        allow_conflicts=config.allow_conflicts,
        leakage=config.leakage,
    )
    _describe_dropped(resolved, folder, display, _where_all_is(audit, config))
    copies = audit.duplicate_groups
    groups = group_images(scan.images, copies, pattern=config.group_by, root=folder.root)
    dataset = split_images(
        resolved.images,
        groups,
        folder.labels,
        given=folder.given_splits,
        seed=config.seed,
        frozen=_frozen(config, folder),
        pixels=scan.evaluation,
        training_pixels=scan.training,
    )
    dataset = replace(dataset, photos=photos)
    _describe_splits(dataset, display)
    return PreparedData(
        backbone=backbone,
        scan=scan,
        unknown=_scan_unknown(folder, scan, views, cache, display),
        features=features,
        audit=audit,
        resolved=resolved,
        dataset=dataset,
        groups=groups,
    )


def _look_at(
    folder: Folder,
    views: Views,
    cache: PixelCache,
    display: Display,
    export: Callable[[], ExportedTrunk] | None,
) -> tuple[Scan, Features | None]:
    """Read the images and compute their features; the trunk is exported while they are read."""
    if export is None:
        return _scan(folder, views, cache, display), None
    with beside(export) as exporting:
        scan = _scan(folder, views, cache, display)
        with display.stage("exporting the backbone"):  # what reading has not hidden
            exported = exporting.result()
    return scan, embed(exported, scan.evaluation, display)


def read_again(scan: Scan, views: Views, cache: PixelCache, display: Display) -> Scan:
    """Return the same images for another backbone or fit.

    Raises:
        DataError: a file has changed meanwhile.
    """
    files = tuple(image.file for image in scan.images)
    # Its classes and splits were checked; a part of its files may lack some.
    folder = replace(scan.folder, files=files)
    with display.bar("reading images", len(files)) as advance:
        again = scan_folder(folder, views, cache, advance=advance, may_lack_classes=True)
    if [image.sha256 for image in again.images] != [image.sha256 for image in scan.images]:
        raise DataError("a photo has changed during the run; start the run again")
    return replace(again, folder=scan.folder, unreadable=scan.unreadable)


def _describe_audit(audit: Audit, config: FinetuneConfig, display: Display) -> None:
    stopping = [f for f in audit.findings if f.kind in _SAID_LATER and f.severity == "error"]
    said = [*audit.folder.findings, *stopping]
    print_summary(audit, display, all_in=_where_all_is(audit, config), said=said)


def _where_all_is(audit: Audit, config: FinetuneConfig) -> str:
    """Name where the findings are in full: a run that stops, or publishes nothing, writes no metrics.json."""
    stops = any(finding.severity == "error" for finding in audit.findings)
    return audit_command(config) if stops or config.dry_run else "metrics.json"


def _tolerated(config: FinetuneConfig) -> frozenset[str]:
    """Return the kinds of findings that stop no run with these options."""
    leakage = {"leakage"} if config.leakage == "drop" else set()
    return frozenset(leakage | ({"conflicting_labels"} if config.allow_conflicts else set()))


def _scan(folder: Folder, views: Views, cache: PixelCache, display: Display) -> Scan:
    with display.bar("reading images", len(folder.files)) as advance:
        scan = scan_folder(folder, views, cache, advance=advance)
    if cache.full is not None and folder.files:
        display.warning(
            f"the cache keeps no more pixels: {cache.full}; photos that it lacks are decoded each time they "
            "are needed, which takes longer (--cache-dir names another folder)"
        )
    return scan


def _scan_unknown(
    folder: Folder, known: Scan, views: Views, cache: PixelCache, display: Display
) -> Scan:
    """Read the images of `_unknown`. One that also lies in a class is set aside there."""
    scan = _scan(
        replace(folder, files=folder.unknown, labels=(), given_splits=()), views, cache, display
    )
    for line in grouped_by_reason([(folder.relative(b.file), b.reason) for b in scan.unreadable]):
        display.warning(f"skipping {line}")
    of_a_class = {image.sha256 for image in known.images}
    twice = [image for image in scan.images if image.sha256 in of_a_class]
    reason = "a copy of an image that lies in a class"
    for image in twice[:_SHOWN_FILES]:
        display.warning(f"skipping {folder.relative(image.file)!r}: {reason}")
    if folder.unknown:
        display.line(
            f"{len(scan.images) - len(twice)} images of no class (_unknown), for testing OOD detection"
        )
    return replace(
        scan,
        images=tuple(image for image in scan.images if image.sha256 not in of_a_class),
        unreadable=(*scan.unreadable, *(UnreadableFile(file=i.file, reason=reason) for i in twice)),
    )


def _describe_dropped(
    resolved: ResolvedCopies, folder: Folder, display: Display, all_in: str
) -> None:
    for image, reason in resolved.dropped[:_SHOWN_FILES]:
        display.warning(f"skipping {folder.relative(image.file)!r}: it {reason}")
    if len(resolved.dropped) > _SHOWN_FILES:
        more = len(resolved.dropped) - _SHOWN_FILES
        display.warning(f"skipping {more} more copies, see {all_in}")


def _frozen(config: FinetuneConfig, folder: Folder) -> dict[str, str]:
    """Return how the latest version of the model split its images, so that none moves.

    The first version splits them as its teacher did, who must not have learnt from test images.
    """
    with suppress(InferenceError):
        latest = Repository(config.models_dir).package(config.publish_name, "latest")
        return read_frozen(latest.path / SPLIT_FILE, folder.given_splits)
    with suppress(InferenceError):
        if config.teacher is not None:
            return read_frozen(find_package(config.teacher) / SPLIT_FILE, folder.given_splits)
    return {}


def _describe_splits(dataset: Dataset, display: Display) -> None:
    if dataset.folds is not None:
        num_folds = len(set(dataset.folds.tolist()))
        text = (
            f"{len(dataset.folds)} images, {num_folds}-fold cross-validation (few images: all are used "
            "for training)"
        )
    else:
        text = f"split: {len(dataset.splits['train'])} train, {len(dataset.splits['val'])} val"
    num_test = len(dataset.splits["test"])
    test = f"{num_test} test" if num_test else "no test set"
    display.line(f"{text}, {test}")
    if copies := num_test - len(dataset.counted("test")):
        what = "is a copy or another version" if copies == 1 else "are copies or other versions"
        display.line(f"{copies} of the test images {what} of others; each photo counts once")
    _describe_few_images(dataset, display)
    if dataset.imbalance() >= 2:
        display.line(
            f"the largest class has {dataset.imbalance():.1f} times the images of the smallest"
        )


def _describe_few_images(dataset: Dataset, display: Display) -> None:
    """Say how coarse an accuracy on few images is."""
    split: Split = "test" if dataset.splits["test"] else "val"
    what = "cross-validation" if split == "val" and dataset.folds is not None else split
    number = len(dataset.counted(split))
    if 0 < number < _FEW_IMAGES:
        display.line(
            f"{what} has {counted(number, 'image')}: one more mistake is {100 / number:.0f} points of "
            "accuracy"
        )
