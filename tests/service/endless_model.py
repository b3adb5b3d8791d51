"""A model that never answers a white image: an accepted request whose thread nobody can stop."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from inference.manifest import MANIFEST_FILE, dump_manifest, parse_manifest
from tests.builders import encode, make_package

WHITE = encode(Image.new("RGB", (24, 20), (255, 255, 255)))


def make_endless_package(models_dir: Path) -> None:
    """Publish the colour model with a loop that a white image enters for 2**62 rounds."""
    make_package(models_dir, after=_add_loop)


def _add_loop(folder: Path) -> None:
    path = folder / "model.onnx"
    model = onnx.load(path)
    _loop_on_white(model.graph)
    data = model.SerializeToString()
    path.write_bytes(data)
    manifest = parse_manifest((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    assert manifest.files is not None
    entry = dataclasses.replace(
        manifest.files["fp32"], sha256=hashlib.sha256(data).hexdigest(), bytes=len(data)
    )
    manifest = dataclasses.replace(manifest, files={"fp32": entry})
    (folder / MANIFEST_FILE).write_text(dump_manifest(manifest), encoding="utf-8")


def _loop_on_white(graph: onnx.GraphProto) -> None:
    """Put the loop between `embedding` (each channel's mean, 0 to 1) and the layer that reads it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["goes_on"]),
            helper.make_node("Sqrt", ["value"], ["next_value"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, ["N", 3]),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next_value", TensorProto.FLOAT, ["N", 3]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMin", ["embedding"], ["darkest"], keepdims=0),
        helper.make_node("Greater", ["darkest", "white"], ["is_white"]),
        helper.make_node("Cast", ["is_white"], ["one_if_white"], to=TensorProto.INT64),
        helper.make_node("Mul", ["one_if_white", "rounds"], ["trips"]),
        helper.make_node("Loop", ["trips", "", "embedding"], ["looped"], body=body),
    ]
    for name, value in (
        ("white", np.array(0.98, np.float32)),
        ("rounds", np.array(2**62, np.int64)),
    ):
        graph.initializer.append(numpy_helper.from_array(value, name))
    index, head = next(
        (i, n) for i, n in enumerate(graph.node) if n.name == "" and "logits" in n.output
    )
    head.input[0] = "looped"
    for offset, node in enumerate(nodes):
        graph.node.insert(index + offset, node)
