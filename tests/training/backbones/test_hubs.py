"""Weights from the hubs, as the real libraries fetch them, from a server that speaks like the hubs."""

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save

from tests.small_disk import small_disk
from tests.training.backbones.hub_server import TOKEN, Hub, serving_hub
from tests.training.conftest import TINY
from training.backbones import downloads
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.errors import BackboneError, WeightsError

pytestmark = pytest.mark.training

TIMM = f"timm/{TINY}"
REPOSITORY = "timm/test_resnet.r160_in1k"
TORCHVISION = "torchvision/shufflenet_v2_x0_5"
ROOT = Path(__file__).parents[3]


def build(backbone: str, **options: object) -> Backbone:
    """Build a backbone with the given options."""
    return build_backbone(FinetuneConfig(data=Path("photos"), backbone=backbone, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tiny_files() -> dict[str, bytes]:
    """Return a repository as timm saves one: a tiny network of random weights."""
    torch.manual_seed(5)
    network = timm.create_model(TINY)
    config = {
        "architecture": TINY,
        "num_classes": 1000,
        "pretrained_cfg": {
            "input_size": [3, 96, 96],
            "mean": [0.1, 0.2, 0.3],
            "std": [0.4, 0.5, 0.6],
            "interpolation": "bilinear",
            "crop_pct": 0.75,
            "license": "cc-by-4.0",
            "first_conv": "conv1.0",
            "classifier": "fc",
        },
    }
    return {
        "config.json": json.dumps(config).encode(),
        "model.safetensors": save(network.state_dict()),
    }


@pytest.fixture(scope="module")
def plain_file() -> tuple[str, bytes]:
    """Return a file as torchvision's hub has them: the first digits of its sha256 are in its name."""
    torch.manual_seed(6)
    content = io.BytesIO()
    torch.save(torchvision.models.shufflenet_v2_x0_5().state_dict(), content)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    return f"shufflenet-{digest[:8]}.pth", content.getvalue()


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let both hubs find nothing on this machine; return the folder of their caches."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(downloads, "_PAUSE_S", 0)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 100_000)  # not 10 MB
    return tmp_path


@pytest.fixture
def hub(
    caches: Path,
    tiny_files: dict[str, bytes],
    plain_file: tuple[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Hub]:
    """Serve the tiny network in place of both hubs."""
    with serving_hub() as hub:
        hub.repositories[REPOSITORY] = dict(tiny_files)
        hub.files[plain_file[0]] = plain_file[1]
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(
            huggingface_hub.constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        entry = torchvision.models.get_model_weights("shufflenet_v2_x0_5").DEFAULT.value
        address = f"{hub.address}/files/{plain_file[0]}"
        old = entry.url
        object.__setattr__(entry, "url", address)  # torchvision's entries are frozen
        yield hub
        object.__setattr__(entry, "url", old)


def first_weights(backbone: Backbone) -> torch.Tensor:
    return next(backbone.trunk.parameters())


@pytest.mark.parametrize("name", [TIMM, TORCHVISION])
def test_what_was_downloaded_once_needs_no_transfer_and_then_no_network(
    name: str, hub: Hub, tiny_files: dict[str, bytes], plain_file: tuple[str, bytes]
) -> None:
    content = tiny_files["model.safetensors"] if name == TIMM else plain_file[1]
    first = build(name)
    assert first.info.sha256 == hashlib.sha256(content).hexdigest()
    assert hub.transfers() == [None]
    again = build(name)
    assert hub.transfers() == [None]
    hub.requests.clear()
    offline = build(name, offline=True)
    assert hub.requests == []
    assert torch.equal(first_weights(first), first_weights(again))
    assert torch.equal(first_weights(first), first_weights(offline))
    assert first.info == again.info == offline.info


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("name", [TIMM, TORCHVISION])
def test_a_broken_download_goes_on_where_it_broke(
    name: str, knows_ranges: bool, hub: Hub, plain_file: tuple[str, bytes]
) -> None:
    hub.break_after_bytes = [300_000]
    hub.knows_ranges = knows_ranges
    backbone = build(name)
    whole, rest = hub.transfers()
    assert whole is None
    assert rest is not None
    assert 0 < int(rest.removeprefix("bytes=").rstrip("-")) <= 300_000
    assert build(name, offline=True).info == backbone.info


@pytest.mark.parametrize("name", [TIMM, TORCHVISION])
def test_a_connection_that_never_lasts_is_given_up_and_leaves_no_half_file(
    name: str, hub: Hub, caches: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.break_after_bytes = [0] * 20
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(WeightsError, match=r"could not be downloaded: .*; connect and try again"):
        build(name)
    hub.break_after_bytes.clear()
    build(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [(TIMM, "were damaged on their way"), (TORCHVISION, "what was sent is damaged")],
)
def test_what_has_another_hash_than_promised_is_refused_and_fetched_again(
    name: str, said: str, hub: Hub
) -> None:
    hub.damaged = True
    with pytest.raises(WeightsError, match=rf"{said}.*sha256 [0-9a-f]{{12}}…, expected"):
        build(name)
    hub.damaged = False
    assert build(name).info.sha256 is not None


@pytest.mark.parametrize("name", [TIMM, TORCHVISION])
def test_a_cached_file_that_was_damaged_on_the_disk_is_refused_and_fetched_again(
    name: str, hub: Hub, caches: Path
) -> None:
    build(name)
    (file,) = [
        f
        for f in caches.rglob("*")
        if f.is_file() and f.stat().st_size > 1_000_000 and not f.is_symlink()
    ]
    file.write_bytes(file.read_bytes()[:-64] + bytes(64))
    with pytest.raises(WeightsError, match=r"damaged.*removed, run the same command again"):
        build(name)
    build(name)


@pytest.mark.parametrize("name", [TIMM, TORCHVISION])
def test_a_disk_that_is_full_is_named_with_the_way_to_another(
    name: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "1m"):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(disk / "hub"))
        monkeypatch.setenv("TORCH_HOME", str(disk / "torch"))
        option = "HF_HUB_CACHE" if name == TIMM else "TORCH_HOME"
        with pytest.raises(WeightsError, match=rf"no room .*{disk}.*another folder with {option}"):
            build(name)


def test_gated_weights_are_refused_with_the_licence_page_and_the_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.gated = {REPOSITORY}
    with pytest.raises(WeightsError, match="gated") as caught:
        build(TIMM)
    for said in (f"{hub.address}/{REPOSITORY}", "hf auth login", "HF_TOKEN"):
        assert said in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_who_has_not")
    with pytest.raises(WeightsError, match="the token that is set has no access"):
        build(TIMM)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert build(TIMM).info.weights == REPOSITORY


@pytest.mark.parametrize("token", [None, TOKEN])
def test_a_repository_that_is_not_there_is_answered_with_the_nearest(
    token: str | None, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the owner's, as the hub lists them, and of timm's own."""
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    hub.repositories["someone/shoes_resnet"] = {}
    with pytest.raises(WeightsError, match=r"nearest: hf-hub:someone/shoes_resnet"):
        build("hf-hub:someone/shoe_resnet")
    with pytest.raises(WeightsError, match=r"nearest: hf-hub:timm/resnet18\.a1_in1k"):
        build("hf-hub:timm/resnet18.a1_in2k")


def test_a_plain_file_that_is_gone_is_named_by_its_address(hub: Hub) -> None:
    hub.files.clear()
    with pytest.raises(WeightsError, match=rf"{hub.address}/files/.* answered 404"):
        build(TORCHVISION)


def test_a_repository_of_the_hub_is_a_backbone_with_its_own_numbers(
    hub: Hub, tiny_files: dict[str, bytes]
) -> None:
    hub.repositories["someone/shoes"] = dict(tiny_files)
    backbone = build("hf-hub:someone/shoes")
    assert_is_the_saved_one(backbone, tiny_files)
    assert backbone.info.name == backbone.info.weights == "hf-hub:someone/shoes"
    assert build("hf-hub:someone/shoes@main", offline=True).info.sha256 == backbone.info.sha256
    with pytest.raises(WeightsError, match="no revision"):
        build("hf-hub:someone/shoes@v9")


def test_a_folder_as_timm_saves_it_is_a_backbone_and_its_place_is_not_recorded(
    tmp_path: Path, tiny_files: dict[str, bytes]
) -> None:
    folder = tmp_path / "shoes"
    folder.mkdir()
    for name, content in tiny_files.items():
        (folder / name).write_bytes(content)
    for text in (str(folder), f"local-dir:{folder}"):
        backbone = build(text, offline=True)
        assert_is_the_saved_one(backbone, tiny_files)
        assert backbone.info.name == backbone.info.weights == "local-dir:shoes"
        record = FinetuneConfig(data=Path("photos"), backbone=text).record()
        assert record["backbone"] == "local-dir:shoes"


def assert_is_the_saved_one(backbone: Backbone, files: dict[str, bytes]) -> None:
    spec = backbone.spec
    assert (spec.crop_hw, spec.resize_shorter_px, spec.interpolation) == ((96, 96), 128, "bilinear")
    assert (spec.mean, spec.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert backbone.info.licence == "cc-by-4.0"
    assert backbone.info.sha256 == hashlib.sha256(files["model.safetensors"]).hexdigest()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"config.json": b'{"model_type": "vit"}'}, "names no network of timm's"),
        ({"config.json": b"{"}, "cannot be used"),
        (
            {"config.json": b'{"architecture": "no_such"}'},
            r"cannot be used: Unknown model \(no_such\)",
        ),
        ({"model.safetensors": b"not weights"}, "cannot be used"),
        (
            {"model.safetensors": None},
            r"config\.json and model\.safetensors|No suitable checkpoints",
        ),
        ({"config.json": b'{"architecture": "test_vit"}'}, "are of another network"),
    ],
    ids=["transformers", "not json", "unknown", "damaged", "missing", "another network"],
)
@pytest.mark.parametrize("place", ["hub", "folder"])
def test_a_repository_or_folder_that_is_not_of_timm_is_refused_with_the_reason(
    place: str,
    changed: dict[str, bytes | None],
    said: str,
    hub: Hub,
    tmp_path: Path,
    tiny_files: dict[str, bytes],
) -> None:
    files = {k: v for k, v in (tiny_files | changed).items() if v is not None}
    folder = tmp_path / "shoes"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    hub.repositories["someone/shoes"] = files
    with pytest.raises((BackboneError, WeightsError), match=said):
        build("hf-hub:someone/shoes" if place == "hub" else str(folder))


def in_process(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Build a backbone in a process with a terminal for its errors: where people see a progress bar."""
    parent, child = os.openpty()
    termios.tcsetwinsize(child, (24, 120))
    with (
        open(parent, "rb", buffering=0) as terminal,
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.backbones.build_process", *arguments],
            stdout=subprocess.PIPE,
            stderr=child,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        ) as process,
    ):
        os.close(child)
        shown = b""
        with contextlib.suppress(OSError):  # a terminal whose other side is closed
            while chunk := terminal.read(65536):
                shown += chunk
        out, _ = process.communicate(timeout=120)
    return process.returncode, out, shown.decode()


@pytest.mark.parametrize("way", ["mirror", "proxy"])
def test_a_first_download_shows_progress_through_a_mirror_or_a_proxy_and_then_serves_offline(
    way: str, hub: Hub, tmp_path: Path
) -> None:
    if way == "proxy":
        hub.large_files_at = "http://files.invalid"
    environment = {
        "HF_HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": hub.address if way == "mirror" else "http://hub.invalid",
        "http_proxy": "" if way == "mirror" else hub.address,
    }
    code, out, shown = in_process(TIMM, **environment)
    assert code == 0, shown
    assert re.search(r"model\.safetensors: 100%.* [\d.]+MB?/s", shown), shown
    assert json.loads(out)["weights"] == REPOSITORY
    assert hub.proxied == (set() if way == "mirror" else {"hub.invalid", "files.invalid"})
    if way == "mirror":
        hub.requests.clear()
        assert in_process(TIMM, "--offline", **environment)[1] == out
        assert hub.requests == []


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://hub.invalid")
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(WeightsError) as caught:
        build(TIMM)
    assert "http://hub.invalid through the proxy 127.0.0.1:9: Connection refused" in str(
        caught.value
    )
    assert "secret" not in str(caught.value)
