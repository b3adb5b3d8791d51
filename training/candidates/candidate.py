"""A model that could be published, and what validation images say of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx

from training.assessment.validation_record import ValidationRecord
from training.candidates.out_of_fold import OutOfFoldPredictions
from training.data.split import Dataset
from training.export.onnx_graph import attach_head
from training.networks.linear_head import LinearHead
from training.ood.score import OodScore
from training.probing.features import ExportedTrunk
from training.runtime.arrays import Floats

if TYPE_CHECKING:  # imports PyTorch, which a probe on a cached trunk does without
    from training.networks.transfer_network import TransferNetwork

# What a person calls each method.
_METHOD_NAMES: Final = {
    "probe": "linear probe",
    "finetune": "fine-tuned network",
    "scratch": "network trained from scratch",
}


def describe_method(method: str) -> str:
    """Return what came out of a method, such as "linear probe"."""
    return _METHOD_NAMES[method]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that could be published.

    Attributes:
        method: "probe", "finetune" or "scratch".
        dataset: what it was made from; it is evaluated on its validation images.
        exported: the network without its head.
        head: the head that is published.
        start_head: one that has seen no validation image (a probe of folds aside), for training to
            start from; None for what was trained.
        horizontal_flip: whether flipped images were trained on too.
        embeddings: (N, D) by `ScannedImage.row`, or None where they were not computed.
        val_logits: (N, K), each of a model that was not fitted on that image.
        accuracy, nll, spread: on validation images: 0..1, nats at the best temperature, and with
            folds the standard deviation of the accuracy over them.
        val_cosines: (N,) how near each validation image is to the others, by networks that had not
            seen it; None where the published network has not seen it either.
        C: the inverse L2 regularisation strength of a fitted head; None for one that came out of training.
        history: the epochs of its training; empty for a probe.
        notes: what else was tried.
        heads_s: seconds that fitting its heads took, their embeddings aside.
        teacher: the model whose soft answers it learnt from, None without one.
    """

    method: str
    dataset: Dataset
    exported: ExportedTrunk
    head: LinearHead
    start_head: LinearHead | None
    horizontal_flip: bool
    embeddings: Floats | None
    val_logits: Floats
    accuracy: float
    nll: float
    spread: float | None
    C: float | None
    history: tuple[ValidationRecord, ...]
    notes: tuple[str, ...]
    val_cosines: Floats | None = None
    heads_s: float = 0.0
    teacher: str | None = None

    @property
    def title(self) -> str:
        """What a person calls it, such as "linear probe with garments/2 as teacher"."""
        method = describe_method(self.method)
        return method if self.teacher is None else f"{method} with {self.teacher} as teacher"

    @property
    def trunk(self) -> onnx.ModelProto:
        """The network without its head, as ONNX."""
        return self.exported.graph

    @property
    def network(self) -> "TransferNetwork":
        """A copy of the network with the published head, in evaluation mode; not with a cached trunk."""
        assert self.exported.network is not None, "a cached trunk has no network"
        return self.exported.network.with_head(self.head)

    @property
    def start(self) -> "TransferNetwork":
        """A copy of the network for training to start from; not for what was trained."""
        assert self.exported.network is not None, "a cached trunk has no network"
        assert self.start_head is not None
        return self.exported.network.with_head(self.start_head)

    @property
    def cross_validated(self) -> bool:
        """Whether its predictions are cross-validated: of several models, each for its own fold."""
        folds = self.dataset.val_folds
        return folds is not None and len(np.unique(folds)) > 1

    def out_of_fold(self) -> OutOfFoldPredictions:
        """Return the predictions of models that had not seen the images; each photo counts once."""
        counted = self.dataset.counted("val")
        return OutOfFoldPredictions(
            targets=self.dataset.targets("val")[counted], logits=self.val_logits[counted]
        )

    def graph(self, *, temperature: float, ood_score: OodScore) -> onnx.ModelProto:
        """Return the graph to publish, with the network's head."""
        return attach_head(
            self.trunk,
            self.head,
            temperature=temperature,
            ood_score=ood_score,
        )

    def describe(self) -> str:
        """Return one line for the terminal and the report."""
        spread = "" if self.spread is None else f" ± {100 * self.spread:.1f} over the folds"
        return (
            f"{self.title}: validation accuracy {100 * self.accuracy:.1f} %{spread} "
            f"(n={self._images_and_photos()}), loss {abs(self.nll):.3f}"
        )

    def _images_and_photos(self) -> str:
        """Return how many images were answered, and of how many photos they are copies or versions."""
        images, photos = len(self.val_logits), len(self.dataset.counted("val"))
        return f"{images}" if images == photos else f"{images} images of {photos} photos"
