"""The exported graph: the contract, its equality with PyTorch, and nothing local inside."""

import copy
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from inference.manifest import METADATA_KEY, ScoreTerm
from inference.session import ModelSession, SessionConfig, open_session
from tests.training.conftest import SIDE_PX
from training.data.split import Dataset
from training.export.onnx_graph import attach_head, embed_manifest
from training.export.trace import OPSET
from training.networks.linear_head import LinearHead
from training.networks.transfer_network import TransferNetwork, serving_outputs
from training.ood.score import OodScore

pytestmark = pytest.mark.training

OUTPUTS = ["logits", "probabilities", "embedding", "activation_map"]


def opened(model: onnx.ModelProto) -> ModelSession:
    """Load a graph on the CPU."""
    return open_session(model.SerializeToString(), SessionConfig(provider="cpu"))


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, list[str | int]]:
    """Return element type and shape; a dynamic side is its name."""
    tensor = value.type.tensor_type
    return tensor.elem_type, [dim.dim_param or dim.dim_value for dim in tensor.shape.dim]


def random_head(network: TransferNetwork, num_classes: int) -> TransferNetwork:
    """Return the network with a random head of another number of classes."""
    torch.manual_seed(num_classes)
    other = copy.deepcopy(network)
    other.head = nn.Linear(other.head.in_features, num_classes)
    return other.eval()


def test_the_graph_keeps_the_contract(network: TransferNetwork, trunk: onnx.ModelProto) -> None:
    model = attach_head(trunk, network.linear_head())
    onnx.checker.check_model(model, full_check=True)
    (image,) = model.graph.input
    assert image.name == "image"
    assert shape_of(image) == (onnx.TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])
    assert [output.name for output in model.graph.output] == OUTPUTS
    found = {output.name: shape_of(output) for output in model.graph.output}
    float32 = onnx.TensorProto.FLOAT
    assert found["logits"] == found["probabilities"] == (float32, ["N", 3])
    assert found["embedding"] == (float32, ["N", network.head.in_features])
    assert found["activation_map"] == (float32, ["N", 2, 2])
    assert {(i.domain, i.version) for i in model.opset_import if not i.domain} == {("", OPSET)}


def test_no_weight_lies_outside_the_file(network: TransferNetwork, trunk: onnx.ModelProto) -> None:
    model = attach_head(trunk, network.linear_head())
    assert model.graph.initializer
    for tensor in model.graph.initializer:
        assert tensor.data_location == onnx.TensorProto.DEFAULT
        assert not tensor.external_data


def test_nothing_of_this_machine_is_in_the_file(
    network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    """The exporter would note where each operator was called, with the paths of this machine."""
    data = attach_head(trunk, network.linear_head()).SerializeToString()
    repository = Path(__file__).resolve().parents[3]
    libraries = Path(torch.__file__).parents[1]
    for local in (repository, Path.home(), libraries, Path.cwd()):
        assert str(local).encode() not in data
    for trace in (b'File "', b"Traceback", b".py:", b"site-packages"):
        assert trace not in data


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_any_number_of_images_is_taken(
    network: TransferNetwork, trunk: onnx.ModelProto, batch: int
) -> None:
    session = opened(attach_head(trunk, network.linear_head()))
    outputs = session.run(np.zeros((batch, SIDE_PX, SIDE_PX, 3), np.uint8), OUTPUTS)
    assert [len(outputs[name]) for name in OUTPUTS] == [batch] * 4


@pytest.mark.parametrize("num_classes", [2, 5, 10, 100])
def test_every_output_equals_pytorchs(
    network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset, num_classes: int
) -> None:
    """One traced trunk serves heads of any size; the activation map is that of the top class."""
    other = random_head(network, num_classes)
    session = opened(attach_head(trunk, other.linear_head(), temperature=1.7))
    noise = np.random.default_rng(0).integers(0, 256, (4, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    batch = np.concatenate([dataset.pixels[dataset.rows("val")], noise])
    got = session.run(batch, OUTPUTS)
    with torch.inference_mode():
        expected = serving_outputs(other, torch.from_numpy(batch), 1.7)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        assert got[name].shape == tuple(value.shape), name
        assert np.allclose(got[name], value.numpy(), rtol=1e-3, atol=1e-4), name


def test_the_activation_map_averages_to_the_top_logit_without_its_bias(
    network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset
) -> None:
    """Zhou et al. 2016: the map's mean over the area is the class's evidence."""
    head = network.linear_head()
    got = opened(attach_head(trunk, head)).run(dataset.pixels[dataset.rows("val")], OUTPUTS)
    top = got["logits"].argmax(axis=1)
    assert np.allclose(
        got["activation_map"].mean(axis=(1, 2)),
        got["logits"].max(axis=1) - head.bias[top],
        rtol=1e-3,
        atol=1e-3,
    )


def test_the_temperature_divides_the_logits_behind_the_probabilities_only(
    network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset
) -> None:
    batch = dataset.pixels[dataset.rows("val")]
    got = opened(attach_head(trunk, network.linear_head(), temperature=2.5)).run(batch, OUTPUTS)
    plain = opened(attach_head(trunk, network.linear_head())).run(batch, OUTPUTS)
    assert np.array_equal(got["logits"], plain["logits"])
    powers = np.exp(got["logits"] / 2.5 - (got["logits"] / 2.5).max(axis=1, keepdims=True))
    assert np.allclose(got["probabilities"], powers / powers.sum(axis=1, keepdims=True), atol=1e-5)


def test_attaching_a_head_leaves_the_trunk_for_another_one(
    network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    before = trunk.SerializeToString(deterministic=True)
    first = attach_head(trunk, random_head(network, 2).linear_head())
    second = attach_head(trunk, random_head(network, 5).linear_head())
    assert trunk.SerializeToString(deterministic=True) == before
    assert [shape_of(m.graph.output[0])[1] for m in (first, second)] == [["N", 2], ["N", 5]]


def test_a_trunk_without_features_gives_no_activation_map(
    network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    plain = onnx.ModelProto()
    plain.CopyFrom(trunk)
    del plain.graph.output[1]
    model = attach_head(plain, network.linear_head())
    assert [output.name for output in model.graph.output] == OUTPUTS[:3]


def test_the_probes_logits_are_those_of_the_exported_file(
    network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset
) -> None:
    head = network.linear_head()
    got = opened(attach_head(trunk, head)).run(dataset.pixels[dataset.rows("val")], OUTPUTS)
    assert np.allclose(got["logits"], head.logits(got["embedding"]), atol=1e-4)


def test_a_manifest_replaces_the_one_that_is_there(
    network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    model = attach_head(trunk, network.linear_head())
    for text in ('{"version": 1}', '{"version": 2}'):
        embed_manifest(model, text)
    assert opened(model).metadata[METADATA_KEY] == '{"version": 2}'
    assert [p.key for p in model.metadata_props].count(METADATA_KEY) == 1


def test_a_head_without_classes_in_common_shares_no_memory(network: TransferNetwork) -> None:
    """`linear_head` is a copy: later training does not change what was kept."""
    other = copy.deepcopy(network)
    kept = other.linear_head()
    before = kept.weight.copy()
    other.set_linear_head(LinearHead(weight=before + 1, bias=kept.bias))
    assert np.array_equal(kept.weight, before)
    assert np.array_equal(other.linear_head().weight, before + 1)


def test_the_graph_computes_the_score_that_the_threshold_was_chosen_by(
    network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset
) -> None:
    head = network.linear_head()
    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(7, head.weight.shape[1])).astype(np.float32)
    ood_score = OodScore(
        prototypes=prototypes / np.linalg.norm(prototypes, axis=1, keepdims=True),
        max_logit=ScoreTerm(mean=3.0, deviation=0.5),
        prototype_cosine=ScoreTerm(mean=0.1, deviation=0.02),
    )
    model = attach_head(trunk, head, ood_score=ood_score)
    onnx.checker.check_model(model, full_check=True)
    assert shape_of(model.graph.output[-1]) == (onnx.TensorProto.FLOAT, ["N"])
    batch = dataset.pixels[dataset.rows("val")]
    got = opened(model).run(batch, [*OUTPUTS, "familiarity"])
    expected = ood_score.score(got["logits"], got["embedding"])
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(got["familiarity"], expected, rtol=1e-4, atol=1e-4)


def test_an_embedding_of_zeros_has_a_familiarity(
    network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    """Dead units make one, and 0 / 0 would pass for familiar."""
    dead = onnx.ModelProto()
    dead.CopyFrom(trunk)
    dim = network.head.in_features
    last = next(node for node in dead.graph.node if "embedding" in node.output)
    last.output[list(last.output).index("embedding")] = "alive"
    zero = numpy_helper.from_array(np.zeros(dim, np.float32), "zero")
    dead.graph.initializer.append(zero)
    dead.graph.node.append(helper.make_node("Mul", ["alive", "zero"], ["embedding"]))
    ood_score = OodScore(
        prototypes=np.eye(1, dim, dtype=np.float32),
        max_logit=ScoreTerm(mean=0.0, deviation=1.0),
        prototype_cosine=ScoreTerm(mean=0.5, deviation=0.25),
    )
    head = network.linear_head()
    session = opened(attach_head(dead, head, ood_score=ood_score))
    pixels = np.zeros((1, SIDE_PX, SIDE_PX, 3), np.uint8)
    got = session.run(pixels, ["familiarity"])["familiarity"]
    assert got == pytest.approx([head.bias.max() - 0.5 / 0.25], abs=1e-5)
