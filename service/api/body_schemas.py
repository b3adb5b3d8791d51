"""The forms of a prediction's body, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from inference.formats import ACCEPTED_FORMATS

_BINARY: Final = {"type": "string", "format": "binary"}
_BASE64: Final = {
    "type": "string",
    "description": "The file's bytes in base64, or a data: URL. No address is fetched.",
}
_OBJECT: Final = {
    "type": "object",
    "description": "One image: its bytes, and a name that the answer repeats.",
    "properties": {"b64": _BASE64, "filename": {"type": "string"}},
    "required": ["b64"],
}
_IMAGE: Final = {"oneOf": [_BASE64, _OBJECT]}
_IMAGES: Final = {"type": "array", "items": _IMAGE, "minItems": 1}


def predict_body(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the `requestBody` of a prediction that takes these options, by name their schemas."""
    files = {"type": "array", "items": _BINARY, "minItems": 1}
    form = {"type": "object", "properties": {"files": files, **options}, "required": ["files"]}
    return {
        "required": True,
        "description": "One image as the body; or files of a form, under any field names; or JSON with "
        "base64 images. What a body is, is told by its first bytes, whatever its content type says. "
        "Content-Encoding may be gzip or deflate. Options in a form or in JSON count where the query "
        "leaves them open.",
        "content": {
            **{media_type: {"schema": _BINARY} for media_type in ACCEPTED_FORMATS.values()},
            "application/octet-stream": {"schema": _BINARY},
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": _json_body(options)},
        },
    }


def _json_body(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    def one_of(name: str, schema: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: schema, **more, **options},
            "required": [name],
            "additionalProperties": False,
        }

    return {
        "oneOf": [
            one_of("images", _IMAGES),
            one_of("image", _IMAGE),
            one_of("instances", _IMAGES, parameters={"type": "object", "properties": {**options}}),
        ]
    }
