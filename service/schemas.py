"""The JSON that the service answers with."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.repository.states import State


class Answer(BaseModel):
    """Base of all answers: immutable, and nothing in it that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldError(Answer):
    """One part of a request that does not fit: where it is and why."""

    loc: list[str | int]
    msg: str


class ImageProblem(Answer):
    """Why one image has no prediction (RFC 9457 members)."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Problem(ImageProblem):
    """Why a request was not answered (RFC 9457).

    `error` repeats `detail`: it is what Open Inference clients read.
    """

    request_id: str
    error: str
    errors: list[FieldError] | None = Field(
        default=None,
        description="The parts of the request that do not fit, where there are several.",
    )


class ModelRef(Answer):
    """The model that answered."""

    name: str
    version: int


class LabelProbability(Answer):
    """A label and its calibrated probability."""

    label: str
    probability: float = Field(ge=0, le=1)


class Prediction(Answer):
    """The answer for one image. The extras are there when they were asked for."""

    index: int = Field(description="Place of the image in the request, from 0.")
    filename: str | None = Field(description="As the form gave it; null in the other body forms.")
    label: str
    probability: float = Field(ge=0, le=1, description="Calibrated.")
    rejected: bool = Field(description="The image is unlike those the model was trained on.")
    top: list[LabelProbability] = Field(description="The most probable labels, best first.")
    rejected_reason: str | None = Field(default=None, description="Why, where `rejected`.")
    notes: list[str] | None = Field(
        default=None,
        description="What to know about the file, where there is something: `incomplete: …` for a JPEG "
        "that ends too early and was filled up, the number of pages of which the first was read.",
    )
    set: list[LabelProbability] | None = Field(
        default=None,
        description="With `set=true`: the fewest labels among which the true one is with the chance "
        "that the model was published with, best first.",
    )
    embedding: list[float] | None = Field(default=None, description="With `embedding=true`.")
    activation_map: list[list[float]] | None = Field(
        default=None,
        description="With `activation_map=true`, where the model has one: rows of values in 0..1, how "
        "much each place spoke for `label`.",
    )
    crop_box: tuple[float, float, float, float] | None = Field(
        default=None,
        description="With `activation_map`: [left, top, right, bottom] of what the map lies over, in the "
        "sent image's pixels after its EXIF turn; beyond the image where the model pads it with bars.",
    )


class FailedPrediction(Answer):
    """An image that could not be answered; its neighbours are."""

    index: int
    filename: str | None
    problem: ImageProblem


class PredictResponse(Answer):
    """One entry an image, in the order sent."""

    model: ModelRef
    predictions: list[Prediction | FailedPrediction]
    notes: list[str] = Field(
        default=[],
        description="There where a field of the form was ignored that is nearly called as an option is.",
    )


class MeasuredWith(Answer):
    """Batches of so many images, so many batches at one time, on so many threads each."""

    batch: int
    batches_at_once: int
    intra_op_threads: int


class Variant(Answer):
    """A precision that is in memory, the hardware that it really runs on, and how it is run there."""

    precision: str
    precision_reason: str = Field(
        description="Why it is run in this precision: what suits the hardware, what was measured, or that "
        "it was asked for."
    )
    runtime: str = Field(description="What runs it: onnxruntime or openvino.")
    provider: str
    intra_op_threads: int = Field(description="Threads for one batch.")
    max_running: int = Field(description="Batches at one time.")
    max_batch: int = Field(description="Images in one batch; more gain nothing here.")
    decode_in_batch: bool = Field(description="The thread of a batch decodes its images too.")
    images_per_s: float | None = Field(
        description="What the model alone reached when it was loaded; null where it was not measured."
    )
    measured_with: MeasuredWith | None = Field(
        description="How `images_per_s` was measured. Figures of two precisions may be compared where this "
        "is equal, and roughly, for they were measured at different times."
    )


class VersionSummary(Answer):
    """One published version and its state."""

    version: int
    state: State
    problem: str | None = Field(default=None, description="Why it is not ready, or why it failed.")
    created: str | None = None
    accuracy: float | None = Field(
        default=None, description="On test images, else on validation images; 0..1."
    )
    loaded: list[Variant] = []


class AnswerShares(Answer):
    """What some answers look like as a whole."""

    images: int
    rejected: float = Field(description="Share that was rejected, 0..1.")
    top_probability: float = Field(description="Mean probability of the first label, 0..1.")
    labels: dict[str, float] = Field(description="Share of the answers by label, 0..1.")


class Drift(Answer):
    """The answers of the last days beside those on validation images."""

    days: int = Field(description="How many days, today among them (UTC).")
    recent: AnswerShares | None = Field(description="Null where nothing was answered.")
    validation: AnswerShares | None
    label_shift: float | None = Field(
        description="Half the sum of the differences of the labels' shares, 0..1; null below 20 images a "
        "label."
    )
    problem: str | None = Field(default=None, description="Why there is nothing to compare with.")


class ModelSummary(Answer):
    """One model: the version that answers, and all that there are."""

    name: str
    title: str | None = Field(
        default=None, description="What the person called it, where a name cannot hold that."
    )
    serving: int | None = Field(description="The version that answers when none is named.")
    problem: str | None = Field(
        default=None, description="Why a newer or chosen version does not answer."
    )
    labels: list[str]
    aliases: dict[str, int]
    traffic: "Traffic | None" = None
    drift: Drift | None = Field(
        default=None, description="Of the version that answers; not in the list of all models."
    )
    versions: list[VersionSummary]


class ModelList(Answer):
    """Every published model."""

    models: list[ModelSummary]
    problem: str | None = Field(
        default=None, description="Why the models folder could not be read."
    )


class VersionDetail(VersionSummary):
    """What is known of one version. Sections of the manifest are as published."""

    name: str
    labels: list[str] = []
    precisions: list[str] = []
    input_hw: list[int] = []
    activation_map: bool = False
    preprocessing: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    rejection: dict[str, Any] | None = None
    metrics: dict[str, Any] = {}
    backbone: dict[str, Any] = {}
    dataset: dict[str, Any] = {}
    method: str | None = None
    parity: dict[str, Any] = {}
    drift: Drift | None = None


class FeedbackBody(BaseModel):
    """The right label of an image that was answered before, and kept."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request_id: str = Field(description="The answer's header X-Request-ID.")
    index: int = Field(default=0, ge=0, description="Place of the image in that request, from 0.")
    label: str = Field(description="The right label; it need not be one of the model's.")


class FeedbackTaken(Answer):
    """What was noted."""

    request_id: str
    index: int
    label: str = Field(description="As it was noted: composed (Unicode NFC), without outer blanks.")
    known: bool | None = Field(
        description="It is one of the model's labels; null where that version is no longer published."
    )
    answered: str = Field(description="The label that the model gave.")
    agrees: bool = Field(description="The model was right.")


class AliasBody(BaseModel):
    """The version that an alias is to point at."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: int


class Traffic(BaseModel):
    """How the requests that name no version are shared among a model's versions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    weights: dict[str, int] = Field(
        default={},
        description="Version (an alias, `latest` or a number) to its share, in proportion to the sum.",
    )
    shadow: str | None = Field(
        default=None,
        description="A version that is given the same images on spare capacity, to be compared.",
    )


class Aliases(Answer):
    """All aliases of a model."""

    name: str
    aliases: dict[str, int]


class Health(Answer):
    """`status` is "live" or "ready"; `models` maps names to the version that answers."""

    status: str
    models: dict[str, int] | None = None
