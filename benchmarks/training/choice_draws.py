"""Small training runs of which every choice is recorded: what each option said of validation and test images.

A draw is some classes of a data set and some images of each; all other images of these classes are for
testing, so that they tell which option was the better one. The runs are the product's own. What it calls
to choose is watched, and an option that it does not keep is measured all the same. Embeddings come from
PyTorch in place of ONNX Runtime: so small a run would spend most of its time on exporting networks.
"""

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import torch
from rich.console import Console

from benchmarks.training.trials import SHARED
from training.assessment.calibration import PRIOR_SPREAD, fit_temperature
from training.assessment.nll import negative_log_likelihood
from training.assessment.validation_result import ValidationResult, select_best
from training.candidates import finetuned, selection, training_run
from training.candidates.candidate import Candidate
from training.candidates.finetuned import TrainedNetwork, make_finetuned
from training.candidates.selection import Selection
from training.command_options import parse_config
from training.data.scan import StoredPixels
from training.data.split import Dataset
from training.finetuning.loop import Trainer
from training.finetuning.task import TrainingTask
from training.finetuning.validation import ValidationImages, compute_logits
from training.finetuning.weight_averaging import interpolate, load_copy
from training.networks.transfer_network import TransferNetwork
from training.probing import features, flipped_embeddings, network_features
from training.run import fit_network, network_run, pipeline, prepare_backbone
from training.run.fit_probe import Fitting, probe_on
from training.run.saved_run import forget_run
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display

_BATCH: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One small training run: `per_class` images of each of `num_classes` classes, drawn by `seed`.

    There are at most so many `test_images`. With a `learning_rate` far too high, fine-tuning does harm.
    """

    data: str
    num_classes: int
    per_class: int
    image_px: int
    epochs: int
    seed: int
    learning_rate: float | None = None
    test_images: int = 250

    @property
    def name(self) -> str:
        """A name for files, and in tables."""
        rate = "" if self.learning_rate is None else f"-rate{self.learning_rate:g}"
        return (
            f"{self.data}-{self.num_classes}x{self.per_class}-{self.image_px}px-{self.epochs}ep"
            f"{rate}-{self.seed}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What could be kept: per validation image its loss (nats) and 1 where it is right; on test images.

    `test_loss` in nats, at the temperature that the validation images give, as it would be served.
    """

    name: str
    val_losses: list[float]
    val_correct: list[int]
    test_right: int
    test_loss: float

    def result(self) -> ValidationResult:
        """Return what a rule of choice is given."""
        return ValidationResult(
            name=self.name,
            losses=np.array(self.val_losses),
            correct=np.array(self.val_correct, dtype=bool),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Options that competed, the one that is kept without evidence first."""

    place: str
    test_images: int
    options: tuple[Option, ...]


@dataclass(slots=True)
class _Watched:
    """Choices of one run, in their order."""

    choices: list[Choice] = field(default_factory=list)

    def add(
        self, place: str, said: Sequence["_Said"], test: Sequence[Floats], targets: Integers
    ) -> None:
        options = tuple(_option(s, logits, targets) for s, logits in zip(said, test, strict=True))
        self.choices.append(Choice(place=place, test_images=len(targets), options=options))

    def keep_best(self, keep_best: Callable[..., Any]) -> Callable[..., Any]:
        """Return `training_run._keep_best`, watched: the weights of a run."""

        def watched(task: TrainingTask, trainer: Trainer, display: Display) -> Any:
            with _answers_of(training_run) as said:
                kept = keep_best(task, trainer, display)
            targets = task.dataset.targets("test")
            test = [_weights_on_test(s.result.name, task, trainer) for s in said]
            self.add("weights", said, test, targets)
            return kept

        return watched

    def make_finetuned(
        self, trained: Sequence[TrainedNetwork], dataset: Dataset, display: Display, **named: Any
    ) -> Candidate:
        """Stand in for `make_finetuned`: the head as trained, or one fitted again."""
        with _answers_of(finetuned) as said:
            made = []
            for forced in (0, 1):
                with patch.object(finetuned, "select_best", lambda _, forced=forced: forced):
                    made.append(make_finetuned(trained, dataset, display, **named))
        said = said[:2]
        self.add("head", said, [_on_test(m) for m in made], dataset.targets("test"))
        return made[select_best([s.result for s in said])]

    def from_probe(self, from_probe: Callable[..., Any]) -> Callable[..., Any]:
        """Return `fit_network._from_probe`, watched: the probe against what was trained."""

        def watched(probe: Candidate, fitting: Fitting, *others: Any) -> Selection:
            with _answers_of(selection) as said:
                chosen: Selection = from_probe(probe, fitting, *others)
            # The probe as it would be published.
            probe = probe_on(fitting, fitting.prepared.dataset, flipped=True)
            test = [_on_test(probe), _on_test(chosen.tried[1])]
            self.add("candidate", said, test, fitting.prepared.dataset.targets("test"))
            return chosen

        return watched


@dataclass(frozen=True, slots=True)
class _Said:
    """What one option said of the validation images."""

    result: ValidationResult
    logits: Floats
    targets: Integers


@contextmanager
def _answers_of(module: ModuleType) -> Iterator[list[_Said]]:
    """Collect what a module evaluates on validation images."""
    said: list[_Said] = []
    original = module.validation_result

    def evaluate(name: str, logits: Floats, targets: Integers) -> ValidationResult:
        result: ValidationResult = original(name, logits, targets)
        said.append(_Said(result, logits, targets))
        return result

    with patch.object(module, "validation_result", evaluate):
        yield said


def _option(said: _Said, logits: Floats, targets: Integers) -> Option:
    temperature = fit_temperature(said.logits, said.targets, prior_spread=PRIOR_SPREAD)
    loss = negative_log_likelihood(logits, targets, temperature=temperature)
    return Option(
        name=said.result.name,
        val_losses=[round(float(value), 4) for value in said.result.losses],
        val_correct=[int(right) for right in said.result.correct],
        test_right=int((logits.argmax(axis=1) == targets).sum()),
        test_loss=round(loss, 4),
    )


def _on_test(model: Candidate) -> Floats:
    assert model.embeddings is not None
    return model.head.logits(model.embeddings[model.dataset.rows("test")])


def _weights_on_test(name: str, task: TrainingTask, trainer: Trainer) -> Floats:
    average = trainer.average.weights
    weights: Any = average
    if name == "last weights":
        weights = trainer.network.state_dict()
    elif name.startswith("weight interpolation"):
        share = float(name.split(",")[1].split("%", maxsplit=1)[0]) / 100
        weights = interpolate(task.start.state_dict(), average, share)
    images = ValidationImages(
        pixels=task.dataset.pixels,
        rows=task.dataset.rows("test"),
        targets=task.dataset.targets("test"),
    )
    return compute_logits(load_copy(trainer.network, weights), images, trainer.settings.device)


def record_draw(draw: Draw, work: Path, cache: Path) -> tuple[list[Choice], float]:
    """Make one run; return its choices and its seconds. Nothing is published."""
    folder = work / draw.name
    write_draw(draw, folder)
    places = ["--models-dir", str(work / "models"), "--cache-dir", str(cache)]
    length = ["--method", "finetune", "--epochs", str(draw.epochs), "--seed", str(draw.seed)]
    others = ["--image-size", str(draw.image_px), "--tracker", "none", "--leakage", "drop"]
    if draw.learning_rate is not None:
        length += ["--learning-rate", str(draw.learning_rate)]
    config = parse_config(
        [str(folder), *places, *length, *others, "--fresh", "--offline"], prog="finetune"
    )
    watched, began = _Watched(), time.monotonic()

    def fit_and_stop(fitting: Fitting) -> None:
        fit_network.fit_network(fitting)
        forget_run(fitting.config, fitting.run_name)

    with ExitStack() as stack:
        for module, name, instead in (
            (training_run, "_keep_best", watched.keep_best(training_run._keep_best)),
            (fit_network, "make_finetuned", watched.make_finetuned),
            (fit_network, "_from_probe", watched.from_probe(fit_network._from_probe)),
            (network_run, "fit_network", fit_and_stop),
            (network_features, "export_trunk", lambda network, spec: network),
            (prepare_backbone, "keep_export", lambda *_: None),
            (features, "compute_embeddings", embed),
            (flipped_embeddings, "compute_embeddings", embed),
        ):
            stack.enter_context(patch.object(module, name, instead))
        pipeline.run(config, Display(Console(quiet=True)), started=time.monotonic())
    shutil.rmtree(folder)
    return watched.choices, time.monotonic() - began


@torch.inference_mode()
def embed(
    network: TransferNetwork,
    pixels: StoredPixels,
    rows: Integers,
    *,
    flipped: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Floats:
    """Stand in for `compute_embeddings`; the network takes the place of its export."""
    network = network.eval()
    parts = []
    for start in range(0, len(rows), _BATCH):
        images = torch.from_numpy(pixels[rows[start : start + _BATCH]]).permute(0, 3, 1, 2)
        images = images.flip(3) if flipped else images
        parts.append(network.trunk(network.normalise(images)).numpy())
    advance(len(rows))
    return np.concatenate(parts)


def write_draw(draw: Draw, out: Path) -> None:
    """Copy the drawn images into `out/train`, and others of the same classes into `out/test`."""
    rng = random.Random(draw.seed)
    data = SHARED / "data" / draw.data
    parts = [part for part in (data / "train", data / "test") if part.is_dir()] or [data]
    classes = sorted(folder.name for folder in parts[0].iterdir() if folder.is_dir())
    for name in rng.sample(classes, draw.num_classes):
        files = sorted(parts[0].joinpath(name).iterdir())
        rng.shuffle(files)
        rest = files[draw.per_class :]
        for part in parts[1:]:
            rest += sorted(part.joinpath(name).iterdir())
        _copy(files[: draw.per_class], out / "train" / name)
        _copy(rest[: draw.test_images // draw.num_classes], out / "test" / name)


def _copy(files: Sequence[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for place, file in enumerate(files):
        shutil.copy(file, folder / f"{place:03}-{file.name}")
