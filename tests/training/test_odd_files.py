"""Every odd file has one treatment: a scan and the service see the same pixels, or refuse alike."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from inference import open_classifier
from inference.classifier import Classifier
from inference.decoding import DEFAULT_LIMITS
from service.app import create_app
from service.settings import Settings
from tests.builders import LABELS, SPEC, make_package
from tests.odd_files import (
    BAD,
    CLUTTER,
    ODD_NAMES,
    OTHER_FORMATS,
    SOUND,
    TURNED,
    too_many_bytes,
    write_clutter,
    write_files,
    write_odd_names,
)
from tests.training.conftest import Command
from tests.training.data.reading import read
from tests.training.folders import write_class, write_classes
from training.data.scan import Scan, ScannedImage

pytestmark = pytest.mark.training

TAKEN = {**SOUND, **OTHER_FORMATS}
# Each label weighs all channels, so that no pixel can change without the activation map.
MIXING = np.array([[3, 5, 7], [7, 3, 5], [5, 7, 3]])


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a data set of odd files and a model repository."""
    root = tmp_path_factory.mktemp("odd")
    write_files(root / "data" / "sound", TAKEN)
    write_files(root / "data" / "bad", BAD)
    write_class(root / "data" / "bad", 0, count=1)  # a class needs one readable image
    write_odd_names(root / "data" / "names")
    make_package(root / "models", weight=MIXING)
    return root


@pytest.fixture(scope="module")
def odd_scan(work: Path) -> Scan:
    """Return the odd files as a scan sees them, at the model's size."""
    return read(work / "data", work, spec=SPEC, limits=DEFAULT_LIMITS)


@pytest.fixture(scope="module")
def service(work: Path) -> Iterator[TestClient]:
    """Return a client of the real service with one model."""
    settings = Settings.model_validate({"models_dir": work / "models", "provider": "cpu"})
    app = create_app(settings)
    with TestClient(app) as client:
        assert client.portal is not None
        client.portal.call(app.state.context.registry.settled)
        yield client


@pytest.fixture(scope="module")
def classifier(work: Path) -> Classifier:
    """Return the model that the service serves."""
    return open_classifier(work / "models" / "colours" / "1")


def scanned(scan: Scan, name: str) -> ScannedImage:
    """Return the file of that name, which the scan took."""
    (image,) = (image for image in scan.images if image.file.path.name == name)
    return image


def refusals(scan: Scan) -> dict[str, str]:
    """Return the reason of each file that the scan refused, by name."""
    return {bad.file.path.name: bad.reason for bad in scan.unreadable}


def assert_same_pixels(
    entry: dict[str, object], image: ScannedImage, scan: Scan, classifier: Classifier
) -> None:
    """Compare the service's answer with the model's on the pixels that the scan stored."""
    batch = scan.evaluation[np.array([image.row])]
    (expected,) = classifier.interpret(classifier.run(batch, activation_map=True))
    assert expected.activation_map is not None
    assert entry["activation_map"] == expected.activation_map.tolist()
    assert entry["embedding"] == expected.embedding.tolist()
    assert entry["probability"] == expected.probability


@pytest.mark.parametrize("name", TAKEN)
def test_a_sound_odd_file_has_the_same_pixels_on_both_sides(
    name: str, odd_scan: Scan, service: TestClient, classifier: Classifier
) -> None:
    answer = service.post(
        "/predict",
        content=TAKEN[name](),
        headers={"content-type": "image/jpeg"},
        params={"embedding": True, "activation_map": True},
    )
    assert answer.status_code == 200, answer.text
    (entry,) = answer.json()["predictions"]
    assert_same_pixels(entry, scanned(odd_scan, name), odd_scan, classifier)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_for_the_same_reason_on_both_sides(
    name: str, odd_scan: Scan, service: TestClient
) -> None:
    answer = service.post("/predict", files=[("files", (name, BAD[name](), "image/jpeg"))])
    assert answer.status_code in (413, 415, 422)
    assert answer.json()["detail"] == refusals(odd_scan)[name]


def test_a_file_of_too_many_bytes_is_refused_for_the_same_reason_on_both_sides(
    tmp_path: Path, service: TestClient
) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=1)
    (data / "cat" / "large.jpg").write_bytes(too_many_bytes())
    answer = service.post("/predict", files=[("files", ("large.jpg", too_many_bytes()))])
    assert answer.status_code == 413
    assert (
        answer.json()["detail"]
        == refusals(read(data, tmp_path, limits=DEFAULT_LIMITS))["large.jpg"]
    )
    assert f"{DEFAULT_LIMITS.max_bytes:,}" in answer.json()["detail"]


def test_a_scan_takes_all_sound_files_and_refuses_no_other_than_the_bad(odd_scan: Scan) -> None:
    taken = {image.file.path.name for image in odd_scan.images}
    assert taken == {*TAKEN, *ODD_NAMES, "image0.png"}
    assert refusals(odd_scan).keys() == BAD.keys()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_changes_nothing(
    name: str, work: Path, odd_scan: Scan, service: TestClient, classifier: Classifier
) -> None:
    data = (work / "data" / "names" / name).read_bytes()
    answer = service.post(
        "/predict",
        files=[("files", (name, data, "image/png"))],
        params={"embedding": True, "activation_map": True},
    )
    (entry,) = answer.json()["predictions"]
    assert_same_pixels(entry, scanned(odd_scan, name), odd_scan, classifier)


def test_every_turn_of_one_picture_is_the_same_picture(odd_scan: Scan) -> None:
    upright = odd_scan.evaluation.one(scanned(odd_scan, "exif-1.jpg").row).astype(int)
    for name in TURNED:
        turned = odd_scan.evaluation.one(scanned(odd_scan, name).row)
        assert abs(turned - upright).max() <= 4  # JPEG rounds the stored turn anew


@pytest.mark.parametrize("name", ["animated.gif", "animated.webp", "two-views.mpo"])
def test_of_several_frames_the_first_is_taken(name: str, odd_scan: Scan) -> None:
    first = odd_scan.evaluation.one(scanned(odd_scan, "png-by-content.jpg").row).astype(int)
    taken = odd_scan.evaluation.one(scanned(odd_scan, name).row)
    assert abs(taken - first).mean() < 8


def test_clutter_and_loops_of_links_add_no_image(tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=2)
    write_clutter(data / "cat")
    names = sorted(image.file.path.name for image in read(data, tmp_path).images)
    assert names == ["image0.png", "image0.png", "image1.png", "image1.png"]
    assert not set(names) & set(CLUTTER)


def test_a_link_to_nothing_is_set_aside(tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", ["cat", "dog"], count=2)
    (data / "cat" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (data / "cat" / "itself.jpg").symlink_to(data / "cat" / "itself.jpg")
    assert refusals(read(data, tmp_path, limits=DEFAULT_LIMITS)).keys() == {
        "gone.jpg",
        "itself.jpg",
    }


def test_a_folder_of_odd_files_is_trained_on_and_served(
    tmp_path: Path, models_dir: Path, command: Command
) -> None:
    data = write_classes(tmp_path / "data", LABELS, count=12)
    for label in LABELS:
        write_clutter(data / label)
    write_odd_names(data / "red")
    write_files(data / "green", TAKEN)
    write_files(data / "blue", BAD)
    published = command(data, "--method", "probe").published
    taken = open_classifier(published).manifest.dataset.counts
    per_class = {label: sum(counts.get(label, 0) for counts in taken.values()) for label in LABELS}
    assert per_class == {"red": 12 + len(ODD_NAMES), "green": 12 + len(TAKEN), "blue": 12}
