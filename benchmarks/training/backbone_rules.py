"""By which rule should a backbone be chosen? Each is tried on many draws of training and test images.

    python -m benchmarks.training.backbone_rules --features /tmp/features

Draws are as in `backbone_choice`, but with so many images of each class for training, and all others for
testing. The probes and their cross-validation are the product's own code; what a rule lacks of the best on
the test images is its regret. Cut off, the same command goes on.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.machine import this_machine
from benchmarks.training.backbone_choice import Backbones, Images, KnownFeatures, drawn, load
from training.backbone_choice.comparison import difference, pick_cheapest_of_the_best
from training.backbone_choice.cross_validation import (
    Answers,
    ChoiceImages,
    cross_validate,
    images_to_compare_on,
)
from training.probing.probe import fit_head
from training.runtime.arrays import Floats

# Data, training images of each class, draws.
_CELLS: Final = (
    ("members", 7, 12),
    ("clothing", 10, 12),
    ("clothing", 20, 12),
    ("clothing", 45, 8),
    ("cifar10", 10, 12),
    ("cifar10", 20, 12),
    ("cifar10", 50, 8),
)
_FIRST_SEED: Final = 100
# What `--backbone auto` does.
_PRODUCT: Final = "cheapest within one standard error and half a point, three divisions"
_MOST_FOR_TRAINING: Final = 3 / 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a draw says of each candidate: answers by one division into folds, by all, and on test images."""

    one: Sequence[Answers]
    all: Sequence[Answers]
    test: Sequence[float]


# Which candidate a rule chooses, of the evidence and the candidates' milliseconds.
Rule = Callable[[Evidence, Sequence[float]], int]


def _cheapest_near_the_most_accurate(errors: float, most: float, *, divisions: str) -> Rule:
    def choose(evidence: Evidence, ms: Sequence[float]) -> int:
        answers: Sequence[Answers] = getattr(evidence, divisions)
        best = max(range(len(answers)), key=lambda i: (answers[i].accuracy, -answers[i].nll))

        def near(place: int) -> bool:
            gap = difference(answers[best].correct, answers[place].correct)
            return place == best or gap.mean <= min(errors * gap.error, most)

        return min(filter(near, range(len(answers))), key=lambda i: ms[i])

    return choose


def _cheapest_near_the_lowest_loss(errors: float, *, divisions: str) -> Rule:
    def choose(evidence: Evidence, ms: Sequence[float]) -> int:
        answers: Sequence[Answers] = getattr(evidence, divisions)
        best = min(range(len(answers)), key=lambda i: answers[i].nll)

        def near(place: int) -> bool:
            gap = difference(answers[place].losses, answers[best].losses)
            return place == best or gap.mean <= errors * gap.error

        return min(filter(near, range(len(answers))), key=lambda i: ms[i])

    return choose


def _always(place: int) -> Rule:
    return lambda evidence, ms: place


def rules(names: Sequence[str]) -> Mapping[str, Rule]:
    """Return the rules by what they are called; `names` are those of the candidates."""
    found: dict[str, Rule] = {}
    for divisions, said in (("one", "one division"), ("all", "three divisions")):
        found |= {
            f"most accurate, {said}": _cheapest_near_the_most_accurate(0, 0, divisions=divisions),
            f"cheapest within one standard error and half a point, {said}": (
                _cheapest_near_the_most_accurate(1, 0.005, divisions=divisions)
            ),
            f"cheapest within one standard error, {said}": (
                _cheapest_near_the_most_accurate(1, 1, divisions=divisions)
            ),
            f"lowest loss, {said}": _cheapest_near_the_lowest_loss(0, divisions=divisions),
            f"cheapest within half a standard error in loss, {said}": (
                _cheapest_near_the_lowest_loss(0.5, divisions=divisions)
            ),
            f"cheapest within one standard error in loss, {said}": (
                _cheapest_near_the_lowest_loss(1, divisions=divisions)
            ),
        }
    found[_PRODUCT] = lambda evidence, ms: pick_cheapest_of_the_best(evidence.all, ms).chosen
    return found | {f"always {name}": _always(place) for place, name in enumerate(names)}


def make_evidence(
    images: Images, known: Sequence[KnownFeatures], *, per_class: int, seed: int
) -> Evidence:
    """Draw training and test images, cross-validate every candidate and test it."""
    counts = Counter(image.file.label for image in images.scan.images)
    num_test = {
        label: count - min(per_class, int(_MOST_FOR_TRAINING * count))
        for label, count in counts.items()
    }
    dataset = drawn(replace(images, num_test=num_test), seed)
    compared = images_to_compare_on(dataset, images.groups, seed=seed)
    one, every, test = [], [], []
    for candidate in known:
        embeddings = candidate.embeddings[[image.row for image in compared.images]]
        one.append(_answers(embeddings, replace(compared, divisions=compared.divisions[:1])))
        every.append(_answers(embeddings, compared))
        head = fit_head(embeddings, compared.targets, C=every[-1].C)
        logits = head.logits(candidate.embeddings[dataset.rows("test")])
        test.append(float((logits.argmax(axis=1) == dataset.targets("test")).mean()))
    return Evidence(one=one, all=every, test=test)


def _answers(embeddings: Floats, images: ChoiceImages) -> Answers:
    return cross_validate(embeddings, images, np.arange(len(images)))


def make_rows(features: Path, done: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what each rule chose in each draw that is not done yet, and all accuracies on test images."""
    backbones = Backbones(folder=features)
    ms = backbones.speeds_ms()
    made = {(row["data"], row["per_class"], row["seed"]) for row in done}
    loaded: dict[str, tuple[Images, list[KnownFeatures]]] = {}
    for data, per_class, draws in _CELLS:
        for seed in range(_FIRST_SEED, _FIRST_SEED + draws):
            if (data, per_class, seed) in made:
                continue
            if data not in loaded:
                loaded[data] = load(data, features, backbones)
            images, known = loaded[data]
            evidence = make_evidence(images, known, per_class=per_class, seed=seed)
            names = [one.name for one in known]
            yield {
                "data": data,
                "per_class": per_class,
                "seed": seed,
                "names": names,
                "ms": ms,
                "test": evidence.test,
                "val": [answers.accuracy for answers in evidence.all],
                "chosen": {name: rule(evidence, ms) for name, rule in rules(names).items()},
                "machine": this_machine(),
            }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return each rule's mean regret in points by cell, over all, and against the best on average."""
    cells = list(dict.fromkeys((row["data"], row["per_class"]) for row in rows))
    of_cell = [[r for r in rows if (r["data"], r["per_class"]) == cell] for cell in cells]
    heads = [f"{data} {size} ({len(of)})" for (data, size), of in zip(cells, of_cell, strict=True)]
    lines = [
        f"| rule | {' | '.join(heads)} | mean | best on average | ms |",
        "|---" * (len(heads) + 4) + "|",
    ]
    for rule in rows[0]["chosen"]:
        found = np.array([_regrets(rule, of) for of in of_cell])
        each = " | ".join(f"{value:.2f}" for value in found[:, 0])
        mean, on_average, ms = found.mean(axis=0)
        name = f"**{rule}**" if rule == _PRODUCT else rule
        lines.append(f"| {name} | {each} | {mean:.2f} | {on_average:.2f} | {ms:.0f} |")
    lines += [
        "",
        "| | " + " | ".join(rows[0]["names"]) + " |",
        "|---" * (len(rows[0]["names"]) + 1) + "|",
    ]
    for head, of in zip(heads, of_cell, strict=True):
        means = 100 * np.mean([row["test"] for row in of], axis=0)
        lines.append(f"| {head} | " + " | ".join(f"{value:.1f}" for value in means) + " |")
    return "\n".join(lines)


def _regrets(rule: str, rows: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    """Return the mean regret in points, that against the best of the means, and the mean milliseconds."""
    test = np.array([row["test"] for row in rows])
    chosen = [row["chosen"][rule] for row in rows]
    own = test[np.arange(len(rows)), chosen]
    means = test.mean(axis=0)
    return (
        100 * float((test.max(axis=1) - own).mean()),
        100 * float((means.max() - means[chosen]).mean()),
        float(np.mean([row["ms"][place] for row, place in zip(rows, chosen, strict=True)])),
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help="folder for features, pixels")
    parser.add_argument("--results", type=Path, default=Path("backbone-rules.jsonl"))
    args = parser.parse_args()
    args.features.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    if args.results.exists():
        rows = [json.loads(line) for line in args.results.read_text(encoding="utf-8").splitlines()]
    for row in make_rows(args.features, rows):
        rows.append(row)
        with args.results.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
