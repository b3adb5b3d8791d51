"""A traced trunk in float16, for GPUs. Inputs and outputs keep their types."""

import copy

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from training.precisions.sensitive_layers import name_nodes


def to_float16(trunk: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy whose layers compute in float16; `image` stays uint8, the outputs float32.

    ONNX Runtime's own converter: onnxconverter-common leaves Cast nodes at float32, and the model
    cannot be loaded.
    """
    model = copy.deepcopy(trunk)
    name_nodes(model)
    converted: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    OnnxModel(converted).topological_sort()  # it appends its casts at the end
    return converted
