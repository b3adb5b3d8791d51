"""Each precision that was asked for: converted, checked by the gates, and made ready to publish."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnx

from inference.classifier import BatchOutputs
from inference.errors import SessionError
from inference.manifest import Precision, shares_fp32_file
from inference.precision import why_not_bfloat16
from inference.providers import resolve_provider
from inference.session import ModelSession, SessionConfig, open_session
from inference.speed import BATCHES, Speed, compare_speed
from training.abstention.ood_detector import OodDetector
from training.export.parity import run_batches
from training.ood.reference_images import choose_reference_images
from training.planning.search_time import UNLIMITED, SearchTime
from training.precisions.converted_metrics import measure_variant
from training.precisions.converted_model import (
    ConvertedModel,
    ConvertedPredictions,
    Float32Model,
    assemble,
)
from training.precisions.float16 import to_float16
from training.precisions.gates import accuracy_reason, speed_reason
from training.precisions.int8 import CAREFUL_RECIPE, RECIPES, Int8Converter
from training.precisions.outcome import ConvertedFile, PrecisionOutcome
from training.precisions.refitted_head import refit_head
from training.runtime.arrays import Pixels
from training.runtime.progress import Display

CompareSpeed = Callable[[ModelSession, ModelSession, Pixels], Speed]

# The ranges of what is seen in this many images hardly grow with more.
_CALIBRATION_IMAGES: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionSearch:
    """All attempts in order, and those of them that are to be published."""

    outcomes: tuple[PrecisionOutcome, ...] = ()
    variants: tuple[ConvertedFile, ...] = ()

    @property
    def left_out(self) -> dict[Precision, str] | None:
        """Why which precision is not published; None where there is none such."""
        return {a.precision: a.left_out for a in self.outcomes if a.left_out is not None} or None


def search_precisions(
    asked: Sequence[Precision],
    reference: Float32Model,
    display: Display,
    *,
    seed: int,
    time: SearchTime = UNLIMITED,
    compare: CompareSpeed = compare_speed,
) -> PrecisionSearch:
    """Try each precision beyond float32. Test images are read only for what is published.

    Args:
        asked: which ones.
        reference: the float32 model.
        display: shows what became of each.
        seed: chooses the calibration images.
        time: what a time budget has left for it.
        compare: times two files.
    """
    outcomes, variants = [], []
    for precision in time.in_order(asked):
        found: PrecisionOutcome | ConvertedFile
        if (reason := time.why_not(precision)) is not None:
            found = PrecisionOutcome(precision=precision, left_out=reason)
        else:
            with display.bar(f"trying {precision}", None):
                found = _try(precision, reference, seed=seed, time=time, compare=compare)
        outcome = found.outcome if isinstance(found, ConvertedFile) else found
        display.line(outcome.describe())
        outcomes.append(outcome)
        variants += [found] if isinstance(found, ConvertedFile) else []
    outcomes.sort(key=lambda outcome: asked.index(outcome.precision))
    variants.sort(key=lambda variant: asked.index(variant.outcome.precision))
    return PrecisionSearch(outcomes=tuple(outcomes), variants=tuple(variants))


def _try(
    precision: Precision,
    reference: Float32Model,
    *,
    seed: int,
    time: SearchTime,
    compare: CompareSpeed,
) -> PrecisionOutcome | ConvertedFile:
    problem = why_not_bfloat16() if precision == "bf16" else None
    if problem is not None:
        return PrecisionOutcome(precision=precision, left_out=problem)
    try:
        return _measured(precision, reference, seed=seed, time=time, compare=compare)
    except SessionError as err:
        if not shares_fp32_file(precision):
            raise
        # Another runtime may not know all that ONNX Runtime does.
        return PrecisionOutcome(precision=precision, left_out=str(err))


def _measured(
    precision: Precision,
    reference: Float32Model,
    *,
    seed: int,
    time: SearchTime,
    compare: CompareSpeed,
) -> PrecisionOutcome | ConvertedFile:
    config = _session_config(precision)
    converted = _best_draft(precision, reference, config, seed=seed, time=time)
    if converted is None:
        reason = "accuracy gate: it answers with NaN or infinity"
        return PrecisionOutcome(precision=precision, left_out=reason)
    calibration = converted.predictions.calibration()
    shared = shares_fp32_file(precision)
    temperature = reference.temperature if shared else calibration.temperature
    model = converted.assembled(temperature=temperature)
    data = model.SerializeToString()
    change = converted.predictions.accuracy_change()
    speed = _compare(data, precision, reference, config, compare)
    outcome = PrecisionOutcome(
        precision=precision,
        how=converted.how,
        accuracy=change,
        speed=speed,
        size_bytes=len(data),
        left_out=accuracy_reason(change) or speed_reason(speed),
    )
    if outcome.left_out is not None:
        return outcome
    return measure_variant(outcome, model, converted, calibration, config)


def _session_config(precision: Precision) -> SessionConfig:
    """Return what a precision is for: float16 a GPU where there is one, all else the CPU."""
    on_gpu = precision == "fp16" and resolve_provider("auto") != "cpu"
    return SessionConfig(provider="cuda" if on_gpu else "cpu")


def _best_draft(
    precision: Precision,
    reference: Float32Model,
    config: SessionConfig,
    *,
    seed: int,
    time: SearchTime,
) -> ConvertedModel | None:
    """Return the draft nearest to the float32 answers, of those that keep the accuracy if any does.

    A head is fitted again only where the float32 model's own loses too much, and there is time. None where
    no draft answers with numbers.
    """
    trunk = reference.candidate.trunk
    if precision == "bf16":
        how = "the float32 file, computed in bfloat16 by OpenVINO"
        return _nearest(_drafts([(how, trunk)], reference, config, precision))
    if precision == "fp16":
        return _nearest(_drafts([("layers in float16", to_float16(trunk))], reference, config))
    drafts: list[ConvertedModel] = []
    with Int8Converter(trunk, _calibration_images(reference, seed=seed)) as converter:
        for recipes in (RECIPES, (CAREFUL_RECIPE,)):
            trunks = [(recipe.describe(), converter.convert(recipe)) for recipe in recipes]
            found = _drafts(trunks, reference, config)
            if not any(map(_keeps_accuracy, found)) and time.has_for_refit():
                found += _refitted(found, reference, config)
            drafts += found
            if any(map(_keeps_accuracy, found)) or not time.has_for_refit():
                break
    return _nearest([d for d in drafts if _keeps_accuracy(d)] or drafts)


def _drafts(
    trunks: Sequence[tuple[str, onnx.ModelProto]],
    reference: Float32Model,
    config: SessionConfig,
    precision: Precision = "fp32",
) -> list[ConvertedModel]:
    """Run each trunk on the validation images; leave out what answers with no number.

    `precision` is what the runtime is to compute in, where the file itself does not say it.
    """
    drafts = []
    for how, trunk in trunks:
        outputs = _answers(reference.detector, trunk, reference, config, precision)
        if np.isfinite(outputs.logits).all() and np.isfinite(outputs.embedding).all():
            drafts.append(
                ConvertedModel(
                    how=how,
                    trunk=trunk,
                    detector=reference.detector,
                    served_logits=outputs.logits,
                    predictions=ConvertedPredictions.of_same_head(reference, outputs),
                )
            )
    return drafts


def _refitted(
    drafts: Sequence[ConvertedModel], reference: Float32Model, config: SessionConfig
) -> list[ConvertedModel]:
    """Return the nearest of the drafts with a head of its own; nothing where there can be none."""
    converted = _nearest(drafts)
    detector = None if converted is None else refit_head(reference.detector, converted.trunk)
    if converted is None or detector is None:
        return []
    outputs = _answers(detector, converted.trunk, reference, config)
    return [
        ConvertedModel(
            how=f"{converted.how}, head fitted on its features",
            trunk=converted.trunk,
            detector=detector,
            served_logits=outputs.logits,
            predictions=ConvertedPredictions.of_refitted(reference, detector, outputs),
        )
    ]


def _answers(
    detector: OodDetector,
    trunk: onnx.ModelProto,
    reference: Float32Model,
    config: SessionConfig,
    precision: Precision = "fp32",
) -> BatchOutputs:
    """Run a file on the validation images."""
    model = assemble(detector, trunk, temperature=reference.temperature)
    dataset = reference.candidate.dataset
    session = open_session(model.SerializeToString(), config, precision=precision)
    return run_batches(session, dataset.pixels, dataset.rows("val"))


def _keeps_accuracy(converted: ConvertedModel) -> bool:
    return accuracy_reason(converted.predictions.accuracy_change()) is None


def _nearest(drafts: Sequence[ConvertedModel]) -> ConvertedModel | None:
    return min(drafts, key=lambda converted: converted.error, default=None)


def _calibration_images(reference: Float32Model, *, seed: int) -> Pixels:
    """Return training images (M, H, W, 3), of each class alike, as the model sees them."""
    dataset = reference.candidate.dataset
    places = choose_reference_images(dataset, seed=seed, at_most=_CALIBRATION_IMAGES)
    return np.ascontiguousarray(dataset.pixels[dataset.rows("train")[places]])


def _compare(
    data: bytes,
    precision: Precision,
    reference: Float32Model,
    config: SessionConfig,
    compare: CompareSpeed,
) -> Speed:
    """Time a file beside the float32 one, on as many images as the largest timed batch."""
    one_thread = dataclasses.replace(config, intra_op_threads=1)
    float32 = assemble(
        reference.detector, reference.candidate.trunk, temperature=reference.temperature
    )
    before = float32.SerializeToString()
    dataset = reference.candidate.dataset
    rows = np.resize(dataset.rows("val"), max(BATCHES))
    pixels = np.ascontiguousarray(dataset.pixels[rows])
    other = open_session(data, one_thread, precision=precision)
    return compare(open_session(before, one_thread), other, pixels)
