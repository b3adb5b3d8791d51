"""What `inference` offers: its sorted names, each there, and nothing that others take from elsewhere."""

import ast
import inspect
from pathlib import Path

import inference
from inference.errors import InferenceError

ROOT = Path(__file__).parents[1]

# The public names. A change here is a change for everybody who builds on `inference`.
PUBLIC = {
    "BatchOutputs",
    "Classifier",
    "DecodeLimits",
    "DecodedImage",
    "DigestMismatch",
    "GoldenMismatch",
    "ImageError",
    "ImageTooCostly",
    "ImageTooLarge",
    "InferenceError",
    "InvalidManifest",
    "InvalidName",
    "LabelProbability",
    "Manifest",
    "ModelNotFound",
    "ModelSession",
    "OutputError",
    "Package",
    "PackageError",
    "Prediction",
    "PreparedImage",
    "PreprocessSpec",
    "ProviderUnavailable",
    "Repository",
    "SessionConfig",
    "SessionError",
    "TrialFailed",
    "UndecodableImage",
    "UnsupportedFormat",
    "UsageError",
    "check_golden",
    "find_package",
    "crop_box",
    "decode_image",
    "dump_manifest",
    "open_classifier",
    "open_session",
    "parse_manifest",
    "prepare_image",
    "publish_package",
    "read_package",
    "write_golden",
}


def private_imports(file: Path) -> list[str]:
    """Return the underscored names that a file takes out of `inference`."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "inference":
            found += [alias.name for alias in node.names if alias.name.startswith("_")]
    return found


def test_the_public_names_are_these() -> None:
    assert set(inference.__all__) == PUBLIC
    assert inference.__all__ == sorted(inference.__all__)


def test_each_public_name_is_there_and_documented() -> None:
    for name in inference.__all__:
        assert inspect.getdoc(getattr(inference, name)), name


def test_every_error_is_an_inference_error_and_public() -> None:
    from inference import errors

    for name, error in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(error, InferenceError)
        assert name in inference.__all__


def test_nobody_takes_a_private_name_out_of_inference() -> None:
    files = [
        *(ROOT / "service").rglob("*.py"),
        *(ROOT / "training").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"),
    ]
    assert len(files) > 20
    assert {str(file): names for file in files if (names := private_imports(file))} == {}
