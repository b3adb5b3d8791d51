"""A network traced to ONNX by PyTorch's exporter: uint8 images in, dynamic batch."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import onnx
import torch
from torch import nn

from inference.preprocessing import PreprocessSpec
from inference.session import INPUT_NAME
from training.errors import GateFailed
from training.export.onnx_graph import EMBEDDING, FEATURES, strip_local_traces
from training.networks.transfer_network import TransferNetwork, TrunkGraph, example_images

# The lowest opset of the exporter's own operators: no conversion, and the widest range of readers.
OPSET: Final = 18


def export_trunk(network: TransferNetwork, spec: PreprocessSpec) -> onnx.ModelProto:
    """Trace a network without its head: input `image`, outputs `embedding` and perhaps `features`.

    Raises:
        GateFailed: the exporter cannot express the network.
    """
    outputs = [EMBEDDING, FEATURES] if network.map_layer else [EMBEDDING]
    return export_graph(TrunkGraph(network.eval()), spec, outputs)


def export_graph(graph: nn.Module, spec: PreprocessSpec, outputs: Sequence[str]) -> onnx.ModelProto:
    """Trace a module that takes uint8 images (N, H, W, 3) and gives `outputs`, N being dynamic.

    Raises:
        GateFailed: the exporter cannot express the module.
    """
    try:
        with torch.no_grad(), _quiet_exporter():
            program: Any = torch.onnx.export(
                graph,
                (example_images(spec),),
                dynamo=True,
                input_names=[INPUT_NAME],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("N")},),
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
