"""Images in JSON, in the forms that clients of this and of other services send.

{"images": ["<base64>", …]}                    an option beside them: {"images": […], "top_k": 3}
{"image": "<base64>"}
{"instances": [{"b64": "<base64>"}, …], "parameters": {"top_k": 3}}    TensorFlow Serving, Vertex AI
{"inputs": "<base64>"}                                                 Hugging Face
{"input_data": {"columns": ["image"], "data": [["<base64>"], …]}}      Azure ML
["<base64>", …], "<base64>"
"""

import difflib
from collections.abc import Mapping
from typing import Any, Final

from service.bodies.encoded_text import EncodedText, refuse_address
from service.bodies.json_skeleton import CutJson, cut_json
from service.bodies.uploads import MAX_FILENAME_CHARS, Upload, Uploads
from service.errors import AddressNotFetched, MalformedBody

IMAGE_KEYS: Final = ("images", "image", "instances", "inputs", "input_data")
# Where an object that stands for one image has its bytes, its name, or an address in their place.
_BYTES_KEYS: Final = (
    "b64", "base64", "image", "image_bytes", "imageBytes", "image_base64", "bytes", "content", "data", "file",
)  # fmt: skip
_NAME_KEYS: Final = ("filename", "file_name", "name", "key", "id")
_ADDRESS_KEYS: Final = ("url", "uri", "image_url", "imageUrl", "source", "href")
# Sent by other services' clients, and of no meaning here.
_IGNORED_KEYS: Final = frozenset({"signature_name", "id"})
_MAX_NESTED_OBJECTS: Final = 3
_FORM: Final = 'send {"images": ["<base64>", …]}'


def read_json_images(body: bytes, *, max_images: int, options: frozenset[str]) -> Uploads:
    """Read a JSON body. Its cost is bounded by its bytes; see `json_skeleton.py`.

    Args:
        body: the JSON.
        max_images: more may be found; it bounds what is looked at.
        options: the names that may stand beside the images.

    Raises:
        MalformedBody: it is no JSON, or of another form.
        AddressNotFetched: an address stands in place of an image.
    """
    cut = cut_json(body, max_images=max_images)
    value = cut.parse()
    given: Mapping[str, Any] = {}
    if isinstance(value, dict):
        value, given = _split(value, options)
    values = value if isinstance(value, list) else [value]
    images = [_upload(item, cut) for item in values]
    cut.check_all_taken()
    return Uploads(images=images, options=given)


def _split(value: dict[str, Any], options: frozenset[str]) -> tuple[Any, dict[str, Any]]:
    """Return the value with the images, and the options beside it."""
    found = [key for key in IMAGE_KEYS if key in value]
    if not found and any(key in value for key in (*_BYTES_KEYS, *_ADDRESS_KEYS)):
        return value, {}  # an object that stands for one image
    if len(found) != 1:
        reason = f"{' and '.join(found)} at once" if found else _missing(value)
        raise MalformedBody(f"{reason}; {_FORM}")
    images = value.pop(found[0])
    if isinstance(images, dict) and isinstance(images.get("data"), list):
        images = images["data"]
    parameters = value.pop("parameters", None) or {}
    if not isinstance(parameters, dict):
        raise MalformedBody("parameters of the JSON body must be an object")
    given = {**value, **parameters}
    for name in given:
        if name not in options and name not in _IGNORED_KEYS:
            raise MalformedBody(
                f"the JSON body has a key {name[:80]!r} that means nothing here"
                f"{_suggestion(name, (*IMAGE_KEYS, *options))}"
            )
    return images, {name: given[name] for name in given if name in options}


def _missing(value: dict[str, Any]) -> str:
    names = ", ".join(repr(key[:40]) for key in list(value)[:5])
    return f"the JSON body has no 'images'{f', but {names}' if names else ''}"


def _suggestion(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name[:80], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; options are {', '.join(sorted(known))}"


def _upload(value: Any, cut: CutJson, *, depth: int = 0, name: str | None = None) -> Upload:
    if isinstance(value, list) and len(value) == 1:  # a row of one column
        (value,) = value
    if isinstance(value, str):
        found = cut.take(value)
        if found is None:
            return Upload(filename=name, content=EncodedText(value.encode("utf-8", "replace")))
        if found.kind == "text":
            return Upload(filename=name, content=EncodedText(found.json, escaped=True))
    if isinstance(value, dict) and depth < _MAX_NESTED_OBJECTS:
        return _upload_of_object(value, cut, depth=depth, name=name)
    kind = "a list" if isinstance(value, str | list) else type(value).__name__
    advice = "pixels go to /v2/models/NAME/infer; " if kind == "a list" else ""
    raise MalformedBody(f"an image of the JSON body is {kind}, not base64; {advice}{_FORM}")


def _name(value: str, cut: CutJson) -> str:
    found = cut.take(value)
    if found is None:
        return value[:MAX_FILENAME_CHARS]
    if found.kind != "text":
        raise MalformedBody(f"an image of the JSON body has {found.kind} for its name; {_FORM}")
    return found.first_chars(MAX_FILENAME_CHARS)


def _upload_of_object(
    value: dict[str, Any], cut: CutJson, *, depth: int, name: str | None
) -> Upload:
    names = [_name(value[key], cut) for key in _NAME_KEYS if isinstance(value.get(key), str)]
    name = next(iter(names), name)
    for key in _BYTES_KEYS:
        if key in value:
            return _upload(value[key], cut, depth=depth + 1, name=name)
    for key in _ADDRESS_KEYS:
        if isinstance(address := value.get(key), str):
            refuse_address(address.encode("utf-8", "replace"))
            raise AddressNotFetched("an address is not fetched here; send the image itself")
    keys = ", ".join(repr(key[:40]) for key in list(value)[:5])
    raise MalformedBody(f"an image of the JSON body is an object of {keys or 'nothing'}; {_FORM}")
