"""Each file through the scan of a folder, `python -m inference` and `/predict`: same pixels, same words."""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from benchmarks.folders.file_cases import FileCase
from benchmarks.folders.row import Row
from inference import open_classifier
from inference.__main__ import main as predict
from inference.classifier import Classifier
from inference.decoding import DecodedImage
from inference.preprocessing import PreprocessSpec, preprocess
from service.app import create_app
from service.settings import Settings
from tests.builders import make_package
from training.data.open_folder import open_folder
from training.data.scan import Scan, open_cache, scan_folder
from training.data.views import Views
from training.label_source import FOLDER_NAMES

# Each label weighs all channels, and the map all places: no pixel can change without it.
_MIXING: Final = np.array([[3, 5, 7], [7, 3, 5], [5, 7, 3]])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A file by one of the three ways: what was answered, or why not; `map_` where the way gives one."""

    probability: float | None
    words: str
    map_: Any = None


def judge_files(cases: Iterable[FileCase], work: Path) -> list[Row]:
    """Return a row for each file."""
    cases = list(cases)
    package = make_package(work / "models", weight=_MIXING)
    folder = work / "photos"
    _write(folder, cases)
    classifier = open_classifier(package)
    with _scan(folder, work, classifier) as scan:
        pixels = {i.file.path.name: scan.evaluation.one(i.row) for i in scan.images}
        scanned = _scanned(scan, classifier, pixels)
    spec = classifier.manifest.preprocessing
    named = _on_the_command_line(package, folder, cases)
    sent = _over_http(work / "models", cases)
    rows = []
    for case in cases:
        answer = sent[case.name]
        wrong = _differences(scanned.get(case.name), named[case.name], answer)
        wrong = wrong or _mistake(case, answer, pixels.get(case.name), spec)
        shown = answer.words if answer.probability is None or answer.words else "shown"
        rows.append(Row(kind="file", name=case.name, answer=shown, wrong=wrong))
    return rows


def _write(folder: Path, cases: Iterable[FileCase]) -> None:
    for label, colour in (("odd", "red"), ("other", "blue")):
        (folder / label).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (20, 20 + number), colour).save(folder / label / f"sound{number}.png")
    for case in cases:
        (folder / "odd" / case.name).write_bytes(case.make())


@contextlib.contextmanager
def _scan(folder: Path, work: Path, classifier: Classifier) -> Iterator[Scan]:
    views = Views(classifier.manifest.preprocessing, for_training=False)
    with open_cache(work / "cache", views) as cache:
        yield scan_folder(open_folder(folder, FOLDER_NAMES, cache_dir=work / "cache"), views, cache)


def _scanned(scan: Scan, classifier: Classifier, pixels: Mapping[str, Any]) -> dict[str, _Seen]:
    seen = {
        bad.file.path.name: _Seen(probability=None, words=bad.reason) for bad in scan.unreadable
    }
    for image in scan.images:
        name = image.file.path.name
        outputs = classifier.run(pixels[name][np.newaxis], activation_map=True)
        (found,) = classifier.interpret(outputs)
        assert found.activation_map is not None
        seen[name] = _Seen(
            probability=found.probability,
            words="; ".join(image.facts.notes),
            map_=found.activation_map.tolist(),
        )
    return seen


def _on_the_command_line(
    package: Path, folder: Path, cases: Iterable[FileCase]
) -> dict[str, _Seen]:
    printed = io.StringIO()
    files = [str(folder / "odd" / case.name) for case in cases]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        predict([str(package), *files, "--json"])
    entries = json.loads(printed.getvalue())["predictions"]
    return {
        Path(entry["filename"]).name: _Seen(
            probability=entry.get("probability"),
            words=entry.get("problem") or "; ".join(entry.get("notes", [])),
        )
        for entry in entries
    }


def _over_http(models: Path, cases: Iterable[FileCase]) -> dict[str, _Seen]:
    app = create_app(Settings.model_validate({"models_dir": models, "provider": "cpu"}))
    seen = {}
    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(app.state.context.registry.settled)
        for case in cases:
            answer = client.post(
                "/predict",
                files=[("files", (case.name, case.make()))],
                params={"activation_map": True},
            ).json()
            seen[case.name] = _from_answer(answer)
    return seen


def _from_answer(answer: Mapping[str, Any]) -> _Seen:
    if "predictions" not in answer:
        return _Seen(probability=None, words=str(answer["detail"]))
    (entry,) = answer["predictions"]
    return _Seen(
        probability=entry["probability"],
        words="; ".join(entry.get("notes") or []),
        map_=entry["activation_map"],
    )


def _differences(scanned: _Seen | None, named: _Seen, sent: _Seen) -> str:
    """Return where the three ways differ. A scan has no words for files that are no images by their kind."""
    ways = [("command line", named)] + ([("scan", scanned)] if scanned is not None else [])
    for way, seen in ways:
        if (seen.probability, seen.words) != (sent.probability, sent.words):
            return f"{way}: {seen.probability} {seen.words!r}; service: {sent.probability} {sent.words!r}"
    if scanned is not None and scanned.map_ != sent.map_:
        return "scan and service see other pixels"
    return ""


def _mistake(case: FileCase, sent: _Seen, pixels: Any, spec: PreprocessSpec) -> str:
    if case.words not in sent.words:
        return f"should say {case.words!r}"
    if case.shows is None:
        return "should be refused" if sent.probability is not None else ""
    if sent.probability is None or pixels is None:
        return "should be shown"
    right = case.shows.convert("RGB")
    expected = preprocess(DecodedImage(image=right, source_wh=right.size), spec).astype(int)
    difference = float(np.abs(expected - pixels).mean())
    return (
        f"differs by {difference:.1f} from what a viewer shows" if difference > case.within else ""
    )
