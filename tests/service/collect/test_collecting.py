"""A running service that keeps images: what is on disk then, what became of the others, and who waited."""

import base64
import io
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from inference.decoding import decode_image
from inference.file_lock import locked
from service.collect.keep_folder import KeepFolder
from service.collect.keep_room import KeepRoom, today
from service.collect.kept_images import KeptImages
from service.collect.kept_records import ANSWERS_FILE, KeptAnswer
from service.collect.stripping import strip_metadata
from tests.builders import coloured, encode, make_package
from tests.conftest import serving
from tests.inference.samples import noise, orientation_exif, picture
from tests.odd_files import OTHER_FORMATS
from tests.service.service_process import Process, running, start_and_fail
from tests.small_disk import small_disk

GPS = 0x8825


@pytest.fixture
def models(models_dir: Path) -> Path:
    make_package(models_dir)
    return models_dir


def photo(orientation: int = 1, **options: object) -> bytes:
    exif = orientation_exif(orientation)
    exif.get_ifd(GPS)[29] = "secret place"
    return encode(picture(), "JPEG", exif=exif, **options)


def grey(shade: int) -> bytes:
    """An image that is rejected: no channel is high."""
    return encode(Image.new("RGB", (32, 32), (shade, shade, shade)))


def ask(service: Process, image: bytes, request_id: str = "r") -> dict[str, object]:
    answered = httpx2.post(
        f"{service.url}/predict", content=image, headers={"X-Request-ID": request_id}, timeout=60
    )
    assert answered.status_code == 200, answered.text
    prediction: dict[str, object] = answered.json()["predictions"][0]
    return prediction


def counted(service: Process) -> dict[str, int]:
    text = httpx2.get(f"{service.url}/metrics", timeout=60).text
    found = re.findall(r'graft_kept_images_total\{outcome="(\w+)"\} (\d+)', text)
    return {outcome: int(number) for outcome, number in found}


def wait_for(service: Process, outcome: str, images: int = 1) -> None:
    ends = time.monotonic() + 60
    while counted(service).get(outcome, 0) < images:
        assert time.monotonic() < ends, counted(service)


def test_the_image_is_kept_without_its_place_and_the_answer_beside_it(
    models: Path, tmp_path: Path
) -> None:
    kept_dir = tmp_path / "kept"
    sent = photo(orientation=6)
    with running(models, GRAFT_KEEP="uncertain:1", GRAFT_KEEP_DIR=str(kept_dir)) as service:
        answer = ask(service, sent, "first")
        ask(service, sent, "second")
        ask(service, photo(orientation=6, comment=b"other metadata"), "third")
        assert service.stop() == 0  # what waits is written first
    page = KeptImages(kept_dir).page()
    assert page.total == 1  # equal images once
    image = page.images[0]
    data = image.path.read_bytes()
    assert b"secret" not in data
    assert decode_image(data).image.tobytes() == decode_image(sent).image.tobytes()
    with Image.open(io.BytesIO(data)) as opened:
        assert set(opened.getexif()) == {0x0112}
    record = image.answer
    assert (record.request_id, record.index) == ("third", 0)  # the newest answer
    assert (record.model, record.version, record.label) == ("colours", 1, answer["label"])
    assert record.probability == pytest.approx(answer["probability"], abs=1e-5)
    assert record.rejected == answer["rejected"]
    assert record.reasons == ("uncertain",)
    assert [top.label for top in record.top] == [top["label"] for top in answer["top"]]  # type: ignore[attr-defined]
    assert kept_dir.stat().st_mode & 0o077 == 0


def test_images_in_every_form_of_body_are_kept(models: Path, tmp_path: Path) -> None:
    images = [grey(shade) for shade in (100, 110, 120, 130)]
    with serving(models, keep="rejected", keep_dir=tmp_path / "kept") as client:
        body = {"images": [base64.b64encode(images[0]).decode(), "no image"]}
        client.post("/predict", json=body).raise_for_status()
        form = {"a": ("a.png", images[1]), "b": ("b.png", images[2]), "c": ("c", coloured("red"))}
        client.post("/predict", files=form).raise_for_status()
        sent = base64.b64encode(images[3]).decode()
        tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "data": [sent]}
        client.post("/v2/models/colours/infer", json={"inputs": [tensor]}).raise_for_status()
        drift = client.get("/models/colours").json()["drift"]
    assert drift["recent"]["images"] == 5
    kept = {image.path.read_bytes() for image in KeptImages(tmp_path / "kept").page().images}
    assert kept == set(images)


@pytest.mark.parametrize("name", ["phone.heic", "picture.avif", "scan.tif", "notes between.jpg"])
def test_what_cannot_be_stripped_is_kept_as_a_copy_of_its_pixels(
    models: Path, tmp_path: Path, name: str
) -> None:
    odd = photo()[:20] + b"secret" + photo()[20:]
    sent = OTHER_FORMATS[name]() if name in OTHER_FORMATS else odd
    with serving(models, keep="sample:1", keep_dir=tmp_path / "kept") as client:
        client.post("/predict", content=sent).raise_for_status()
    (image,) = KeptImages(tmp_path / "kept").page().images
    data = image.path.read_bytes()
    assert b"secret" not in data
    assert decode_image(data).image.tobytes() == decode_image(sent).image.tobytes()
    width, height = decode_image(sent).source_wh
    assert image.answer.copied_from is not None
    assert image.answer.copied_from.endswith(f", {width}x{height} px")


def test_nothing_is_kept_unless_it_is_asked_for(models: Path, tmp_path: Path) -> None:
    with serving(models, keep_dir=tmp_path / "kept") as client:
        client.post("/predict", content=grey(100)).raise_for_status()
        answered = client.post("/feedback", json={"request_id": "r", "label": "red"})
    assert (answered.status_code, answered.json()["code"]) == (403, "feedback_disabled")
    assert not (tmp_path / "kept").exists()


def test_feedback_stands_with_its_image_and_is_counted(models: Path, tmp_path: Path) -> None:
    for request_id in ("a", "again"):  # the same image in two requests
        with serving(models, keep="sample:1", keep_dir=tmp_path / "kept") as client:
            headers = {"X-Request-ID": request_id}
            client.post("/predict", content=coloured("red"), headers=headers).raise_for_status()

    def tell(**body: object) -> httpx2.Response:
        return client.post("/feedback", json=body)

    with serving(models, keep="sample:1", keep_dir=tmp_path / "kept") as client:
        assert tell(request_id="a", label="red").json()["agrees"]
        answered = tell(request_id="again", index=0, label=" 태연 ")
        refused = [
            tell(request_id="a", index=1, label="red"),
            tell(request_id="A", label="red"),
            tell(request_id="a", label="a/b"),
            tell(request_id="a"),
            client.post("/feedback", content=b'{"request_id": "a", "label": "red"}'),
        ]
        metrics = client.get("/metrics").text
    assert answered.json() == {
        "request_id": "again",
        "index": 0,
        "label": "태연",
        "known": False,
        "answered": "red",
        "agrees": False,
    }
    (image,) = KeptImages(tmp_path / "kept").page().images
    assert image.feedback is not None
    assert (image.feedback.label, image.feedback.known) == ("태연", False)
    assert [r.status_code for r in refused] == [404, 404, 422, 400, 415]
    for agreement in ("agree", "disagree"):
        line = f'graft_feedback_total{{agreement="{agreement}",model="colours",version="1"}} 1.0'
        assert line in metrics


def test_on_a_full_disk_every_request_is_answered_and_no_half_image_is_left(
    models: Path, tmp_path: Path
) -> None:
    kept_dir = tmp_path / "kept"
    images = [encode(noise((60, 60), seed)) for seed in range(30)]  # 11 kB each
    with (
        small_disk(kept_dir, "100k"),
        running(models, GRAFT_KEEP="sample:1", GRAFT_KEEP_DIR=str(kept_dir)) as service,
    ):
        for number, data in enumerate(images):
            ask(service, data, f"r{number}")
        wait_for(service, "dropped_disk_full")
        kept = KeptImages(kept_dir).page(limit=100).images
        told = httpx2.post(
            f"{service.url}/feedback", json={"request_id": "r0", "label": "red"}, timeout=60
        )
        sound = {image.path.read_bytes() for image in kept}
        for image in kept[:3]:  # somebody makes room
            image.path.unlink()
        ask(service, images[-1], "last")
        wait_for(service, "kept", len(kept) + 1)
        service.stop(signal.SIGTERM)
        assert "not_kept reason=No space left on device" in service.log
    assert 0 < len(kept) < 30
    assert sound <= set(images)
    assert told.status_code in (200, 503)


def test_a_disk_that_hangs_delays_no_request(models: Path, tmp_path: Path) -> None:
    """Another process holds the folder: the writer waits for it, and what cannot wait is dropped."""
    kept_dir = tmp_path / "kept"
    with running(models, GRAFT_KEEP="sample:1", GRAFT_KEEP_DIR=str(kept_dir)) as service:
        ask(service, grey(1))
        wait_for(service, "kept")
        with locked(kept_dir / ".lock"):
            started = time.monotonic()
            for shade in range(2, 102):
                ask(service, grey(shade))
            took_s = time.monotonic() - started
            queue_full = counted(service).get("dropped_queue_full", 0)
        ask(service, grey(200), "after")
    assert queue_full > 0
    # One turn of the writer alone waits 5 s for the lock.
    assert took_s < 30


def test_two_processes_share_a_folder_and_its_bound(models: Path, tmp_path: Path) -> None:
    images = [encode(noise((120, 120), seed)) for seed in range(40)]  # 43 kB each
    settings = {
        "GRAFT_KEEP": "sample:1",
        "GRAFT_KEEP_DIR": str(tmp_path),
        "GRAFT_KEEP_MAX_MB": "1",
        "GRAFT_WORKERS": "2",
    }
    with running(models, **settings) as service, ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            list(pool.map(lambda image: ask(service, image), images[:10]))
        wait_for(service, "already_kept", 10)
        assert counted(service)["kept"] == 10
        for image in images[10:]:
            ask(service, image)
        wait_for(service, "kept", 40)
        service.stop()
    taken = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    assert 0.8 * 2**20 < taken <= 2**20
    kept = {image.path.read_bytes() for image in KeptImages(tmp_path).page(limit=100).images}
    assert set(images[-10:]) <= kept
    assert not kept & set(images[:5])


def test_a_folder_that_can_never_be_used_is_refused_at_the_start(
    models: Path, tmp_path: Path
) -> None:
    inside = start_and_fail(
        GRAFT_MODELS_DIR=str(models), GRAFT_KEEP="rejected", GRAFT_KEEP_DIR=str(models / "kept")
    )
    (tmp_path / "file").touch()
    no_folder = start_and_fail(
        GRAFT_MODELS_DIR=str(models), GRAFT_KEEP="rejected", GRAFT_KEEP_DIR=str(tmp_path / "file")
    )
    misspelt = start_and_fail(GRAFT_MODELS_DIR=str(models), GRAFT_KEEP="reject")
    assert [done.returncode for done in (inside, no_folder, misspelt)] == [2, 2, 2]
    assert "within the models folder" in inside.stderr
    assert "cannot write to GRAFT_KEEP_DIR" in no_folder.stderr
    assert "'reject' is none of rejected, uncertain:PROBABILITY" in misspelt.stderr


def test_days_that_are_over_are_removed(tmp_path: Path) -> None:
    (tmp_path / "2001-01-01").mkdir()
    (tmp_path / "notes").mkdir()  # not ours
    folder = KeepFolder(KeepRoom(folder=tmp_path, max_bytes=2**20, max_days=30))
    folder.remove_old()
    assert {path.name for path in tmp_path.iterdir()} == {"notes", ".lock"}


def test_an_image_whose_answer_cannot_be_written_does_not_stay(tmp_path: Path) -> None:
    room = KeepRoom(folder=tmp_path, max_bytes=2**20, max_days=30)
    (tmp_path / today() / ANSWERS_FILE).mkdir(parents=True)  # in the way
    image = strip_metadata(grey(1))
    answer = partial(
        KeptAnswer,
        request_id="r",
        index=0,
        time="",
        model="m",
        version=1,
        label="a",
        probability=1.0,
        rejected=False,
        top=(),
        reasons=("sample",),
    )
    with pytest.raises(OSError, match="directory"):
        KeepFolder(room).store(image, answer)
    assert [path.name for path in (tmp_path / today()).iterdir()] == [ANSWERS_FILE]
