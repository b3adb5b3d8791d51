"""The answers of the last days beside those on validation images: in /models and in /metrics."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from tests.builders import coloured, encode, make_package
from tests.conftest import serving

GREY = encode(Image.new("RGB", (20, 20), (128, 128, 128)))
VALIDATION = {
    "images": 60,
    "rejected": 0.05,
    "top_probability": 0.97,
    "labels": {"red": 0.5, "blue": 0.5},
}


def with_reference(folder: Path) -> None:
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["validation_answers"] = VALIDATION
    file.write_text(json.dumps(manifest), encoding="utf-8")


def test_both_are_shown_and_exported_and_are_there_after_a_restart(
    models_dir: Path, tmp_path: Path
) -> None:
    make_package(models_dir, after=with_reference)
    for _ in range(2):
        with serving(models_dir, keep="rejected", keep_dir=tmp_path / "kept") as client:
            for image in [coloured("red")] * 15 + [coloured("blue")] * 6 + [GREY] * 9:
                client.post("/predict", content=image).raise_for_status()
            drift = client.get("/models/colours").json()["drift"]
            assert client.get("/models/colours/versions/1").json()["drift"] == drift
            metrics = client.get("/metrics").text
    assert drift["days"] == 7
    assert drift["validation"] == VALIDATION
    recent = drift["recent"]
    assert recent["images"] == 60
    assert recent["rejected"] == pytest.approx(0.3)
    assert recent["labels"]["blue"] == pytest.approx(0.2)
    assert "problem" not in drift or drift["problem"] is None
    exported = dict(
        re.findall(r'^(graft_\w+)\{model="colours",version="1"\} (\S+)$', metrics, re.M)
    )
    assert float(exported["graft_recent_images"]) == 60
    assert float(exported["graft_recent_rejected_ratio"]) == pytest.approx(0.3)
    assert float(exported["graft_validation_rejected_ratio"]) == pytest.approx(0.05)
    assert float(exported["graft_validation_top_probability"]) == pytest.approx(0.97)
    assert float(exported["graft_recent_label_shift"]) == pytest.approx(drift["label_shift"])
    assert 0.2 < drift["label_shift"] < 0.9


def test_a_package_without_a_reference_says_so(models_dir: Path) -> None:
    make_package(models_dir)
    with serving(models_dir) as client:
        client.post("/predict", content=coloured("red")).raise_for_status()
        drift = client.get("/models/colours").json()["drift"]
        metrics = client.get("/metrics").text
    assert drift["recent"]["images"] == 1
    assert drift["validation"] is None
    assert drift["problem"].startswith("no reference")
    assert 'graft_recent_images{model="colours",version="1"} 1.0' in metrics
    assert "graft_validation_rejected_ratio{" not in metrics
