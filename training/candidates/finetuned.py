"""From trained networks to a model that could be published: one, or the average of several.

With few images, the network is trained once per held-out fold (`run.fit`). The networks began
alike, and each has missed a fold; their averaged weights have missed none. Wortsman et al. 2022,
"Model soups": such a mean is mostly better than the networks it is of, and no slower.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.assessment.validation_record import ValidationRecord
from training.assessment.validation_result import ValidationResult, select_best, validation_result
from training.candidates.candidate import Candidate
from training.candidates.horizontal_flip import embed_flipped
from training.candidates.probe_candidate import fit_last_head, search_probe
from training.candidates.training_run import train_network
from training.data.split import Dataset
from training.finetuning.checkpoint import Checkpoints
from training.finetuning.loop import OnLogits, ignore
from training.finetuning.task import TrainingTask
from training.finetuning.weight_averaging import mean_weights
from training.ood.reference_images import choose_reference_images
from training.ood.score import held_out_cosines
from training.probing.features import Features
from training.probing.network_features import features_of
from training.probing.probe import Probe, ProbeTrial, make_trial
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display
from training.runtime.ranks import is_main


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedNetwork:
    """A network after training, and heads that were tried on its trunk.

    Attributes:
        task: what was trained. Neither the network nor any of the heads has seen its `val` images.
        features: the network, with the head that came out of training, and its embeddings.
        probe: heads that were fitted on the embeddings.
        history, notes: the epochs, and which weights were tried.
    """

    task: TrainingTask
    features: Features
    probe: Probe
    history: tuple[ValidationRecord, ...]
    notes: tuple[str, ...]


def train_with_heads(
    task: TrainingTask,
    checkpoints: Checkpoints,
    display: Display,
    on_logits: OnLogits = ignore,
) -> TrainedNetwork | None:
    """Train a copy of the task's start, and try heads on the trained backbone.

    Of several processes only the first one gets an answer; the others return None.

    Raises:
        NoTimeToTrain: the budget has no room for a few steps.
    """
    trained = train_network(task, checkpoints, display, on_logits)
    if not is_main():
        return None
    features = features_of(trained.network, task.backbone.spec, task.dataset.pixels, display)
    return TrainedNetwork(
        task=task,
        features=features,
        probe=search_probe(features, task.dataset, display, every_logits=True),
        history=trained.history,
        notes=trained.notes,
    )


def make_finetuned(
    trained: Sequence[TrainedNetwork],
    dataset: Dataset,
    display: Display,
    *,
    spare_s: Callable[[], float] = lambda: math.inf,
) -> Candidate:
    """Return the model: the mean of the networks, with a head fitted on all that it may see.

    On a few hundred images, fitting the head again is worth more than a longer training. Its C,
    and whether the head that came out of training is kept instead, is chosen on all validation images,
    each predicted by a network and a head that had not seen it.

    Args:
        trained: one network, or one beside each of the first folds.
        dataset: its `val` are the validation images of all of these, in their order.
        display: shows what was tried.
        spare_s: the seconds that a fitted model leaves of the budget when it is published.
    """
    task = trained[0].task
    chosen_head = _choose_head(trained, dataset.targets("val"))
    for note in chosen_head.notes:
        display.line(f"  {note}")
    features, made_of = _average_weights(trained, dataset, display)
    head = features.network.linear_head()
    if chosen_head.C is not None:
        flips = None
        if task.horizontal_flip:
            flips = embed_flipped(features, dataset, display, spare_s=spare_s)
        head = fit_last_head(features, dataset, display, C=chosen_head.C, flipped=flips)
    return Candidate(
        method=task.method,
        dataset=dataset,
        exported=features.exported,
        head=head,
        start_head=None,
        embeddings=features.embeddings,
        val_logits=chosen_head.logits,
        accuracy=float(chosen_head.result.correct.mean()),
        nll=float(chosen_head.result.losses.mean()),
        spread=_spread(chosen_head.result, dataset),
        C=chosen_head.C,
        horizontal_flip=task.horizontal_flip,
        history=trained[0].history,
        notes=(*trained[0].notes, *chosen_head.notes, *made_of),
        val_cosines=_held_out_cosines(trained),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChosenHead:
    """The head to publish, chosen on validation images: `C` is None for the one as trained."""

    C: float | None
    logits: Floats
    result: ValidationResult
    notes: tuple[str, ...]


def _choose_head(trained: Sequence[TrainedNetwork], targets: Integers) -> _ChosenHead:
    fitted = _best_trial([t.probe.trials for t in trained], targets)
    own = np.concatenate([_own_logits(t.features, t.task.dataset.rows("val")) for t in trained])
    results = [
        validation_result("new head on the trained backbone", fitted.logits, targets),
        validation_result("head as trained", own, targets),
    ]
    kept = select_best(results)
    return _ChosenHead(
        C=fitted.C if kept == 0 else None,
        logits=fitted.logits if kept == 0 else own,
        result=results[kept],
        notes=tuple(r.describe() + (" (kept)" if i == kept else "") for i, r in enumerate(results)),
    )


def _best_trial(tried: Sequence[Sequence[ProbeTrial]], targets: Integers) -> ProbeTrial:
    """Return the C whose heads, one per network, do best on all of their validation images."""
    joined = (
        make_trial(of_all[0].C, np.concatenate([t.logits for t in of_all]), targets)
        for of_all in zip(*tried, strict=False)  # each network's search ended on its own
    )
    return min(joined, key=lambda trial: trial.nll)


def _average_weights(
    trained: Sequence[TrainedNetwork], dataset: Dataset, display: Display
) -> tuple[Features, tuple[str, ...]]:
    """Return the network to publish, what it sees, and a note on what it is the mean of.

    Networks that went different ways have a mean that is worth nothing. The images tell: together, each
    of the networks has learned nearly all of them.
    """
    first = trained[0]
    if len(trained) == 1:
        return first.features, ()
    networks = [t.features.network for t in trained]
    mean = copy.deepcopy(networks[0])
    mean.load_state_dict(mean_weights([network.state_dict() for network in networks]))
    features = features_of(mean.eval(), first.task.backbone.spec, dataset.pixels, display)
    worst = min(_accuracy(t.features, dataset) for t in trained)
    if _accuracy(features, dataset) < worst:
        return first.features, (
            f"first of {len(trained)} networks: their averaged weights are worse than each of them",
        )
    return features, (f"averaged weights of {len(trained)} networks, one per fold (model soup)",)


def _accuracy(features: Features, dataset: Dataset) -> float:
    logits = _own_logits(features, dataset.rows("train"))
    return float((logits.argmax(axis=1) == dataset.targets("train")).mean())


def _own_logits(features: Features, rows: Integers) -> Floats:
    """Return what the head that came out of training says of some images, (M, K)."""
    return features.network.linear_head().logits(features.embeddings[rows])


def _spread(chosen_head: ValidationResult, dataset: Dataset) -> float | None:
    """Return the standard deviation of the accuracy over the folds, None where there is one."""
    folds = dataset.val_folds
    if (
        folds is None
        or len(of_fold := [chosen_head.correct[folds == f] for f in np.unique(folds)]) < 2
    ):
        return None
    return float(np.std([correct.mean() for correct in of_fold]))


def _held_out_cosines(trained: Sequence[TrainedNetwork]) -> Floats | None:
    """Return how near each validation image is to others, by the network that had not seen it."""
    if len(trained) == 1:
        return None
    found = []
    for network in trained:
        dataset, embeddings = network.task.dataset, network.features.embeddings
        places = choose_reference_images(dataset, seed=network.task.config.seed)
        found.append(
            held_out_cosines(
                embeddings[dataset.rows("train")[places]],
                dataset.targets("train")[places],
                embeddings[dataset.rows("val")],
            )
        )
    return np.concatenate(found)
