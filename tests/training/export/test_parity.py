"""The gates: each planted fault is stopped, by its gate's name, and named by how much."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from inference.classifier import Classifier
from inference.manifest import Parity, ScoreTerm
from inference.package import read_package
from inference.session import SessionConfig, open_session
from tests.training.folders import noisy_png
from training.data.scan import ScannedImage
from training.data.split import Dataset
from training.errors import GateFailed
from training.export.network_parity import check_graph
from training.export.onnx_graph import attach_head
from training.export.parity import LOGIT_TOLERANCE, check_raw_bytes, run_batches
from training.networks.linear_head import LinearHead
from training.networks.transfer_network import TransferNetwork
from training.ood.score import OodScore

pytestmark = pytest.mark.training

TEMPERATURE = 1.5
Check = Callable[..., Parity]


@pytest.fixture
def check(network: TransferNetwork, trunk: onnx.ModelProto, dataset: Dataset) -> Check:
    """Compare the network with a file: with the right one unless told otherwise."""

    def run(
        model: onnx.ModelProto | None = None,
        *,
        trained: TransferNetwork | None = None,
        head: LinearHead | None = None,
        temperature: float = TEMPERATURE,
        ood_score: OodScore | None = None,
    ) -> Parity:
        model = model or attach_head(trunk, head or network.linear_head(), temperature=temperature)
        session = open_session(model.SerializeToString(), SessionConfig(provider="cpu"))
        rows = dataset.rows("val")
        return check_graph(
            trained or copy.deepcopy(network),
            session,
            dataset.pixels,
            rows,
            temperature=TEMPERATURE,
            ood_score=ood_score,
        )

    return run


def test_the_right_file_passes_and_its_parity_is_stopped_by_name(check: Check) -> None:
    parity = check()
    assert parity.images == 9
    assert parity.argmax_agreement == 1
    assert 0 <= parity.max_abs_logit_diff < LOGIT_TOLERANCE


def test_a_changed_weight_of_the_head_is_stopped(check: Check, network: TransferNetwork) -> None:
    head = network.linear_head()
    head.bias[1] += 0.25
    with pytest.raises(
        GateFailed, match=r"parity gate: logits .* differ by 0\.25, limit is 0\.\d+"
    ):
        check(head=head)


def test_swapped_labels_are_stopped(check: Check, network: TransferNetwork) -> None:
    """The rows of the head in another order: every answer has another name."""
    head, order = network.linear_head(), [1, 2, 0]
    swapped = LinearHead(weight=head.weight[order], bias=head.bias[order])
    with pytest.raises(GateFailed, match=r"parity gate: logits .* differ by"):
        check(head=swapped)


def test_another_number_of_classes_is_stopped(check: Check, network: TransferNetwork) -> None:
    head = network.linear_head()
    fewer = LinearHead(weight=head.weight[:2], bias=head.bias[:2])
    with pytest.raises(GateFailed, match=r"logits has shape \(9, 2\) .* \(9, 3\)"):
        check(head=fewer)


def test_a_changed_mean_is_stopped(check: Check, network: TransferNetwork) -> None:
    """The file normalises with other numbers than the network was trained with."""
    other = copy.deepcopy(network)
    other.mean += 2.0
    with pytest.raises(GateFailed, match=r"parity gate: logits .* differ by"):
        check(trained=other)


def test_a_lost_layer_is_stopped(
    check: Check, network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    model = attach_head(trunk, network.linear_head(), temperature=TEMPERATURE)
    lost = next(node for node in model.graph.node if node.op_type == "Relu")
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == lost.output[0]:
                node.input[index] = lost.input[0]
    model.graph.node.remove(lost)
    with pytest.raises(GateFailed, match=r"parity gate: logits .* differ by"):
        check(model)


def test_another_temperature_is_stopped(check: Check) -> None:
    """The logits and the answers are the same; only the probabilities tell."""
    with pytest.raises(GateFailed, match=r"parity gate: probabilities .* differ by"):
        check(temperature=4.0)


def test_the_map_of_another_class_is_stopped(
    check: Check, network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    head = network.linear_head()
    model = attach_head(trunk, head, temperature=TEMPERATURE)
    wrong = numpy_helper.from_array(head.weight[[1, 2, 0]].copy(), "wrong.weight")
    model.graph.initializer.append(wrong)
    gather = next(node for node in model.graph.node if "head.weight" in node.input[:1])
    assert gather.op_type == "Gather"
    gather.input[0] = "wrong.weight"
    with pytest.raises(GateFailed, match=r"parity gate: activation map .* differ by"):
        check(model)


def familiarity_for(network: TransferNetwork) -> OodScore:
    """Return a score of some prototypes."""
    prototypes = np.eye(4, network.head.in_features, dtype=np.float32)
    return OodScore(
        prototypes=prototypes,
        max_logit=ScoreTerm(mean=1.0, deviation=2.0),
        prototype_cosine=ScoreTerm(mean=0.5, deviation=0.1),
    )


def test_the_right_familiarity_passes(
    check: Check, network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    right = familiarity_for(network)
    model = attach_head(trunk, network.linear_head(), temperature=TEMPERATURE, ood_score=right)
    assert check(model, ood_score=right).argmax_agreement == 1


def test_another_familiarity_is_stopped(
    check: Check, network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    right = familiarity_for(network)
    wrong = dataclasses.replace(right, prototypes=right.prototypes[:1])
    model = attach_head(trunk, network.linear_head(), temperature=TEMPERATURE, ood_score=wrong)
    with pytest.raises(GateFailed, match=r"parity gate: familiarity .* differ by"):
        check(model, ood_score=right)


def test_a_lost_familiarity_is_stopped(check: Check, network: TransferNetwork) -> None:
    with pytest.raises(GateFailed, match="lacks the output familiarity"):
        check(ood_score=familiarity_for(network))


def test_what_is_no_number_is_stopped(check: Check, network: TransferNetwork) -> None:
    head = network.linear_head()
    head.weight[0, 0] = np.nan
    with pytest.raises(GateFailed, match=r"logits .* differ by nan"):
        check(head=head)


def test_an_answer_that_depends_on_the_batch_is_stopped(
    check: Check, network: TransferNetwork, trunk: onnx.ModelProto
) -> None:
    """Right for the nine validation images together, wrong for each alone."""
    model = attach_head(trunk, network.linear_head(), temperature=TEMPERATURE)
    graph = model.graph
    gemm = next(node for node in graph.node if node.output[0] == "logits")
    gemm.output[0] = "honest_logits"
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(9, dtype=np.float32), "nine"),
            numpy_helper.from_array(np.array(0), "first"),
        ]
    )
    planted = [
        helper.make_node("Shape", ["image"], ["sizes"]),
        helper.make_node("Gather", ["sizes", "first"], ["N"]),
        helper.make_node("Cast", ["N"], ["count"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Sub", ["count", "nine"], ["error"]),
        helper.make_node("Add", ["honest_logits", "error"], ["logits"]),
    ]
    position = list(graph.node).index(gemm) + 1
    for offset, node in enumerate(planted):
        graph.node.insert(position + offset, node)
    with pytest.raises(GateFailed, match=r"logits at batch 1 .* differ by 6"):
        check(model)


def even_head(network: TransferNetwork, *bias: float) -> LinearHead:
    """Return a head whose logits are its biases, whatever the image."""
    weight = np.zeros_like(network.linear_head().weight)
    return LinearHead(weight=weight, bias=np.array(bias, dtype=np.float32))


def with_head(network: TransferNetwork, head: LinearHead) -> TransferNetwork:
    """Return a copy of the network with another head."""
    other = copy.deepcopy(network)
    other.set_linear_head(head)
    return other


def test_a_tie_is_tolerated(check: Check, network: TransferNetwork) -> None:
    """Rounding may order equal classes either way; no image says which is right."""
    trained = with_head(network, even_head(network, 1.0, 1.0 - 1e-5, 0.0))
    parity = check(trained=trained, head=even_head(network, 1.0 - 1e-5, 1.0, 0.0))
    assert parity.argmax_agreement == 1


def test_another_answer_within_the_tolerance_of_the_logits_is_stopped(
    check: Check, network: TransferNetwork
) -> None:
    """Each logit differs by 0.9 of the limit, but the order of two classes is another."""
    trained = with_head(network, even_head(network, 8e-4, -7e-4, -1.0))
    with pytest.raises(GateFailed, match="answer 9 of 9 images with different classes"):
        check(trained=trained, head=even_head(network, -1e-4, 2e-4, -1.0))


@pytest.fixture(scope="module")
def served(published: Path) -> Classifier:
    """Return the published package, loaded."""
    return Classifier.load(read_package(published), session=SessionConfig(provider="cpu"))


@pytest.fixture
def images(dataset: Dataset, tmp_path: Path) -> list[ScannedImage]:
    """Return the validation images as copies that a test may change."""
    copies = []
    for number, image in enumerate(dataset.splits["val"]):
        path = tmp_path / f"{number}-{image.file.path.name}"
        path.write_bytes(image.file.path.read_bytes())
        copies.append(dataclasses.replace(image, file=dataclasses.replace(image.file, path=path)))
    return copies


@pytest.fixture
def measured(served: Classifier, dataset: Dataset) -> np.ndarray:
    """Return the probabilities of the validation images."""
    outputs = run_batches(served.session, dataset.pixels, dataset.rows("val"))
    assert outputs.activation_map is None
    return outputs.probabilities


def test_untouched_files_pass(
    served: Classifier, images: list[ScannedImage], dataset: Dataset, measured: np.ndarray
) -> None:
    done: list[int] = []
    check_raw_bytes(served, images, dataset.pixels, measured, advance=done.append)
    assert sum(done) == len(images) == 9


def test_other_pixels_of_the_same_file_are_stopped_by_name(
    served: Classifier, images: list[ScannedImage], dataset: Dataset, measured: np.ndarray
) -> None:
    """The file is what it was, and yet the service would see something else."""
    pixels = {image.row: dataset.pixels[image.row].copy() for image in images}
    pixels[images[3].row][0, 0, 0] ^= 1
    with pytest.raises(GateFailed, match=rf"'{images[3].file.path.name}' gives other pixels"):
        check_raw_bytes(served, images, pixels, measured)  # type: ignore[arg-type]


def test_a_probability_other_than_the_measured_one_is_stopped(
    served: Classifier, images: list[ScannedImage], dataset: Dataset, measured: np.ndarray
) -> None:
    measured[2, 0] += 0.01
    with pytest.raises(GateFailed, match=r"probabilities from raw bytes .* differ by 0\.01"):
        check_raw_bytes(served, images, dataset.pixels, measured)


@pytest.mark.parametrize("left", [None, 40])
def test_files_that_vanished_or_changed_since_they_were_scanned_cost_no_more_than_themselves(
    served: Classifier,
    images: list[ScannedImage],
    dataset: Dataset,
    measured: np.ndarray,
    left: int | None,
) -> None:
    """The others are still checked."""
    for image in images[1:3]:
        data = image.file.path.read_bytes()
        image.file.path.unlink()
        if left is not None:
            image.file.path.write_bytes(data[:left])
    images[4].file.path.write_bytes(noisy_png(5, seed=77))
    changed = check_raw_bytes(served, images, dataset.pixels, measured)
    assert changed == (images[1], images[2], images[4])
    measured[8, 0] += 0.01
    with pytest.raises(GateFailed, match=r"probabilities from raw bytes .* differ by 0\.01"):
        check_raw_bytes(served, images, dataset.pixels, measured)


def test_where_most_files_have_gone_nothing_is_published_unchecked(
    served: Classifier, images: list[ScannedImage], dataset: Dataset, measured: np.ndarray
) -> None:
    for image in images[:5]:
        image.file.path.unlink()
    with pytest.raises(GateFailed, match="5 of 9 images have gone or changed"):
        check_raw_bytes(served, images, dataset.pixels, measured)
