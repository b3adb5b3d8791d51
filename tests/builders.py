"""Real, tiny stand-ins: a model that tells red, green and blue apart, packages of it, and images.

The model is a true ONNX graph run by ONNX Runtime, built without torch.
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from inference.atomic_publish import publish_package
from inference.classifier import Classifier
from inference.decoding import CURRENT_DECODER
from inference.golden import write_golden
from inference.manifest import (
    FORMAT_VERSION,
    MANIFEST_FILE,
    METADATA_KEY,
    BackboneInfo,
    Calibration,
    Conformal,
    DatasetInfo,
    FileEntry,
    Manifest,
    OutputSpec,
    Parity,
    Rejection,
    TrainingInfo,
    dump_manifest,
)
from inference.measured import ClassMetrics, Metrics, SplitMetrics
from inference.preprocessing import Fit, PreprocessSpec
from inference.rejection import needs_output
from inference.session import SessionConfig, open_session

LABELS = ("red", "green", "blue")
SIDE_PX = 16
COLOURS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250)}
SPEC = PreprocessSpec(
    resize_shorter_px=SIDE_PX,
    crop_hw=(SIDE_PX, SIDE_PX),
    interpolation="bilinear",
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    decoder=CURRENT_DECODER,
)


def encode(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """Return an image as an encoded file."""
    stream = io.BytesIO()
    image.save(stream, image_format, **options)
    return stream.getvalue()


def coloured(label: str, size_wh: tuple[int, int] = (24, 20), image_format: str = "PNG") -> bytes:
    """Return an encoded image of one colour."""
    return encode(Image.new("RGB", size_wh, COLOURS[label]), image_format)


def colour_model(
    *,
    weight: np.ndarray | None = None,
    activation_map: bool = True,
    familiarity: bool = False,
    manifest: str | None = None,
) -> bytes:
    """Return an ONNX file that meets the package contract: the mean colour decides.

    `weight` is (K labels, 3 channels); the identity times ten unless given. With `familiarity`, the
    brighter an image is, the more familiar.
    """
    weight = np.eye(3, dtype=np.float32) * 10 if weight is None else weight.astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["nchw", "scale"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["embedding"]),
        helper.make_node("Gemm", ["embedding", "weight"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(weight)]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(weight)]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", 3]),
    ]
    if activation_map:
        nodes += [
            helper.make_node("ArgMax", ["logits"], ["best"], axis=1, keepdims=0),
            helper.make_node("Gather", ["weight", "best"], ["best_weight"], axis=0),
            helper.make_node("Unsqueeze", ["best_weight", "spatial"], ["best_kernel"]),
            helper.make_node("Mul", ["features", "best_kernel"], ["evidence"]),
            helper.make_node("ReduceSum", ["evidence", "channel"], ["activation_map"], keepdims=0),
        ]
        shape: list[str | int | None] = ["N", SIDE_PX, SIDE_PX]
        outputs.append(helper.make_tensor_value_info("activation_map", TensorProto.FLOAT, shape))
    if familiarity:
        nodes.append(
            helper.make_node("ReduceMean", ["embedding", "channel"], ["familiarity"], keepdims=0)
        )
        outputs.append(helper.make_tensor_value_info("familiarity", TensorProto.FLOAT, ["N"]))
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])],
        outputs,
        [
            numpy_helper.from_array(np.array(255.0, np.float32), "scale"),
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.array([2, 3], np.int64), "spatial"),
            numpy_helper.from_array(np.array([1], np.int64), "channel"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if manifest is not None:
        helper.set_model_props(model, {METADATA_KEY: manifest})
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def make_manifest(
    *,
    name: str = "colours",
    version: int = 1,
    activation_map: bool = True,
    rejection: Rejection | None = None,
    conformal: Conformal | None = None,
    fit: Fit = "crop",
    labels: tuple[str, ...] = LABELS,
) -> Manifest:
    """Return a complete manifest of the colour model, without `files`.

    Unless told otherwise, it rejects by the largest logit and has no prediction sets.
    """
    per_class = {x: ClassMetrics(precision=1.0, recall=1.0, f1=1.0, images=2) for x in labels}
    split = SplitMetrics(
        images=6,
        accuracy=1.0,
        balanced_accuracy=1.0,
        macro_f1=1.0,
        nll=0.01,
        ece=0.01,
        top5=None,
        per_class=per_class,
    )
    map_spec = (
        OutputSpec(dtype="float32", shape=(-1, SIDE_PX, SIDE_PX))
        if activation_map
        else OutputSpec(absent="the head is not global average pooling and one linear layer")
    )
    return Manifest(
        format_version=FORMAT_VERSION,
        name=name,
        version=version,
        created="2026-11-22T12:00:00+00:00",
        labels=labels,
        preprocessing=dataclasses.replace(SPEC, fit=fit),
        outputs={
            "logits": OutputSpec(dtype="float32", shape=(-1, 3)),
            "probabilities": OutputSpec(dtype="float32", shape=(-1, 3)),
            "embedding": OutputSpec(dtype="float32", shape=(-1, 3)),
            "activation_map": map_spec,
        },
        calibration=Calibration(temperature=1.0),
        rejection=rejection or Rejection(score="max_logit", threshold=6.0, accepted=1.0),
        conformal=conformal,
        backbone=BackboneInfo(
            name="colours", source="tests", weights="none", sha256=None, licence="MIT", num_params=9
        ),
        dataset=DatasetInfo(fingerprint="0" * 64, counts={"train": dict.fromkeys(labels, 2)}),
        metrics=Metrics(validation="held out", val_accuracy_spread=None, val=split, test=split),
        training=TrainingInfo(method="probe", seed=0, config={}, seconds=0.1, libraries={}),
        parity=Parity(max_abs_logit_diff=0.0, argmax_agreement=1.0, images=6),
    )


def make_package(
    models_dir: Path,
    *,
    name: str = "colours",
    weight: np.ndarray | None = None,
    activation_map: bool = True,
    rejection: Rejection | None = None,
    conformal: Conformal | None = None,
    golden: Sequence[tuple[bytes, str]] | None = None,
    fit: Fit = "crop",
    after: Callable[[Path], None] | None = None,
    labels: tuple[str, ...] = LABELS,
) -> Path:
    """Publish the colour model as a complete package and return its folder.

    The model tells familiarity where `rejection` is by it. `after(folder)` may damage the package
    before it is published.
    """

    def write(folder: Path, version: int) -> None:
        manifest = make_manifest(
            name=name,
            version=version,
            activation_map=activation_map,
            rejection=rejection,
            conformal=conformal,
            fit=fit,
            labels=labels,
        )
        data = colour_model(
            weight=weight,
            activation_map=activation_map,
            familiarity=needs_output(rejection),
            manifest=dump_manifest(manifest, embedded=True),
        )
        (folder / "model.onnx").write_bytes(data)
        entry = FileEntry(
            file="model.onnx",
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            metrics={"accuracy": 1.0},
        )
        manifest = dataclasses.replace(manifest, files={"fp32": entry})
        (folder / MANIFEST_FILE).write_text(dump_manifest(manifest), encoding="utf-8")
        (folder / "metrics.json").write_text("{}", encoding="utf-8")
        (folder / "report.html").write_text("<!doctype html><title>report</title>", "utf-8")
        session = open_session(data, SessionConfig(provider="cpu"))
        classifier = Classifier(manifest=manifest, session=session, precision="fp32")
        images = golden or [(coloured(label), label) for label in labels]
        write_golden(folder, classifier, images)
        if after is not None:
            after(folder)

    return publish_package(models_dir, name, write)


def replace_model(folder: Path, data: bytes) -> None:
    """Put another model file into a package, with a manifest that agrees."""
    (folder / "model.onnx").write_bytes(data)
    file = folder / MANIFEST_FILE
    manifest = json.loads(file.read_text(encoding="utf-8"))
    manifest["files"]["fp32"] |= {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
    }
    file.write_text(json.dumps(manifest), encoding="utf-8")
