"""What stands on disk for a kept image: each record is a line of JSON in the folder of its day.

`KEEP_DIR/2026-11-30/` holds what was kept on a day (UTC) and may be removed at any time. In it:

* `3fe1….jpg`, an image without its metadata, named by the sha256 of these bytes;
* `answers.jsonl`, a `KeptAnswer` a line: an image that came again may have several;
* `feedback.jsonl`, a `Feedback` a line: the right label, as a program sent it to POST /feedback;
* `handled.jsonl`, a `Handled` a line: what a person decided.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from inference.strictjson import to_json
from service.keep_policy import Reason

ANSWERS_FILE: Final = "answers.jsonl"
FEEDBACK_FILE: Final = "feedback.jsonl"
HANDLED_FILE: Final = "handled.jsonl"
# By Pillow's name of the format.
SUFFIXES: Final = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"}
DAY_FOLDER: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
IMAGE_FILE: Final = re.compile(r"([0-9a-f]{64})\.(?:jpg|png|webp|gif|bmp)")
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
MAX_LABEL_CHARS: Final = 200

Record = TypeVar("Record", "KeptAnswer", "Feedback", "Handled")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShare:
    """A label and its calibrated probability, 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What was answered for one image, and why it was kept.

    Attributes:
        request_id: of the answer, its header X-Request-ID; with `index` it names the answer. They
            come first, so that `find_answer.py` can search for the beginning of the line.
        index: the image's place in the request, from 0.
        sha256: of the kept file's bytes, in hexadecimal.
        file: its name in the day's folder.
        time: when it was answered, ISO 8601 in UTC with milliseconds.
        model: the name.
        version: of the model.
        label: the most probable one.
        probability: of `label`, 0..1.
        rejected: the image is unlike the training images.
        top: the most probable labels, best first.
        reasons: why it was kept, at least one.
        copied_from: format and size of what was sent, where the kept file is a copy of its pixels.
    """

    request_id: str
    index: int
    sha256: str
    file: str
    time: str
    model: str
    version: int
    label: str
    probability: float
    rejected: bool
    top: tuple[LabelShare, ...]
    reasons: tuple[Reason, ...]
    copied_from: str | None = None

    def __post_init__(self) -> None:
        found = IMAGE_FILE.fullmatch(self.file)
        # It becomes a path.
        if found is None or found[1] != self.sha256:
            raise ValueError(f"file must be the sha256 and a suffix, got {self.file[:80]!r}")
        if not REQUEST_ID.fullmatch(self.request_id) or self.index < 0:
            raise ValueError(f"no answer is named {self.request_id[:80]!r}, {self.index}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """The right label of an image, from a program.

    Attributes:
        sha256: the kept image.
        time: when it came, as `KeptAnswer.time`.
        request_id: the answer that it is about, with `index`.
        index: see `KeptAnswer`.
        label: the right one.
        known: it is one of the model's; None where that version is no longer published.
        answered: the label that the model gave.
    """

    sha256: str
    time: str
    request_id: str
    index: int
    label: str
    known: bool | None
    answered: str

    @property
    def agrees(self) -> bool:
        """Whether the model was right."""
        return self.label == self.answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What a person decided of an image: a label, or None where it is of no use. `time` as elsewhere.

    `undone`: that was taken back, and nothing is decided.
    """

    sha256: str
    time: str
    label: str | None
    undone: bool = False


def now() -> str:
    """Return the time as the records have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def as_line(record: KeptAnswer | Feedback | Handled) -> str:
    """Return a record as one line of JSON, without its end."""
    return json.dumps(to_json(record), ensure_ascii=False)


def key_of_answer(request_id: str, index: int) -> bytes:
    """Return how the line of an answer begins."""
    head = json.dumps({"request_id": request_id, "index": index})
    return head.removesuffix("}").encode() + b","


def from_line(kind: type[Record], line: str | bytes) -> Record | None:
    """Read a record. None for a line that holds none: a full disk cut it short, or it is another's.

    Keys of a later version are passed over.
    """
    try:
        record = _READERS[kind](json.loads(line))
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    assert isinstance(record, kind)
    return record


# Not `strictjson`, which takes ten times as long: there may be a hundred thousand lines.
def _read_answer(data: Any) -> KeptAnswer:
    top = (
        LabelShare(label=_text(x["label"]), probability=float(x["probability"]))
        for x in data["top"]
    )
    return KeptAnswer(
        request_id=_text(data["request_id"]),
        index=int(data["index"]),
        sha256=_text(data["sha256"]),
        file=_text(data["file"]),
        time=_text(data["time"]),
        model=_text(data["model"]),
        version=int(data["version"]),
        label=_text(data["label"]),
        probability=float(data["probability"]),
        rejected=bool(data["rejected"]),
        top=tuple(top),
        reasons=tuple(data["reasons"]),
        copied_from=data.get("copied_from"),
    )


def _read_feedback(data: Any) -> Feedback:
    known = data["known"]
    return Feedback(
        sha256=_text(data["sha256"]),
        time=_text(data["time"]),
        request_id=_text(data["request_id"]),
        index=int(data["index"]),
        label=_text(data["label"]),
        known=None if known is None else bool(known),
        answered=_text(data["answered"]),
    )


def _read_handled(data: Any) -> Handled:
    label = data["label"]
    return Handled(
        sha256=_text(data["sha256"]),
        time=_text(data["time"]),
        label=None if label is None else _text(label),
        undone=bool(data.get("undone", False)),
    )


_READERS: Final[Mapping[type, Callable[[Any], object]]] = {
    KeptAnswer: _read_answer,
    Feedback: _read_feedback,
    Handled: _read_handled,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def check_label(text: str) -> str:
    """Return a label as training would read it from a folder's name: in Unicode's form NFC.

    Raises:
        ValueError: no folder of images could be named so; the message says why.
    """
    label = unicodedata.normalize("NFC", text.strip())
    if not 0 < len(label) <= MAX_LABEL_CHARS:
        raise ValueError(f"a label has 1 to {MAX_LABEL_CHARS} characters, got {len(label)}")
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in label):
        raise ValueError(f"a label has no control characters, got {label[:80]!r}")
    if label.startswith(".") or set(label) & {"/", "\\"}:
        raise ValueError(
            f"a label is the name of a folder, without slashes or a dot at its start, got {label[:80]!r}"
        )
    return label
