"""The network to ONNX, by the contract: uint8 in, dynamic batch, one file, nothing local inside."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from inference.manifest import METADATA_KEY
from inference.preprocessing import PreprocessSpec
from inference.session import INPUT_NAME
from training.errors import GateFailed
from training.network import ServingGraph, TransferNetwork, example_images

# The lowest opset of the exporter's own operators: no conversion, and the widest range of readers.
OPSET: Final = 18
_HEAD_WEIGHT: Final = "network.head.weight"
_HEAD_BIAS: Final = "network.head.bias"
_TEMPERATURE: Final = "temperature"


def export_network(network: TransferNetwork, spec: PreprocessSpec) -> onnx.ModelProto:
    """Trace the serving graph of a network; the temperature is 1 until `set_temperature`.

    Raises:
        GateFailed: the exporter cannot express the network, or names it otherwise than the contract.
    """
    graph = ServingGraph(network.eval(), temperature=1.0)
    try:
        with torch.inference_mode(False), torch.no_grad(), _quiet_exporter():
            program: Any = torch.onnx.export(
                graph,
                (example_images(spec),),
                dynamo=True,
                input_names=[INPUT_NAME],
                output_names=graph.output_names,
                dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
                opset_version=OPSET,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as err:
        raise GateFailed(
            "export gate: PyTorch's ONNX exporter cannot express this backbone; choose another"
        ) from err
    model: onnx.ModelProto = program.model_proto
    strip_local_traces(model)
    return model


def set_head(
    model: onnx.ModelProto, weight: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]
) -> None:
    """Write a head, (K, D) and (K,), into an exported graph, without tracing it again."""
    _set_initializer(model, _HEAD_WEIGHT, weight)
    _set_initializer(model, _HEAD_BIAS, bias)


def set_temperature(model: onnx.ModelProto, temperature: float) -> None:
    """Write the fitted temperature into an exported graph."""
    _set_initializer(model, _TEMPERATURE, np.array([temperature], dtype=np.float32))


def embed_manifest(model: onnx.ModelProto, manifest_json: str) -> None:
    """Write the manifest into the file's metadata, in place of one that is there."""
    kept = [p for p in model.metadata_props if p.key != METADATA_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=METADATA_KEY, value=manifest_json)


def strip_local_traces(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes for debugging: stack traces with this machine's paths."""
    model.doc_string = ""
    model.graph.doc_string = ""
    del model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output):
        value.doc_string = ""
        del value.metadata_props[:]
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


def _set_initializer(model: onnx.ModelProto, name: str, value: npt.NDArray[np.float32]) -> None:
    for initializer in model.graph.initializer:
        if initializer.name == name:
            if tuple(initializer.dims) != value.shape:
                raise GateFailed(
                    f"export gate: {name} is {tuple(initializer.dims)} in the graph and {value.shape} "
                    "in the network"
                )
            initializer.CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
            return
    raise GateFailed(f"export gate: the exporter left no {name!r} in the graph")


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's notes to its own developers from the user's terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
