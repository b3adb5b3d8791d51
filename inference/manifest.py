"""The manifest: everything about a model that its file of weights does not say.

It stands beside the model as `manifest.json` and, without `files`, inside each ONNX file, so that a
copied `model.onnx` is still usable. Reading is strict: another `format_version` or an unknown key
is refused by name rather than half understood. A key that is added gets a default, so that packages of
before are read, and `format_version` stays; code of before refuses the new key rather than ignoring it.
"""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from inference.backbone_choice import BackboneChoice
from inference.errors import InvalidManifest, PackageError
from inference.measured import AnswerShares, Metrics, UnknownMeasure
from inference.names import check_model_name
from inference.preprocessing import PreprocessSpec
from inference.strictjson import from_json, parse_json, to_json

FORMAT_VERSION: Final = 1
MANIFEST_FILE: Final = "manifest.json"
METADATA_KEY: Final = "graft.manifest"
# One of ten thousand classes, each with its metrics on two splits, is below it.
MAX_MANIFEST_BYTES: Final = 8 * 2**20
# Of an ONNX file without external data, as of any protocol buffer.
MAX_MODEL_BYTES: Final = 2**31 - 1

Precision = Literal["fp32", "fp16", "int8", "bf16"]
MODEL_FILES: Final[Mapping[Precision, str]] = {
    "fp32": "model.onnx",
    "fp16": "model.fp16.onnx",
    "int8": "model.int8.onnx",
    # OpenVINO computes in it from the float32 weights.
    "bf16": "model.onnx",
}


def shares_fp32_file(precision: Precision) -> bool:
    """Return whether a precision has no file of its own but is run from the float32 one."""
    return precision != "fp32" and MODEL_FILES[precision] == MODEL_FILES["fp32"]


# What a graph may answer with; see `BatchOutputs`.
_OUTPUTS: Final = frozenset(
    {"logits", "probabilities", "embedding", "activation_map", "familiarity"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One model file: name in the package, hex sha256, size, validation metrics of that precision."""

    file: str
    sha256: str
    bytes: int
    metrics: Mapping[str, float]

    def __post_init__(self) -> None:
        if not 0 < self.bytes <= MAX_MODEL_BYTES:
            raise ValueError(f"bytes must be 1..{MAX_MODEL_BYTES}, got {self.bytes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSpec:
    """One graph output. `shape` has -1 for the batch. `absent` says why there is none."""

    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    absent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """`probabilities = softmax(logits / temperature)`, fitted on validation images.

    Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """

    temperature: float

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be positive, got {self.temperature}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTerm:
    """Mean and standard deviation of one measure over validation images; it is scored by them."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """An image whose `score` is below `threshold` is unlike the training data.

    What has a default is missing in manifests of earlier versions.

    Attributes:
        score: "familiarity" is the graph's output of that name, the sum of two measures in standard
            deviations from their mean: `max_logit`, and `prototype_cosine`, the cosine between the
            embedding and the nearest of `prototypes` points among the training images' embeddings.
            "max_logit" is the largest logit.
        accepted: share of validation images at or above the threshold, 0..1.
        tuned_on: images of a folder `_unknown` that the threshold was chosen by; where 0, it is the
            one that accepts 95 % of the validation images.
        measured: null where there was nothing to measure with.
    """

    score: Literal["max_logit", "familiarity"]
    threshold: float
    accepted: float
    prototypes: int | None = None
    max_logit: ScoreTerm | None = None
    prototype_cosine: ScoreTerm | None = None
    tuned_on: int = 0
    measured: UnknownMeasure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conformal:
    """The labels whose probability is at least `threshold` hold the true one with chance `coverage`.

    Split conformal prediction with the score 1 - probability of the true label: Sadinle, Lei and
    Wasserman 2019, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels".

    Attributes:
        method: "lac", as above.
        coverage: the promised chance, averaged over images like those of the validation set, 0..1.
        threshold: a probability; 0 where there are too few images to leave out any label.
        images: validation images that the threshold was found with.
    """

    method: Literal["lac"]
    coverage: float
    threshold: float
    images: int

    def __post_init__(self) -> None:
        if not 0 < self.coverage < 1:
            raise ValueError(f"coverage must be between 0 and 1, got {self.coverage}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be 0 to 1, got {self.threshold}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneInfo:
    """The pretrained network. `weights` names them; `sha256` is that of the weights file or null."""

    name: str
    source: str
    weights: str
    sha256: str | None
    licence: str
    num_params: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsFileInfo:
    """A file of labels that the data set had, and what it did.

    Attributes:
        file: its name.
        sha256: of its bytes.
        mode: whether it gave all labels, or corrected those of the folders.
        lines: how many it has.
        labelled: images that have their label from it.
        changed: those whose folder says another label.
        left_out: images with an empty label in it.
        unlisted: images that it does not name.
        unknown: lines that no image fits.
    """

    file: str
    sha256: str
    mode: Literal["labels", "corrections"]
    lines: int
    labelled: int
    changed: int
    left_out: int
    unlisted: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    """`fingerprint`: sha256 over the images' hashes, labels and splits; `counts[split][label]`.

    `labels_file` is not written where labels come from folder names alone.
    """

    fingerprint: str
    counts: Mapping[str, Mapping[str, int]]
    labels_file: LabelsFileInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingInfo:
    """How the model came about.

    `config` is the whole run configuration. `teacher` says of a run with --teacher whether what was taught
    is better, and the figures that decided; it is left out where it is None.
    """

    method: str
    seed: int
    config: Mapping[str, Any]
    seconds: float
    libraries: Mapping[str, str]
    teacher: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """PyTorch against the published file in ONNX Runtime, over so many `images`.

    They are the validation images; of a probe on a backbone that an earlier run has exported, those whose
    features PyTorch computed then.
    """

    max_abs_logit_diff: float
    argmax_agreement: float
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRules:
    """What differs where a precision has no file, and so no manifest inside one, of its own.

    `metrics` has nothing by class: `per_class` is empty.
    """

    calibration: Calibration
    rejection: Rejection | None
    conformal: Conformal | None
    metrics: Metrics
    parity: Parity


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """See the module's and each part's docstring. `labels[i]` is the name of logit i.

    Each model file has its own manifest inside, for its own temperature, thresholds and metrics:
    `precision` says of which file they are (`manifest.json` is about fp32), and `parity` of a
    smaller type is against the fp32 file. `precisions_left_out` says why a precision that was tried
    is not among the `files`. `title` is the name that the person gave, where a model's name cannot hold
    it: "사진" of `sajin-5c2f1e`; it is not written where there is none, and neither are
    `backbone_choice`: the backbones that a run with `--backbone auto` tried, and `precision_rules`: of the
    precisions that are run from the fp32 file.
    """

    format_version: int
    name: str
    version: int
    created: str
    labels: tuple[str, ...]
    preprocessing: PreprocessSpec
    outputs: Mapping[str, OutputSpec]
    calibration: Calibration
    rejection: Rejection | None
    backbone: BackboneInfo
    dataset: DatasetInfo
    metrics: Metrics
    training: TrainingInfo
    parity: Parity
    conformal: Conformal | None = None
    validation_answers: AnswerShares | None = None
    precision: Precision = "fp32"
    precisions_left_out: Mapping[Precision, str] | None = None
    files: Mapping[Precision, FileEntry] | None = None
    title: str | None = None
    backbone_choice: BackboneChoice | None = None
    precision_rules: Mapping[Precision, PrecisionRules] | None = None

    def __post_init__(self) -> None:
        check_model_name(self.name)
        if self.version < 1:
            raise ValueError(f"version must be positive, got {self.version}")
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"need at least two different labels, got {list(self.labels)[:10]}")
        if unknown := sorted(self.outputs.keys() - _OUTPUTS):
            raise ValueError(f"outputs names {unknown}; known are {sorted(_OUTPUTS)}")
        for precision, entry in (self.files or {}).items():
            # A manifest may not send its reader to another place of the disk.
            if entry.file != MODEL_FILES[precision]:
                raise ValueError(f"file of {precision} must be {MODEL_FILES[precision]!r}")
            if shares_fp32_file(precision):
                self._check_shared(precision, entry)

    def _check_shared(self, precision: Precision, entry: FileEntry) -> None:
        """Refuse a precision of the fp32 file that is of other bytes, or lacks its rules."""
        if self.files is None or "fp32" not in self.files:
            raise ValueError(f"files has {precision} but no fp32")
        fp32 = self.files["fp32"]
        if (entry.sha256, entry.bytes) != (fp32.sha256, fp32.bytes):
            raise ValueError(f"file of {precision} must be that of fp32, with its sha256 and bytes")
        if precision not in (self.precision_rules or {}):
            raise ValueError(f"precision_rules lacks {precision}, which files has")

    def run_as(self, precision: Precision) -> "Manifest":
        """Return the manifest by which the fp32 file is used where it is run as `precision`."""
        rules = (self.precision_rules or {})[precision]
        return dataclasses.replace(
            self,
            precision=precision,
            calibration=rules.calibration,
            rejection=rules.rejection,
            conformal=rules.conformal,
            metrics=rules.metrics,
            parity=rules.parity,
        )

    @property
    def crop_hw(self) -> tuple[int, int]:
        """(height, width) of the model's input in pixels."""
        return self.preprocessing.crop_hw


def dump_manifest(manifest: Manifest, *, embedded: bool = False) -> str:
    """Return the manifest as JSON text; `embedded` leaves `files` and `precision_rules` out.

    Raises:
        InvalidManifest: it is longer than is read again.
    """
    if embedded:
        manifest = dataclasses.replace(manifest, files=None, precision_rules=None)
    data = to_json(manifest)
    for holder, key in (
        (data, "files"),
        (data, "title"),
        (data, "backbone_choice"),
        (data, "precision_rules"),
        (data["dataset"], "labels_file"),
        (data["training"], "teacher"),
    ):
        if holder[key] is None:
            del holder[key]
    if data["preprocessing"]["fit"] == "crop":  # what a manifest without the key says
        del data["preprocessing"]["fit"]
    text = json.dumps(data, ensure_ascii=False, indent=None if embedded else 2, allow_nan=False)
    if len(text.encode()) > MAX_MANIFEST_BYTES:
        raise InvalidManifest(f"manifest is above {MAX_MANIFEST_BYTES} bytes; use fewer classes")
    return text


def parse_manifest(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        InvalidManifest: not JSON, of another format version, or with a key or value that does not fit.
    """
    if len(text) > MAX_MANIFEST_BYTES:
        raise InvalidManifest(f"manifest is longer than {MAX_MANIFEST_BYTES} characters")
    try:
        data = parse_json(text)
    except ValueError as err:
        raise InvalidManifest(f"manifest {err}; publish the model again") from err
    version = data.get("format_version") if isinstance(data, dict) else None
    if version != FORMAT_VERSION:
        raise InvalidManifest(
            f"manifest has format_version {repr(version)[:40]}, this service reads {FORMAT_VERSION}; "
            "publish the model again or update the service"
        )
    try:
        return from_json(Manifest, data, where="manifest")
    except ValueError as err:
        raise InvalidManifest(str(err)) from err
    except PackageError as err:
        raise InvalidManifest(f"manifest: {err}") from err
