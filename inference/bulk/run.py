"""One run over many images, from what was given to the file of rows."""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

from inference.bulk.items import Item, Source
from inference.bulk.options import BulkOptions, check_sort_folder
from inference.bulk.output_file import OutputFile
from inference.bulk.parquet_file import check_parquet, write_parquet
from inference.bulk.pipeline import Row, answer_items
from inference.bulk.progress import Progress
from inference.bulk.rows import CsvRows, JsonRows, RowFormat
from inference.bulk.run_record import (
    RunRecord,
    check_same_run,
    completed,
    read_record,
    record_file,
    write_record,
)
from inference.bulk.sort_into import LabelFolders
from inference.bulk.sources import STANDARD_INPUT, open_sources
from inference.bulk.video_frames import FrameReader
from inference.classifier import Classifier
from inference.cores import usable_cores
from inference.decoding import OWN_FILES_LIMITS
from inference.errors import OutputError, UsageError
from inference.file_kinds import VIDEO, FileKind, counted_kinds
from inference.files import reason_of
from inference.loading import OpenedPackage

# On a CPU larger ones cost more an image (the layers' data leave the cache), a GPU wants them.
_CPU_BATCH: Final = 4
GPU_BATCH: Final = 16


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a run has done: `images` are all rows of the file, the rest is of this run alone.

    `found` rows were there before; `unread` are the files that are no images, or of kinds that are not read.
    """

    images: int = 0
    found: int = 0
    problems: int = 0
    rejected: int = 0
    new_images: int = 0
    seconds: float = 0.0
    unread: Counter[FileKind] = field(default_factory=Counter)

    def __str__(self) -> str:
        """One sentence, with the rate of this run."""
        if self.images == self.found:
            return "every image has its row already, nothing is left to answer"
        more = f" after {self.images - self.new_images:,}" if self.images > self.new_images else ""
        rate = self.new_images / self.seconds
        noun = "image" if self.new_images == 1 else "images"
        of_these = "of these " if more else ""
        return (
            f"{self.new_images:,} {noun}{more} in {self.seconds:.0f} s ({rate:.0f}/s), {of_these}"
            f"{self.problems:,} with a problem, {self.rejected:,} rejected"
        )


def unread_sentence(unread: Counter[FileKind]) -> str:
    """Say how many files of which kinds are not read; nothing where there are none."""
    if not unread:
        return ""
    verb = "is" if unread.total() == 1 else "are"
    videos = " (--video answers frames of videos)" if unread[VIDEO] else ""
    return f"{counted_kinds(unread)} {verb} not read{videos}"


class Stopped(KeyboardInterrupt):
    """Ctrl-C during a run, with what a person should know."""


def run_bulk(opened: OpenedPackage, arguments: Sequence[str], options: BulkOptions) -> Summary:
    """Answer all images and write their rows.

    Raises:
        OutputError: the file cannot be written, or is of another run.
        UsageError, FileNotFoundError: as `open_sources`; or there is no image.
        Stopped: Ctrl-C; what was written stays.
    """
    classifier = opened.classifier
    is_parquet = options.out.suffix.lower() == ".parquet"
    if is_parquet:
        check_parquet()
    if options.sort_into is not None:
        check_sort_folder(options.sort_into, list(arguments))
    spec = classifier.manifest.preprocessing
    frames = (
        FrameReader(every_s=options.every_s, spec=spec, max_pixels=options.limits.max_pixels)
        if options.every_s
        else None
    )
    unread: Counter[FileKind] = Counter()
    source = open_sources(arguments, frames, unread)
    record = _record(opened, arguments, options)
    out = options.out
    rows_file = out.with_name(f"{out.name}.rows.jsonl") if is_parquet else out
    with OutputFile(rows_file, _row_format(classifier, options)) as output:
        if not _open(output, rows_file, record, options, batch=_batch(classifier)):
            return Summary()
        summary = _write_rows(classifier, source, output, options)
    summary.unread = unread
    if not summary.images:
        _refuse_nothing(arguments, unread, (rows_file, record_file(out)))
    if is_parquet:
        write_parquet(rows_file, out)
        rows_file.unlink()
    write_record(out, completed(record))
    return summary


def _refuse_nothing(
    arguments: Sequence[str], unread: Counter[FileKind], started: Sequence[Path]
) -> NoReturn:
    """Take away what was started, so that the same command works when there are images."""
    for file in started:
        file.unlink(missing_ok=True)
    raise UsageError(no_image(arguments, unread))


def no_image(arguments: Sequence[str], unread: Counter[FileKind]) -> str:
    """Say that there is nothing to answer, and what is there instead."""
    there = unread_sentence(unread)
    places = ", ".join(map(repr, arguments[:3])) + (", …" if len(arguments) > 3 else "")
    return f"no image in {places}; {there or 'give a folder, an archive or a list of images'}"


def _batch(classifier: Classifier) -> int:
    return GPU_BATCH if classifier.session.on_gpu else _CPU_BATCH


def _open(
    output: OutputFile, rows_file: Path, record: RunRecord, options: BulkOptions, *, batch: int
) -> bool:
    """Make or open the file of rows; return whether there is anything left to do."""
    out = options.out
    before = read_record(out) if options.resume else None
    if before is None:
        _start(output, rows_file, record, options)
        return True
    check_same_run(out, before, record)
    if not rows_file.exists():
        if before.complete and out.exists():
            return False  # Parquet, which is not resumed
        output.start()
        return True
    output.resume(batch=batch)
    return True


def _start(output: OutputFile, rows_file: Path, record: RunRecord, options: BulkOptions) -> None:
    out = options.out
    for file in {rows_file, out}:
        if file.exists():
            raise OutputError(
                f"{str(file)!r} exists, and no record of its run ({record_file(out).name}) is beside it; "
                "give another --out"
                if options.resume
                else f"{str(file)!r} exists; add --resume to go on with it, or give another --out"
            )
    try:
        write_record(out, record)
    except OSError as err:
        raise OutputError(f"{str(out)!r} cannot be written: {reason_of(err)}") from err
    output.start()


def _write_rows(
    classifier: Classifier, source: Source, output: OutputFile, options: BulkOptions
) -> Summary:
    labels = classifier.manifest.labels
    folders = (
        LabelFolders(options.sort_into, labels, link=options.link) if options.sort_into else None
    )
    summary = Summary(images=output.num_rows, found=output.num_found)
    progress = Progress(sys.stderr, done=output.num_rows, count=source.count)
    batches = answer_items(
        classifier,
        _left(source.items(), output, _row_format(classifier, options)),
        batch=_batch(classifier),
        workers=options.workers or usable_cores(),
        top_k=_top_k(classifier, options),
        limits=options.limits,
    )
    try:
        for rows in batches:
            _write_batch(rows, output, folders, summary)
            progress.add(len(rows))
    except KeyboardInterrupt:
        raise Stopped(
            f"stopped after {output.num_rows:,} images; they are in {str(options.out)!r}, and the same "
            "command with --resume goes on"
        ) from None
    finally:
        progress.close()
        batches.close()
    summary.seconds = progress.seconds
    return summary


def _write_batch(
    rows: Sequence[Row], output: OutputFile, folders: LabelFolders | None, summary: Summary
) -> None:
    if folders is not None:
        for row in rows:
            folders.put(row)
    output.append(rows)
    summary.images += len(rows)
    summary.new_images += len(rows)
    summary.problems += sum(row.problem is not None for row in rows)
    summary.rejected += sum(row.prediction is not None and row.prediction.rejected for row in rows)


def _left(items: Iterator[Item], output: OutputFile, row_format: RowFormat) -> Iterator[Item]:
    """Yield what has no row yet."""
    if output.num_rows == 0:
        return items
    written = output.written
    return (item for item in items if not written.take(row_format.written_name(item.name)))


def _row_format(classifier: Classifier, options: BulkOptions) -> RowFormat:
    if options.out.suffix.lower() != ".csv":
        return JsonRows()
    labels = classifier.manifest.labels
    return CsvRows(
        labels=labels, top_k=_top_k(classifier, options), probabilities=options.probabilities
    )


def _top_k(classifier: Classifier, options: BulkOptions) -> int:
    num_labels = len(classifier.manifest.labels)
    return num_labels if options.probabilities else min(options.top_k, num_labels)


def _record(opened: OpenedPackage, arguments: Sequence[str], options: BulkOptions) -> RunRecord:
    classifier = opened.classifier
    manifest = classifier.manifest
    max_pixels = options.limits.max_pixels
    # Records of before have none.
    larger = {} if options.limits == OWN_FILES_LIMITS else {"--max-pixels": str(max_pixels)}
    return RunRecord(
        model=f"{manifest.name} version {manifest.version}",
        sha256=_sha256(opened),
        sources=tuple(_full_path(argument) for argument in arguments),
        options={
            "--precision": classifier.precision,
            "--provider": classifier.session.provider,
            "--top-k": str(_top_k(classifier, options)),
            "--probabilities": "yes" if options.probabilities else "no",
            "--every": f"{options.every_s:g}s" if options.every_s else "none",
            "--sort-into": _full_path(str(options.sort_into)) if options.sort_into else "none",
            **larger,
        },
    )


def _sha256(opened: OpenedPackage) -> str:
    """Return that of the model file."""
    classifier = opened.classifier
    if opened.path.is_dir():  # verified when it was loaded
        return (classifier.manifest.files or {})[classifier.precision].sha256
    with opened.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _full_path(argument: str) -> str:
    path = argument if argument == STANDARD_INPUT else os.path.abspath(argument)
    return path.encode("utf-8", "backslashreplace").decode()
