"""The served graph, by the contract: a traced trunk with a head behind it, one file, nothing local in it."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from inference.manifest import METADATA_KEY
from inference.rejection import FAMILIARITY
from training.networks.linear_head import LinearHead
from training.ood.score import MIN_LENGTH, OodScore

# The trunk's outputs: what the head sees, and the features before pooling where there is a map.
EMBEDDING: Final = "embedding"
FEATURES: Final = "features"


def attach_head(
    trunk: onnx.ModelProto,
    head: LinearHead,
    *,
    temperature: float = 1.0,
    ood_score: OodScore | None = None,
) -> onnx.ModelProto:
    """Return the contract's graph: a traced trunk with the head, the temperature and the score behind it.

    The head is written as a few named nodes rather than traced, so that another head needs no new
    trace: the exporter's optimiser may fold traced weights into constants that cannot be found again.
    """
    model = onnx.ModelProto()
    model.CopyFrom(trunk)
    graph = model.graph
    num_classes = len(head.bias)
    outputs = {output.name: output for output in graph.output}
    graph.initializer.extend(
        [
            numpy_helper.from_array(head.weight.astype(np.float32), "head.weight"),
            numpy_helper.from_array(head.bias.astype(np.float32), "head.bias"),
            numpy_helper.from_array(np.array([temperature], dtype=np.float32), "temperature"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node(
                "Gemm", ["embedding", "head.weight", "head.bias"], ["logits"], transB=1
            ),
            helper.make_node("Div", ["logits", "temperature"], ["scaled_logits"]),
            helper.make_node("Softmax", ["scaled_logits"], ["probabilities"], axis=1),
        ]
    )
    del graph.output[:]
    graph.output.extend(
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", num_classes]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", num_classes]),
            outputs["embedding"],
        ]
    )
    if FEATURES in outputs:
        _attach_activation_map(graph, outputs[FEATURES])
    if ood_score is not None:
        _attach_ood_score(graph, ood_score)
    onnx.checker.check_model(model)
    return model


def _attach_activation_map(graph: onnx.GraphProto, features: onnx.ValueInfoProto) -> None:
    """Weigh the features before pooling with the head's weights of the top class."""
    height, width = (dim.dim_value for dim in features.type.tensor_type.shape.dim[2:])
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([1], dtype=np.int64), "map.axis"),
            numpy_helper.from_array(np.array([0, 0, -1], dtype=np.int64), "map.flat"),
            numpy_helper.from_array(np.array([-1, height, width], dtype=np.int64), "map.shape"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("ArgMax", ["logits"], ["top_class"], axis=1, keepdims=0),
            helper.make_node("Gather", ["head.weight", "top_class"], ["top_weight"], axis=0),
            helper.make_node("Unsqueeze", ["top_weight", "map.axis"], ["top_row"]),
            helper.make_node("Reshape", [FEATURES, "map.flat"], ["flat_features"]),
            helper.make_node("MatMul", ["top_row", "flat_features"], ["flat_map"]),
            helper.make_node("Reshape", ["flat_map", "map.shape"], ["activation_map"]),
        ]
    )
    shape = ["N", height, width]
    graph.output.append(helper.make_tensor_value_info("activation_map", TensorProto.FLOAT, shape))


def _attach_ood_score(graph: onnx.GraphProto, ood_score: OodScore) -> None:
    """Write `OodScore.score` as nodes whose names begin with "familiarity", as the output is called.

    A converter to another precision should leave them in float32: the squares of an embedding's
    entries may add up to more than float16 holds.
    """
    logit, cosine = ood_score.max_logit, ood_score.prototype_cosine
    constants: dict[str, npt.NDArray[Any]] = {
        "prototypes": ood_score.prototypes,
        "least_length": np.array([MIN_LENGTH], dtype=np.float32),
        "axis": np.array([1], dtype=np.int64),
        "logit_mean": np.array([logit.mean], dtype=np.float32),
        "logit_deviation": np.array([logit.deviation], dtype=np.float32),
        "cosine_mean": np.array([cosine.mean], dtype=np.float32),
        "cosine_deviation": np.array([cosine.deviation], dtype=np.float32),
    }
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("ReduceMax", ["logits", ".axis"], ".max_logit", {"keepdims": 0}),
        ("Sub", [".max_logit", ".logit_mean"], ".centred_logit", {}),
        ("Div", [".centred_logit", ".logit_deviation"], ".logit_term", {}),
        ("ReduceL2", ["embedding", ".axis"], ".length", {"keepdims": 0}),
        ("Max", [".length", ".least_length"], ".safe_length", {}),
        ("Gemm", ["embedding", ".prototypes"], ".products", {"transB": 1}),
        ("ReduceMax", [".products", ".axis"], ".nearest_product", {"keepdims": 0}),
        ("Div", [".nearest_product", ".safe_length"], ".cosine", {}),
        ("Sub", [".cosine", ".cosine_mean"], ".centred_cosine", {}),
        ("Div", [".centred_cosine", ".cosine_deviation"], ".cosine_term", {}),
        ("Add", [".logit_term", ".cosine_term"], FAMILIARITY, {}),
    ]
    graph.initializer.extend(
        numpy_helper.from_array(value, f"{FAMILIARITY}.{name}") for name, value in constants.items()
    )

    def full(name: str) -> str:
        return FAMILIARITY + name if name.startswith(".") else name

    graph.node.extend(
        helper.make_node(
            operator, [*map(full, inputs)], [full(output)], name=f"{FAMILIARITY}/{place}", **options
        )
        for place, (operator, inputs, output, options) in enumerate(steps)
    )
    graph.output.append(helper.make_tensor_value_info(FAMILIARITY, TensorProto.FLOAT, ["N"]))


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
