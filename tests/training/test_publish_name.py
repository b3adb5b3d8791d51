"""A model is named after its folder, the same every time, and no two folders alike."""

from pathlib import Path

import pytest

from inference.names import check_model_name
from training.publish_name import data_title, derive_name

pytestmark = pytest.mark.training


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("photos", "photos"),
        ("my photos (2)", "my-photos-2-"),
        ("사진", "sajin-1f872b"),
        ("꽃", "kkoch-1543c9"),
        ("写真", "xiezhen-"),
        ("Café", "cafe-"),
        ("\N{ZERO WIDTH SPACE}", "model-"),
        ("...", "model"),
        ("가" * 200, "gaga"),
    ],
)
def test_a_name_is_allowed_and_can_be_read(title: str, name: str) -> None:
    derived = derive_name(title)
    assert derived.startswith(name)
    assert check_model_name(derived) == derive_name(title)


def test_names_that_are_spelled_alike_stay_apart() -> None:
    assert len({derive_name(title) for title in ("사진", "사 진", "sajin", "sàjin")}) == 4


def test_an_archive_is_called_without_its_suffix(tmp_path: Path) -> None:
    for file in ("사진.zip", "photos.tar.gz", "v1.2.TGZ"):
        (tmp_path / file).touch()
    titles = [data_title(tmp_path / file) for file in ("사진.zip", "photos.tar.gz", "v1.2.TGZ")]
    assert titles == ["사진", "photos", "v1.2"]
    (tmp_path / "folder.zip").mkdir()
    assert data_title(tmp_path / "folder.zip") == "folder.zip"
