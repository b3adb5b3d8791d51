"""An inference request of the protocol, run on a model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from inference import BatchOutputs, Manifest, PreparedImage
from inference.session import INPUT_NAME
from service.bodies.uploads import Upload
from service.engine.served_model import ServedModel
from service.errors import MalformedBody
from service.oip.metadata import output_names
from service.oip.tensors import BYTES, FP32, Tensor
from service.oip.wire import InferRequest, WantedOutput
from service.prediction.predictor import Predictor, ended_by
from service.prediction.stages import StageTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """The outputs of each image, and the tensors that are wanted, each with whether it goes as raw bytes."""

    rows: list[BatchOutputs]
    tensors: list[tuple[Tensor, bool]]


async def infer(
    model: ServedModel,
    request: InferRequest,
    predictor: Predictor,
    *,
    deadline: float,
    times: StageTimes,
) -> Inferred:
    """Run a request until `deadline`.

    Raises:
        MalformedBody: the input or an output is not one of the model's.
        DeadlineExceeded, Overloaded, ShuttingDown: as `ServedModel.run`.
        ImageError, RequestError: an encoded image cannot be decoded; a tensor has no place for a gap.
        SessionError: the model failed.
    """
    manifest = model.classifier.manifest
    _check_input(request, manifest)
    wanted = _wanted_outputs(request, manifest)
    wants_map = any(output.name == "activation_map" for output in wanted)
    async with ended_by(deadline):
        if isinstance(request.values, list):
            rows = await _run_images(
                model, request.values, predictor, times, wants_map=wants_map, deadline=deadline
            )
        else:
            rows = await _run_pixels(
                model, request.values, times, wants_map=wants_map, deadline=deadline
            )
    tensors = [(_output_tensor(rows, output, manifest), output.binary) for output in wanted]
    return Inferred(rows=rows, tensors=tensors)


async def _run_pixels(
    model: ServedModel,
    images: npt.NDArray[np.uint8],
    times: StageTimes,
    *,
    wants_map: bool,
    deadline: float,
) -> list[BatchOutputs]:
    answers = await asyncio.gather(
        *(
            model.run(partial(_as_prepared, pixels), activation_map=wants_map, deadline=deadline)
            for pixels in images
        )
    )
    for answered in answers:
        times.note("queue", answered.queue_s)
        times.note("infer", answered.infer_s)
    return [answered.outputs for answered in answers]


def _as_prepared(pixels: npt.NDArray[np.uint8]) -> PreparedImage:
    height, width = pixels.shape[:2]
    return PreparedImage(pixels=pixels, source_wh=(width, height))


async def _run_images(
    model: ServedModel,
    images: Sequence[Upload],
    predictor: Predictor,
    times: StageTimes,
    *,
    wants_map: bool,
    deadline: float,
) -> list[BatchOutputs]:
    budget = predictor.budget_for(images)
    answers = await asyncio.gather(
        *(
            predictor.run(
                model, image, times, activation_map=wants_map, deadline=deadline, budget=budget
            )
            for image in images
        )
    )
    return [answered.outputs for answered in answers]


def _check_input(request: InferRequest, manifest: Manifest) -> None:
    if request.input_name != INPUT_NAME:
        raise MalformedBody(f"there is no input {request.input_name[:80]!r}; send {INPUT_NAME!r}")
    expected = (*manifest.crop_hw, 3)
    if isinstance(request.values, np.ndarray) and request.values.shape[1:] != expected:
        raise MalformedBody(
            f"input has shape {list(request.values.shape)}, must be {[-1, *expected]}; "
            "encoded images (datatype BYTES) may be of any size"
        )


def _wanted_outputs(request: InferRequest, manifest: Manifest) -> tuple[WantedOutput, ...]:
    names = output_names(manifest)
    if not request.outputs:
        return tuple(WantedOutput(name=n, binary=request.binary_by_default) for n in names)
    for output in request.outputs:
        if output.name not in names:
            raise MalformedBody(f"there is no output {output.name[:80]!r}; there are {names}")
        if output.classes and output.name not in ("logits", "probabilities"):
            raise MalformedBody(
                f"output {output.name!r} cannot be given as classification; "
                "ask for that of logits or probabilities"
            )
    return request.outputs


def _output_tensor(
    rows: Sequence[BatchOutputs], output: WantedOutput, manifest: Manifest
) -> Tensor:
    values = np.concatenate([getattr(row, output.name) for row in rows])
    if output.classes:
        return _classification(output, values, manifest)
    return Tensor(name=output.name, datatype=FP32, values=values)


def _classification(output: WantedOutput, scores: np.ndarray, manifest: Manifest) -> Tensor:
    """Give the best classes as Triton does: (N, classes) of "score:index:label"."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, : output.classes]
    texts = [
        [f"{row[i]:f}:{i}:{manifest.labels[i]}".encode() for i in ranked]
        for row, ranked in zip(scores, order, strict=True)
    ]
    return Tensor(name=output.name, datatype=BYTES, values=np.array(texts, dtype=object))
