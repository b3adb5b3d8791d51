"""A package is read back as it was published, and one without a sound manifest is none."""

from dataclasses import replace
from pathlib import Path

import pytest

from inference.errors import InvalidManifest, PackageError
from inference.manifest import MANIFEST_FILE, dump_manifest
from inference.package import read_package
from tests.builders import make_manifest


def test_a_published_package_is_read_back(package_folder: Path) -> None:
    package = read_package(package_folder)
    assert package.path == package_folder
    assert (package.manifest.name, package.manifest.version) == ("colours", 1)
    assert package.model_bytes("fp32") == (package_folder / "model.onnx").read_bytes()


def test_a_precision_that_is_not_there_is_refused(package_folder: Path) -> None:
    with pytest.raises(
        PackageError, match=r"it has no fp16; ask for fp32 \(train with --precisions fp32,fp16"
    ):
        read_package(package_folder).model_bytes("fp16")


def test_a_precision_that_training_left_out_is_refused_with_the_reason(
    package_folder: Path,
) -> None:
    package = read_package(package_folder)
    tried = replace(package.manifest, precisions_left_out={"fp16": "it is slower here"})
    with pytest.raises(PackageError, match="training left fp16 out: it is slower here"):
        replace(package, manifest=tried).model_bytes("fp16")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"{}"])
def test_a_package_without_a_sound_manifest_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(InvalidManifest):
        read_package(tmp_path)


def test_a_manifest_without_files_is_no_package(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_FILE).write_text(dump_manifest(make_manifest()), encoding="utf-8")
    with pytest.raises(InvalidManifest, match="no fp32 model"):
        read_package(tmp_path)
