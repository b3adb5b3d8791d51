"""Run an exported model: bytes -> pixels -> ONNX Runtime -> prediction.

Knows nothing of training or of HTTP. Imports numpy, Pillow and onnxruntime only.
"""

from inference.telemetry_off import turn_off_telemetry

turn_off_telemetry()

from inference.atomic_publish import publish_package
from inference.classifier import (
    BatchOutputs,
    Classifier,
    LabelProbability,
    Prediction,
)
from inference.decoding import DecodedImage, DecodeLimits, decode_image
from inference.errors import (
    DigestMismatch,
    GoldenMismatch,
    ImageError,
    ImageTooCostly,
    ImageTooLarge,
    InferenceError,
    InvalidManifest,
    InvalidName,
    ModelNotFound,
    OutputError,
    PackageError,
    ProviderUnavailable,
    SessionError,
    TrialFailed,
    UndecodableImage,
    UnsupportedFormat,
    UsageError,
)
from inference.find_package import find_package
from inference.golden import check_golden, write_golden
from inference.loading import open_classifier
from inference.manifest import Manifest, dump_manifest, parse_manifest
from inference.package import Package, read_package
from inference.preprocessing import PreparedImage, PreprocessSpec, crop_box, prepare_image
from inference.repository import Repository
from inference.session import ModelSession, SessionConfig, open_session

__all__ = [
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
    "crop_box",
    "decode_image",
    "dump_manifest",
    "find_package",
    "open_classifier",
    "open_session",
    "parse_manifest",
    "prepare_image",
    "publish_package",
    "read_package",
    "write_golden",
]
