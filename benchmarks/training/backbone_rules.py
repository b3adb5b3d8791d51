"""By which rule should a backbone be chosen? Each is tried on many draws of training and test images.

    python -m benchmarks.training.backbone_rules --features /tmp/features

Draws, race, cross-validation and probes are those of `backbone_choice`, with other seeds. What is known of a
draw is kept in the folder of features: cut off, the same command goes on.

The rules were written down before the draws were made:

1. half a point: the cheapest within one standard error of the most accurate, and within half a point; three
   divisions into folds. What `--backbone auto` did until then.
2. one standard error: the cheapest within one standard error of the most accurate, however many points that
   is, and of few images as many divisions as cost little.
3. one of both: as 2, and its loss is no more than one standard error higher than that of the most accurate.
4. lowest loss: whatever its price; divisions as in 2.

And so was what decides: of the rules that look at the price the one with the lowest mean regret, if it is
lower than that of 2, which is the simplest, by two standard errors of the difference; else 2. A race that
also drops dominated candidates is taken if it costs no more than 0.05 points.

A draw is one of images, of which there are few: draws share most of them, so that errors are somewhat too
small.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.machine import this_machine
from benchmarks.training.backbone_choice import Backbones, Images, KnownFeatures, drawn, load
from training.backbone_choice.comparison import (
    clearly_behind,
    difference,
    pick_cheapest_of_the_best,
)
from training.backbone_choice.cross_validation import (
    Answers,
    ChoiceImages,
    cross_validate,
    images_to_compare_on,
)
from training.probing.probe import fit_head
from training.runtime.arrays import Floats, Integers

# Draws of each data set.
_DRAWS: Final = {"members": 60, "clothing": 24, "cifar10": 20}
_FIRST_SEED: Final = 5000
_THREE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a draw says of each candidate.

    Attributes:
        first: answers on the images that are looked at first; empty where all are.
        three: answers by three divisions into folds; None of who was dropped.
        many: the same by as many as the product takes.
        test: accuracy on test images, 0..1.
    """

    first: Sequence[Answers]
    three: Sequence[Answers | None]
    many: Sequence[Answers | None]
    test: Sequence[float]


# Which of the candidates a rule chooses, by their answers and milliseconds.
Rule = Callable[[Mapping[int, Answers], Sequence[float]], int]


def _cheapest_near_the_most_accurate(*, most: float = 1.0, loss_too: bool = False) -> Rule:
    def choose(answers: Mapping[int, Answers], ms: Sequence[float]) -> int:
        best = max(answers, key=lambda i: (answers[i].accuracy, -answers[i].nll))

        def near(place: int) -> bool:
            gap = difference(answers[best].correct, answers[place].correct)
            loss = difference(answers[place].losses, answers[best].losses)
            as_good = gap.mean <= min(gap.error, most)
            return place == best or (as_good and (not loss_too or loss.mean <= loss.error))

        return min(filter(near, answers), key=lambda i: ms[i])

    return choose


def _product(answers: Mapping[int, Answers], ms: Sequence[float]) -> int:
    """Return what `--backbone auto` chooses."""
    pick = pick_cheapest_of_the_best(list(answers.values()), [ms[place] for place in answers])
    return list(answers)[pick.chosen]


def _lowest_loss(answers: Mapping[int, Answers], ms: Sequence[float]) -> int:
    return min(answers, key=lambda i: answers[i].nll)


RULES: Final[Mapping[str, tuple[str, Rule]]] = {
    "half a point, three divisions": ("three", _cheapest_near_the_most_accurate(most=0.005)),
    "one standard error": ("many", _product),
    "one of both": ("many", _cheapest_near_the_most_accurate(loss_too=True)),
    "lowest loss": ("many", _lowest_loss),
}


def choose(name: str, evidence: Evidence, ms: Sequence[float]) -> int:
    """Return which candidate a rule chooses among those that were not dropped."""
    divisions, rule = RULES[name]
    answers = getattr(evidence, divisions)
    return rule({i: one for i, one in enumerate(answers) if one is not None}, ms)


def without_dominated(evidence: Evidence, ms: Sequence[float]) -> Evidence:
    """Return the evidence of a race that also drops who is behind a cheaper one in loss and accuracy."""
    first = evidence.first

    def dominated(place: int) -> bool:
        return any(
            ms[other] < ms[place]
            and first[other].accuracy >= first[place].accuracy
            and first[other].nll <= first[place].nll
            for other in range(len(first))
        )

    def left(answers: Sequence[Answers | None]) -> list[Answers | None]:
        return [None if first and dominated(i) else one for i, one in enumerate(answers)]

    return replace(evidence, three=left(evidence.three), many=left(evidence.many))


def make_evidence(images: Images, known: Sequence[KnownFeatures], *, seed: int) -> Evidence:
    """Draw training and test images, cross-validate every candidate and test it."""
    dataset = drawn(images, seed)
    compared = images_to_compare_on(dataset, images.groups, seed=seed)
    everything, part = np.arange(len(compared)), compared.first_part()
    rows = np.array([image.row for image in compared.images])
    first = [] if part is None else [_answers(one, compared, rows, part) for one in known]
    leader = min(first, key=lambda one: one.nll, default=None)
    three: list[Answers | None] = []
    many: list[Answers | None] = []
    test = []
    for place, one in enumerate(known):
        dropped = leader is not None and clearly_behind(first[place], leader)
        all_of_it = None if dropped else _answers(one, compared, rows, everything)
        fewer = replace(compared, divisions=compared.divisions[:_THREE])
        same = dropped or len(compared.divisions) <= _THREE
        many.append(all_of_it)
        three.append(all_of_it if same else _answers(one, fewer, rows, everything))
        head = fit_head(one.embeddings[rows], compared.targets, C=(all_of_it or first[place]).C)
        logits = head.logits(one.embeddings[dataset.rows("test")])
        test.append(float((logits.argmax(axis=1) == dataset.targets("test")).mean()))
    return Evidence(first=first, three=three, many=many, test=test)


def _answers(
    known: KnownFeatures, compared: ChoiceImages, rows: Integers, positions: Integers
) -> Answers:
    return cross_validate(known.embeddings[rows[positions]], compared, positions)


def find_evidence(
    features: Path, data: str, seeds: Sequence[int], backbones: Backbones
) -> list[Evidence]:
    """Return what is known of some draws of a data set; what is not kept yet is computed."""
    loaded: tuple[Images, list[KnownFeatures]] | None = None
    found = []
    for seed in seeds:
        file = features / "draws" / f"{data}-{seed}.json"
        if not file.is_file():
            loaded = loaded or load(data, features, backbones)
            _save(make_evidence(*loaded, seed=seed), file)
        found.append(_load(file))
    return found


def _save(evidence: Evidence, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(asdict(evidence), default=lambda array: array.round(6).tolist()))


def _load(file: Path) -> Evidence:
    values: dict[str, Any] = json.loads(file.read_text())

    def read(one: dict[str, Any] | None) -> Answers | None:
        if one is None:
            return None
        correct, losses = np.array(one["correct"]), np.array(one["losses"])
        return Answers(correct=correct, losses=losses, C=one["C"])

    return Evidence(
        first=[answers for one in values["first"] if (answers := read(one))],
        three=[read(one) for one in values["three"]],
        many=[read(one) for one in values["many"]],
        test=values["test"],
    )


def table(
    evidence: Mapping[str, Sequence[Evidence]], ms: Sequence[float], names: Sequence[str]
) -> str:
    """Return each rule's regret in points, by data set and as their mean, each with its standard error.

    First against the best on the test images of the draw, then against the best on average over a data
    set's draws. The last two columns are milliseconds an image of the chosen, and the difference to the
    first rule.
    """
    heads = [f"{data} ({len(draws)})" for data, draws in evidence.items()]
    lines = [
        f"| rule | {' | '.join(heads)} | mean | against the best on average | ms | less than the first |",
        "|---" * (len(heads) + 5) + "|",
    ]
    rows = _choices(evidence, ms, names)
    first = {
        data: _regrets(rows[next(iter(rows))][data], draws) for data, draws in evidence.items()
    }
    for name, chosen in rows.items():
        of_draw = {data: _regrets(chosen[data], draws) for data, draws in evidence.items()}
        average = [_regret_on_average(chosen[data], draws) for data, draws in evidence.items()]
        gain = [first[data] - of_draw[data] for data in evidence]
        cells = [_with_error([values]) for values in of_draw.values()]
        cells += [_with_error(list(of_draw.values())), f"{100 * np.mean(average):.2f}"]
        cells.append(
            f"{np.mean([np.mean([ms[i] for i in every]) for every in chosen.values()]):.0f}"
        )
        lines.append(f"| {name} | {' | '.join(cells)} | {_with_error(gain)} |")
    return "\n".join(lines)


def _choices(
    evidence: Mapping[str, Sequence[Evidence]], ms: Sequence[float], names: Sequence[str]
) -> dict[str, dict[str, list[int]]]:
    """Return what each rule chooses in each draw of each data set, and what others would."""
    rows: dict[str, dict[str, list[int]]] = {}
    for variant, change in (("", None), (", dominated dropped early", without_dominated)):
        for name in RULES:
            rows[name + variant] = {
                data: [choose(name, change(one, ms) if change else one, ms) for one in draws]
                for data, draws in evidence.items()
            }
    rows["the best on average, known beforehand"] = {
        data: [int(_means(draws).argmax())] * len(draws) for data, draws in evidence.items()
    }
    for place, name in enumerate(names):
        rows[f"always {name}"] = {data: [place] * len(of) for data, of in evidence.items()}
    return rows


def _means(draws: Sequence[Evidence]) -> Floats:
    means: Floats = np.mean([one.test for one in draws], axis=0)
    return means


def _regrets(chosen: Sequence[int], draws: Sequence[Evidence]) -> Floats:
    return np.array(
        [max(one.test) - one.test[i] for i, one in zip(chosen, draws, strict=True)],
        dtype=np.float32,
    )


def _regret_on_average(chosen: Sequence[int], draws: Sequence[Evidence]) -> float:
    means = _means(draws)
    return float((means.max() - means[list(chosen)]).mean())


def _with_error(parts: Sequence[Floats]) -> str:
    """Return the mean of the parts' means in points, and its standard error."""
    errors = [one.std(ddof=1) / np.sqrt(len(one)) for one in parts]
    error = float(np.sqrt(np.sum(np.square(errors)))) / len(parts)
    return f"{100 * float(np.mean([one.mean() for one in parts])):.2f} ± {100 * error:.2f}"


def describe_candidates(evidence: Mapping[str, Sequence[Evidence]], names: Sequence[str]) -> str:
    """Return the mean accuracy of each on test images, and how often it was dropped early."""
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for data, draws in evidence.items():
        dropped = np.sum([[one is None for one in draw.many] for draw in draws], axis=0)
        cells = [
            f"{100 * mean:.1f}" + (f" (dropped {out})" if out else "")
            for mean, out in zip(_means(draws), dropped.tolist(), strict=True)
        ]
        lines.append(f"| {data} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path, required=True, help="folder for features, pixels")
    parser.add_argument("--data", nargs="+", default=list(_DRAWS), choices=list(_DRAWS))
    parser.add_argument("--results", type=Path, help="file for one line a draw")
    args = parser.parse_args()
    args.features.mkdir(parents=True, exist_ok=True)
    backbones = Backbones(folder=args.features)
    ms, names = backbones.speeds_ms(), backbones.names()
    evidence = {}
    for data in args.data:
        seeds = range(_FIRST_SEED, _FIRST_SEED + _DRAWS[data])
        evidence[data] = find_evidence(args.features, data, seeds, backbones)
    print(f"{this_machine()}\n\n{table(evidence, ms, names)}\n")
    print(describe_candidates(evidence, names))
    if args.results:
        lines = [
            json.dumps(_record(data, seed, one, ms))
            for data, draws in evidence.items()
            for seed, one in enumerate(draws, start=_FIRST_SEED)
        ]
        args.results.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _record(data: str, seed: int, evidence: Evidence, ms: Sequence[float]) -> dict[str, Any]:
    def means(answers: Sequence[Answers | None], name: str) -> list[float | None]:
        return [None if one is None else round(getattr(one, name), 4) for one in answers]

    return {
        "data": data,
        "seed": seed,
        "test": [round(value, 4) for value in evidence.test],
        "accuracy": means(evidence.many, "accuracy"),
        "nll": means(evidence.many, "nll"),
        "accuracy_at_first": means(evidence.first, "accuracy"),
        "nll_at_first": means(evidence.first, "nll"),
        "chosen": {name: choose(name, evidence, ms) for name in RULES},
    }


if __name__ == "__main__":
    main()
