"""The page that tells a person how good the model is."""

import dataclasses
from pathlib import Path

import pytest

from inference.classifier import Classifier
from inference.manifest import Conformal
from inference.measured import UnknownMeasure
from inference.package import read_package
from tests.training.report.reports import (
    HOSTILE,
    colour_answers,
    colour_report,
    measured,
    tags,
    with_labels,
)
from training.assessment.validation_record import ValidationRecord
from training.data.finding import Finding
from training.report.report_page import render_report
from training.report.training_report import Report, Stage

pytestmark = pytest.mark.training


def render(classifier: Classifier, report: Report | None = None) -> str:
    """Return the page with its hard spaces made plain."""
    report = report or colour_report(colour_answers())
    manifest = measured(classifier.manifest, report.answers)
    return render_report(report, manifest, classifier).replace("\N{NO-BREAK SPACE}", " ")


def test_labels_file_names_and_notes_are_escaped(classifier: Classifier) -> None:
    labels = (HOSTILE, "green", "blue")
    finding = Finding(kind="imbalance", severity="info", message=HOSTILE, next_step=HOSTILE)
    report = colour_report(
        colour_answers(labels),
        tried=(HOSTILE,),
        reason=HOSTILE,
        findings=(finding,),
        left_out=((f"{HOSTILE}.png", HOSTILE),),
        stages=(Stage(name=HOSTILE, seconds=1),),
    )
    page = render(with_labels(classifier, labels), report)
    assert all(tag != "script" for tag, _ in tags(page))
    assert page.count("&lt;script&gt;") >= 20


def test_the_page_needs_no_other_file_and_runs_no_script(classifier: Classifier) -> None:
    page = render(classifier)
    for tag, attributes in tags(page):
        assert tag not in ("link", "script", "iframe", "object", "embed"), tag
        assert (attributes.get("src") or "data:image/").startswith("data:image/")
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    assert "@import" not in page
    assert "url(" not in page


def test_every_link_inside_the_page_has_its_place(classifier: Classifier) -> None:
    seen = tags(render(classifier))
    ids = {attributes["id"] for _, attributes in seen if "id" in attributes}
    links = [attributes["href"] for tag, attributes in seen if tag == "a"]
    assert links
    assert {(link or "").removeprefix("#") for link in links} <= ids


def test_every_picture_is_described_and_every_heading_of_a_table_says_of_what(
    classifier: Classifier,
) -> None:
    for tag, attributes in tags(render(classifier)):
        if tag == "img":
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")


def test_the_headline_tells_the_accuracy_its_certainty_and_what_guessing_gives(
    classifier: Classifier,
) -> None:
    """108 of 120: Wilson's interval is 83.3 to 94.2 %; each class has a third of the images."""
    page = " ".join(render(classifier).split())
    assert "Right on 90.0 % of 120 test images that it had never seen." in page
    assert "With 95 % certainty the accuracy on such images is 83.3 to 94.2 %." in page
    assert "Always answering “red” would be right on 33.3 %." in page


@pytest.mark.parametrize(
    ("kind", "caveat"),
    [
        ("validation", "images that it was chosen by, so expect a little less."),
        ("cross-validated", "each predicted by a model that had not seen it (cross-validation)."),
    ],
)
def test_without_test_images_the_headline_says_which_images_it_is_about(
    classifier: Classifier, kind: str, caveat: str
) -> None:
    page = " ".join(render(classifier, colour_report(colour_answers(), kind=kind)).split())
    assert caveat in page
    assert "had never seen" not in page


def test_who_reads_it_learns_how_to_serve_and_call_the_model(classifier: Classifier) -> None:
    page = render(classifier)
    assert "python -m service" in page
    assert "/models/colours/predict" in page
    assert "python -m inference models/colours/1 photo.jpg" in page


def test_training_is_told_epoch_by_epoch_with_its_reasons(classifier: Classifier) -> None:
    epochs = [
        ValidationRecord(
            epoch=i + 1,
            train_loss=loss,
            val_loss=loss + 0.1,
            val_accuracy=0.875,
            learning_rate=1e-3,
            seconds=3.0,
        )
        for i, loss in enumerate((0.9, 0.3321))
    ]
    report = colour_report(colour_answers(), history=epochs, reason="Because it was better.")
    page = render(classifier, report)
    assert "0.332" in page
    assert "87.5 %" in page
    assert "Because it was better." in page
    assert "Loss by epoch; after the last, training 0.332 and validation 0.432" in page


def test_the_time_of_each_stage_and_the_rest_are_told(classifier: Classifier) -> None:
    """The tiny model's manifest says 0.1 s in all."""
    report = colour_report(colour_answers(), stages=(Stage(name="reading images", seconds=0.04),))
    page = render(classifier, report)
    assert '<th scope="row">reading images</th><td>0.0</td>' in page
    assert '<th scope="row">everything else</th><td>0.1</td>' in page


def test_files_left_out_are_listed_and_many_are_cut(classifier: Classifier) -> None:
    left_out = [(f"red/{i}.png", "image is empty") for i in range(130)]
    page = render(classifier, colour_report(colour_answers(), left_out=left_out))
    assert "130 files" in page
    assert "red/99.png" in page
    assert "red/100.png" not in page
    assert "and 30 more, in metrics.json" in page


def test_folders_of_people_get_a_caution(classifier: Classifier) -> None:
    labels = ("John_Savage", "Anna_Smith", "Mary_Jones")
    page = render(with_labels(classifier, labels), colour_report(colour_answers(labels)))
    assert "These classes look like people" in page
    assert "biometric" in page
    assert "biometric" not in render(classifier)


def test_a_run_publishes_the_page_with_the_mistakes_and_stages_of_its_own(published: Path) -> None:
    page = (published / "report.html").read_text(encoding="utf-8")
    manifest = read_package(published).manifest
    assert manifest.metrics.test is not None
    assert f"of {manifest.metrics.test.images}\ntest images" in page
    assert "computing features" in page
    assert "nearest training image: " in page
    assert "activation map: what spoke for" in page
    assert "Published is the linear probe: it is the only model that was trained." in page
    for label in manifest.labels:
        assert label in page


def test_the_model_card_names_data_weights_licence_seed_and_versions(
    classifier: Classifier,
) -> None:
    training = dataclasses.replace(classifier.manifest.training, seed=77, libraries={"numpy": "9"})
    other = dataclasses.replace(
        classifier, manifest=dataclasses.replace(classifier.manifest, training=training)
    )
    page = render(other)
    for fact in ("0000000000000000…", "licence: MIT", "seed 77", "numpy 9", "colours"):
        assert fact in page, fact


def test_what_the_model_rejects_is_told_with_how_it_was_measured(classifier: Classifier) -> None:
    measured = UnknownMeasure(against="unknown images", images=60, auroc=0.987, fpr95=0.04)
    manifest = classifier.manifest
    assert manifest.rejection is not None
    rejection = dataclasses.replace(manifest.rejection, accepted=0.95, measured=measured)
    conformal = Conformal(method="lac", coverage=0.9, threshold=0.1, images=90)
    manifest = dataclasses.replace(manifest, rejection=rejection, conformal=conformal)
    page = render(dataclasses.replace(classifier, manifest=manifest))
    assert "5.0 % of the validation images were" in page
    assert "60 images of <code>_unknown</code>" in page
    assert "96 % of the unknown ones are" in page
    assert "AUROC 0.99" in page
    assert "the true one among them in 90 % of the cases" in page


def test_a_model_that_rejects_nothing_says_so(classifier: Classifier) -> None:
    manifest = dataclasses.replace(classifier.manifest, rejection=None)
    page = render(dataclasses.replace(classifier, manifest=manifest))
    assert "This model rejects nothing" in page


@pytest.mark.parametrize(("licence", "warned"), [("cc-by-nc-4.0", True), ("apache-2.0", False)])
def test_a_licence_against_commercial_use_is_a_caution_of_the_model_card(
    classifier: Classifier, licence: str, warned: bool
) -> None:
    report = colour_report(colour_answers())
    manifest = measured(classifier.manifest, report.answers)
    backbone = dataclasses.replace(manifest.backbone, licence=licence)
    page = render_report(report, dataclasses.replace(manifest, backbone=backbone), classifier)
    assert ("Not for commercial use" in page) is warned
