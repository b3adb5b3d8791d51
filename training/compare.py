"""Put published models side by side on one folder of images, by tests for pairs of answers.

    python -m training.compare models/clothing/3 models/clothing/4 --data photos/test
    python -m training.compare models/a models/b models/c --data photos/test --html comparison.html

Each is compared with the first. Needs no PyTorch. Exit code 0; 2 for a model, a folder or an argument
that cannot be used; 130 after Ctrl-C.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from inference.classifier import Classifier
from inference.decoding import DecodeLimits
from inference.loading import OpenedPackage, open_package
from inference.option_parser import OptionParser
from inference.session import SessionConfig
from training.assessment.classification_metrics import measure
from training.assessment.comparison import ComparedModel, Comparison, compare_all, disagreements
from training.assessment.evaluation import evaluate
from training.audit.counted_images import CountedImages, count_images
from training.data.data_options import add_data_options, chosen_labels, chosen_limits
from training.data.finding import quoted
from training.data.folder import Folder
from training.data.folder_summary import describe_findings
from training.data.known_folder import open_known_folder
from training.data.split import SPLIT_FILE
from training.data.training_hashes import training_hashes
from training.errors import ConfigError, DataError
from training.interrupts import end_process
from training.report.comparison_page import render_comparison
from training.runtime.command_line import check_writable, run_command, write_json, write_page
from training.runtime.progress import Display

_SHOWN_DISAGREEMENTS = 10


def main(argv: list[str] | None = None, *, prog: str = "python -m training.compare") -> int:
    """Run the command line; return the exit code."""
    return run_command(lambda: _run(_build_parser(prog).parse_args(argv), Display(Console())))


def _build_parser(prog: str) -> OptionParser:
    parser = OptionParser(
        prog=prog,
        description="Put published models side by side on one folder of images.",
    )
    parser.add_argument(
        "packages",
        type=Path,
        nargs="+",
        metavar="PACKAGE",
        help="models/NAME or models/NAME/VERSION",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with one subfolder per class, or an archive of it",
    )
    add_data_options(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    parser.add_argument("--provider", choices=["auto", "tensorrt", "cuda", "cpu"], default="auto")
    return parser


def _run(args: argparse.Namespace, display: Display) -> None:
    if len(args.packages) < 2:
        raise ConfigError("give two packages or more; for one, use python -m training.evaluate")
    for file in (args.html, args.json):
        check_writable(file)
    limits = chosen_limits(args)
    session = SessionConfig(provider=args.provider)
    opened = [open_package(package, session=session) for package in args.packages]
    counted = _count(opened, args, limits, display)
    skipped: dict[tuple[str, str], list[str]] = {}
    models = _told_apart(
        [
            _evaluate_model(one.classifier, counted.folder, limits, display, skipped)
            for one in opened
        ],
        args.packages,
    )
    _describe_skipped(skipped, len(models), display)
    models = _on_common_images(models, display)
    comparison = Comparison(
        data=args.data.resolve().name,
        models=models,
        differences=compare_all([model.answers.right for model in models]),
        disagreements=disagreements([model.answers for model in models]),
    )
    _print_table(comparison, display)
    _print_disagreements(comparison, display)
    if args.json is not None:
        write_json(args.json, comparison.to_json() | counted.to_json())
        display.line(f"figures in {args.json}")
    if args.html is not None:
        write_page(args.html, render_comparison(comparison, counted.folder.findings))
        display.line(f"page in {args.html}")


def _count(
    opened: Sequence[OpenedPackage],
    args: argparse.Namespace,
    limits: DecodeLimits,
    display: Display,
) -> CountedImages:
    """Leave out what any of the models has learned, and copies; say so."""
    folders = [
        open_known_folder(
            args.data, one.classifier.manifest.labels, chosen_labels(args), cache_dir=args.cache_dir
        )
        for one in opened
    ]
    describe_findings(folders[0], display)
    learned = [training_hashes(one.path) for one in opened]
    for one, hashes in zip(opened, learned, strict=True):
        if hashes is None:
            display.line(
                f"no {SPLIT_FILE} of {str(one.path)!r}: what it was trained on is not known"
            )
    known = frozenset().union(*(hashes for hashes in learned if hashes is not None))
    with display.bar("reading images", len(folders[0].files)) as advance:
        counted = count_images(folders[0], known, limits=limits, advance=advance)
    counted.describe(display)
    return counted


def _on_common_images(models: list[ComparedModel], display: Display) -> list[ComparedModel]:
    """Return the models on the images that each has answered: a file may go while they run."""
    common = set(models[0].answers.paths).intersection(*(m.answers.paths for m in models))
    every = {path for model in models for path in model.answers.paths}
    if common == every:
        return models
    if not common:
        raise DataError("no image could be read by all of the models; nothing can be compared")
    for path in sorted(every - common):
        display.warning(f"skipping {path!r}: it changed while the models were running")
    return [_only(model, common) for model in models]


def _only(model: ComparedModel, paths: set[str]) -> ComparedModel:
    answers = model.answers
    kept = np.array([path in paths for path in answers.paths])
    answers = replace(
        answers,
        probabilities=answers.probabilities[kept],
        targets=answers.targets[kept],
        paths=tuple(path for path in answers.paths if path in paths),
    )
    metrics = measure(answers.probabilities, answers.targets, answers.labels)
    return replace(model, answers=answers, metrics=metrics)


def _evaluate_model(
    classifier: Classifier,
    folder: Folder,
    limits: DecodeLimits,
    display: Display,
    skipped: dict[tuple[str, str], list[str]],
) -> ComparedModel:
    """Evaluate one model; files that it cannot read are added to `skipped` with its name."""
    manifest = classifier.manifest
    name = f"{manifest.name} {manifest.version}"
    with display.bar(f"{name} predicts", len(folder.files)) as advance:
        evaluation = evaluate(classifier, folder, limits=limits, advance=advance)
    for file in evaluation.left_out:
        skipped.setdefault(file, []).append(name)
    return ComparedModel(
        name=name,
        backbone=manifest.backbone.name,
        answers=evaluation.answers,
        metrics=evaluation.metrics,
        seconds_per_image=evaluation.answered.seconds / len(evaluation.answers),
    )


def _describe_skipped(
    skipped: Mapping[tuple[str, str], Sequence[str]], num_models: int, display: Display
) -> None:
    """Name each file once, and the models where it is not all of them."""
    for (path, reason), names in skipped.items():
        by = "" if len(names) == num_models else f" ({', '.join(names)})"
        display.warning(f"skipping {quoted(path)}: {reason}{by}")


def _told_apart(models: Sequence[ComparedModel], packages: Sequence[Path]) -> list[ComparedModel]:
    """Call each by its path where two share name and version."""
    if len({model.name for model in models}) == len(models):
        return list(models)
    return [
        replace(model, name=str(package)) for model, package in zip(models, packages, strict=True)
    ]


def _print_table(comparison: Comparison, display: Display) -> None:
    rows = [("model", "accuracy", "95 % interval", "loss", "ms/image", "against the first")]
    for model, difference in comparison.rows():
        metrics = model.metrics
        low, high = metrics.accuracy_interval or (0.0, 1.0)
        rows.append(
            (
                model.name,
                f"{100 * metrics.accuracy:.1f} %",
                f"{100 * low:.1f} to {100 * high:.1f}",
                f"{metrics.nll:.3f}",
                f"{1000 * model.seconds_per_image:.1f}",
                "" if difference is None else difference.describe(),
            )
        )
    images = comparison.models[0].metrics.images
    display.line(f"{images} images of {comparison.data}")
    for line in _aligned(rows):
        display.line(line)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _print_disagreements(comparison: Comparison, display: Display) -> None:
    found = comparison.disagreements
    if not found:
        display.line("all models predict the same class for every image")
        return
    display.line(f"different predictions: {len(found)} images")
    names = [model.name for model in comparison.models]
    for item in found[:_SHOWN_DISAGREEMENTS]:
        answers = ", ".join(f"{name}: {a}" for name, a in zip(names, item.answers, strict=True))
        display.line(f"  {item.path} is {item.truth}; {answers}")
    if len(found) > _SHOWN_DISAGREEMENTS:
        display.line(f"  and {len(found) - _SHOWN_DISAGREEMENTS} more, see --json or --html")


if __name__ == "__main__":
    end_process(main())
