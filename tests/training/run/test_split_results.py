"""The figures of a split: each photo counts once, however many versions of it lie in the folder."""

import json
from pathlib import Path

import pytest
from scipy.stats import binomtest

from inference.package import read_package
from tests.training.audit.photos import photo, write_photos
from tests.training.conftest import Command

pytestmark = pytest.mark.training

WARM, COLD = (210, 120, 60), (60, 120, 210)


def test_versions_of_one_photo_count_once_in_accuracy_and_interval_and_in_the_rules(
    command: Command, tmp_path: Path
) -> None:
    """Ten photos, one of them under the wrong label; that one has four files."""
    data = tmp_path / "photos"
    for split, first, count in (("train", 0, 12), ("val", 20, 4), ("test", 40, 5)):
        write_photos(data / split / "warm", range(first, first + count), WARM)
        write_photos(data / split / "cold", range(first + 100, first + 100 + count), COLD)
    mislabelled = data / "test" / "cold" / "140.png"
    photo(140, tint=WARM).save(mislabelled)
    (data / "test" / "cold" / "the same file.png").write_bytes(mislabelled.read_bytes())
    photo(140, tint=WARM).save(data / "test" / "cold" / "again.jpg", quality=80)
    photo(140, tint=WARM).resize((120, 120)).save(data / "test" / "cold" / "smaller.png")
    validated = (data / "val" / "warm" / "20.png").read_bytes()
    (data / "val" / "warm" / "the same file.png").write_bytes(validated)
    outcome = command(data, "--method", "probe", "--image-size", "128", "--coverage", "0.5")
    manifest = read_package(outcome.published).manifest
    test = manifest.metrics.test
    assert test is not None
    assert manifest.dataset.counts["test"] == {"cold": 8, "warm": 5}
    assert "3 of the test images are copies or other versions of others" in outcome.out
    assert "on 10 different photos (3 copies or versions count once)" in outcome.out
    assert test.images == 10
    assert test.accuracy == pytest.approx(0.9)
    assert test.balanced_accuracy == pytest.approx((1 + 4 / 5) / 2)
    truth = binomtest(9, 10).proportion_ci(method="wilson")
    assert test.accuracy_interval == pytest.approx((truth.low, truth.high), abs=1e-6)
    assert manifest.conformal is not None
    assert manifest.validation_answers is not None
    assert manifest.metrics.val.images == 8
    assert manifest.conformal.images == manifest.validation_answers.images == 8
    figures = json.loads((outcome.published / "metrics.json").read_text(encoding="utf-8"))
    assert figures["sets"]["test"]["images"] == 10
    assert figures["confusion"]["test"] == [[4, 1], [0, 5]]
    page = (outcome.published / "report.html").read_text(encoding="utf-8")
    assert "90.0" in page
    assert "of 10 test images" in " ".join(page.replace("\N{NO-BREAK SPACE}", " ").split())
