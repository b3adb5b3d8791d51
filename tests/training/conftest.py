"""A tiny network with weights of its own, a folder of colours, and what a run makes of them.

Each is made once for all tests: who changes one takes a copy.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
import timm
import torch
from rich.console import Console
from safetensors.torch import save_file

from tests.training.folders import write_classes
from training.backbones.build import Backbone, build_backbone
from training.candidates import Candidate, make_probe
from training.config import FinetuneConfig
from training.data.layout import read_folder
from training.data.scan import Scan, scan_folder
from training.data.split import Dataset, split_dataset
from training.finetune import main
from training.network import TransferNetwork
from training.progress import Display

# 0.4 M weights; at 64 px its last features are 2x2, so it has an activation map.
TINY = "test_resnet"
SIDE_PX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run of the command gave."""

    code: int
    out: str
    err: str

    @property
    def published(self) -> Path:
        """The folder that the last line names."""
        assert self.code == 0, self.err
        return Path(self.out.splitlines()[-1])


Command = Callable[..., Outcome]


def quiet() -> Display:
    """Return a display that nobody sees."""
    return Display(Console(file=io.StringIO()))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks gain nothing by threads, and where the cores are shared threads wait for threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny network's weights with an old head of 1000 classes; random features do for colours."""
    torch.manual_seed(7)
    file = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(timm.create_model(TINY, pretrained=False).state_dict(), file)
    return file


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three classes with twelve images each."""
    return write_classes(tmp_path_factory.mktemp("data") / "colours")


@pytest.fixture(scope="session")
def config(colours: Path, weights_file: Path) -> FinetuneConfig:
    """Return the options that the other fixtures were made with."""
    return FinetuneConfig(
        data=colours, backbone=TINY, weights=str(weights_file), image_size=SIDE_PX, method="probe"
    )


@pytest.fixture(scope="session")
def backbone(config: FinetuneConfig) -> Backbone:
    """Return the tiny network without its head."""
    return build_backbone(config)


@pytest.fixture(scope="session")
def scan(colours: Path, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    """Return the folder of colours, read."""
    pixels_file = tmp_path_factory.mktemp("pixels") / "pixels.uint8"
    return scan_folder(read_folder(colours), backbone.spec, pixels_file=pixels_file)


@pytest.fixture(scope="session")
def dataset(scan: Scan) -> Dataset:
    """Return the folder of colours, split: 24 images train, 6 validate, 6 test."""
    return split_dataset(scan, seed=0)


@pytest.fixture(scope="session")
def probe(backbone: Backbone, dataset: Dataset) -> Candidate:
    """Return the probe on the tiny network, with its exported trunk."""
    return make_probe(backbone, dataset, quiet())


@pytest.fixture(scope="session")
def network(probe: Candidate) -> TransferNetwork:
    """Return the network with the probe's head."""
    return probe.network


@pytest.fixture(scope="session")
def trunk(probe: Candidate) -> onnx.ModelProto:
    """Return the exported network without its head."""
    return probe.trunk


@pytest.fixture
def command(weights_file: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `python -m training.finetune` in this process, on the tiny network unless told otherwise."""

    def run(data: Path | str, *flags: str, backbone: str = TINY, weights: str = "") -> Outcome:
        capsys.readouterr()
        code = main(
            [
                str(data),
                *("--backbone", backbone),
                *(("--weights", weights or str(weights_file)) if weights != "auto" else ()),
                *("--image-size", str(SIDE_PX)),
                *("--models-dir", str(models_dir)),
                *flags,
            ]
        )
        captured = capsys.readouterr()
        return Outcome(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture(scope="session")
def published(colours: Path, weights_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a package that the command published with the probe; tests only read it."""
    models_dir = tmp_path_factory.mktemp("models")
    flags = ("--weights", str(weights_file), "--image-size", str(SIDE_PX), "--method", "probe")
    code = main([str(colours), "--backbone", TINY, *flags, "--models-dir", str(models_dir)])
    assert code == 0
    return models_dir / "colours" / "1"
