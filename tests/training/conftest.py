"""A tiny network with weights of its own, a folder of colours, and what a run makes of them.

Each is made once for all tests: who changes one takes a copy.
"""

import dataclasses
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
import timm
import torch
from rich.console import Console
from safetensors.torch import save_file

from tests.training.data.reading import OPENED, read, split
from tests.training.exports import FOLDER, reuse_exports
from tests.training.folders import write_classes
from tests.training.step_images import images_of
from training.backbones.build import Backbone, build_backbone
from training.candidates.candidate import Candidate
from training.candidates.probe_candidate import make_probe
from training.config import FinetuneConfig
from training.data.scan import Scan
from training.data.split import Dataset
from training.finetune import main
from training.finetuning.task import TrainingTask, choose_hyperparameters
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.probing.features import Features
from training.probing.network_features import compute_features
from training.runtime.progress import Display
from training.runtime.time_budget import TimeBudget

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


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own cache out of the tests, and close what they opened."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture(scope="session", autouse=True)
def _exported_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the exporter of PyTorch see each network once, whichever process of this run has it."""
    base = tmp_path_factory.getbasetemp()
    exports = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exports"
    exports.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(exports))
        patch.setattr(torch.onnx, "export", torch.onnx.export)  # put back afterwards
        reuse_exports()
        yield


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
    """Return a folder of three classes with twenty images each."""
    return write_classes(tmp_path_factory.mktemp("data") / "colours", count=20)


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
    return read(colours, tmp_path_factory.mktemp("pixels"), spec=backbone.spec)


@pytest.fixture(scope="session")
def dataset(scan: Scan) -> Dataset:
    """Return the folder of colours, split: 42 images train, 9 validate, 9 test."""
    return split(scan)


@pytest.fixture(scope="session")
def features(backbone: Backbone, scan: Scan) -> Features:
    """Return the tiny network's view of the folder of colours, with its exported trunk."""
    return compute_features(backbone, scan, quiet())


@pytest.fixture(scope="session")
def probe(features: Features, dataset: Dataset, config: FinetuneConfig) -> Candidate:
    """Return the probe on the tiny network."""
    return make_probe(features, dataset, config, quiet())


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


@pytest.fixture
def task(
    probe: Candidate, backbone: Backbone, dataset: Dataset, config: FinetuneConfig
) -> TrainingTask:
    """Return a run of ten minutes on the tiny network."""
    return TrainingTask(
        start=probe.start,
        backbone=backbone,
        dataset=dataset,
        images=images_of(dataset),
        validation=ValidationImages(
            pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
        ),
        config=dataclasses.replace(config, method="finetune", device="cpu"),
        method="finetune",
        horizontal_flip=True,
        settings=choose_hyperparameters(config, dataset, scratch=False),
        budget=TimeBudget.starting_now(600),
    )
