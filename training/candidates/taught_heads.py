"""Linear heads that learn from labels and a teacher's soft answers, of unlabelled images too."""

from collections.abc import Callable
from typing import Final

import numpy as np

from training.assessment.calibration import fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.data.class_weights import class_weights
from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.probe import C_GRID
from training.probing.published_head import head_images
from training.probing.soft_head import SoftHeadFitter
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats, Integers

# More images carry weaker regularisation, seldom stronger.
_STRONGER: Final = 2
_PATIENCE: Final = 2


class TaughtHeads:
    """Fits heads to labels and a teacher's answers on one data set; `embeddings` (N, D) are the student's."""

    def __init__(self, embeddings: Floats, dataset: Dataset, answers: TeacherAnswers) -> None:
        self._embeddings = embeddings
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

    def start(self, C: float) -> LinearHead:
        """Return a head that, but for folds, has seen no validation image, nor has its teacher."""
        rows, targets = self._dataset.rows("train"), self._dataset.targets("train")
        if self._dataset.folds is not None:
            return self._fitter(rows, targets, self._answers).fit(C)
        return self.without(self._dataset.rows("val"), rows, targets).fit(C)

    def published(self, C: float, flipped: Floats | None) -> LinearHead:
        """Return the head fitted on all images that it may see, flipped ones too."""
        rows, targets = head_images(self._dataset)
        if flipped is None:
            return self._fitter(rows, targets, self._answers).fit(C)
        fitter = self._fitter(rows, targets, self._answers, flipped=flipped)
        num_images = len(rows) + len(self._answers.unlabelled_rows)
        return fitter.fit(C * num_images / (num_images + len(rows)))

    def without(self, held_out: Integers, rows: Integers, targets: Integers) -> SoftHeadFitter:
        """Return what fits heads to images at `rows` (M,); neither they nor the teacher see `held_out`."""
        return self._fitter(rows, targets, self._answers.without(held_out))

    def _fitter(
        self,
        rows: Integers,
        targets: Integers,
        answers: TeacherAnswers,
        *,
        flipped: Floats | None = None,
    ) -> SoftHeadFitter:
        """Return what fits heads to labelled images (M,) and all unlabelled ones."""
        soft = answers.targets(rows, targets)
        embeddings, wanted = [self._embeddings[rows]], [soft]
        if flipped is not None:
            embeddings, wanted = [*embeddings, flipped], [*wanted, soft]
        if len(answers.unlabelled_rows):
            embeddings.append(answers.unlabelled_embeddings)
            wanted.append(answers.unlabelled_answers)
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
            parts = [(self.without(val, rows, targets), val, np.arange(len(val)))]
        else:
            parts = []
            for out in (dataset.folds == fold for fold in np.unique(dataset.folds)):
                fitter = self.without(rows[out], rows[~out], targets[~out])
                parts.append((fitter, rows[out], np.flatnonzero(out)))

        def predict(C: float) -> Floats:
            logits = np.empty((len(dataset.splits["val"]), len(dataset.labels)), dtype=np.float32)
            for fitter, shown, places in parts:
                logits[places] = fitter.fit(C).logits(self._embeddings[shown])
            return logits

        return predict
