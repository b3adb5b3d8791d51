"""The best candidate of --backbone auto as the teacher of the chosen one: a probe that is fitted here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.candidates.labelled_images import LabelledImages
from training.data.scan import Scan
from training.data.split import Dataset
from training.data.views import Views
from training.distillation.refit import fit_again
from training.distillation.unlabelled import UnlabelledImages
from training.probing.embeddings import compute_embeddings
from training.probing.features import features_beside
from training.probing.published_head import head_images
from training.probing.teacher_answers import TeacherAnswers
from training.runtime.arrays import Floats
from training.runtime.progress import Display

if TYPE_CHECKING:  # imports PyTorch, which a probe on a cached trunk does without
    from training.backbone_choice.opened_candidate import OpenedCandidate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CandidateTeacher:
    """A candidate that was not chosen, but is better. `kept` holds embeddings by `ScannedImage.row`."""

    name: str
    opened: "OpenedCandidate"
    kept: Mapping[int, Floats]

    @property
    def views(self) -> Views:
        """What it sees of an image."""
        limits = self.opened.config.decode_limits
        return Views(self.opened.spec, for_training=False, limits=limits)

    def learn(
        self,
        dataset: Dataset,
        images: LabelledImages,
        seen: Scan,
        unlabelled: tuple[UnlabelledImages, Scan] | None,
        display: Display,
    ) -> TeacherAnswers | None:
        """Fit a head on the images that the published head may see, and return its answers.

        None where a class has too few different images to be cross-validated.

        Args:
            dataset: the images.
            images: its training and validation images, in folds.
            seen: all images, as the teacher sees them.
            unlabelled: images without a label, and these as the teacher sees them.
            display: shows how far it is.
        """
        exported = self.opened.exported
        embeddings = features_beside(self.kept, exported, seen, display, known_s=0.0).embeddings
        others = embeddings[:0]
        if unlabelled is not None:
            rows = unlabelled[0].rows
            with display.bar("computing features of unlabelled images", len(rows)) as advance:
                pixels = unlabelled[1].evaluation
                others = compute_embeddings(exported.graph, pixels, rows, advance=advance)
        learnt_from = np.zeros(len(embeddings), dtype=np.bool_)
        learnt_from[head_images(dataset)[0]] = True
        with display.stage(f"cross-validating the teacher {self.name}"):
            refitted = fit_again(embeddings, others, dataset, images, learnt_from)
            if refitted is None:
                return None
            known, answers = refitted.without(images.rows[:0])
        asked = np.zeros(len(embeddings), dtype=np.bool_)
        asked[images.rows] = True
        known[~asked] = np.nan
        return TeacherAnswers(
            teacher=self.name,
            known=known,
            seen=learnt_from,
            refitted=refitted,
            unlabelled=None if unlabelled is None else unlabelled[0].scan,
            unlabelled_rows=np.arange(0) if unlabelled is None else unlabelled[0].rows,
            unlabelled_embeddings=others[:, :0] if unlabelled is None else unlabelled[0].embeddings,
            unlabelled_answers=answers,
        )
