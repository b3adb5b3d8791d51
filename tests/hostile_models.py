"""ONNX files that load, and then do not do what their package promises.

Each is the colour model with one output, or its input, led through something else.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.builders import colour_model

BEYOND_ANY_MACHINE_BYTES = 2**44


def _led_through(
    name: str,
    nodes: Callable[[str, str], Sequence[onnx.NodeProto]],
    constants: dict[str, np.ndarray],
    *,
    output_alone: bool = False,
) -> bytes:
    """Return the colour model with what it calls `name` going through `nodes(before, after)`.

    With `output_alone` the rest of the graph goes on with what was before.
    """
    proto = onnx.load_from_string(colour_model())
    graph = proto.graph
    (index,) = (i for i, node in enumerate(graph.node) if name in node.output)
    output = list(graph.node[index].output).index(name)
    graph.node[index].output[output] = f"{name}_before"
    for node in graph.node if output_alone else ():
        node.input[:] = [f"{name}_before" if x == name else x for x in node.input]
    for position, node in enumerate(nodes(f"{name}_before", name)):
        graph.node.insert(index + 1 + position, node)
    graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    return bytes(proto.SerializeToString())


def endless(rounds: int = 2**62) -> bytes:
    """A loop that adds one to the pixels, 2**62 times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["goes_on"], ["goes_on_after"]),
            helper.make_node("Add", ["value", "one"], ["value_after"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on_after", TensorProto.BOOL, []),
            helper.make_tensor_value_info("value_after", TensorProto.FLOAT, None),
        ],
    )
    return _led_through(
        "float",
        lambda before, after: [
            helper.make_node("Loop", ["rounds", "", before], [after], body=body)
        ],
        {"rounds": np.array(rounds, np.int64), "one": np.array(1, np.float32)},
    )


def endless_for(brightness: int) -> bytes:
    """A loop that is entered where a pixel is brighter: what no trial without such an image meets."""
    model = onnx.load_from_string(endless())
    (loop,) = (node for node in model.graph.node if node.op_type == "Loop")
    (rounds,) = (x for x in model.graph.initializer if x.name == "rounds")
    rounds.name = "most_rounds"
    before = [
        helper.make_node("ReduceMax", [loop.input[2]], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "bright"], ["is_bright"]),
        helper.make_node("Cast", ["is_bright"], ["one_if_bright"], to=TensorProto.INT64),
        helper.make_node("Mul", ["one_if_bright", "most_rounds"], ["rounds"]),
    ]
    index = list(model.graph.node).index(loop)
    for position, node in enumerate(before):
        model.graph.node.insert(index + position, node)
    threshold = np.array(brightness, np.float32)
    model.graph.initializer.append(numpy_helper.from_array(threshold, "bright"))
    return bytes(model.SerializeToString())


def hungry(num_bytes: int = BEYOND_ANY_MACHINE_BYTES) -> bytes:
    """An intermediate tensor of so many bytes, each of them written."""
    return _led_through(
        "logits",
        lambda before, after: [
            helper.make_node("Expand", ["one_value", "huge"], ["expanded"]),
            helper.make_node("Exp", ["expanded"], ["written"]),
            helper.make_node("ReduceMin", ["written"], ["smallest"], keepdims=0),
            helper.make_node("Mul", [before, "smallest"], [after]),
        ],
        {"one_value": np.zeros(1, np.float32), "huge": np.array([num_bytes // 4], np.int64)},
    )


def one_row() -> bytes:
    """Logits of one row, however many images."""
    return _led_through(
        "logits",
        lambda before, after: [
            helper.make_node("ReduceMean", [before, "rows"], [after], keepdims=1)
        ],
        {"rows": np.array([0], np.int64)},
    )


def scalar(output: str) -> bytes:
    """One number in place of an output."""
    return _led_through(
        output,
        lambda before, after: [helper.make_node("ReduceMax", [before], [after], keepdims=0)],
        {},
        output_alone=True,
    )


def not_a_number(output: str) -> bytes:
    """NaN in place of each number of an output."""
    return _led_through(
        output,
        lambda before, after: [helper.make_node("Mul", [before, "nan"], [after])],
        {"nan": np.array(np.nan, np.float32)},
        output_alone=True,
    )


def of_type(output: str, kind: int) -> bytes:
    """An output of another type."""
    model = onnx.load_from_string(
        _led_through(
            output,
            lambda before, after: [helper.make_node("Cast", [before], [after], to=kind)],
            {},
            output_alone=True,
        )
    )
    (declared,) = (x for x in model.graph.output if x.name == output)
    declared.type.tensor_type.elem_type = kind
    return bytes(model.SerializeToString())


def without(output: str) -> bytes:
    """A graph that lacks an output."""
    model = onnx.load_from_string(colour_model())
    kept = [x for x in model.graph.output if x.name != output]
    del model.graph.output[:]
    model.graph.output.extend(kept)
    return bytes(model.SerializeToString())


def with_input(name: str, kind: int = TensorProto.UINT8) -> bytes:
    """A graph whose input has another name or type, or that takes a second one."""
    model = onnx.load_from_string(colour_model())
    if name == "image":
        model.graph.input[0].type.tensor_type.elem_type = kind
    else:
        model.graph.input.append(helper.make_tensor_value_info(name, kind, ["N"]))
    return bytes(model.SerializeToString())


def slow(*, steps: int = 40, side: int = 1500) -> bytes:
    """Large products one after the other, each a node of the graph: some seconds, and then an answer."""
    names = ["matrix", *(f"product_{step}" for step in range(steps))]

    def nodes(before: str, after: str) -> list[onnx.NodeProto]:
        return [
            helper.make_node("ReduceMean", [before], ["mean"], keepdims=0),
            helper.make_node("Add", ["mean", "small"], ["matrix"]),
            *(
                helper.make_node("MatMul", [given, "small"], [product])
                for given, product in pairwise(names)
            ),
            helper.make_node("ReduceMean", [names[-1]], ["result"], keepdims=0),
            helper.make_node("Mul", ["result", "nothing"], ["none"]),
            helper.make_node("Add", [before, "none"], [after]),
        ]

    constants = {
        "small": np.full((side, side), 1 / side, np.float32),
        "nothing": np.array(0, np.float32),
    }
    return _led_through("float", nodes, constants)
