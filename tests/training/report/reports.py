"""A report on the tiny colour model, and what a page is read by."""

import dataclasses
from html.parser import HTMLParser

import numpy as np
from scipy.special import softmax

from inference.classifier import Classifier
from inference.manifest import Manifest
from inference.measured import Metrics
from tests.builders import COLOURS, LABELS, SIDE_PX
from training.assessment.calibration import calibration_effect
from training.assessment.classification_metrics import measure
from training.assessment.labelled_predictions import LabelledPredictions
from training.report.training_report import Report

HOSTILE = "<script>alert('x')</script>"

# Forty images of each colour; every tenth is answered as the next one.
_PER_CLASS = 40


class Tags(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return a page's tags."""
    parser = Tags()
    parser.feed(page)
    return parser.seen


def colour_answers(labels: tuple[str, ...] = LABELS) -> LabelledPredictions:
    """Return 120 answers, 108 of them right; the wrong ones are the surest."""
    targets = np.repeat(np.arange(3), _PER_CLASS)
    wrong = np.arange(len(targets)) % 10 == 0
    guesses = np.where(wrong, (targets + 1) % 3, targets)
    logits = 2.0 * np.eye(3)[guesses] + np.where(wrong, 1, 0)[:, np.newaxis] * np.eye(3)[guesses]
    logits += np.random.default_rng(0).normal(0, 0.1, logits.shape)
    return LabelledPredictions(
        labels=labels,
        probabilities=softmax(logits, axis=1).astype(np.float32),
        targets=targets,
        paths=tuple(f"{labels[t]}/{i}.png" for i, t in enumerate(targets)),
    )


def colour_report(answers: LabelledPredictions, **changes: object) -> Report:
    """Return what the page shows beyond the manifest."""

    def pixels_of(index: int) -> np.ndarray:
        colour = COLOURS[LABELS[answers.targets[index]]]
        return np.full((SIDE_PX, SIDE_PX, 3), colour, dtype=np.uint8)

    logits = np.log(answers.probabilities)
    values: dict[str, object] = {
        "answers": answers,
        "kind": "test",
        "calibration": calibration_effect(logits, answers.targets, temperature=1.5),
        "pixels_of": pixels_of,
        "history": (),
        "tried": ("probe: 100 % right",),
        "reason": "Published is the probe, the only model that was trained.",
        "findings": (),
        "suspects": (),
        "left_out": (),
        "stages": (),
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def measured(manifest: Manifest, answers: LabelledPredictions) -> Manifest:
    """Return a manifest of these labels whose metrics are those of the answers."""
    found = measure(answers.probabilities, answers.targets, answers.labels)
    return dataclasses.replace(
        manifest,
        labels=answers.labels,
        metrics=Metrics(validation="held out", val_accuracy_spread=None, val=found, test=found),
        dataset=dataclasses.replace(
            manifest.dataset, counts={"train": dict.fromkeys(answers.labels, 20)}
        ),
    )


def with_labels(classifier: Classifier, labels: tuple[str, ...]) -> Classifier:
    """Return the model under other labels."""
    return dataclasses.replace(
        classifier, manifest=dataclasses.replace(classifier.manifest, labels=labels)
    )
