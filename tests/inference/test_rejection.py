"""The score behind `rejected`, and the reason that is told."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from PIL import Image

from inference.classifier import Classifier
from inference.errors import InvalidManifest, SessionError
from inference.loading import open_classifier
from inference.manifest import Rejection, dump_manifest
from inference.rejection import rejection_reason, rejection_scores
from inference.session import SessionConfig, open_session
from tests.builders import SIDE_PX, colour_model, coloured, encode, make_manifest, make_package

CPU = SessionConfig(provider="cpu")
LOGITS = np.array([[1, 5, 2], [-3, -1, -2], [5, 5, 5]], np.float32)
BY_LOGIT = Rejection(score="max_logit", threshold=5.0, accepted=0.95)
# The mean of a pure colour is about 90 / 255.
BY_FAMILIARITY = Rejection(score="familiarity", threshold=0.3, accepted=1.0)


def test_a_package_of_before_is_scored_by_its_largest_logit() -> None:
    assert rejection_scores(BY_LOGIT, LOGITS, None).tolist() == [5, -1, 5]


def test_what_the_graph_says_goes_before_the_logits() -> None:
    told = np.array([1, 2, 3], np.float32)
    assert rejection_scores(BY_FAMILIARITY, LOGITS, told).tolist() == [1, 2, 3]


def test_below_the_threshold_is_rejected_with_the_reason_and_at_it_is_not() -> None:
    assert rejection_reason(BY_LOGIT, 5.0) is None
    reason = "unlike the training images: its likeness to them is 4.50, below the limit of 5.00"
    assert rejection_reason(BY_LOGIT, 4.5) == reason


def test_without_a_rule_nothing_is_rejected() -> None:
    assert rejection_reason(None, -1e9) is None


def test_the_graphs_own_score_decides(tmp_path: Path) -> None:
    classifier = open_classifier(make_package(tmp_path, rejection=BY_FAMILIARITY), session=CPU)
    darker = encode(Image.new("RGB", (SIDE_PX, SIDE_PX), (200, 0, 0)))
    accepted, rejected = classifier.classify([coloured("red"), darker])
    assert (accepted.label, accepted.rejected, accepted.rejected_reason) == ("red", False, None)
    assert (rejected.label, rejected.rejected) == ("red", True)
    reason = "unlike the training images: its likeness to them is 0.26, below the limit of 0.30"
    assert rejected.rejected_reason == reason


def test_a_copied_model_file_rejects_alike(tmp_path: Path) -> None:
    package = make_package(tmp_path, rejection=BY_FAMILIARITY)
    copied = tmp_path / "copied.onnx"
    copied.write_bytes((package / "model.onnx").read_bytes())
    dark = encode(Image.new("RGB", (SIDE_PX, SIDE_PX), (200, 0, 0)))
    (bare,) = open_classifier(copied, session=CPU).classify([dark])
    assert bare.rejected


def test_each_image_of_a_batch_keeps_its_own_score(tmp_path: Path) -> None:
    classifier = open_classifier(make_package(tmp_path, rejection=BY_FAMILIARITY), session=CPU)
    greys = np.array([10, 60, 250], np.uint8)
    batch = np.broadcast_to(greys[:, None, None, None], (3, SIDE_PX, SIDE_PX, 3))
    outputs = classifier.run(np.ascontiguousarray(batch))
    for index, grey in enumerate(greys):
        familiarity = outputs.rows(index, index + 1).familiarity
        assert familiarity is not None
        assert familiarity.tolist() == pytest.approx([grey / 255])


def test_a_model_file_without_the_score_of_its_rule_is_refused(tmp_path: Path) -> None:
    manifest = make_manifest(rejection=BY_FAMILIARITY)
    file = tmp_path / "model.onnx"
    file.write_bytes(colour_model(manifest=dump_manifest(manifest, embedded=True)))
    with pytest.raises(InvalidManifest, match=r"needs outputs \['familiarity'\]"):
        open_classifier(file, session=CPU)


def test_a_score_that_is_no_number_is_refused() -> None:
    """NaN is below no threshold: it would pass for familiar."""
    model = onnx.load_from_string(colour_model(familiarity=True))
    (node,) = (n for n in model.graph.node if "familiarity" in n.output)
    node.output[:] = ["mean"]
    zero = helper.make_node("Sub", ["mean", "mean"], ["zero"])
    model.graph.node.extend([zero, helper.make_node("Div", ["zero", "zero"], ["familiarity"])])
    session = open_session(model.SerializeToString(), CPU)
    manifest = make_manifest(rejection=BY_FAMILIARITY)
    broken = Classifier(manifest=manifest, session=session, precision="fp32")
    with pytest.raises(SessionError, match="NaN or infinity"):
        broken.classify([coloured("red")])
