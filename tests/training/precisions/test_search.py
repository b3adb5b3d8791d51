"""What is published beside the float32 file, and what is left out and why."""

import dataclasses

import numpy as np
import onnx
import pytest

from inference import precision
from inference.precision import multiplies_bfloat16
from inference.session import SessionConfig, open_session
from inference.speed import MIN_SPEEDUP
from tests.training.conftest import quiet
from tests.training.precisions.conftest import of_two_folds, times_as_fast
from training.export.parity import run_batches
from training.planning.search_time import SearchTime
from training.precisions.converted_model import Float32Model
from training.precisions.search import PrecisionSearch, search_precisions

pytestmark = pytest.mark.training


def attempt_int8(reference: Float32Model, *, ratio: float = 2.0) -> PrecisionSearch:
    """Try int8 and find it so many times as fast."""
    return search_precisions(
        ("fp32", "int8"), reference, quiet(), seed=0, compare=times_as_fast(ratio)
    )


def with_trunk(reference: Float32Model, trunk: onnx.ModelProto) -> Float32Model:
    """Return the model with another trunk."""
    candidate = reference.candidate
    exported = dataclasses.replace(candidate.exported, graph=trunk)
    candidate = dataclasses.replace(candidate, exported=exported)
    detector = dataclasses.replace(reference.detector, candidate=candidate)
    return dataclasses.replace(reference, detector=detector)


def copy_of(trunk: onnx.ModelProto) -> onnx.ModelProto:
    """Return a trunk that may be changed."""
    copied = onnx.ModelProto()
    copied.CopyFrom(trunk)
    return copied


def insert_behind_relu(trunk: onnx.ModelProto, *steps: tuple[str, np.ndarray]) -> None:
    """Compute with a number, and then another, on what the first ReLU gives."""
    nodes = trunk.graph.node
    relu = next(node for node in nodes if node.op_type == "Relu")
    given = relu.output[0]
    for node in nodes:
        node.input[:] = ["step_last" if name == given else name for name in node.input]
    place = list(nodes).index(relu) + 1
    for index, (operation, number) in enumerate(steps):
        last = index == len(steps) - 1
        taken, given = given, "step_last" if last else f"step_{index}"
        trunk.graph.initializer.append(onnx.numpy_helper.from_array(number, f"number_{index}"))
        made = onnx.helper.make_node(operation, [taken, f"number_{index}"], [given])
        nodes.insert(place + index, made)


def with_a_dwarfing_channel(reference: Float32Model) -> Float32Model:
    """Return the model with a channel made larger than all others, and smaller again.

    In float32 that changes nothing; of 256 steps the others get none.
    """
    trunk = copy_of(reference.candidate.trunk)
    nodes = trunk.graph.node
    kernel = next(node for node in nodes if node.op_type == "Conv").input[1]
    (weight,) = (tensor for tensor in trunk.graph.initializer if tensor.name == kernel)
    factors = np.ones((1, weight.dims[0], 1, 1), np.float32)
    factors[0, 0] = 2.0**20
    insert_behind_relu(trunk, ("Mul", factors), ("Div", factors))
    return with_trunk(reference, trunk)


def test_a_good_and_faster_file_is_published_with_rules_of_its_own(reference: Float32Model) -> None:
    tried = attempt_int8(reference)
    assert tried.left_out is None
    (variant,) = tried.variants
    facts = variant.facts
    assert facts["precision"] == "int8"
    assert facts["calibration"].temperature != reference.temperature
    assert facts["rejection"].threshold != reference.rejection.threshold
    assert facts["rejection"].accepted == pytest.approx(reference.rejection.accepted)
    assert facts["parity"].max_abs_logit_diff > 0
    assert facts["metrics"].val.images == 9
    assert facts["metrics"].test.accuracy == 1
    assert {split: p.shape for split, p in variant.probabilities.items()} == {
        "val": (9, 3),
        "test": (9, 3),
    }


def test_its_rules_and_accuracy_are_of_the_images_of_all_folds(reference: Float32Model) -> None:
    several = of_two_folds(reference)
    (alone,), (variant,) = attempt_int8(reference).variants, attempt_int8(several).variants
    temperature = alone.facts["calibration"].temperature
    assert variant.facts["calibration"].temperature > 2 * temperature
    assert variant.facts["conformal"].images == 28
    metrics = variant.facts["metrics"]
    assert metrics.validation == "cross-validated"
    assert metrics.val.images == 28
    assert metrics.val.accuracy == pytest.approx(2 / 3, abs=0.1)


def test_the_published_graph_has_its_temperature_and_the_head_in_float32(
    reference: Float32Model,
) -> None:
    (variant,) = attempt_int8(reference).variants
    constants = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in variant.model.graph.initializer
    }
    head = reference.candidate.head
    assert np.array_equal(constants["head.weight"], head.weight)
    assert constants["temperature"] == np.float32(variant.facts["calibration"].temperature)
    assert constants["familiarity.prototypes"].dtype == np.float32
    assert any(node.op_type == "QuantizeLinear" for node in variant.model.graph.node)


def with_a_large_offset(reference: Float32Model) -> Float32Model:
    """Return the model with a large number added to every feature, and taken away again.

    In float32 that changes nothing; of 256 steps the features get none.
    """
    trunk = copy_of(reference.candidate.trunk)
    offset = np.array(4096.0, np.float32)
    insert_behind_relu(trunk, ("Add", offset), ("Sub", offset))
    return with_trunk(reference, trunk)


def test_a_head_fitted_on_the_quantised_features_wins_back_what_the_old_one_loses(
    reference: Float32Model,
) -> None:
    poor = with_a_dwarfing_channel(reference)
    (variant,) = attempt_int8(poor).variants
    assert variant.outcome.how is not None
    assert variant.outcome.how.endswith("head fitted on its features")
    assert variant.facts["metrics"].val.accuracy == 1
    assert variant.facts["metrics"].test.accuracy == 1
    session = open_session(variant.model.SerializeToString(), SessionConfig(provider="cpu"))
    dataset = poor.candidate.dataset
    outputs = run_batches(session, dataset.pixels, dataset.rows("test"))
    assert (outputs.logits.argmax(axis=1) == dataset.targets("test")).all()


def test_a_head_that_came_out_of_training_is_not_fitted_again(reference: Float32Model) -> None:
    candidate = dataclasses.replace(reference.candidate, C=None)
    trained = dataclasses.replace(
        reference, detector=dataclasses.replace(reference.detector, candidate=candidate)
    )
    tried = attempt_int8(with_a_dwarfing_channel(trained))
    assert tried.left_out is not None
    assert tried.left_out["int8"].startswith("accuracy gate: -")


def test_a_poor_quantisation_is_left_out_by_name_of_the_gate_and_by_how_much(
    reference: Float32Model,
) -> None:
    tried = attempt_int8(with_a_large_offset(reference))
    assert tried.variants == ()
    assert tried.left_out is not None
    reason = tried.left_out["int8"]
    assert reason.startswith("accuracy gate: -")
    assert reason.endswith("on the validation images, limit is -0.5 points")
    (outcome,) = tried.outcomes
    assert outcome.accuracy is not None
    assert outcome.accuracy.low <= outcome.accuracy.points < -0.1
    assert outcome.speed is not None


def test_a_file_that_is_no_faster_is_left_out(reference: Float32Model) -> None:
    tried = attempt_int8(reference, ratio=MIN_SPEEDUP - 0.01)
    assert tried.variants == ()
    assert tried.left_out == {
        "int8": "speed gate: 1.09 times as fast at batch 8 (CPU), must be 1.1 at least"
    }


def test_a_file_that_answers_with_no_numbers_is_left_out(reference: Float32Model) -> None:
    trunk = copy_of(reference.candidate.trunk)
    kernel = next(node for node in trunk.graph.node if node.op_type == "Conv").input[1]
    (weight,) = (tensor for tensor in trunk.graph.initializer if tensor.name == kernel)
    values = onnx.numpy_helper.to_array(weight).copy()
    values.flat[0] = np.nan
    weight.CopyFrom(onnx.numpy_helper.from_array(values, kernel))
    tried = search_precisions(("fp16",), with_trunk(reference, trunk), quiet(), seed=0)
    assert tried.left_out == {"fp16": "accuracy gate: it answers with NaN or infinity"}


def test_float16_keeps_the_answers_and_the_types_outside(reference: Float32Model) -> None:
    tried = search_precisions(("fp16",), reference, quiet(), seed=0, compare=times_as_fast(2.0))
    (variant,) = tried.variants
    session = open_session(variant.model.SerializeToString(), SessionConfig(provider="cpu"))
    blank = np.zeros((2, 64, 64, 3), np.uint8)
    for name in session.output_names:
        assert session.run(blank, [name])[name].dtype == np.float32
    assert variant.facts["parity"].max_abs_logit_diff < 0.05
    halves = [
        tensor
        for tensor in variant.model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT16
    ]
    assert len(halves) > 5


def test_without_time_nothing_is_tried(reference: Float32Model) -> None:
    tried = search_precisions(
        ("int8",),
        reference,
        quiet(),
        seed=0,
        time=SearchTime(seconds_left=lambda: 3.2, needed_s={"int8": 14.0}),
    )
    assert tried.left_out == {"int8": "time budget: it takes about 14 s, 3 s are left"}


def test_with_little_time_the_quickest_to_try_comes_first() -> None:
    time = SearchTime(needed_s={"fp16": 7.0, "int8": 13.0, "bf16": 6.0})
    assert time.in_order(("fp32", "fp16", "int8", "bf16")) == ["bf16", "fp16", "int8"]


def test_a_head_is_not_fitted_again_without_time(reference: Float32Model) -> None:
    """It says what the drafts lose, and does not go over the budget to find more."""
    no_time = SearchTime(seconds_left=lambda: 20.0, needed_s={"int8": 14.0}, refit_s=30.0)
    tried = search_precisions(
        ("int8",),
        with_a_dwarfing_channel(reference),
        quiet(),
        seed=0,
        time=no_time,
        compare=times_as_fast(2.0),
    )
    assert tried.left_out is not None
    assert tried.left_out["int8"].startswith("accuracy gate: -")


def try_bf16(reference: Float32Model, *, ratio: float) -> PrecisionSearch:
    """Try bf16 and find it so many times as fast."""
    compare = times_as_fast(ratio)
    return search_precisions(("fp32", "bf16"), reference, quiet(), seed=0, compare=compare)


def test_bf16_is_the_float32_file_with_rules_of_its_own(reference: Float32Model) -> None:
    tried = try_bf16(reference, ratio=2.0)
    if not multiplies_bfloat16():
        assert tried.left_out is not None
        assert tried.left_out["bf16"].startswith("this processor does not multiply bfloat16")
        return
    (variant,) = tried.variants
    constants = {tensor.name: tensor for tensor in variant.model.graph.initializer}
    inside = onnx.numpy_helper.to_array(constants["temperature"])
    assert inside == np.float32(reference.temperature)
    assert variant.facts["precision"] == "bf16"
    assert variant.facts["calibration"].temperature != reference.temperature
    assert variant.facts["rejection"].threshold != reference.rejection.threshold
    assert 0 < variant.facts["parity"].max_abs_logit_diff < 0.5
    assert variant.facts["metrics"].test.accuracy == 1


def test_bf16_that_is_no_faster_or_without_openvino_is_left_out(
    reference: Float32Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = try_bf16(reference, ratio=MIN_SPEEDUP - 0.1).left_out
    assert left_out is not None
    assert left_out["bf16"].startswith("speed gate" if multiplies_bfloat16() else "this processor")
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "find_spec", lambda _: None)
    assert try_bf16(reference, ratio=2.0).left_out == {"bf16": precision.INSTALL_OPENVINO}
