"""Bodies of the protocol: a JSON header, then (binary extension) the raw tensors one after another."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from service.bodies.json_skeleton import CutJson, cut_json
from service.bodies.uploads import Upload, UploadLimits
from service.errors import MalformedBody
from service.oip.images import images_from_bytes, images_from_list
from service.oip.tensors import BYTES, UINT8, Tensor, uint8_from_bytes, uint8_from_list

HEADER_LENGTH: Final = "Inference-Header-Content-Length"

InputValues = npt.NDArray[np.uint8] | list[Upload]
_MAX_TIMEOUT_US: Final = 24 * 3600 * 10**6

Dimension = Annotated[StrictInt, Field(ge=1)]


class InferInput(BaseModel):
    """One input tensor of a request."""

    name: str
    shape: list[Dimension] = Field(min_length=1, max_length=8)
    datatype: str
    parameters: dict[str, Any] = {}
    data: Any = None


class InferOutput(BaseModel):
    """One output that a request asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferBody(BaseModel):
    """The JSON part of an inference request."""

    model_config = ConfigDict(title="InferRequest")

    id: str | None = None
    parameters: dict[str, Any] = {}
    inputs: list[InferInput] = Field(min_length=1, max_length=1)
    outputs: list[InferOutput] | None = Field(default=None, max_length=16)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOutput:
    """An output to send back: as raw bytes or in JSON, and as the best `classes` labels or whole."""

    name: str
    binary: bool
    classes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InferRequest:
    """A parsed request.

    Attributes:
        values: pixels, or encoded images where the input is of BYTES.
        timeout_s: how long the caller is willing to wait, where it said so.
        outputs: None where all are wanted.
    """

    id: str | None
    input_name: str
    values: InputValues
    timeout_s: float | None
    outputs: tuple[WantedOutput, ...] | None
    binary_by_default: bool


def parse_request(body: bytes, header_length: str | None, *, limits: UploadLimits) -> InferRequest:
    """Read a request. Its cost is bounded by its bytes; see `json_skeleton.py`.

    Raises:
        MalformedBody: the JSON, a tensor, or the lengths do not fit.
        TooManyImages: the input is of more images than one request may hold.
    """
    header, binary = _split(body, header_length)
    cut = cut_json(header, max_images=limits.max_images)
    try:
        parsed = InferBody.model_validate_json(cut.text)
    except ValidationError as err:
        first = err.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "body"
        raise MalformedBody(f"not an inference request: {where}: {first['msg']}") from err
    limits.check_count(parsed.inputs[0].shape[0])
    values = _input_values(parsed.inputs[0], binary, cut)
    cut.check_all_taken()
    by_default = parsed.parameters.get("binary_data_output") is True
    outputs = parsed.outputs
    return InferRequest(
        id=parsed.id,
        input_name=parsed.inputs[0].name,
        values=values,
        timeout_s=_timeout_s(parsed.parameters),
        outputs=None if outputs is None else tuple(_wanted(o, by_default) for o in outputs),
        binary_by_default=by_default,
    )


def render_response(
    *, model: str, version: int, request_id: str | None, tensors: Sequence[tuple[Tensor, bool]]
) -> tuple[bytes, int | None]:
    """Return a response's body and, where it has raw tensors, the length of its JSON part.

    Each of `tensors` comes with whether it is sent as raw bytes.
    """
    outputs: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for tensor, binary in tensors:
        entry: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": tensor.shape,
        }
        if binary:
            raw.append(tensor.as_bytes())
            entry["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            entry["data"] = tensor.as_list()
        outputs.append(entry)
    answer = {"model_name": model, "model_version": str(version), "outputs": outputs}
    if request_id is not None:
        answer["id"] = request_id
    header = json.dumps(answer, ensure_ascii=False, allow_nan=False).encode()
    return b"".join([header, *raw]), len(header) if raw else None


def _split(body: bytes, header_length: str | None) -> tuple[bytes, memoryview]:
    if header_length is None:
        return body, memoryview(b"")
    if not header_length.isascii() or not header_length.isdigit() or len(header_length) > 12:
        raise MalformedBody(f"{HEADER_LENGTH} must be a number of bytes")
    length = int(header_length)
    if not 0 < length <= len(body):
        raise MalformedBody(f"{HEADER_LENGTH} is {length}, the body has {len(body)} bytes")
    return body[:length], memoryview(body)[length:]


def _timeout_s(parameters: dict[str, Any]) -> float | None:
    """Read Triton's `timeout`, in microseconds; 0 is none."""
    timeout_us = parameters.get("timeout", 0)
    if type(timeout_us) is not int or not 0 <= timeout_us <= _MAX_TIMEOUT_US:
        raise MalformedBody("parameter timeout must be a number of microseconds")
    return timeout_us / 1e6 if timeout_us else None


def _input_values(given: InferInput, binary: memoryview, cut: CutJson) -> InputValues:
    if given.datatype not in (UINT8, BYTES):
        raise MalformedBody(
            f"input {given.name[:80]!r} is {given.datatype[:20]!r}, must be {UINT8!r} (pixels) or "
            f"{BYTES!r} (encoded images)"
        )
    from_list, from_bytes = _READERS[given.datatype]
    size = given.parameters.get("binary_data_size")
    if size is None:
        if len(binary):
            raise MalformedBody("raw bytes follow the JSON but no input has a binary_data_size")
        return from_list(given.name, given.shape, given.data, cut)
    if given.data is not None or type(size) is not int or size != len(binary):
        raise MalformedBody(
            f"input {given.name!r} says binary_data_size {size!r}, {len(binary)} bytes follow the JSON"
        )
    return from_bytes(given.name, given.shape, binary)


# By datatype: from JSON, and from raw bytes.
_READERS: Final[Mapping[str, tuple[Callable[..., InputValues], Callable[..., InputValues]]]] = {
    UINT8: (uint8_from_list, uint8_from_bytes),
    BYTES: (images_from_list, images_from_bytes),
}


def _wanted(output: InferOutput, by_default: bool) -> WantedOutput:
    binary = output.parameters.get("binary_data", by_default)
    classes = output.parameters.get("classification", 0)
    if type(binary) is not bool or type(classes) is not int or classes < 0:
        raise MalformedBody(f"parameters of output {output.name[:80]!r} do not fit")
    return WantedOutput(name=output.name, binary=binary, classes=classes)
