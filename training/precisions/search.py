"""Each precision that was asked for: converted, judged by the gates, and made ready to publish."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx

from inference.classifier import BatchOutputs
from inference.manifest import Precision
from inference.providers import resolve_provider
from inference.session import ModelSession, SessionConfig, open_session
from training.abstention.ood_detector import Recognition
from training.export.parity import run_batches
from training.ood.reference_images import choose_reference
from training.precisions.converted_metrics import measure_variant
from training.precisions.converted_model import ConvertedAnswers, Draft, Reference, assemble
from training.precisions.float16 import to_float16
from training.precisions.gates import accuracy_reason, speed_reason
from training.precisions.int8 import CAREFUL_RECIPE, RECIPES, Int8Converter
from training.precisions.outcome import Attempt, Variant
from training.precisions.refitted_head import refit
from training.precisions.speed import BATCHES, Speed, compare_speed
from training.runtime.progress import Display

Pixels = npt.NDArray[np.uint8]
CompareSpeed = Callable[[ModelSession, ModelSession, Pixels], Speed]

# The ranges of what is seen in this many images hardly grow with more.
_CALIBRATION_IMAGES: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """All attempts in order, and those of them that are to be published."""

    attempts: tuple[Attempt, ...] = ()
    variants: tuple[Variant, ...] = ()

    @property
    def left_out(self) -> dict[Precision, str] | None:
        """Why which precision is not published; None where there is none such."""
        return {a.precision: a.left_out for a in self.attempts if a.left_out is not None} or None


def try_precisions(
    asked: Sequence[Precision],
    reference: Reference,
    display: Display,
    *,
    seed: int,
    seconds_left: Callable[[], float] = lambda: math.inf,
    needed_s: float = 0.0,
    compare: CompareSpeed = compare_speed,
) -> Tried:
    """Try each precision beyond float32. Test images are read only for what is published.

    Args:
        asked: which ones.
        reference: the float32 model.
        display: is told what became of each.
        seed: chooses the calibration images.
        seconds_left: how much of a time budget is left.
        needed_s: about what one precision takes.
        compare: times two files.
    """
    attempts, variants = [], []
    for precision in asked:
        if precision == "fp32":
            continue
        left_s = seconds_left()
        if left_s < needed_s:
            found: Attempt | Variant = _no_time(precision, needed_s, left_s)
        else:
            with display.bar(f"trying {precision}", None):
                found = _try(precision, reference, seed=seed, compare=compare)
        attempt = found.attempt if isinstance(found, Variant) else found
        display.line(attempt.describe())
        attempts.append(attempt)
        variants += [found] if isinstance(found, Variant) else []
    return Tried(attempts=tuple(attempts), variants=tuple(variants))


def _no_time(precision: Precision, needed_s: float, left_s: float) -> Attempt:
    return Attempt(
        precision=precision,
        left_out=f"time budget: it takes about {needed_s:.0f} s, {max(left_s, 0):.0f} s are left",
    )


def _try(
    precision: Precision, reference: Reference, *, seed: int, compare: CompareSpeed
) -> Attempt | Variant:
    config = _session_config(precision)
    draft = _best_draft(precision, reference, config, seed=seed)
    if draft is None:
        reason = "accuracy gate: it answers with NaN or infinity"
        return Attempt(precision=precision, left_out=reason)
    calibration = draft.judged.calibration()
    model = draft.assembled(temperature=calibration.temperature)
    data = model.SerializeToString()
    change = draft.judged.accuracy_change()
    speed = _compare(data, reference, config, compare)
    attempt = Attempt(
        precision=precision,
        how=draft.how,
        accuracy=change,
        speed=speed,
        size_bytes=len(data),
        left_out=accuracy_reason(change) or speed_reason(speed),
    )
    if attempt.left_out is not None:
        return attempt
    return measure_variant(attempt, model, draft, calibration, config)


def _session_config(precision: Precision) -> SessionConfig:
    """Return what a precision is for: integers the CPU, float16 a GPU where there is one."""
    on_gpu = precision == "fp16" and resolve_provider("auto") != "cpu"
    return SessionConfig(provider="cuda" if on_gpu else "cpu")


def _best_draft(
    precision: Precision, reference: Reference, config: SessionConfig, *, seed: int
) -> Draft | None:
    """Return the draft nearest to the float32 answers, of those that keep the accuracy if any does.

    A head is fitted again only where the float32 model's own loses too much. None where no draft
    answers with numbers.
    """
    trunk = reference.candidate.trunk
    if precision == "fp16":
        return _nearest(_drafts([("layers in float16", to_float16(trunk))], reference, config))
    drafts: list[Draft] = []
    with Int8Converter(trunk, _calibration_images(reference, seed=seed)) as converter:
        for recipes in (RECIPES, (CAREFUL_RECIPE,)):
            trunks = [(recipe.describe(), converter.convert(recipe)) for recipe in recipes]
            found = _drafts(trunks, reference, config)
            if not any(map(_keeps_accuracy, found)):
                found += _refitted(found, reference, config)
            drafts += found
            if any(map(_keeps_accuracy, found)):
                break
    return _nearest([d for d in drafts if _keeps_accuracy(d)] or drafts)


def _drafts(
    trunks: Sequence[tuple[str, onnx.ModelProto]], reference: Reference, config: SessionConfig
) -> list[Draft]:
    """Run each converted trunk on the validation images; leave out what answers with no number."""
    drafts = []
    for how, trunk in trunks:
        outputs = _answers(reference.recognition, trunk, reference, config)
        if np.isfinite(outputs.logits).all() and np.isfinite(outputs.embedding).all():
            drafts.append(
                Draft(
                    how=how,
                    trunk=trunk,
                    recognition=reference.recognition,
                    served_logits=outputs.logits,
                    judged=ConvertedAnswers.of_same_head(reference, outputs),
                )
            )
    return drafts


def _refitted(drafts: Sequence[Draft], reference: Reference, config: SessionConfig) -> list[Draft]:
    """Return the nearest of the drafts with a head of its own; nothing where there can be none."""
    draft = _nearest(drafts)
    recognition = None if draft is None else refit(reference.recognition, draft.trunk)
    if draft is None or recognition is None:
        return []
    outputs = _answers(recognition, draft.trunk, reference, config)
    return [
        Draft(
            how=f"{draft.how}, head fitted on its features",
            trunk=draft.trunk,
            recognition=recognition,
            served_logits=outputs.logits,
            judged=ConvertedAnswers.of_refitted(reference, recognition, outputs),
        )
    ]


def _answers(
    recognition: Recognition, trunk: onnx.ModelProto, reference: Reference, config: SessionConfig
) -> BatchOutputs:
    """Run a file on the validation images."""
    model = assemble(recognition, trunk, temperature=reference.temperature)
    dataset = reference.candidate.dataset
    session = open_session(model.SerializeToString(), config)
    return run_batches(session, dataset.pixels, dataset.rows("val"))


def _keeps_accuracy(draft: Draft) -> bool:
    return accuracy_reason(draft.judged.accuracy_change()) is None


def _nearest(drafts: Sequence[Draft]) -> Draft | None:
    return min(drafts, key=lambda draft: draft.error, default=None)


def _calibration_images(reference: Reference, *, seed: int) -> Pixels:
    """Return training images (M, H, W, 3), of each class alike, as the model sees them."""
    dataset = reference.candidate.dataset
    places = choose_reference(dataset, seed=seed, at_most=_CALIBRATION_IMAGES)
    return np.ascontiguousarray(dataset.pixels[dataset.rows("train")[places]])


def _compare(
    data: bytes, reference: Reference, config: SessionConfig, compare: CompareSpeed
) -> Speed:
    """Time a file beside the float32 one, on as many images as the largest timed batch."""
    one_thread = dataclasses.replace(config, intra_op_threads=1)
    float32 = assemble(
        reference.recognition, reference.candidate.trunk, temperature=reference.temperature
    )
    before = float32.SerializeToString()
    dataset = reference.candidate.dataset
    rows = np.resize(dataset.rows("val"), max(BATCHES))
    pixels = np.ascontiguousarray(dataset.pixels[rows])
    return compare(open_session(before, one_thread), open_session(data, one_thread), pixels)
