"""The page that tells a person how good the model is."""

import dataclasses
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from inference.manifest import Manifest
from inference.package import read_package
from training.loop import EpochRecord
from training.report import Report, render_report

pytestmark = pytest.mark.training

HOSTILE = "<script>alert('x')</script>"


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


@pytest.fixture
def manifest(published: Path) -> Manifest:
    """Return the manifest of the published package."""
    return read_package(published).manifest


def hostile(manifest: Manifest) -> Manifest:
    """Return a manifest whose first label is a script."""

    def renamed(per_label: dict[str, object]) -> dict[str, object]:
        return {HOSTILE if label == "blue" else label: v for label, v in per_label.items()}

    def split(metrics: object) -> object:
        return dataclasses.replace(metrics, per_class=renamed(metrics.per_class))  # type: ignore[type-var, attr-defined]

    return dataclasses.replace(
        manifest,
        labels=(HOSTILE, "green", "red"),
        metrics=dataclasses.replace(
            manifest.metrics,
            val=split(manifest.metrics.val),  # type: ignore[arg-type]
            test=split(manifest.metrics.test),  # type: ignore[arg-type]
        ),
        dataset=dataclasses.replace(
            manifest.dataset,
            counts={s: renamed(c) for s, c in manifest.dataset.counts.items()},  # type: ignore[arg-type, misc]
        ),
    )


def report(**changes: object) -> Report:
    """Return what the page shows beyond the manifest."""
    values: dict[str, object] = {
        "confusion": np.diag([2, 2, 2]),
        "history": (),
        "tried": ("probe: 100 % right",),
        "left_out": (),
        "findings": (),
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def test_labels_file_names_and_notes_are_escaped(manifest: Manifest) -> None:
    page = render_report(
        report(tried=(HOSTILE,), left_out=((f"{HOSTILE}.png", HOSTILE),)), hostile(manifest)
    )
    assert all(tag != "script" for tag, _ in tags(page))
    assert page.count("&lt;script&gt;") >= 5


def test_the_page_needs_no_other_file(published: Path) -> None:
    page = (published / "report.html").read_text(encoding="utf-8")
    for tag, attributes in tags(page):
        assert tag not in ("link", "script", "img", "iframe"), tag
        assert not {"src", "href"} & attributes.keys()
    assert "@import" not in page
    assert "url(" not in page


def test_the_page_tells_the_test_accuracy_and_how_to_serve(
    published: Path, manifest: Manifest
) -> None:
    page = (published / "report.html").read_text(encoding="utf-8")
    assert manifest.metrics.test is not None
    assert f"{100 * manifest.metrics.test.accuracy:.1f} %" in page
    assert "/models/colours/predict" in page
    assert "python -m service" in page
    for label in manifest.labels:
        assert label in page


def test_without_test_images_the_page_says_that_the_figure_is_of_validation_images(
    manifest: Manifest,
) -> None:
    metrics = dataclasses.replace(manifest.metrics, test=None)
    page = render_report(report(), dataclasses.replace(manifest, metrics=metrics))
    assert "chosen by, so expect a little less" in page
    assert "never shown" not in page


def test_the_epochs_and_the_files_left_out_are_listed(manifest: Manifest) -> None:
    epoch = EpochRecord(
        epoch=1, train_loss=0.5, val_loss=0.4321, val_accuracy=0.875, learning_rate=1e-3, seconds=3
    )
    page = render_report(
        report(history=(epoch,), left_out=(("red/bad.png", "image is empty"),)), manifest
    )
    assert "0.432" in page
    assert "87.5 %" in page
    assert "red/bad.png" in page
    assert "image is empty" in page
