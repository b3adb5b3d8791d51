"""Whether a new version becomes the default, the one that answers where none is asked for.

It does unless it is worse than the one that answers now: on the same test images, by more than these few
images may be off. Then the alias `stable` is set to the one that answers, before the new one appears.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inference.errors import InferenceError, ModelNotFound
from inference.measured import SplitMetrics
from inference.names import STABLE
from inference.package import Package
from inference.repository import Repository
from training.assessment.intervals import newcombe
from training.config import FinetuneConfig, MakeDefault
from training.data.finding import named
from training.run.measure import MeasuredModel
from training.run.side_by_side import SideBySide, put_side_by_side
from training.runtime.progress import Display

METRICS_FILE: Final = "metrics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultDecision:
    """What becomes of the default.

    Attributes:
        serving: the version that answers now; None where there is none.
        stays: it goes on answering.
        because: why it does, or why the new one takes its place.
        side_by_side: both on the same images, where there are such.
        stable: where the alias points at now; None where it is not set.
        by_hand: whether it was a person that set it there.
    """

    serving: int | None
    stays: bool = False
    because: str = "it is the first version"
    side_by_side: SideBySide | None = None
    stable: int | None = None
    by_hand: bool = False

    @property
    def although(self) -> str:
        """What speaks for the new version where the other stays."""
        found = self.side_by_side
        is_better = found is not None and found.difference.verdict == "better"
        return ", although the new one is better on the same images" if is_better else ""

    def record(self, version: int) -> dict[str, Any]:
        """Return what metrics.json of the new version keeps.

        `stable` is where runs have set the alias; null where there is none, or a person has set it.
        """
        pinned = None
        if self.stays:
            pinned = None if self.by_hand else self.serving
        elif self.stable is not None:
            pinned = version
        return {
            "before": self.serving,
            "becomes_default": not self.stays,
            "because": self.because,
            "side_by_side": self.side_by_side,
            "stable": pinned,
        }


def decide_default(
    measured: MeasuredModel, config: FinetuneConfig, display: Display
) -> DefaultDecision:
    """Compare a model with the version that answers now, say how they do, and decide."""
    repository, name = Repository(config.models_dir), config.publish_name
    try:
        serving = repository.resolve(name)
        stable = repository.aliases(name).get(STABLE)
    except ModelNotFound:
        return DefaultDecision(serving=None)
    except InferenceError as err:
        display.warning(f"no version of {name!r} can be compared with the new one: {err}")
        return DefaultDecision(serving=None, because="no other version can be read")
    by_hand = stable is not None and stable != _set_by_runs(repository, name)
    try:
        package = repository.package(name, serving)
        found = put_side_by_side(package, measured, config.decode_limits, display)
    except InferenceError as err:
        display.warning(f"version {serving} of {name!r} cannot be compared with the new one: {err}")
        found, worse, otherwise = None, "", str(err)
    else:
        worse = _lacks(package, measured) or _describe(found, package, measured, display)
        otherwise = "it is not shown to be worse"
    stays, because = _decide(config.make_default, worse, by_hand=by_hand, otherwise=otherwise)
    return DefaultDecision(
        serving=serving,
        stays=stays,
        because=because,
        side_by_side=found,
        stable=stable,
        by_hand=by_hand,
    )


def _decide(rule: MakeDefault, worse: str, *, by_hand: bool, otherwise: str) -> tuple[bool, str]:
    """Return whether the version that answers stays, and why."""
    if rule == "always":
        return False, "--make-default always"
    if rule == "never":
        return True, "--make-default never"
    if worse:
        return True, worse
    if by_hand:
        return True, f"the alias {STABLE!r} was set to it by hand"
    return False, otherwise


def _lacks(package: Package, measured: MeasuredModel) -> str:
    """Say which labels of the version that answers a model has not; nothing where it has all."""
    labels = measured.facts["labels"]
    removed = [label for label in package.manifest.labels if label not in labels]
    return f"the new one lacks labels of it: {named(removed)}" if removed else ""


def _describe(
    found: SideBySide | None, package: Package, measured: MeasuredModel, display: Display
) -> str:
    """Say how the version that answers does; return in what the new one is worse, or nothing."""
    version = f"the default, version {package.manifest.version}"
    if found is not None:
        display.line(f"{version}: {found.describe()}")
        return "the new one is worse on the same images, by more than chance" if found.worse else ""
    before, now = _headline(package.manifest.metrics), _headline(measured.results.metrics)
    display.line(
        f"{version}: accuracy {100 * before.accuracy:.1f} % when it was trained (n={before.images:,}); "
        "too few images are here that it has not seen to compare both on the same"
    )
    return worse_than_recorded(now, before)


def worse_than_recorded(now: SplitMetrics, before: SplitMetrics) -> str:
    """Return in what a model is worse than one on other images; nothing where that may be chance."""
    interval = newcombe(_right_of(now), _right_of(before))
    if interval is None or interval[1] >= 0:
        return ""
    low, high = interval
    return (
        f"the new one is worse: {100 * now.accuracy:.1f} % against {100 * before.accuracy:.1f} %, 95 % "
        f"interval of the difference {100 * low:+.1f} to {100 * high:+.1f} points"
    )


def _right_of(metrics: SplitMetrics) -> tuple[int, int]:
    return round(metrics.accuracy * metrics.images), metrics.images


def _headline(metrics: Any) -> SplitMetrics:
    found: SplitMetrics = metrics.test or metrics.val
    return found


def _set_by_runs(repository: Repository, name: str) -> object:
    """Return where the last run that found a version before it left the alias, so that a run may move it.

    None where it set none, or left it where a person had set it.
    """
    for version in reversed(repository.versions(name)):
        record = _default_record(repository.root / name / str(version))
        if record.get("before") is not None:
            return record.get("stable")
    return None


def _default_record(version: Path) -> dict[str, Any]:
    try:
        metrics = json.loads((version / METRICS_FILE).read_text(encoding="utf-8"))
        return dict(metrics["default"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


@contextmanager
def keeping_default(
    decision: DefaultDecision, config: FinetuneConfig, display: Display
) -> Iterator[None]:
    """Publish in this block: who is the default is settled before the new version can be seen.

    Raises:
        PackageError: the repository cannot be written.
    """
    repository, name = Repository(config.models_dir), config.publish_name
    pins = decision.stays and decision.stable is None and decision.serving is not None
    if decision.stays:
        display.warning(
            f"version {decision.serving} stays the default{decision.although}: {decision.because}"
        )
    if pins:
        assert decision.serving is not None
        repository.set_alias(name, STABLE, decision.serving)
    before = repository.versions(name) if pins else []
    try:
        yield
    finally:
        if pins and repository.versions(name) == before:  # nothing was published
            repository.remove_alias(name, STABLE)


def make_default(published: Path, decision: DefaultDecision, display: Display) -> None:
    """Move the alias on to the new version where it takes over; else say what would make it the default.

    Raises:
        PackageError: the repository cannot be written.
    """
    name, version = published.parent.name, int(published.name)
    repository = Repository(published.parent.parent)
    if not decision.stays:
        if decision.stable is not None:
            repository.set_alias(name, STABLE, version)
        if decision.serving is not None:
            display.line(
                f"version {version} is the default now, in place of version {decision.serving}: "
                f"{decision.because} (--make-default never keeps the other)"
            )
        return
    display.line(f"to make version {version} the default:")
    display.line(f"  python -m inference.set_alias {published.parent} {STABLE} {version}")
