"""The linear probe with a teacher: its head learns from soft answers, of unlabelled images too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.candidates.candidate import Candidate
from training.data.class_weights import class_weights
from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.features import Features
from training.probing.probe import C_GRID
from training.probing.published_head import head_images
from training.probing.soft_head import SoftHeadFitter
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display

# More images carry weaker regularisation, seldom stronger.
_STRONGER: Final = 2
_PATIENCE: Final = 2


def make_taught_probe(
    probe: Candidate,
    features: Features,
    dataset: Dataset,
    answers: TeacherAnswers,
    display: Display,
    *,
    flipped: Floats | None = None,
) -> Candidate:
    """Return what the probe becomes with a teacher.

    Args:
        probe: without one, of the same data.
        features: the trunk and the embeddings of all images.
        dataset: the images that have a label.
        answers: the teacher's.
        display: shows how far it is.
        flipped: embeddings of the images of the published head, flipped, where these keep their class.
    """
    with display.stage(f"fitting the head with {answers.teacher} as teacher"):
        learner = _Learner(features, dataset, answers)
        trials = learner.search(probe.C or 1.0)
        C, logits = min(trials, key=lambda trial: learner.loss(trial[1]))
        start = learner.fitter(dataset.rows("train"), dataset.targets("train")).fit(C)
        head = learner.published(C, flipped)
    return replace(
        probe,
        head=head,
        start_head=start,
        val_logits=logits,
        accuracy=float((logits.argmax(axis=1) == dataset.targets("val")).mean()),
        nll=learner.loss(logits),
        spread=None,
        C=C,
        notes=tuple(learner.describe(*trial, kept=trial[0] == C) for trial in trials),
        teacher=answers.teacher,
    )


class _Learner:
    """Fits heads to labels and a teacher's answers on one data set."""

    def __init__(self, features: Features, dataset: Dataset, answers: TeacherAnswers) -> None:
        self._embeddings = features.embeddings
        self._dataset = dataset
        self._answers = answers
        self._class_weights = class_weights(dataset)

    def search(self, first: float) -> list[tuple[float, Floats]]:
        """Return values of C from about `first` on, each with its logits on validation images (V, K)."""
        begin = int(np.argmin(np.abs(np.log(np.array(C_GRID) / first))))
        predict = self._predictor()
        trials: list[tuple[float, Floats]] = []
        losses: list[float] = []
        for C in C_GRID[max(0, begin - _STRONGER) :]:
            trials.append((C, predict(C)))
            losses.append(self.loss(trials[-1][1]))
            if len(losses) - 1 - int(np.argmin(losses)) >= _PATIENCE:
                break
        return trials

    def loss(self, logits: Floats) -> float:
        """Return the loss on validation images at the best temperature, nats."""
        targets = self._dataset.targets("val")
        temperature = fit_temperature(logits, targets)
        return negative_log_likelihood(logits, targets, temperature=temperature)

    def describe(self, C: float, logits: Floats, *, kept: bool) -> str:
        """Return one line for the report."""
        accuracy = (logits.argmax(axis=1) == self._dataset.targets("val")).mean()
        return (
            f"linear probe with {self._answers.teacher} as teacher, C = {C:.2g}: validation accuracy "
            f"{100 * accuracy:.1f} %, loss {self.loss(logits):.3f}" + (" (kept)" if kept else "")
        )

    def published(self, C: float, flipped: Floats | None) -> LinearHead:
        """Return the head fitted on all images that it may see, flipped ones too."""
        rows, targets = head_images(self._dataset)
        if flipped is None:
            return self.fitter(rows, targets).fit(C)
        fitter = self.fitter(rows, targets, flipped=flipped)
        num_images = len(rows) + len(self._answers.unlabelled_rows)
        return fitter.fit(C * num_images / (num_images + len(rows)))

    def fitter(
        self, rows: Integers, targets: Integers, *, flipped: Floats | None = None
    ) -> SoftHeadFitter:
        """Return what fits heads to labelled images (M,) and all unlabelled ones."""
        soft = self._answers.targets(rows, targets)
        turned = [] if flipped is None else [flipped]
        wanted = [soft, *([] if flipped is None else [soft]), self._answers.unlabelled_answers]
        embeddings = [self._embeddings[rows], *turned, self._answers.unlabelled_embeddings]
        weighed = np.concatenate(wanted)
        if self._class_weights is not None:
            weighed = weighed * (weighed @ self._class_weights)[:, np.newaxis]
        return SoftHeadFitter(np.concatenate(embeddings), weighed)

    def _predictor(self) -> Callable[[float], Floats]:
        """Return what gives validation images' logits by heads of a C that have not seen them."""
        dataset = self._dataset
        rows, targets = dataset.rows("train"), dataset.targets("train")
        if dataset.folds is None:
            val = dataset.rows("val")
            parts = [(self.fitter(rows, targets), val, np.arange(len(val)))]
        else:
            parts = []
            for out in (dataset.folds == fold for fold in np.unique(dataset.folds)):
                fitter = self.fitter(rows[~out], targets[~out])
                parts.append((fitter, rows[out], np.flatnonzero(out)))

        def predict(C: float) -> Floats:
            logits = np.empty((len(dataset.splits["val"]), len(dataset.labels)), dtype=np.float32)
            for fitter, shown, places in parts:
                logits[places] = fitter.fit(C).logits(self._embeddings[shown])
            return logits

        return predict
