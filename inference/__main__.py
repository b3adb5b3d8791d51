"""Classify files with a published model.

    python -m inference models/clothing photo.jpg holiday/
    python -m inference models/clothing/3 photo.jpg --json
    python -m inference models/clothing photo.jpg --set
    python -m inference models/clothing photo.jpg --similar 5
    python -m inference copied-model.onnx photo.jpg
    python -m inference models/clothing photos/ --out predictions.csv

Exit code 0; 1 where an image could not be answered; 2 for a model or an argument that cannot be used.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from inference.bulk.options import BulkOptions, add_bulk_options, read_bulk_options
from inference.bulk.run import GPU_BATCH, Stopped, no_image, run_bulk, unread_sentence
from inference.classifier import Classifier, LabelProbability, Prediction
from inference.command_line import run_command, write_json, write_text
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits, limits_for
from inference.decoding.limits import MAX_PIXELS
from inference.errors import ImageError, InferenceError, UsageError
from inference.file_kinds import TEXT, VIDEO, ZIP, FileKind
from inference.find_package import find_packages, suggestion
from inference.folder_tree import kind_of_file, read_tree, walk
from inference.image_file import read_image_file
from inference.loading import open_package
from inference.manifest import MODEL_FILES
from inference.model_session import Runtime
from inference.option_parser import OptionParser, positive_int
from inference.providers import Provider
from inference.session import SessionConfig
from inference.similar import SimilarImage, SimilarIndex, read_index
from inference.strictjson import to_json

_RUNTIMES: Final[Mapping[Runtime, str]] = {"onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}
# Who does not ask for more needs no word about it.
_USUAL: Final = ("fp32", "onnxruntime", "cpu")
# What to add where a file that was given holds images, or names them.
_MANY: Final = {
    ZIP: "to answer the images in a ZIP archive add --out predictions.csv",
    TEXT: "if the text file is a list of images add --out predictions.csv",
    VIDEO: "to answer frames of a video add --video --out predictions.csv",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnswer:
    """One file's prediction, or the problem that stands in its place.

    `similar` are the training images nearest to it; None where they were not asked for.
    """

    file: Path
    prediction: Prediction | None
    problem: str | None
    similar: list[SimilarImage] | None = None


def main(argv: list[str] | None = None, *, prog: str = "python -m inference") -> int:
    """Run the command line; return the exit code."""
    return run_command(
        lambda: _run(_parser(prog).parse_args(argv)),
        refusals=(FileNotFoundError,),
        when_stopped=lambda err: str(err) if isinstance(err, Stopped) else "stopped",
    )


def _run(args: argparse.Namespace) -> int:
    many = read_bulk_options(args)
    find_packages(args.package)  # wrong names are told before anything is loaded
    if many is not None:
        return _run_many(args, many)
    unread: Counter[FileKind] = Counter()
    files = list(_image_files(args.images, unread))
    if not files:
        raise UsageError(no_image([str(path) for path in args.images], unread))
    session = SessionConfig(provider=args.provider)
    opened = open_package(args.package, session=session, precision=args.precision)
    classifier = opened.classifier
    if args.set:
        _check_sets(classifier)
    index = read_index(opened.path) if args.similar else None
    answers = [_answer(classifier, file, args, index) for file in files]
    _say_how_run(classifier)
    if args.json:
        write_json()
        json.dump(
            _as_json(classifier, answers, with_set=args.set),
            sys.stdout,
            ensure_ascii=False,
            indent=2,
        )
        print()
    else:
        write_text()
        print(_as_table(answers, with_set=args.set))
    for hint in {_MANY.get(kind_of_file(str(answer.file))) for answer in answers if answer.problem}:
        if hint is not None:
            print(hint, file=sys.stderr)
    if others := unread_sentence(unread):
        print(others, file=sys.stderr)
    return 1 if any(answer.problem for answer in answers) else 0


def _run_many(args: argparse.Namespace, options: BulkOptions) -> int:
    # A thread a core runs the model, each on its own.
    session = SessionConfig(provider=args.provider, intra_op_threads=1, max_batch=GPU_BATCH)
    opened = open_package(args.package, session=session, precision=args.precision)
    _say_how_run(opened.classifier)
    summary = run_bulk(opened, [str(path) for path in args.images], options)
    print(f"{str(options.out)!r}: {summary}", file=sys.stderr)
    if unread := unread_sentence(summary.unread):
        print(unread, file=sys.stderr)
    return 1 if summary.problems else 0


def _say_how_run(classifier: Classifier) -> None:
    """Say in which precision a model answers and what runs it, where there was anything to choose."""
    manifest, session = classifier.manifest, classifier.session
    how = (classifier.precision, session.runtime, session.provider)
    if len(manifest.files or {}) < 2 and how == _USUAL:
        return
    print(
        f"{manifest.name} version {manifest.version} in {classifier.precision} by "
        f"{_RUNTIMES[session.runtime]} ({'GPU' if session.on_gpu else 'CPU'}): "
        f"{classifier.precision_reason}",
        file=sys.stderr,
    )


def _parser(prog: str) -> OptionParser:
    parser = OptionParser(prog=prog, description="Classify images.")
    parser.add_argument(
        "package", type=Path, help="models/NAME, models/NAME/VERSION or a model.onnx"
    )
    parser.add_argument(
        "images",
        type=Path,
        nargs="+",
        help="image files or folders; with --out also zip archives, lists of paths, or - for a list "
        "from a pipe",
    )
    parser.add_argument("--json", action="store_true", help="print JSON as /predict answers it")
    parser.add_argument(
        "--top-k", type=positive_int, metavar="K", default=5, help="labels an image (5)"
    )
    parser.add_argument(
        "--set", action="store_true", help="the labels that hold the true one with promised chance"
    )
    parser.add_argument(
        "--similar",
        type=positive_int,
        metavar="N",
        help="the N training images nearest to each image",
    )
    parser.add_argument(
        "--precision",
        type=str.lower,
        choices=["auto", *MODEL_FILES],
        default="auto",
        help="what the model is run in, of what it was published with (auto: fp16 on a GPU; on a CPU bf16 "
        "where that is measured to be faster, else int8 where the processor has instructions for it; else "
        "fp32)",
    )
    parser.add_argument(
        "--provider",
        type=str.lower,
        choices=get_args(Provider),
        default="auto",
        help="what runs it (auto: cuda where there is a GPU, else cpu; openvino: a CPU, fp32 by OpenVINO "
        "too)",
    )
    parser.add_argument(
        "--max-pixels",
        type=_limits,
        dest="limits",
        metavar="N",
        default=OWN_FILES_LIMITS,
        help=f"width times height of the largest image ({OWN_FILES_LIMITS.max_pixels})",
    )
    add_bulk_options(parser)
    return parser


def _limits(text: str) -> DecodeLimits:
    try:
        return limits_for(max_bytes=OWN_FILES_LIMITS.max_bytes, max_pixels=int(text))
    except ValueError as err:
        raise argparse.ArgumentTypeError(
            f"must be a whole number from 1 to {MAX_PIXELS}, got {text!r}"
        ) from err


def _check_sets(classifier: Classifier) -> None:
    if classifier.manifest.conformal is None:
        raise InferenceError(
            "the model has no prediction sets; train it with --coverage 0.9, or leave --set out"
        )


def _image_files(paths: Iterable[Path], unread: Counter[FileKind]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from _images_below(path, unread)
        elif path.is_file():
            yield path
        elif path.exists():
            raise FileNotFoundError(f"{str(path)!r} is neither a file nor a folder")
        else:
            raise FileNotFoundError(f"no file or folder {str(path)!r}{suggestion(path)}")


def _images_below(root: Path, unread: Counter[FileKind]) -> list[Path]:
    """Return the images of a folder as training takes them: by suffix or first bytes, without clutter.

    Other files are counted in `unread`.
    """
    found = []
    for path, folder in walk(read_tree(root), root):
        if folder.problem is not None:
            print(f"skipping folder {str(path)!r}: {folder.problem.strerror}", file=sys.stderr)
        found += [path / name for name in folder.images]
        unread.update(kind for _, kind in folder.others)
    return sorted(found)


def _answer(
    classifier: Classifier, file: Path, args: argparse.Namespace, index: SimilarIndex | None
) -> FileAnswer:
    try:
        (prediction,) = classifier.classify(
            [read_image_file(file)], top_k=args.top_k, limits=args.limits
        )
    except ImageError as err:
        return FileAnswer(file=file, prediction=None, problem=str(err))
    except OSError as err:
        return FileAnswer(file=file, prediction=None, problem=f"cannot be read: {err.strerror}")
    similar = index.nearest(prediction.embedding, args.similar) if index is not None else None
    return FileAnswer(file=file, prediction=prediction, problem=None, similar=similar)


def _as_json(
    classifier: Classifier, answers: list[FileAnswer], *, with_set: bool
) -> dict[str, Any]:
    manifest = classifier.manifest
    return {
        "model": {"name": manifest.name, "version": manifest.version},
        "predictions": [
            _entry(index, answer, with_set=with_set) for index, answer in enumerate(answers)
        ],
    }


def _entry(index: int, answer: FileAnswer, *, with_set: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"index": index, "filename": str(answer.file)}
    if answer.prediction is None:
        return {**entry, "problem": answer.problem}
    prediction = answer.prediction
    entry |= {
        "label": prediction.label,
        "probability": prediction.probability,
        "rejected": prediction.rejected,
        "top": _ranked(prediction.top),
    }
    if prediction.rejected:
        entry["rejected_reason"] = prediction.rejected_reason
    if prediction.notes:
        entry["notes"] = list(prediction.notes)
    if answer.similar is not None:
        entry["similar"] = [{**to_json(s.image), "cosine": s.cosine} for s in answer.similar]
    if with_set:
        entry["set"] = _ranked(prediction.label_set or ())
    return entry


def _ranked(labels: Iterable[LabelProbability]) -> list[dict[str, Any]]:
    return [{"label": entry.label, "probability": entry.probability} for entry in labels]


def _as_table(answers: list[FileAnswer], *, with_set: bool) -> str:
    width = max(len(_printable(str(answer.file))) for answer in answers)
    return "\n".join(
        f"{_printable(str(a.file)):<{width}}  {_summary(a, with_set=with_set)}" for a in answers
    )


def _summary(answer: FileAnswer, *, with_set: bool) -> str:
    prediction = answer.prediction
    if prediction is None:
        return f"problem: {answer.problem}"
    shown = (prediction.label_set or ()) if with_set else prediction.top
    ranked = "  ".join(f"{_printable(t.label)} {t.probability:.3f}" for t in shown)
    reasons = [prediction.rejected_reason] if prediction.rejected_reason else []
    note = "".join(f"  ({text})" for text in [*reasons, *prediction.notes])
    similar = "".join(
        f"\n    {s.cosine:.3f}  {_printable(s.image.path)}" for s in answer.similar or ()
    )
    return ranked + note + similar


def _printable(text: str) -> str:
    """Keep control characters of a file name or label from the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


if __name__ == "__main__":
    sys.exit(main())
