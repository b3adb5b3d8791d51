"""A model file is read only if it is what was published."""

from pathlib import Path

import pytest

from inference.errors import DigestMismatch, PackageError
from inference.manifest import MANIFEST_FILE
from inference.package import read_package
from tests.builders import make_package


def test_a_changed_model_file_is_refused(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    data = bytearray((folder / "model.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(DigestMismatch, match=r"model\.onnx has sha256"):
        read_package(folder).model_bytes("fp32")


def test_a_missing_model_file_is_refused(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    (folder / "model.onnx").unlink()
    with pytest.raises(PackageError, match=r"model\.onnx is missing"):
        read_package(folder).model_bytes("fp32")


def replace_by_link(file: Path, outside: Path) -> None:
    """Put a link to the same content, out of the package, where `file` was."""
    outside.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(outside)


@pytest.mark.parametrize("name", ["model.onnx", MANIFEST_FILE])
def test_a_link_out_of_the_package_is_refused(tmp_path: Path, name: str) -> None:
    folder = make_package(tmp_path)
    replace_by_link(folder / name, tmp_path / "outside")
    with pytest.raises(PackageError, match=f"{name} is a link out of its folder"):
        read_package(folder).model_bytes("fp32")


def test_a_link_within_the_package_is_read(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    replace_by_link(folder / "model.onnx", folder / "weights.onnx")
    assert read_package(folder).model_bytes("fp32")


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    folder = make_package(tmp_path)
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to("model.onnx")
    with pytest.raises(PackageError, match=r"model\.onnx cannot be read"):
        read_package(folder).model_bytes("fp32")
