"""Put a new version beside the one before, on the same held-out images; the studio starts this as a process.

python -m studio.training_runs.compare_versions MODELS_DIR NAME BEFORE NEW --out FILE
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from inference.classifier import Classifier
from inference.manifest import Manifest
from inference.option_parser import OptionParser
from inference.repository import Repository
from inference.session import SessionConfig
from inference.strictjson import to_json
from studio.analysis.analysis_file import read_analysis
from studio.analysis.reader import IndexedAnalysis, LabelledImages
from studio.errors import StudioError
from studio.projects.corrections import Corrections
from studio.projects.project import Project, find_project
from studio.training_runs.held_out import find_held_out
from training.assessment.comparison import compare_all
from training.assessment.evaluation import Evaluation, evaluate
from training.runtime.command_line import run_command
from training.runtime.json_progress import EventWriter


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    events = EventWriter(time.monotonic())
    exit_code = run_command(lambda: _compare(_parser().parse_args(argv)))
    events.write("end", exit_code=exit_code)
    return exit_code


def _parser() -> OptionParser:
    parser = OptionParser(
        prog="python -m studio.training_runs.compare_versions",
        description="Put a new version beside the one before.",
    )
    parser.add_argument("models_dir", type=Path)
    parser.add_argument("name")
    parser.add_argument("before", type=int)
    parser.add_argument("new", type=int)
    parser.add_argument("--out", type=Path, required=True)
    return parser


def _compare(args: argparse.Namespace) -> None:
    try:
        found = compare_versions(find_project(args.models_dir, args.name), args.before, args.new)
    except StudioError as err:
        found = {"verdict": "unknown", "reason": str(err)}
    temporary = args.out.with_name(f".{args.out.name}")
    temporary.write_text(json.dumps(to_json(found), ensure_ascii=False), encoding="utf-8")
    temporary.replace(args.out)


def compare_versions(project: Project, before: int, new: int) -> dict[str, Any]:
    """Return the two versions in figures; without held-out images, the verdict "unknown".

    Where the new one knows more labels both are tried on images of those that both know, and `added` has
    what the new one makes of the others.

    Raises:
        NotNow: the folder was not looked at.
        InferenceError: a version cannot be loaded.
    """
    repository = Repository(project.models_dir)
    packages = [repository.package(project.name, version) for version in (before, new)]
    indexed = IndexedAnalysis.of(read_analysis(project.analysis_dir))
    images = LabelledImages(indexed, Corrections(project.workspace).read())
    held = find_held_out(images, project.data, packages[1], packages[0])
    labels = [package.manifest.labels for package in packages]
    if not set(labels[0]) <= set(labels[1]):
        return {"verdict": "unknown", "reason": "the new version lacks classes of the one before"}
    if held is None:
        reason = "no images that neither version was fitted on"
        return {"verdict": "unknown", "reason": reason, "why": "none_held_out"}
    session = SessionConfig(provider="auto")
    models = [Classifier.load(package, session=session) for package in packages]
    first, second = (evaluate(model, held.folder) for model in models)
    (difference,) = compare_all([first.answers.right, second.answers.right])
    return {
        "verdict": "as good" if difference.verdict == "no difference shown" else difference.verdict,
        "part": held.part,
        "images": len(first.answers),
        "before": _figures(first),
        "new": _figures(second),
        "only_new_right": difference.only_this,
        "only_before_right": difference.only_reference,
        "interval": difference.interval,
        "p_value": difference.p_value,
        "added": _added(packages[1].manifest, set(labels[1]) - set(labels[0])),
        "changed": _changed(first, second, {i.path: i.sha256 for i in indexed.analysis.images}),
    }


def _figures(evaluation: Evaluation) -> dict[str, float]:
    return {
        "version": evaluation.manifest.version,
        "accuracy": evaluation.metrics.accuracy,
        "nll": evaluation.metrics.nll,
    }


def _added(manifest: Manifest, labels: Set[str]) -> list[dict[str, Any]]:
    """Return how many held-out images of each label that is new the new version has right."""
    metrics = manifest.metrics.test or manifest.metrics.val
    found = {label: metrics.per_class[label] for label in sorted(labels)}
    if all(each.images == 0 for each in found.values()):  # test images are of the old labels alone
        found = {label: manifest.metrics.val.per_class[label] for label in sorted(labels)}
    return [
        {"label": label, "images": each.images, "right": round(each.recall * each.images)}
        for label, each in found.items()
        if each.images
    ]


def _changed(
    first: Evaluation, second: Evaluation, contents: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return images that the two versions name differently, those that one of them has right first."""
    a, b = first.answers, second.answers
    # Their labels may have other numbers.
    said = [[x.labels[guess] for guess in x.guesses] for x in (a, b)]
    rows = [row for row in range(len(a)) if said[0][row] != said[1][row]]
    rows.sort(key=lambda row: not (a.right[row] or b.right[row]))
    return [
        {
            "path": a.paths[row],
            "sha256": contents.get(a.paths[row]),
            "label": a.labels[a.targets[row]],
            "before": said[0][row],
            "new": said[1][row],
        }
        for row in rows[:24]
    ]


if __name__ == "__main__":
    sys.exit(main())
