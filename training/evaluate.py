"""Evaluate a published model on another folder of images: the same figures and report as after training.

    python -m training.evaluate models/clothing other_photos/
    python -m training.evaluate models/clothing/3 other_photos/ --out evaluation.html --json figures.json

Folders are matched by class name; images in `_unknown` should be rejected. Needs no PyTorch. Exit code
0; 2 for a model, a folder or an argument that cannot be used; 130 after Ctrl-C.
"""

import argparse
from pathlib import Path

from rich.console import Console

from inference.classifier import Classifier
from inference.loading import open_package
from inference.option_parser import OptionParser
from inference.session import SessionConfig
from training.assessment.classification_metrics import describe_accuracy
from training.assessment.evaluation import Evaluation, evaluate
from training.audit.counted_images import CountedImages, count_images
from training.data.data_options import add_data_options, chosen_labels, chosen_limits
from training.data.finding import quoted
from training.data.folder_summary import describe_findings
from training.data.known_folder import open_known_folder
from training.data.split import SPLIT_FILE
from training.data.training_hashes import training_hashes
from training.interrupts import end_process
from training.report.evaluation_page import render_evaluation
from training.runtime.command_line import check_writable, run_command, write_json, write_page
from training.runtime.progress import Display

_SHOWN_FILES = 10


def main(argv: list[str] | None = None, *, prog: str = "python -m training.evaluate") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _run(_build_parser(prog).parse_args(argv), Display(Console())))


def _build_parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description="Evaluate a published model on a folder of images whose classes are known.",
    )
    parser.add_argument(
        "package", type=Path, help="models/NAME, models/NAME/VERSION or a model.onnx"
    )
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="folder with one subfolder per class, or an archive of it",
    )
    add_data_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the report as HTML")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--provider", choices=["auto", "tensorrt", "cuda", "cpu"], default="auto")
    return parser


def _run(args: argparse.Namespace, display: Display) -> None:
    for file in (args.out, args.json):
        check_writable(file)
    limits = chosen_limits(args)
    session = SessionConfig(provider=args.provider)
    opened = open_package(args.package, session=session)
    classifier = opened.classifier
    folder = open_known_folder(
        args.data, classifier.manifest.labels, chosen_labels(args), cache_dir=args.cache_dir
    )
    describe_findings(folder, display)
    learned = training_hashes(opened.path)
    with display.bar("reading images", len(folder.files)) as advance:
        counted = count_images(folder, learned or frozenset(), limits=limits, advance=advance)
    if learned is None:
        display.line(f"no {SPLIT_FILE} of this model here: what it was trained on is not known")
    counted.describe(display)
    total = len(counted.folder.files) + len(folder.unknown)
    with display.bar("predicting", total) as advance:
        evaluation = evaluate(classifier, counted.folder, limits=limits, advance=advance)
    _describe(evaluation, display)
    _write(evaluation, counted, classifier, args, display)


def _write(
    evaluation: Evaluation,
    counted: CountedImages,
    classifier: Classifier,
    args: argparse.Namespace,
    display: Display,
) -> None:
    if args.json is not None:
        write_json(args.json, evaluation.to_json() | counted.to_json())
        display.line(f"figures in {args.json}")
    if args.out is not None:
        write_page(
            args.out, render_evaluation(evaluation, classifier, counted, limits=chosen_limits(args))
        )
        display.line(f"report in {args.out}")


def _describe(evaluation: Evaluation, display: Display) -> None:
    manifest, metrics = evaluation.manifest, evaluation.metrics
    for path, reason in evaluation.left_out[:_SHOWN_FILES]:
        display.warning(f"skipping {quoted(path)}: {reason}")
    if len(evaluation.left_out) > _SHOWN_FILES:
        display.warning(f"skipping {len(evaluation.left_out) - _SHOWN_FILES} more")
    if evaluation.missing_classes:
        display.line(f"no images of: {', '.join(evaluation.missing_classes)}")
    name = f"{manifest.name} {manifest.version}"
    display.line(f"{name}: {describe_accuracy(metrics)}")
    display.line(
        f"balanced accuracy {100 * metrics.balanced_accuracy:.1f} %, macro F1 "
        f"{100 * metrics.macro_f1:.1f} %, loss {metrics.nll:.3f}, calibration error (ECE) "
        f"{100 * metrics.ece:.1f} %"
    )
    if manifest.metrics.test is not None:
        display.line(f"when it was trained: {describe_accuracy(manifest.metrics.test, 'test')}")
    _describe_rejected(evaluation, display)


def _describe_rejected(evaluation: Evaluation, display: Display) -> None:
    if evaluation.manifest.rejection is None:
        return
    answered, unknown = evaluation.answered, evaluation.unknown
    text = f"rejected as out of distribution: {answered.rejected.sum()} of {len(answered.files)}"
    if unknown is not None:
        text += f", and {unknown.rejected.sum()} of the {len(unknown.files)} in _unknown"
    display.line(text)


if __name__ == "__main__":
    end_process(main())
