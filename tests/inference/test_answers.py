"""A model that does not answer as its package promises is refused, whenever that shows."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from inference.classifier import Classifier
from inference.errors import InvalidManifest, SessionError
from inference.loading import open_classifier
from inference.session import SessionConfig, open_session
from tests import hostile_models
from tests.builders import LABELS, SIDE_PX, colour_model, make_manifest, make_package, replace_model

CPU = SessionConfig(provider="cpu")
TWO_IMAGES = np.zeros((2, SIDE_PX, SIDE_PX, 3), np.uint8)


def opened(model: bytes, labels: tuple[str, ...] = LABELS) -> Classifier:
    manifest = dataclasses.replace(make_manifest(), labels=labels)
    return Classifier(manifest=manifest, session=open_session(model, CPU), precision="fp32")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (hostile_models.one_row(), r"2 images of 3 labels with logits of shape \(1, 3\)"),
        (hostile_models.scalar("logits"), r"logits of shape \(\)"),
        (hostile_models.scalar("embedding"), r"embedding of shape \(\)"),
        (hostile_models.scalar("activation_map"), r"activation_map of shape \(\)"),
        (hostile_models.not_a_number("probabilities"), "NaN or infinity in probabilities"),
        (hostile_models.not_a_number("embedding"), "NaN or infinity in embedding"),
        (hostile_models.not_a_number("activation_map"), "NaN or infinity in activation_map"),
        (hostile_models.of_type("probabilities", TensorProto.DOUBLE), "are float64, not float32"),
        (hostile_models.of_type("probabilities", TensorProto.STRING), "are object, not float32"),
    ],
)
def test_answers_of_another_form_are_refused(model: bytes, message: str) -> None:
    with pytest.raises(SessionError, match=message):
        opened(model).run(TWO_IMAGES, activation_map=True)


@pytest.mark.parametrize("labels", [LABELS[:2], (*LABELS, "violet")])
def test_more_or_fewer_labels_than_outputs_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(SessionError, match=rf"2 images of {len(labels)} labels with logits"):
        opened(colour_model(), labels).run(TWO_IMAGES)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (hostile_models.without("embedding"), r"needs outputs \['embedding'\]"),
        (hostile_models.without("activation_map"), r"needs outputs \['activation_map'\]"),
        (hostile_models.with_input("other"), r"takes 'image' .* 'other' .*, not one 'image'"),
        (hostile_models.with_input("image", TensorProto.INT8), r"takes 'image' tensor\(int8\)"),
    ],
)
def test_a_graph_that_is_not_that_of_its_manifest_is_not_opened(
    tmp_path: Path, model: bytes, message: str
) -> None:
    folder = make_package(tmp_path)
    replace_model(folder, model)
    with pytest.raises(InvalidManifest, match=message):
        open_classifier(folder, session=CPU)
