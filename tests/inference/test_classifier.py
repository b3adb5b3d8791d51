"""Pixels in, labelled answers out: alike in every batch, ranked, marked where unfamiliar."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.classifier import BatchOutputs, Classifier
from inference.decoding import DecodeLimits
from inference.errors import (
    ImageTooLarge,
    InvalidManifest,
    PackageError,
    SessionError,
    UndecodableImage,
)
from inference.loading import open_classifier
from inference.package import read_package
from inference.session import SessionConfig, open_session
from tests.builders import (
    LABELS,
    SIDE_PX,
    colour_model,
    coloured,
    encode,
    make_manifest,
    make_package,
)

CPU = SessionConfig(provider="cpu")


def outputs_of(probabilities: list[list[float]], logit: float = 9.0) -> BatchOutputs:
    rows = np.asarray(probabilities, np.float32)
    return BatchOutputs(
        logits=np.full_like(rows, logit), probabilities=rows, embedding=np.zeros_like(rows)
    )


@pytest.mark.parametrize("label", LABELS)
def test_an_image_is_answered_with_its_label(classifier: Classifier, label: str) -> None:
    (prediction,) = classifier.classify([coloured(label)])
    assert prediction.label == prediction.top[0].label == label
    assert prediction.probability == prediction.top[0].probability > 0.99
    assert not prediction.rejected
    assert prediction.embedding.shape == (3,)
    assert prediction.activation_map is None  # not asked for


def test_probabilities_fall_and_sum_to_one(classifier: Classifier) -> None:
    image = encode(Image.new("RGB", (20, 20), (120, 100, 90)))
    (prediction,) = classifier.classify([image])
    shares = [entry.probability for entry in prediction.top]
    assert [entry.label for entry in prediction.top] == ["red", "green", "blue"]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_an_answer_does_not_depend_on_its_neighbours(
    classifier: Classifier, batch_size: int
) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (7, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    alone = [classifier.run(pixels[i : i + 1], activation_map=True) for i in range(7)]
    for start in range(0, 7, batch_size):
        outputs = classifier.run(pixels[start : start + batch_size], activation_map=True)
        for offset in range(len(outputs)):
            row = outputs.rows(offset, offset + 1)
            for field in dataclasses.fields(BatchOutputs):
                if field.name == "familiarity":  # this model does not tell it
                    continue
                expected = getattr(alone[start + offset], field.name)
                np.testing.assert_allclose(getattr(row, field.name), expected, atol=1e-6)


def test_answers_keep_the_order_of_the_images(classifier: Classifier) -> None:
    asked = ["blue", "red", "green", "red", "blue"]
    predictions = classifier.classify([coloured(label) for label in asked])
    assert [prediction.label for prediction in predictions] == asked


@pytest.mark.parametrize(("top_k", "given"), [(1, 1), (2, 2), (3, 3), (50, 3)])
def test_as_many_labels_are_given_as_asked_for_and_there_are(
    classifier: Classifier, top_k: int, given: int
) -> None:
    (prediction,) = classifier.classify([coloured("red")], top_k=top_k)
    assert len(prediction.top) == given


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_labels_cannot_be_asked_for(classifier: Classifier, top_k: int) -> None:
    with pytest.raises(ValueError, match="top_k must be 1 or more"):
        classifier.interpret(outputs_of([[1, 0, 0]]), top_k=top_k)


def test_ties_go_to_the_earlier_label(classifier: Classifier) -> None:
    first, second = classifier.interpret(outputs_of([[0.2, 0.4, 0.4], [1 / 3, 1 / 3, 1 / 3]]))
    assert [entry.label for entry in first.top] == ["green", "blue", "red"]
    assert [entry.label for entry in second.top] == ["red", "green", "blue"]


def test_ties_of_many_labels_keep_their_order(classifier: Classifier) -> None:
    labels = tuple(f"label {index:02d}" for index in range(40))
    many = dataclasses.replace(
        classifier, manifest=dataclasses.replace(classifier.manifest, labels=labels)
    )
    (prediction,) = many.interpret(outputs_of([[0.01, 0.04] * 20]), top_k=40)
    assert tuple(entry.label for entry in prediction.top) == labels[1::2] + labels[::2]


def test_an_unfamiliar_image_is_rejected_and_its_neighbour_is_not(classifier: Classifier) -> None:
    dark = encode(Image.new("RGB", (20, 20), (100, 20, 20)))
    rejected, accepted = classifier.classify([dark, coloured("red")])
    assert (rejected.label, rejected.rejected) == ("red", True)
    assert not accepted.rejected


def test_the_threshold_itself_is_familiar(classifier: Classifier) -> None:
    for logit, rejected in ((6.0, False), (5.999, True)):
        (prediction,) = classifier.interpret(outputs_of([[1, 0, 0]], logit))
        assert prediction.rejected is rejected


def test_a_model_without_a_rule_rejects_nothing(classifier: Classifier) -> None:
    manifest = dataclasses.replace(classifier.manifest, rejection=None)
    lenient = dataclasses.replace(classifier, manifest=manifest)
    (prediction,) = lenient.interpret(outputs_of([[1, 0, 0]], -100.0))
    assert not prediction.rejected


def test_the_activation_map_marks_what_spoke_for_the_label(classifier: Classifier) -> None:
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), (0, 0, 0))
    image.paste((255, 0, 0), (0, 0, SIDE_PX // 2, SIDE_PX))
    image.paste((128, 0, 0), (SIDE_PX // 2, 0, 3 * SIDE_PX // 4, SIDE_PX))
    pixels = classifier.prepare(encode(image)).pixels[np.newaxis]

    (prediction,) = classifier.interpret(classifier.run(pixels, activation_map=True))

    heat = prediction.activation_map
    assert heat is not None
    assert heat.shape == (SIDE_PX, SIDE_PX)
    assert heat.dtype == np.float32
    assert (heat.min(), heat.max()) == (0, 1)
    row = [*[1.0] * (SIDE_PX // 2), *[128 / 255] * (SIDE_PX // 4), *[0.0] * (SIDE_PX // 4)]
    np.testing.assert_allclose(heat, [row] * SIDE_PX, atol=1e-6)


def test_places_that_speak_against_the_label_are_zero() -> None:
    against = colour_model(weight=-np.eye(3))
    model = Classifier(
        manifest=make_manifest(), session=open_session(against, CPU), precision="fp32"
    )
    grey = np.full((1, SIDE_PX, SIDE_PX, 3), 99, np.uint8)
    (prediction,) = model.interpret(model.run(grey, activation_map=True))
    assert prediction.activation_map is not None
    assert prediction.activation_map.max() == 0


def test_a_model_without_an_activation_map_answers_without_one(tmp_path: Path) -> None:
    plain = open_classifier(make_package(tmp_path, activation_map=False), session=CPU)
    assert not plain.has_activation_map
    pixels = plain.prepare(coloured("red")).pixels[np.newaxis]
    assert plain.run(pixels, activation_map=True).activation_map is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_refused(value: float) -> None:
    broken = colour_model(weight=np.full((3, 3), value))
    model = Classifier(
        manifest=make_manifest(), session=open_session(broken, CPU), precision="fp32"
    )
    with pytest.raises(SessionError, match="NaN or infinity"):
        model.classify([coloured("red")])


def test_no_images_have_no_predictions(classifier: Classifier) -> None:
    assert classifier.classify([]) == []


def test_an_image_that_cannot_be_decoded_is_an_image_error(classifier: Classifier) -> None:
    with pytest.raises(UndecodableImage):
        classifier.classify([coloured("red"), coloured("red")[:-30]])
    with pytest.raises(ImageTooLarge):
        classifier.classify([coloured("red")], limits=DecodeLimits(max_pixels=10))


def test_a_bare_onnx_file_answers_as_its_package(
    classifier: Classifier, package_folder: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copied.onnx"
    copied.write_bytes((package_folder / "model.onnx").read_bytes())
    bare = open_classifier(copied, session=CPU)
    assert bare.manifest == dataclasses.replace(classifier.manifest, files=None)
    image = coloured("green")
    assert bare.classify([image])[0].top == classifier.classify([image])[0].top


def test_an_onnx_file_without_a_manifest_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(colour_model())
    with pytest.raises(InvalidManifest, match=r"model\.onnx carries no graft\.manifest"):
        open_classifier(file, session=CPU)


def test_a_missing_onnx_file_is_refused_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"^gone\.onnx is missing$"):
        Classifier.load_onnx(tmp_path / "gone.onnx", session=CPU)


def test_a_precision_that_is_not_there_is_refused(package_folder: Path) -> None:
    with pytest.raises(PackageError, match="it has no int8; ask for fp32"):
        Classifier.load(read_package(package_folder), session=CPU, precision="int8")
