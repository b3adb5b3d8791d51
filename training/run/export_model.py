"""The chosen model as an ONNX file, calibrated, and checked against the network that was trained."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx

from inference.manifest import OutputSpec, Parity
from inference.rejection import FAMILIARITY
from inference.session import ModelSession, SessionConfig, open_session
from training.abstention.ood_detector import OodDetector
from training.backbones.backbone_facts import BackboneFacts
from training.candidates.candidate import Candidate
from training.data.folder import Split
from training.export.parity import compare_answers
from training.runtime.arrays import Floats
from training.runtime.progress import Display

_NO_MAP: Final = "the head is not global average pooling and one linear layer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedModel:
    """The file to publish, before the manifest is in it.

    Attributes:
        detector: the candidate, with the embeddings of its images, and its OOD score.
        temperature: that divides the logits inside the graph.
        graph, session: the file, and its run by ONNX Runtime.
        parity: how near it is to the network in PyTorch.
    """

    detector: OodDetector
    temperature: float
    graph: onnx.ModelProto
    session: ModelSession
    parity: Parity

    @property
    def candidate(self) -> Candidate:
        """The candidate that it was exported from."""
        return self.detector.candidate

    def logits(self) -> dict[Split, Floats]:
        """Return what the file answers, (N, K) by split; a gate compares it from raw bytes.

        ONNX Runtime computed the embeddings with the trunk of this very file; only the head is to be
        applied. There is no "test" where there are no test images.
        """
        dataset = self.candidate.dataset
        assert self.candidate.embeddings is not None
        head, embeddings = self.candidate.head, self.candidate.embeddings
        splits: list[Split] = ["val", "test"] if dataset.splits["test"] else ["val"]
        return {split: head.logits(embeddings[dataset.rows(split)]) for split in splits}

    def output_specs(self, backbone: BackboneFacts) -> dict[str, OutputSpec]:
        """Return the types and shapes of the file's outputs."""
        num_classes = len(self.candidate.dataset.labels)
        specs = {
            "logits": OutputSpec(dtype="float32", shape=(-1, num_classes)),
            "probabilities": OutputSpec(dtype="float32", shape=(-1, num_classes)),
            "embedding": OutputSpec(dtype="float32", shape=(-1, backbone.embedding_dim)),
            FAMILIARITY: OutputSpec(dtype="float32", shape=(-1,)),
            "activation_map": OutputSpec(absent=_NO_MAP),
        }
        if "activation_map" in self.session.output_names:
            blank = np.zeros((1, *backbone.spec.crop_hw, 3), dtype=np.uint8)
            shape = self.session.run(blank, ["activation_map"])["activation_map"].shape
            specs["activation_map"] = OutputSpec(dtype="float32", shape=(-1, *shape[1:]))
        return specs


def export_model(detector: OodDetector, display: Display) -> ExportedModel:
    """Fit the temperature on out-of-fold predictions, export the model and check the graph.

    Raises:
        GateFailed: the exported file does not do what the network does.
    """
    candidate = detector.candidate
    temperature = candidate.out_of_fold().temperature()
    graph = candidate.graph(temperature=temperature, ood_score=detector.ood_score)
    session = open_session(graph.SerializeToString(), SessionConfig(provider="cpu"))
    parity = _check_parity(detector, session, temperature, display)
    return ExportedModel(
        detector=detector, temperature=temperature, graph=graph, session=session, parity=parity
    )


def _check_parity(
    detector: OodDetector, session: ModelSession, temperature: float, display: Display
) -> Parity:
    """Hold the exported file against PyTorch: on all validation images, or on those kept with a cached trunk.

    With a cached trunk the gate of the raw bytes still holds every validation and test image's answer
    against the head's, as always.

    Raises:
        GateFailed: the exported file does not do what the network does.
    """
    candidate = detector.candidate
    reference = candidate.exported.reference
    if reference is not None:
        answers = reference.answers(candidate.head, temperature)
        with display.stage("comparing PyTorch and ONNX Runtime"):
            expected = [(reference.pixels, answers)]
            return compare_answers(expected, session, ood_score=detector.ood_score)
    from training.export.network_parity import (
        check_graph,
    )  # the network is there, and so is PyTorch

    rows = candidate.dataset.rows("val")
    with display.bar("comparing PyTorch and ONNX Runtime", len(rows)) as advance:
        return check_graph(
            candidate.network,
            session,
            candidate.dataset.pixels,
            rows,
            temperature=temperature,
            ood_score=detector.ood_score,
            advance=advance,
        )
